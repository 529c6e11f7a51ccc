//! Chunked bodies: a decoder that is fed bytes as they come, and the encoder's size line.
//!
//! Extensions are accepted and ignored, trailers are read and dropped; both are bounded, each by
//! itself and all of a body together: who sends a byte of body in a kilobyte of extension keeps
//! somebody busy. The decoder copies nothing: it answers which part of the input is body.

use std::ops::Range;

/// Longest size line (extensions included) and longest trailer section, in bytes: room for what
/// real clients send, no room for a flood.
const MAX_LINE: u32 = 4096;
/// Longest size: 64 bits.
const MAX_DIGITS: u32 = 16;
/// What size lines may take that is not paid for by data.
const MAX_OVERHEAD: u64 = 16 * 1024;
/// Each size line has this for nothing.
const FREE: u64 = 16;

/// Why a chunked body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkError {
    /// Not hexadecimal, no size at all, or a broken line end.
    Syntax,
    /// A size beyond 64 bits, or a line or trailer beyond its limit.
    TooLarge,
}

/// One step of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All input is used up; more is needed.
    More,
    /// These bytes of the input are body; continue behind them.
    Data(Range<usize>),
    /// The body ended; carries how many bytes of the input were used.
    End(usize),
}

/// Size -> SizeLf -> Data -> DataCr -> DataLf -> Size ... Size(0) -> TrailerStart -> End
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Hex digits; `digits` seen so far.
    Size { value: u64, digits: u32 },
    /// Blanks behind the digits, up to CR or an extension.
    Blank { value: u64 },
    /// Within extensions, up to CR.
    Extension { value: u64 },
    /// Wants the LF of a size line.
    SizeLf { value: u64 },
    /// `left` bytes of body.
    Data { left: u64 },
    /// Wants the CR behind the data.
    DataCr,
    /// Wants the LF behind the data.
    DataLf,
    /// At the start of a trailer line or of the last CRLF.
    TrailerStart,
    /// Within a trailer line.
    Trailer,
    /// Wants the LF of a trailer line.
    TrailerLf,
    /// Wants the LF that ends the body.
    LastLf,
    /// Over.
    End,
}

/// Decodes one chunked body.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// Bytes of the current size line or of all trailers.
    line: u32,
    /// Bytes of size lines beyond what data has paid for.
    overhead: u64,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, line: 0, overhead: 0 }
    }

    /// True once the end was seen.
    pub fn is_done(&self) -> bool {
        self.state == State::End
    }

    /// Bytes of the current chunk that are to come.
    pub fn left(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Decodes from `input[at..]`. Call again with the end of the data it answered, or with new
    /// input (and `at` 0) after [`Step::More`]. Ranges and counts are offsets into `input`.
    pub fn next(&mut self, input: &[u8], mut at: usize) -> Result<Step, ChunkError> {
        loop {
            match self.state {
                State::End => return Ok(Step::End(at)),
                State::Data { left } => {
                    let have = input.len().saturating_sub(at);
                    if have == 0 {
                        return Ok(Step::More);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(have);
                    let left = left - take as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                    return Ok(Step::Data(at..at + take));
                }
                _ => {}
            }
            let Some(b) = input.get(at) else { return Ok(Step::More) };
            at += 1;
            self.state = self.byte(*b)?;
        }
    }

    /// At the end of a size line: data of twice its length pays for it.
    fn pay(&mut self, value: u64) -> Result<(), ChunkError> {
        let paid = FREE.saturating_add(value.saturating_mul(2));
        self.overhead = (self.overhead + u64::from(self.line)).saturating_sub(paid);
        if self.overhead > MAX_OVERHEAD { Err(ChunkError::TooLarge) } else { Ok(()) }
    }

    /// One byte outside of data.
    fn byte(&mut self, b: u8) -> Result<State, ChunkError> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(ChunkError::TooLarge);
        }
        Ok(match (self.state, b) {
            (State::Size { value, digits }, _) => size_byte(value, digits, b)?,
            (State::Blank { value } | State::Extension { value }, b'\r') => State::SizeLf { value },
            (State::Blank { value }, b' ' | b'\t') => State::Blank { value },
            (State::Blank { value }, b';') => State::Extension { value },
            (State::Extension { value }, _) if b >= b' ' || b == b'\t' => {
                State::Extension { value }
            }
            (State::SizeLf { value }, b'\n') => {
                self.pay(value)?;
                self.line = 0;
                if value == 0 { State::TrailerStart } else { State::Data { left: value } }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.line = 0;
                State::Size { value: 0, digits: 0 }
            }
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, _) if b >= b' ' || b == b'\t' => State::Trailer,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::End,
            _ => return Err(ChunkError::Syntax),
        })
    }
}

/// A byte of the size itself or the first behind it.
fn size_byte(value: u64, digits: u32, b: u8) -> Result<State, ChunkError> {
    if let Some(digit) = (b as char).to_digit(16) {
        if digits == MAX_DIGITS {
            return Err(ChunkError::TooLarge);
        }
        let value = value << 4;
        return Ok(State::Size { value: value | u64::from(digit), digits: digits + 1 });
    }
    match b {
        b'\r' if digits > 0 => Ok(State::SizeLf { value }),
        b';' if digits > 0 => Ok(State::Extension { value }),
        b' ' | b'\t' if digits > 0 => Ok(State::Blank { value }),
        _ => Err(ChunkError::Syntax),
    }
}

/// The line in front of a chunk of `len` bytes (which must not be 0: that is [`LAST`]). The
/// chunk's data is followed by [`CRLF`].
pub fn chunk_line(len: usize, line: &mut [u8; 18]) -> &[u8] {
    let mut at = 16;
    line[16..].copy_from_slice(CRLF);
    let mut rest = len;
    loop {
        at -= 1;
        line[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            return &line[at..];
        }
    }
}

/// Behind the data of a chunk.
pub const CRLF: &[u8] = b"\r\n";
/// The end of a chunked body.
pub const LAST: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
#[path = "chunked_test.rs"]
mod tests;
