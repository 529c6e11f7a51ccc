//! What a peer wants around the bytes of a response, and what tells it the end.
//!
//! Owns the bytes around, not the response: a buffer holds room for a header and a piece of the
//! response behind it, and [`Frames::close`] says in the header how much that is.

use uwsgi_proto::fastcgi::{HEADER_LEN, MOST, reply};
use uwsgi_proto::link;

/// Frames of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// None; the end is that of the connection, or the response tells it.
    Bare,
    /// None, and the connection outlives the response all the same.
    Persistent,
    /// Those of the router's link: worker and core.
    Link(u16, u16),
    /// FastCGI: the number of the request.
    Records {
        id: u16,
        /// The web server goes on using the connection.
        keep: bool,
    },
}

/// What the end of a link's response tells the router.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ending {
    /// The client's connection may be kept.
    pub(crate) keep: bool,
    /// The body of the request is out of the way.
    pub(crate) body_read: bool,
    /// The router shall come back on another connection.
    pub(crate) leave: bool,
}

impl Frames {
    /// Whether the connection lives on whatever the response says.
    pub(crate) fn outlive(self) -> bool {
        match self {
            Frames::Bare => false,
            Frames::Persistent | Frames::Link(..) => true,
            Frames::Records { keep, .. } => keep,
        }
    }

    /// A response that was cut off must be told by something other than the end of the connection.
    pub(crate) fn is_link(self) -> bool {
        matches!(self, Frames::Link(..))
    }

    /// Most bytes of a piece that does not pass through the buffer, `usize::MAX` when the size of
    /// pieces does not matter.
    pub(crate) fn most(self) -> u64 {
        match self {
            Frames::Bare | Frames::Persistent => 1 << 30,
            // A frame's length is a u32 and is written before its bytes.
            Frames::Link(..) => 1 << 30,
            Frames::Records { .. } => MOST as u64,
        }
    }

    /// Leaves room for a header.
    pub(crate) fn open(self, out: &mut Vec<u8>) {
        match self {
            Frames::Bare | Frames::Persistent => {}
            Frames::Link(..) => out.extend_from_slice(&link::frame(0)),
            Frames::Records { id, .. } => out.extend_from_slice(&reply::stdout(id, 0)),
        }
    }

    /// Writes the length of the open frame: what is in the buffer behind its header, and `extra`
    /// bytes, at most [`Frames::most`], that follow from elsewhere. An empty frame is taken back.
    pub(crate) fn close(self, out: &mut Vec<u8>, extra: usize) {
        match self {
            Frames::Bare | Frames::Persistent => {}
            Frames::Link(..) => match out.len() - link::FRAME_LEN + extra {
                0 => out.clear(),
                n => out[..link::FRAME_LEN].copy_from_slice(&link::frame(n as u32)),
            },
            Frames::Records { id, .. } => {
                split(out, id);
                if extra > 0 {
                    out.extend_from_slice(&reply::stdout(id, extra));
                }
            }
        }
    }

    /// Adds what tells the end of the response.
    pub(crate) fn end(self, out: &mut Vec<u8>, ending: Ending) {
        match self {
            Frames::Bare | Frames::Persistent => {}
            Frames::Link(worker, core) => {
                let flag = |on, bit| if on { bit } else { 0 };
                let flags = flag(ending.keep, link::END_KEEP)
                    | flag(ending.body_read, link::END_BODY_READ)
                    | flag(ending.leave, link::END_LEAVE);
                out.extend_from_slice(&link::End { flags, worker, core }.encode());
            }
            Frames::Records { id, .. } => out.extend_from_slice(&reply::finish(id)),
        }
    }
}

/// Makes records of what lies behind the header in front. Mostly that is one: a head is small.
fn split(out: &mut Vec<u8>, id: u16) {
    match out.len() - HEADER_LEN {
        0 => out.clear(),
        size @ 1..=MOST => out[..HEADER_LEN].copy_from_slice(&reply::stdout(id, size)),
        _ => {
            let pieces = out.split_off(HEADER_LEN);
            out.clear();
            for piece in pieces.chunks(MOST) {
                out.extend_from_slice(&reply::stdout(id, piece.len()));
                out.extend_from_slice(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_proto::fastcgi::{Record, kind};

    /// The content of records, and their sizes.
    fn content(mut bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        while let Some(record) = Record::parse(bytes).unwrap() {
            assert_eq!((record.kind, record.id), (kind::STDOUT, 7));
            all.extend_from_slice(&bytes[HEADER_LEN..record.size()]);
            sizes.push(record.length.into());
            bytes = &bytes[record.size()..];
        }
        (all, sizes)
    }

    #[test]
    fn a_piece_of_any_size_becomes_records_of_a_size_that_the_format_has() {
        let frames = Frames::Records { id: 7, keep: false };
        for size in [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST, 200_000] {
            let piece: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let mut out = Vec::new();
            frames.open(&mut out);
            out.extend_from_slice(&piece);
            frames.close(&mut out, 0);
            let (all, sizes) = content(&out);
            assert!(all == piece, "{size} bytes came out different");
            assert_eq!(sizes.len(), size.div_ceil(MOST), "{sizes:?}");
        }
    }

    #[test]
    fn what_follows_from_elsewhere_has_a_record_of_its_own() {
        let frames = Frames::Records { id: 7, keep: false };
        let mut out = Vec::new();
        frames.open(&mut out);
        out.extend_from_slice(b"head");
        frames.close(&mut out, 500);
        assert_eq!(out[..12], *b"\x01\x06\0\x07\0\x04\0\0head");
        assert_eq!(out[12..], [1, 6, 0, 7, 1, 0xf4, 0, 0]);
    }

    #[test]
    fn a_link_frame_holds_both() {
        let frames = Frames::Link(1, 2);
        let mut out = Vec::new();
        frames.open(&mut out);
        out.extend_from_slice(b"head");
        frames.close(&mut out, 500);
        assert_eq!(out[..link::FRAME_LEN], link::frame(504));
        out.clear();
        frames.open(&mut out);
        frames.close(&mut out, 0);
        assert!(out.is_empty(), "an empty frame would be a message of its own");
    }
}
