//! What is asserted stands in `plimsoll_fuzz::yaml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::yaml::run(data));
