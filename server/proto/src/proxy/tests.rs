use super::*;

const QUIT: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn client(src: &str, dst: &str) -> Origin {
    Origin::Client { src: src.parse().unwrap(), dst: dst.parse().unwrap() }
}

fn found(len: usize, origin: Origin) -> Start {
    Start::Found { len, origin }
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = (rest.len() as u16).to_be_bytes();
    [QUIT, &[command, family], &len, rest].concat()
}

fn check(cases: &[(&[u8], Start)]) {
    for (input, want) in cases {
        assert_eq!(parse(input), *want, "{}", input.escape_ascii());
    }
}

#[test]
fn lines_are_told_apart() {
    let full = client("1.2.3.4:1111", "5.6.7.8:2222");
    let long = [b"PROXY ".as_slice(), &[b'a'; 120]].concat();
    check(&[
        (b"", Start::Partial),
        (b"PROX", Start::Partial),
        (b"PROXY TCP4 1.2", Start::Partial),
        (b"GET / HTTP/1.1\r\n", Start::Absent),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nGET", found(38, full)),
        (b"PROXY TCP6 ::1 ::2 1 2\r\n", found(24, client("[::1]:1", "[::2]:2"))),
        (b"PROXY UNKNOWN\r\nGET", found(15, Origin::Unsaid)),
        (b"PROXY UNKNOWN ::1 ::2 1 2\r\nGET", found(27, Origin::Unsaid)),
        (b"PROXY TCP4 1.2.3.4\nGET", Start::Broken),
        (&long, Start::Broken),
    ]);
}

#[test]
fn a_line_that_makes_no_sense_names_nobody() {
    for words in [
        "TCP4 1.2.3.4",
        "TCP4 1.2.3.4 5.6.7.8 1 65536",
        "TCP4 1.2.3.4 5.6.7.8 +1 2",
        "TCP4 1.2.3.4 5.6.7.8 1 2 3",
        "TCP4 ::1 ::2 1 2",
        "TCP6 1.2.3.4 5.6.7.8 1 2",
        "TCP4  1.2.3.4 5.6.7.8 1 2",
        "TCP4 1.2.3.256 5.6.7.8 1 2",
        "TCP4 evil\" 5.6.7.8 1 2",
        "",
    ] {
        let line = format!("PROXY {words}\r\n");
        assert_eq!(parse(line.as_bytes()), found(line.len(), Origin::Unsaid), "{words}");
    }
}

#[test]
fn binary_headers_are_told_apart() {
    let inet = [1, 2, 3, 4, 5, 6, 7, 8, 0x04, 0x57, 0x08, 0xae];
    let mut inet6 = [0; 36];
    (inet6[15], inet6[31], inet6[33], inet6[35]) = (1, 2, 1, 2);
    let mut mapped = inet6;
    (mapped[10], mapped[11], mapped[12]) = (0xff, 0xff, 9);
    let tlv = [inet.as_slice(), &[4, 0, 3, 1, 2, 3]].concat();
    let full = client("1.2.3.4:1111", "5.6.7.8:2222");
    check(&[
        (b"\r\n", Start::Partial),
        (QUIT, Start::Partial),
        (b"\r\n\r\nGET", Start::Absent),
        (&v2(0x21, 0x11, &inet), found(28, full)),
        (&v2(0x21, 0x11, &tlv), found(34, full)),
        (&v2(0x21, 0x21, &inet6), found(52, client("[::1]:1", "[::2]:2"))),
        (&v2(0x21, 0x21, &mapped), found(52, client("9.0.0.1:1", "[::2]:2"))),
        (&v2(0x21, 0x31, &[b'a'; 216]), found(232, Origin::Local)),
        (&v2(0x21, 0x00, b""), found(16, Origin::Unsaid)),
        (&v2(0x21, 0x12, &inet), found(28, Origin::Unsaid)),
        (&v2(0x20, 0x00, b""), found(16, Origin::Unsaid)),
        (&v2(0x20, 0x11, &inet), found(28, Origin::Unsaid)),
    ]);
}

#[test]
fn binary_headers_stay_within_their_bounds() {
    check(&[
        (&v2(0x21, 0x11, &[0; 11]), Start::Broken),
        (&v2(0x21, 0x21, &[0; 35]), Start::Broken),
        (&v2(0x21, 0x31, &[0; 215]), Start::Broken),
        (&v2(0x22, 0x11, &[0; 12]), Start::Broken),
        (&v2(0x11, 0x11, &[0; 12]), Start::Broken),
        (&v2(0x21, 0x11, &[0; 17000])[..16], Start::Broken),
    ]);
    let whole = v2(0x21, 0x11, &[0; 300]);
    for cut in 0..whole.len() {
        assert_eq!(parse(&whole[..cut]), Start::Partial, "{cut}");
    }
    assert_eq!(parse(&[whole.as_slice(), b"GET"].concat()), parse(&whole));
}
