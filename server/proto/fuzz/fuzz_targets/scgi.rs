//! Any bytes to an SCGI socket: a head is the same however it arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::VarBlock;
use uwsgi_proto::scgi::parse;

fuzz_target!(|data: &[u8]| {
    let mut vars = VarBlock::new();
    let whole = parse(data, 4096, &mut vars);
    let mut cut = VarBlock::new();
    for at in 0..data.len().min(256) {
        match parse(&data[..at], 4096, &mut cut) {
            Ok(None) => {}
            done => {
                assert_eq!(done, whole);
                break;
            }
        }
    }
    if let Ok(Some(head)) = whole {
        assert!(head.head_len <= data.len());
    }
});
