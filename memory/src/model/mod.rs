//! The derivation.
