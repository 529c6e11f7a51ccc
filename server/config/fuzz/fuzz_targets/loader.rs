//! A whole start: arguments, variables and a map of files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| uwsgi_config_fuzz::run("loader", data));
