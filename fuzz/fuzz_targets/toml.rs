//! What is asserted stands in `plimsoll_fuzz::toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz::toml::run(data));
