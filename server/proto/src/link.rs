//! The private protocol between the http router and the workers, on a persistent UNIX stream.
//!
//! ```text
//! request    header 20: magic u16 | flags u16 | vars_len u32 | content_length u64 | waited_us u32
//!            variable block (vars_len bytes)
//!            body: content_length raw bytes, or frames (u32 len, bytes)* 0u32 with CHUNKED
//! response   frames: len u32 | len bytes of an HTTP response
//!            end: 0xffff_ffff u32 | flags u32 | worker u16 | core u16
//! ```
//!
//! All integers little endian. The worker frames the response for the client exactly as on an
//! HTTP socket, so the router relays payload bytes verbatim and needs to understand nothing of
//! them. After the end frame the connection carries the next request, unless the worker says there
//! that it leaves. A worker that leaves while a link is idle sends an empty frame; the router closes
//! the link then, and a request that was on its way is still served.

use std::ops::Range;

/// First two bytes of a request, `wv`.
pub const MAGIC: u16 = 0x7677;
/// Length of a request header.
pub const REQUEST_LEN: usize = 20;
/// Length of a data frame's header.
pub const FRAME_LEN: usize = 4;
/// Length of an end frame.
pub const END_LEN: usize = 12;
/// The body comes in frames ended by a zero length.
pub const CHUNKED: u16 = 1;
/// The client would keep its connection.
pub const KEEP_ALIVE: u16 = 2;
/// End flag: the client's connection may be kept.
pub const END_KEEP: u32 = 1;
/// End flag: the request body was read to its end.
pub const END_BODY_READ: u32 = 2;
/// End flag: the worker is leaving, nothing more may be sent over this link.
pub const END_LEAVE: u32 = 4;
/// The length that marks an end frame.
const END_MARK: u32 = u32::MAX;

/// Why bytes of the link were refused; the connection is useless then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// The magic is wrong: the peer is no router of this version.
    BadMagic,
    /// Flags that this version does not know.
    BadFlags,
}

/// The header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestHeader {
    /// [`CHUNKED`], [`KEEP_ALIVE`].
    pub flags: u16,
    /// Bytes of the variable block.
    pub vars_len: u32,
    /// Raw body bytes behind the block; 0 with [`CHUNKED`].
    pub content_length: u64,
    /// How long the client's connection waited to be accepted, for the first request on it;
    /// microseconds, 0 when nobody knows.
    pub waited_us: u32,
}

impl RequestHeader {
    /// The header as bytes.
    pub fn encode(&self) -> [u8; REQUEST_LEN] {
        let mut out = [0; REQUEST_LEN];
        out[..2].copy_from_slice(&MAGIC.to_le_bytes());
        out[2..4].copy_from_slice(&self.flags.to_le_bytes());
        out[4..8].copy_from_slice(&self.vars_len.to_le_bytes());
        out[8..16].copy_from_slice(&self.content_length.to_le_bytes());
        out[16..].copy_from_slice(&self.waited_us.to_le_bytes());
        out
    }

    /// Reads a header; `None` when fewer than [`REQUEST_LEN`] bytes are there.
    pub fn parse(input: &[u8]) -> Result<Option<Self>, LinkError> {
        let Some(bytes) = input.first_chunk::<REQUEST_LEN>() else { return Ok(None) };
        let [m0, m1, f0, f1, v0, v1, v2, v3, length @ .., w0, w1, w2, w3] = *bytes;
        if u16::from_le_bytes([m0, m1]) != MAGIC {
            return Err(LinkError::BadMagic);
        }
        let flags = u16::from_le_bytes([f0, f1]);
        if flags & !(CHUNKED | KEEP_ALIVE) != 0 {
            return Err(LinkError::BadFlags);
        }
        Ok(Some(Self {
            flags,
            vars_len: u32::from_le_bytes([v0, v1, v2, v3]),
            content_length: u64::from_le_bytes(length),
            waited_us: u32::from_le_bytes([w0, w1, w2, w3]),
        }))
    }

    /// True when the body is framed.
    pub fn chunked(&self) -> bool {
        self.flags & CHUNKED != 0
    }

    /// True when the client would keep its connection.
    pub fn keep_alive(&self) -> bool {
        self.flags & KEEP_ALIVE != 0
    }
}

