#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| itnet_fuzz::run("bundle", data));
