//! Any bytes on the router's link, in both directions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::link::{FrameReader, FrameStep, REQUEST_LEN, RequestHeader};

fuzz_target!(|data: &[u8]| {
    if let Ok(Some(header)) = RequestHeader::parse(data) {
        assert_eq!(header.encode(), data[..REQUEST_LEN]);
    }
    for mut reader in [FrameReader::response(), FrameReader::body()] {
        let mut at = 0;
        loop {
            match reader.next(data, at) {
                FrameStep::More => break,
                FrameStep::Data(range) => at = range.end,
                FrameStep::End(_, used) => {
                    assert!(used > at);
                    at = used;
                }
            }
        }
    }
});
