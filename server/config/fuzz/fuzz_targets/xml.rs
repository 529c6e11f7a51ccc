//! Any bytes as an XML file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| uwsgi_config_fuzz::run("xml", data));
