#![no_main]

libfuzzer_sys::fuzz_target!(
    // The loader turns the engine's panics into errors; libFuzzer would end at each. One that is not caught it still sees.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| itnet_fuzz::run("bundle", data)
);
