//! Configurations of public issues with their reports.
