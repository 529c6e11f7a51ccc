//! `parsefile`: the uwsgi packet in a file, as a dict.
//!
//! It owns the reading of such a file. It refuses to guess: a file that is not one whole packet of
//! variables has none.

use std::fs::File;
use std::io::{self, Read};

use crate::ffi::Method;
use crate::guard::builtin;
use crate::obj::Obj;
use crate::running;
use crate::state::unlocked;

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 1] = [Method::new(c"parsefile", parsefile)];

/// Bytes in front of the variables.
const HEADER: usize = 4;
/// Modifiers of packets that are variables: requests, and jobs of spoolers.
const VARIABLES: [u8; 2] = [0, 17];

builtin!(parsefile = "parsefile", |_s, args| {
    args.exactly(1)?;
    let Some(file) = running::open(args.text(0)?) else { return Ok(Obj::none()) };
    let bytes = unlocked(|| read(file)).unwrap_or_default();
    let Some(pairs) = packet(&bytes) else { return Ok(Obj::none()) };
    let dict = Obj::dict()?;
    for (name, value) in pairs {
        dict.put_obj(&Obj::bytes(name)?, &Obj::bytes(value)?)?;
    }
    Ok(dict)
});

/// As much of a file as a packet can have.
fn read(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take((HEADER + usize::from(u16::MAX)) as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

fn packet(bytes: &[u8]) -> Option<Pairs<'_>> {
    let ([modifier, low, high, _], rest) = bytes.split_first_chunk::<HEADER>()?;
    let mut rest = rest.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = counted(rest)?;
        let (value, behind) = counted(behind)?;
        if name.is_empty() {
            return None;
        }
        pairs.push((name, value));
        rest = behind;
    }
    VARIABLES.contains(modifier).then_some(pairs)
}

/// A string with its length in front, and what is behind it.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::packet;

    #[test]
    fn only_a_whole_packet_of_variables_is_one() {
        let whole = b"\0\x0b\0\0\x01\0a\x01\0b\x01\0c\0\0";
        assert_eq!(packet(whole), Some(vec![(&b"a"[..], &b"b"[..]), (b"c", b"")]));
        for cut in 0..whole.len() {
            assert_eq!(packet(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(packet(b"\0\0\0\0"), Some(Vec::new()));
        assert_eq!(packet(b"\x11\0\0\x05 and more"), Some(Vec::new()));
        for other in [&b"\x05\0\0\0"[..], b"\0\x04\0\0\0\0\0\0", b"\0\x03\0\0\x05\0a"] {
            assert_eq!(packet(other), None, "{other:?}");
        }
    }
}
