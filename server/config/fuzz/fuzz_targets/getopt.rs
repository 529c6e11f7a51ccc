//! Any command line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| uwsgi_config_fuzz::run("getopt", data));
