//! Any bytes as a request head: no panic, and the same answer when they arrive in two reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::{HttpEnv, Parsed, VarBlock, parse_head};

fuzz_target!(|data: &[u8]| {
    let Some((split, input)) = data.split_first() else { return };
    let env = HttpEnv { proxy_protocol: split & 1 == 1, ..HttpEnv::default() };
    let (mut whole, mut parts) = (VarBlock::new(), VarBlock::new());
    let want = parse_head(input, 0, &env, 4096, &mut whole);
    let split = usize::from(*split).min(input.len());
    let got = match parse_head(&input[..split], 0, &env, 4096, &mut parts) {
        Ok(Parsed::Partial) => parse_head(input, split, &env, 4096, &mut parts),
        other => other,
    };
    assert_eq!(got, want);
    if let Ok(Parsed::Done(head)) = want {
        assert!(head.head_len <= input.len());
        assert_eq!(whole.as_bytes(), parts.as_bytes());
    }
});
