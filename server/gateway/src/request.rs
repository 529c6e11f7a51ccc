//! A request on its way to a worker: the packet in front and the body behind it. No I/O.

use uwsgi_proto::chunked::{ChunkError, Decoder, Step};
use uwsgi_proto::link::{CHUNKED, KEEP_ALIVE, RequestHeader, frame};
use uwsgi_proto::{Head, VarBlock};

/// What of a request body is still to come from the client.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Everything has been taken.
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunks, re-framed for the link.
    Chunked(Decoder),
}

impl Body {
    /// The body that a head announces.
    pub(crate) fn of(head: &Head) -> Self {
        match head.content_length {
            _ if head.chunked => Self::Chunked(Decoder::new()),
            0 => Self::Done,
            n => Self::Length(n),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Moves what `input` holds of the body to the end of `packet`; answers how many bytes of
    /// the input were used. Stops at the end of the body.
    pub(crate) fn take(&mut self, input: &[u8], packet: &mut Vec<u8>) -> Result<usize, ChunkError> {
        match self {
            Self::Done => Ok(0),
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                packet.extend_from_slice(&input[..n]);
                *left -= n as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(n)
            }
            Self::Chunked(decoder) => {
                let (used, done) = reframe(decoder, input, packet)?;
                if done {
                    *self = Self::Done;
                }
                Ok(used)
            }
        }
    }
}

/// Decodes chunks into link frames: how much input was used, and whether the body ended.
fn reframe(
    decoder: &mut Decoder,
    input: &[u8],
    packet: &mut Vec<u8>,
) -> Result<(usize, bool), ChunkError> {
    let mut at = 0;
    loop {
        match decoder.next(input, at)? {
            Step::More => return Ok((input.len(), false)),
            Step::Data(range) => {
                packet.extend_from_slice(&frame(range.len() as u32));
                at = range.end;
                packet.extend_from_slice(&input[range]);
            }
            Step::End(used) => {
                packet.extend_from_slice(&frame(0));
                return Ok((used, true));
            }
        }
    }
}

/// Writes the packet of a request (without body) into `packet`, replacing what was there.
pub(crate) fn encode(
    head: &Head,
    keep: bool,
    waited_us: u32,
    block: &VarBlock,
    packet: &mut Vec<u8>,
) {
    let chunked = if head.chunked { CHUNKED } else { 0 };
    let header = RequestHeader {
        flags: chunked | if keep { KEEP_ALIVE } else { 0 },
        vars_len: block.as_bytes().len() as u32,
        content_length: head.content_length,
        waited_us,
    };
    packet.clear();
    packet.extend_from_slice(&header.encode());
    packet.extend_from_slice(block.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_its_head_said_and_not_a_byte_later() {
        let mut body = Body::of(&Head { content_length: 5, ..Head::default() });
        let mut packet = Vec::new();
        assert_eq!(body.take(b"hel", &mut packet), Ok(3));
        assert!(!body.is_done());
        assert_eq!(body.take(b"loGET", &mut packet), Ok(2));
        assert!(body.is_done());
        assert_eq!(body.take(b"GET", &mut packet), Ok(0));
        assert_eq!(packet, b"hello");
    }

    #[test]
    fn chunks_become_frames() {
        let mut body = Body::of(&Head { chunked: true, ..Head::default() });
        let mut packet = Vec::new();
        assert_eq!(body.take(b"2\r\nab\r\n1", &mut packet), Ok(8));
        assert_eq!(body.take(b"\r\nc\r\n0\r\n\r\nGET", &mut packet), Ok(10));
        assert!(body.is_done());
        assert_eq!(packet, b"\x02\0\0\0ab\x01\0\0\0c\0\0\0\0");
        let mut broken = Body::of(&Head { chunked: true, ..Head::default() });
        assert_eq!(broken.take(b"zz", &mut packet), Err(ChunkError::Syntax));
    }

    #[test]
    fn a_head_without_a_body_is_done_at_once() {
        assert!(Body::of(&Head::default()).is_done());
    }
}
