//! `PATH_INFO` out of a raw request target: percent-decoding and dot segments in one pass.
//!
//! Dot segments are taken out of the raw text only: an encoded `%2e%2e` stays as `..` in the
//! result, and code that maps paths to files must check again. A fragment ends the path. Invalid
//! escapes follow the long-standing behaviour that applications know: a bad digit counts as
//! zero, `%%` is one percent sign, an escape cut short by the end is dropped. On demand `%2F`
//! stays as it is, for applications whose names hold slashes.

/// Appends the decoded form of `raw` (a target up to its first `?`) to `out`; never longer than
/// `raw` plus one byte. `keep_slashes` leaves `%2F` alone.
pub fn decode(raw: &[u8], keep_slashes: bool, out: &mut Vec<u8>) {
    if is_plain(raw) {
        out.extend_from_slice(raw);
    } else {
        decode_slow(raw, keep_slashes, out);
    }
}

/// True when nothing is to be decoded: the common case, one pass over the bytes.
fn is_plain(raw: &[u8]) -> bool {
    let mut before = b'/';
    for b in raw {
        if *b == b'%' || *b == b'#' || (*b == b'.' && before == b'/') {
            return false;
        }
        before = *b;
    }
    true
}

fn decode_slow(raw: &[u8], keep_slashes: bool, out: &mut Vec<u8>) {
    let base = out.len();
    let mut at = 0;
    let mut segment_start = true;
    while let Some(b) = raw.get(at) {
        if segment_start && let Some(dots) = dot_segment(&raw[at..]) {
            if dots == 2 {
                pop_segment(out, base);
            }
            if out.len() == base || out.last() != Some(&b'/') {
                out.push(b'/');
            }
            at += dots;
            at += usize::from(raw.get(at) == Some(&b'/'));
            segment_start = raw.get(at) != Some(&b'#');
            continue;
        }
        segment_start = *b == b'/';
        match b {
            b'#' => break,
            b'%' => match escape(&raw[at + 1..]) {
                Some((b'/', _)) if keep_slashes => out.push(b'%'),
                Some((byte, used)) => {
                    out.push(byte);
                    at += used;
                }
                None => break,
            },
            _ => out.push(*b),
        }
        at += 1;
    }
}

/// 1 for a `.` segment, 2 for `..`, at the start of `rest`.
fn dot_segment(rest: &[u8]) -> Option<usize> {
    let ends = |b: Option<&u8>| matches!(b, None | Some(b'/' | b'#'));
    match rest {
        [b'.', b'.', ..] if ends(rest.get(2)) => Some(2),
        [b'.', ..] if ends(rest.get(1)) => Some(1),
        _ => None,
    }
}

/// Drops the last segment of what was written since `base`.
fn pop_segment(out: &mut Vec<u8>, base: usize) {
    if out.len() > base && out.last() == Some(&b'/') {
        out.pop();
    }
    let keep = out[base..].iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1);
    out.truncate(base + keep);
}

/// The byte of an escape and how many bytes it took behind the percent sign.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [b'%', ..] => Some((b'%', 1)),
        [high, low, ..] => Some((nibble(*high) << 4 | nibble(*low), 2)),
        _ => None,
    }
}

fn nibble(b: u8) -> u8 {
    match b {
        b'0'..=b'9' => b - b'0',
        b'a'..=b'f' => b - b'a' + 10,
        b'A'..=b'F' => b - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_vectors_decode_byte_for_byte() {
        let vectors: [(&str, &[u8]); 38] = [
            ("/", b"/"),
            ("//", b"//"),
            ("/a//b", b"/a//b"),
            ("/./a", b"/a"),
            ("/a/.", b"/a/"),
            ("/a/..", b"/"),
            ("/a/../b", b"/b"),
            ("/../x", b"/x"),
            ("/../../etc", b"/etc"),
            ("/a/b/..", b"/a/"),
            ("/a/b/../../c", b"/c"),
            ("/a/...", b"/a/..."),
            ("/..a", b"/..a"),
            ("/.hidden", b"/.hidden"),
            ("/a/.b", b"/a/.b"),
            ("/a+b", b"/a+b"),
            ("http://foo/bar", b"http://foo/bar"),
            ("/a%2e%2e/b", b"/a../b"),
            ("/%2e%2e/x", b"/../x"),
            ("/a/%2e/b", b"/a/./b"),
            ("/a%", b"/a"),
            ("/a%4", b"/a"),
            ("/a%zz", b"/a\0"),
            ("/a%%b", b"/a%b"),
            ("/a#frag", b"/a"),
            ("*", b"*"),
            ("foo/bar", b"foo/bar"),
            ("", b""),
            ("./a", b"/a"),
            ("../a", b"/a"),
            ("/a%00b", b"/a\0b"),
            ("/a%0d%0ab", b"/a\r\nb"),
            ("/%E4%BD%A0", b"/\xe4\xbd\xa0"),
            (".", b"/"),
            ("..", b"/"),
            ("/..#x", b"/"),
            ("/a//../b", b"/a/b"),
            ("/a/.#b", b"/a/"),
        ];
        for (raw, want) in vectors {
            let mut out = b"kept".to_vec();
            decode(raw.as_bytes(), false, &mut out);
            assert_eq!(out[..4], *b"kept", "{raw}");
            assert_eq!(
                out[4..].escape_ascii().to_string(),
                want.escape_ascii().to_string(),
                "{raw}"
            );
        }
    }

    #[test]
    fn encoded_slashes_stay_on_demand() {
        for (raw, kept) in [
            ("/a%2Fb", "/a%2Fb"),
            ("/a%2fb%20c", "/a%2fb c"),
            ("/a/%2F..%2f/../b", "/a/b"),
            ("/%252F", "/%2F"),
            ("/a%2", "/a"),
        ] {
            let mut out = Vec::new();
            decode(raw.as_bytes(), true, &mut out);
            assert_eq!(out.escape_ascii().to_string(), kept, "{raw}");
        }
    }
}
