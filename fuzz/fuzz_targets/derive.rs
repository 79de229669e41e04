//! What is asserted stands in `plimsoll_fuzz::derive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::derive::run(data));
