use super::*;

/// Decodes `input` cut into pieces of `piece` bytes: the body and the bytes left over.
fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), ChunkError> {
    let (mut decoder, mut body) = (Decoder::new(), Vec::new());
    for (n, part) in input.chunks(piece).enumerate() {
        let mut at = 0;
        loop {
            match decoder.next(part, at)? {
                Step::More => break,
                Step::Data(range) => {
                    body.extend_from_slice(&part[range.clone()]);
                    at = range.end;
                }
                Step::End(used) => return Ok((body, Some(input[n * piece + used..].to_vec()))),
            }
        }
    }
    Ok((body, None))
}

#[test]
fn bodies_decode_the_same_however_they_are_cut() {
    let cases: [(&[u8], &[u8], &[u8]); 5] = [
        (b"0\r\n\r\n", b"", b""),
        (b"5\r\nhello\r\n0\r\n\r\nGET", b"hello", b"GET"),
        (b"A;ext=\"x\"\r\n0123456789\r\n1 \r\nx\r\n000\r\n\r\n", b"0123456789x", b""),
        (b"3\r\na\r\n\r\n0;q\r\nTrailer: 1\r\nB: 2\r\n\r\nrest", b"a\r\n", b"rest"),
        (b"0000000000000003\t;q\r\nabc\r\n0\r\n\r\n", b"abc", b""),
    ];
    for (input, body, rest) in cases {
        for piece in 1..=input.len() {
            let (got, left) = decode(input, piece).unwrap();
            assert_eq!(got, body, "{} by {piece}", input.escape_ascii());
            assert_eq!(left.as_deref(), Some(rest), "{} by {piece}", input.escape_ascii());
        }
    }
}

#[test]
fn malformed_bodies_are_refused() {
    let long_line = [b"1;".as_slice(), &[b'x'; 5000]].concat();
    let long_trailer = [b"0\r\n".as_slice(), &b"a: b\r\n".repeat(1000)].concat();
    let overlong = [&[b'0'; 16], b"3\r\nabc\r\n".as_slice()].concat();
    let bloated = [b"1;".as_slice(), &[b'x'; 1000], b"\r\na\r\n"].concat().repeat(20);
    let cases: [(&[u8], ChunkError); 17] = [
        (b"+1\r\n", ChunkError::Syntax),
        (b"0x1\r\n", ChunkError::Syntax),
        (b"1 1\r\n", ChunkError::Syntax),
        (b" 1\r\n", ChunkError::Syntax),
        (b"1;a\0\r\n", ChunkError::Syntax),
        (&overlong, ChunkError::TooLarge),
        (&bloated, ChunkError::TooLarge),
        (b"\r\n", ChunkError::Syntax),
        (b";x\r\n", ChunkError::Syntax),
        (b"g\r\n", ChunkError::Syntax),
        (b"-1\r\n", ChunkError::Syntax),
        (b"1\n", ChunkError::Syntax),
        (b"1\r\nab", ChunkError::Syntax),
        (b"1\r\na\n", ChunkError::Syntax),
        (b"10000000000000000\r\n", ChunkError::TooLarge),
        (&long_line, ChunkError::TooLarge),
        (&long_trailer, ChunkError::TooLarge),
    ];
    for (input, want) in cases {
        for piece in [1, 7, input.len()] {
            assert_eq!(
                decode(input, piece),
                Err(want),
                "{}",
                input[..8.min(input.len())].escape_ascii()
            );
        }
    }
}

#[test]
fn size_lines_are_hexadecimal() {
    let mut line = [0; 18];
    for (len, want) in [(1, "1\r\n"), (255, "ff\r\n"), (4096, "1000\r\n")] {
        assert_eq!(chunk_line(len, &mut line), want.as_bytes());
    }
    assert_eq!(chunk_line(usize::MAX, &mut line), b"ffffffffffffffff\r\n");
}
