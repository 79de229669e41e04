//! State backends as their users meet them, a module per claim.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod acknowledgement;
mod heap_limits;
mod histories;
mod key_groups;
mod lists_and_limits;
mod model;
mod namespaces;
mod operator_state;
mod rescale;
mod rocksdb_options;
mod serializers;
mod shared_registry;
mod slot_share;
mod snapshot_bytes;
mod snapshot_faults;
mod snapshot_samples;
mod snapshot_states;
mod states;
mod support;
mod timers;
mod ttl;
