//! What is asserted stands in `plimsoll_fuzz::batch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::batch::run(data));
