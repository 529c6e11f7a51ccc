//! Any bytes as a request head: no panic, and the same answer when they arrive in two reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uwsgi_proto::{HttpEnv, Lenient, Parsed, VarBlock, parse_head};

fuzz_target!(|data: &[u8]| {
    let Some((split, input)) = data.split_first() else { return };
    let bit = |n: u8| split & n == n;
    let lenient =
        Lenient { underscores: bit(1), folding: bit(2), host: bit(4), length: bit(8), proxy: bit(32) };
    let env = HttpEnv { lenient, keep_slashes: bit(16), ..HttpEnv::default() };
    let (mut whole, mut parts) = (VarBlock::new(), VarBlock::new());
    let want = parse_head(input, 0, &env, 4096, &mut whole);
    let split = usize::from(*split).min(input.len());
    let got = match parse_head(&input[..split], 0, &env, 4096, &mut parts) {
        Ok(Parsed::Partial) => parse_head(input, split, &env, 4096, &mut parts),
        other => other,
    };
    // Where two things are wrong the cut decides which is met first.
    assert_eq!(got.as_ref().ok(), want.as_ref().ok());
    if let Ok(Parsed::Done(head)) = want {
        assert!(head.head_len <= input.len());
        assert_eq!(whole.as_bytes(), parts.as_bytes());
    }
});
