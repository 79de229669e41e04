//! What is asserted stands in `plimsoll_fuzz::size`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::size::run(data));
