//! Any bytes as a uwsgi payload: no panic, and what was accepted is kept byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::VarBlock;

fuzz_target!(|data: &[u8]| {
    let mut block = VarBlock::new();
    if block.load(data).is_ok() {
        assert_eq!(block.as_bytes(), data);
    }
    let known = block.known();
    let _ = (known.scheme(), known.content_length(), known.host());
});
