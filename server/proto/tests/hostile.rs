//! Each trick of `hostile.tsv` ends in the status the table says, as soon as its bytes are there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper is a failing test")]

use uwsgi_proto::chunked::{Decoder, Step};
use uwsgi_proto::{HttpEnv, Parsed, VarBlock, parse_head};

/// The bytes of a row: escapes, and `{x*9}` for repetitions.
fn bytes(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let used = match first {
            '\\' => escape(rest, &mut out),
            '{' => repeat(rest, &mut out),
            other => {
                out.push(other as u8);
                1
            }
        };
        rest = &rest[used..];
    }
    out
}

fn escape(rest: &str, out: &mut Vec<u8>) -> usize {
    let (byte, used) = match rest.as_bytes()[1] {
        b'r' => (b'\r', 2),
        b'n' => (b'\n', 2),
        b't' => (b'\t', 2),
        b'0' => (0, 2),
        b'\\' => (b'\\', 2),
        b'x' => (u8::from_str_radix(&rest[2..4], 16).unwrap(), 4),
        other => panic!("unknown escape {}", other as char),
    };
    out.push(byte);
    used
}

fn repeat(rest: &str, out: &mut Vec<u8>) -> usize {
    let end = rest.find('}').unwrap();
    let (text, times) = rest[1..end].rsplit_once('*').unwrap();
    out.extend_from_slice(&bytes(text).repeat(times.parse().unwrap()));
    end + 1
}

/// What becomes of a request: 0 while more would be waited for.
fn status(input: &[u8], scan_from: usize) -> u16 {
    let mut vars = VarBlock::new();
    let env = HttpEnv::default();
    match parse_head(input, scan_from, &env, 4096, &mut vars) {
        Ok(Parsed::Partial) => 0,
        Err(e) => e.status(),
        Ok(Parsed::Done(head)) if head.chunked => {
            let (mut body, mut at) = (Decoder::new(), head.head_len);
            loop {
                match body.next(input, at) {
                    Ok(Step::More) => return 0,
                    Ok(Step::End(_)) => return 200,
                    Ok(Step::Data(range)) => at = range.end,
                    Err(_) => return 400,
                }
            }
        }
        Ok(Parsed::Done(_)) => 200,
    }
}

#[test]
fn each_trick_ends_as_the_table_says() {
    let mut rows = 0;
    for line in include_str!("hostile.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [want, source, trick, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("bad row: {line}")
        };
        let input = bytes(text);
        assert_eq!(status(&input, 0).to_string(), want, "{trick} ({source})");
        // In two reads; a status may differ where two things are wrong, refused is refused.
        for cut in (1..input.len()).take(500) {
            let scanned = match memchr::memmem::find(&input[..cut], b"\r\n\r\n") {
                Some(_) => 0,
                None => cut,
            };
            let got = match status(&input[..cut], 0) {
                0 => status(&input, scanned),
                done => done,
            };
            assert_eq!(got >= 400, want != "200", "{trick} ({source}) cut at {cut}");
        }
        rows += 1;
    }
    assert!(rows > 90, "{rows} rows");
}
