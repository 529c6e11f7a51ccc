use super::*;

fn packet(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (k, v) in pairs {
        out.extend_from_slice(&(k.len() as u16).to_le_bytes());
        out.extend_from_slice(k);
        out.extend_from_slice(&(v.len() as u16).to_le_bytes());
        out.extend_from_slice(v);
    }
    out
}

#[test]
fn pushing_builds_the_packet_that_loading_reads() {
    let pairs: [(&[u8], &[u8]); 3] = [(b"A", b"1"), (b"PATH_INFO", b"/x"), (b"EMPTY", b"")];
    let mut built = VarBlock::new();
    for (k, v) in pairs {
        built.push(k, v).unwrap();
    }
    assert_eq!(built.as_bytes(), packet(&pairs));
    let mut loaded = VarBlock::new();
    loaded.load(built.as_bytes()).unwrap();
    assert!(loaded.iter().eq(pairs));
    assert_eq!(loaded.known().path_info(), b"/x");
    assert_eq!(loaded.get(b"EMPTY"), Some(&b""[..]));
    assert_eq!(loaded.get(b"NONE"), None);
}

#[test]
fn the_last_of_a_repeated_key_wins() {
    let mut block = VarBlock::new();
    block.push(b"K", b"1").unwrap();
    block.push(b"K", b"2").unwrap();
    assert_eq!(block.get(b"K"), Some(&b"2"[..]));
}

#[test]
fn broken_packets_are_refused_with_the_lines_users_know() {
    let cases: [(&[u8], &str); 5] = [
        (b"\0\0\x01\0x", "uwsgi key cannot be null. skip this var."),
        (b"\x05\0abc", "invalid uwsgi request (current strsize: 5). skip."),
        (b"\x01\0a\x09\0b", "invalid uwsgi request (current strsize: 9). skip."),
        (b"\x01\0a\x09", "invalid uwsgi request (current strsize: 1). skip."),
        (b"\x01\0a", "invalid uwsgi request (current strsize: 0). skip."),
    ];
    for (payload, line) in cases {
        let error = VarBlock::new().load(payload).unwrap_err();
        assert_eq!(error.to_string(), line, "{}", payload.escape_ascii());
    }
}

#[test]
fn a_broken_packet_keeps_what_came_before_the_break() {
    let mut payload = packet(&[(b"REQUEST_URI", b"/seen")]);
    payload.extend_from_slice(b"\xff\xff");
    let mut block = VarBlock::new();
    assert_eq!(block.load(&payload), Err(VarError::Overrun(65535)));
    assert_eq!(block.known().uri(), b"/seen");
}

#[test]
fn pairs_are_limited_to_twice_max_vars() {
    let pairs: Vec<(&[u8], &[u8])> = vec![(b"k", b"v"); 129];
    let mut block = VarBlock::new();
    block.load(&packet(&pairs[..128])).unwrap();
    let error = block.load(&packet(&pairs)).unwrap_err();
    assert_eq!(error.to_string(), "max vec size reached. skip this var.");
    assert_eq!(block.push(b"one", b"more"), Err(VarError::TooMany));
    block.set_limits(DEFAULT_BYTES, 129);
    block.load(&packet(&pairs)).unwrap();
}

#[test]
fn the_block_stays_below_its_byte_limit() {
    let mut block = VarBlock::new();
    block.set_limits(16, 10);
    assert_eq!(block.push(b"abcd", b"12345678"), Err(VarError::Full), "16 bytes reach the limit");
    block.push(b"abcd", b"1234567").unwrap();
    assert_eq!(block.as_bytes().len(), 15);
}

#[test]
fn one_string_is_limited_to_sixteen_bits() {
    let mut block = VarBlock::new();
    block.set_limits(1 << 20, 10);
    let long = vec![b'x'; 65536];
    assert_eq!(block.push(b"K", &long), Err(VarError::Full));
    block.push(b"K", &long[1..]).unwrap();
    let mut seen = 0;
    block.push_header(b"a", &long[2..], &mut seen).unwrap();
    assert_eq!(block.push_header(b"a", b"", &mut seen), Err(VarError::Full));
}

#[test]
fn joining_a_repeated_header_moves_everything_behind_it() {
    let (mut block, mut seen) = (VarBlock::new(), 0);
    for (name, value) in
        [("x-a", "1"), ("cookie", "a=1"), ("content-type", "t"), ("X-A", "2"), ("Cookie", "b=2")]
    {
        block.push_header(name.as_bytes(), value.as_bytes(), &mut seen).unwrap();
    }
    let want: [(&[u8], &[u8]); 3] =
        [(b"HTTP_X_A", b"1, 2"), (b"HTTP_COOKIE", b"a=1; b=2"), (b"CONTENT_TYPE", b"t")];
    assert!(block.iter().eq(want));
    assert_eq!(block.as_bytes(), packet(&want));
    assert_eq!(block.known().cookie(), b"a=1; b=2");
}

#[test]
fn clearing_forgets_pairs_and_positions_but_not_limits() {
    let mut block = VarBlock::new();
    block.set_limits(32, 1);
    block.push(b"REQUEST_URI", b"/").unwrap();
    block.clear();
    assert!(block.is_empty() && block.as_bytes().is_empty());
    assert_eq!(block.known().uri(), b"");
    block.push(b"a", b"b").unwrap();
    assert_eq!(block.push(b"a", b"b"), Err(VarError::TooMany));
}
