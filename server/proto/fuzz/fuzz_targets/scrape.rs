//! Any bytes as the head of a scrape: no panic, the same answer in two reads, and within the bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::scrape::{Look, MAX_HEAD, look};

fuzz_target!(|data: &[u8]| {
    let Some((split, input)) = data.split_first() else { return };
    let whole = look(input);
    match look(&input[..usize::from(*split).min(input.len())]) {
        Look::More => {}
        // A refusal of the beginning may name another reason than one of the whole.
        Look::Refused(_) => assert!(matches!(whole, Look::Refused(_))),
        ready => assert_eq!(ready, whole),
    }
    match whole {
        Look::Ready(head, length) => {
            assert!(length <= input.len() && length <= MAX_HEAD && head.body <= 64 << 10);
        }
        Look::More => assert!(input.len() < MAX_HEAD),
        Look::Refused(_) => {}
    }
});
