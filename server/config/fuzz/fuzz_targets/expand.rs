//! Keys with values, then a text that names them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| uwsgi_config_fuzz::run("expand", data));
