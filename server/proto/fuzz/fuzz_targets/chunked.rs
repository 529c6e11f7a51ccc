//! Any bytes as a chunked body: no panic, and every step moves forward.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::chunked::{Decoder, Step};

fuzz_target!(|data: &[u8]| {
    let (mut decoder, mut at) = (Decoder::new(), 0);
    while let Ok(Step::Data(range)) = decoder.next(data, at) {
        assert!(range.start >= at && range.end > range.start && range.end <= data.len());
        at = range.end;
    }
});
