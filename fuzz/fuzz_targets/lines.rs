//! What is asserted stands in `plimsoll_fuzz::lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::lines::run(data));