/// The header of a data frame (`len` below `u32::MAX`); 0 ends a framed body.
pub fn frame(len: u32) -> [u8; FRAME_LEN] {
    len.to_le_bytes()
}

/// The end of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// [`END_KEEP`], [`END_BODY_READ`].
    pub flags: u32,
    /// Which worker answered.
    pub worker: u16,
    /// On which of its cores.
    pub core: u16,
}

impl End {
    /// The frame as bytes.
    pub fn encode(&self) -> [u8; END_LEN] {
        let mut out = [0; END_LEN];
        out[..4].copy_from_slice(&END_MARK.to_le_bytes());
        out[4..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..10].copy_from_slice(&self.worker.to_le_bytes());
        out[10..].copy_from_slice(&self.core.to_le_bytes());
        out
    }

    /// True when the client's connection may be kept.
    pub fn keep(&self) -> bool {
        self.flags & END_KEEP != 0
    }

    /// True when the worker read the request body to its end.
    pub fn body_read(&self) -> bool {
        self.flags & END_BODY_READ != 0
    }

    /// True when the worker closes the link now.
    pub fn leaving(&self) -> bool {
        self.flags & END_LEAVE != 0
    }

    fn decode(rest: [u8; END_LEN - FRAME_LEN]) -> Self {
        let [f0, f1, f2, f3, w0, w1, c0, c1] = rest;
        Self {
            flags: u32::from_le_bytes([f0, f1, f2, f3]),
            worker: u16::from_le_bytes([w0, w1]),
            core: u16::from_le_bytes([c0, c1]),
        }
    }
}

/// One step of reading frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameStep {
    /// All input is used up; more is needed.
    More,
    /// These bytes of the input are payload; continue behind them.
    Data(Range<usize>),
    /// The end, and how many bytes of the input were used.
    End(End, usize),
}

/// Reads frames from bytes as they come: responses, and framed request bodies (whose end is a
/// zero length and comes as [`FrameStep::End`] with an empty [`End`]).
#[derive(Debug, Clone, Default)]
pub struct FrameReader {
    /// Payload bytes left of the current frame.
    left: u32,
    /// Header bytes collected, for headers split across reads.
    header: [u8; END_LEN],
    have: usize,
    /// A zero length ends the stream (request bodies) instead of being an empty frame.
    zero_ends: bool,
}

impl FrameReader {
    /// A reader of a response.
    pub fn response() -> Self {
        Self::default()
    }

    /// A reader of a framed request body.
    pub fn body() -> Self {
        Self { zero_ends: true, ..Self::default() }
    }

    /// Reads from `input[at..]`; call again with the end of the data it answered, or with new
    /// input (and `at` 0) after [`FrameStep::More`]. Ready for the next stream after an end.
    pub fn next(&mut self, input: &[u8], mut at: usize) -> FrameStep {
        loop {
            let have = input.len().saturating_sub(at);
            if have == 0 {
                return FrameStep::More;
            }
            if self.left > 0 {
                let take = have.min(self.left as usize);
                self.left -= take as u32;
                return FrameStep::Data(at..at + take);
            }
            let want = if self.is_end() { END_LEN } else { FRAME_LEN };
            let take = have.min(want - self.have);
            self.header[self.have..self.have + take].copy_from_slice(&input[at..at + take]);
            self.have += take;
            at += take;
            if let Some(end) = self.header_done() {
                return FrameStep::End(end, at);
            }
        }
    }

    /// True when the four bytes collected are the mark of an end.
    fn is_end(&self) -> bool {
        !self.zero_ends && self.have >= FRAME_LEN && self.length() == END_MARK
    }

    fn length(&self) -> u32 {
        let [a, b, c, d, ..] = self.header;
        u32::from_le_bytes([a, b, c, d])
    }

    /// Acts on a complete header; `Some` at the end of the stream.
    fn header_done(&mut self) -> Option<End> {
        let is_end = self.is_end();
        if self.have < FRAME_LEN || (is_end && self.have < END_LEN) {
            return None;
        }
        self.have = 0;
        if is_end {
            let [_, _, _, _, rest @ ..] = self.header;
            return Some(End::decode(rest));
        }
        self.left = self.length();
        (self.left == 0 && self.zero_ends).then(End::default)
    }
}

#[cfg(test)]
#[path = "link_test.rs"]
mod tests;
