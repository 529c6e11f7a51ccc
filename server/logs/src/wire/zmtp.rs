//! The sending half of a PUSH socket of ZeroMQ.
//!
//! Format: ZMTP 3.0 (RFC 23), mechanism NULL: a greeting of 64 bytes each way, a command `READY` each
//! way, then one frame for each message.

/// Bytes of a greeting.
pub const GREETING: usize = 64;

/// What goes out first.
pub fn greeting() -> [u8; GREETING] {
    let mut out = [0; GREETING];
    (out[0], out[9], out[10]) = (0xff, 0x7f, 3);
    out[12..16].copy_from_slice(b"NULL");
    out
}

/// Whether a peer that greets like this speaks with us.
pub fn is_welcome(greeting: &[u8; GREETING]) -> bool {
    greeting[0] == 0xff && greeting[9] & 1 == 1 && greeting[10] >= 3 && greeting[12..16] == *b"NULL"
}

/// Says what kind of socket this is.
pub fn ready() -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend(4u32.to_be_bytes());
    body.extend(b"PUSH");
    [&[4, body.len() as u8], body.as_slice()].concat()
}

/// Appends the frame of a message.
pub fn frame(message: &[u8], out: &mut Vec<u8>) {
    match u8::try_from(message.len()) {
        Ok(short) => out.extend([0, short]),
        Err(_) => {
            out.push(2);
            out.extend((message.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(message);
}

/// What a peer sent after its greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Not a whole frame.
    More,
    /// A command or a message of so many bytes in all; whether it is the command `READY`.
    Frame(usize, bool),
    /// Nothing that a peer may send.
    Strange,
}

/// The longest frame that a peer may send to one that only pushes.
const LONGEST: u64 = 64 << 10;

/// The first frame of `bytes`.
pub fn receive(bytes: &[u8]) -> Received {
    let (head, length) = match bytes {
        [flags, ..] if flags & !7 != 0 => return Received::Strange,
        [flags, length @ ..] if flags & 2 != 0 => match length.first_chunk::<8>() {
            Some(length) => (9, u64::from_be_bytes(*length)),
            None => return Received::More,
        },
        [_, length, ..] => (2, u64::from(*length)),
        _ => return Received::More,
    };
    if length > LONGEST {
        return Received::Strange;
    }
    let end = head + length as usize;
    match bytes.get(head..end) {
        Some(body) => Received::Frame(end, bytes[0] & 4 != 0 && body.starts_with(b"\x05READY")),
        None => Received::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_of_this_understand_each_other() {
        assert!(is_welcome(&greeting()));
        let mut old = greeting();
        old[10] = 1;
        assert!(!is_welcome(&old));
        let ready = ready();
        assert_eq!(receive(&ready), Received::Frame(ready.len(), true));
        (0..ready.len()).for_each(|cut| assert_eq!(receive(&ready[..cut]), Received::More));
    }

    #[test]
    fn long_messages_have_long_frames() {
        let mut out = Vec::new();
        frame(b"abc", &mut out);
        assert_eq!(out, [0, 3, b'a', b'b', b'c']);
        out.clear();
        frame(&[b'x'; 300], &mut out);
        assert_eq!((out.len(), &out[..9]), (309, &[2, 0, 0, 0, 0, 0, 0, 1, 44][..]));
        assert_eq!(receive(&out), Received::Frame(309, false));
        assert_eq!(receive(&[2, 1, 0, 0, 0, 0, 0, 0, 0]), Received::Strange);
        assert_eq!(receive(b"HTTP/1.1 400"), Received::Strange);
    }
}
