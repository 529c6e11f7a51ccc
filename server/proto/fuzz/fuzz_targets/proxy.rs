//! Any bytes as a PROXY header: no panic, nothing beyond the input, the same at every cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::proxy::{Start, parse};

fuzz_target!(|data: &[u8]| {
    let whole = parse(data);
    if let Start::Found { len, .. } = whole {
        assert!(len <= data.len());
        assert_eq!(parse(&data[..len]), whole);
    }
    for cut in 0..data.len().min(300) {
        match parse(&data[..cut]) {
            Start::Partial => {}
            done => assert_eq!(done, whole),
        }
    }
});
