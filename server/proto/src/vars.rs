//! Request variables in one contiguous block of uwsgi format, plus an index over it.
//!
//! The block is `(u16le key length, key, u16le value length, value)*`: exactly the payload of a
//! uwsgi packet, so a router forwards it as it stands and a worker reads it where it lies. One
//! block is kept per core and cleared between requests: it allocates nothing once it has grown.
//! It refuses to interpret values; [`Known`] does.

use std::fmt;

use crate::known::{Known, SLOTS, Var, classify};

/// Default limit of the block in bytes (`buffer-size`).
pub const DEFAULT_BYTES: usize = 4096;
/// Default limit of name/value pairs (`max-vars` counts half of it).
pub const DEFAULT_PAIRS: usize = 128;

/// Why variables were refused; `Display` gives the log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarError {
    /// A key of length zero.
    NullKey,
    /// A length runs past the payload; carries that length.
    Overrun(usize),
    /// More pairs than allowed.
    TooMany,
    /// The block would reach its byte limit, or one string is longer than 65535 bytes.
    Full,
}

impl fmt::Display for VarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NullKey => f.write_str("uwsgi key cannot be null. skip this var."),
            Self::Overrun(n) => {
                write!(f, "invalid uwsgi request (current strsize: {n}). skip.")
            }
            Self::TooMany => f.write_str("max vec size reached. skip this var."),
            Self::Full => f.write_str("not enough buffer space to add a variable, consider increasing it with the --buffer-size option"),
        }
    }
}

impl std::error::Error for VarError {}

/// Where one pair lies: the value starts two bytes behind the key.
#[derive(Debug, Clone, Copy)]
struct Span {
    key_at: u32,
    key_len: u16,
    val_len: u16,
}

/// The variables of one request.
#[derive(Debug, Clone)]
pub struct VarBlock {
    buf: Vec<u8>,
    index: Vec<Span>,
    /// Position + 1 in `index` of each variable the core consumes, 0 when absent.
    slots: [u16; SLOTS],
    max_bytes: usize,
    max_pairs: usize,
}

impl Default for VarBlock {
    fn default() -> Self {
        Self::new()
    }
}

impl VarBlock {
    /// An empty block with the default limits; allocates with the first push.
    pub fn new() -> Self {
        Self {
            buf: Vec::new(),
            index: Vec::new(),
            slots: [0; SLOTS],
            max_bytes: DEFAULT_BYTES,
            max_pairs: DEFAULT_PAIRS,
        }
    }

    /// Sets the limits: `max_bytes` of the whole block, `max_pairs` name/value pairs (twice
    /// `max-vars`). Pairs are counted in 16 bits.
    pub fn set_limits(&mut self, max_bytes: usize, max_pairs: usize) {
        self.max_bytes = max_bytes;
        self.max_pairs = max_pairs.min(usize::from(u16::MAX) - 1);
    }

    /// Forgets every pair, keeps memory and limits.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.index.clear();
        self.slots = [0; SLOTS];
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True without any pair.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The block itself; its length is `pktsize`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Appends a pair. A later pair shadows an earlier one of the same name.
    pub fn push(&mut self, key: &[u8], val: &[u8]) -> Result<(), VarError> {
        self.push_slot(classify(key), key, val)
    }

    /// As [`VarBlock::push`], for callers that know which variable it is.
    pub(crate) fn push_slot(
        &mut self,
        slot: Option<Var>,
        key: &[u8],
        val: &[u8],
    ) -> Result<(), VarError> {
        let (key_len, val_len) = self.room(key.len(), val.len())?;
        let key_at = self.buf.len() + 2;
        self.buf.extend_from_slice(&key_len.to_le_bytes());
        self.buf.extend_from_slice(key);
        self.buf.extend_from_slice(&val_len.to_le_bytes());
        self.buf.extend_from_slice(val);
        self.commit(slot, key_at, key_len, val_len);
        Ok(())
    }

    /// Appends an HTTP header as a variable: upper case, `-` as `_`, `HTTP_` in front unless
    /// `bare`. A name that is there already gets the value joined behind `, ` (`; ` for
    /// cookies). Answers which variable of the core it was.
    pub(crate) fn push_header(
        &mut self,
        name: &[u8],
        val: &[u8],
        seen: &mut u64,
    ) -> Result<Option<Var>, VarError> {
        let bare = is_bare(name);
        let prefix: &[u8] = if bare { b"" } else { b"HTTP_" };
        let (key_len, val_len) = self.room(prefix.len() + name.len(), val.len())?;
        let at = self.buf.len();
        self.buf.extend_from_slice(&key_len.to_le_bytes());
        self.buf.extend_from_slice(prefix);
        self.buf.extend(name.iter().map(|b| upper(*b)));
        let key = &self.buf[at + 2..];
        let slot = classify(key);
        let bit = name_bit(key);
        if *seen & bit != 0
            && let Some(first) = self.find_header(key)
        {
            self.buf.truncate(at);
            let glue: &[u8] = if slot == Some(Var::Cookie) { b"; " } else { b", " };
            self.extend_value(first, glue, val)?;
            return Ok(slot);
        }
        *seen |= bit;
        self.buf.extend_from_slice(&val_len.to_le_bytes());
        self.buf.extend_from_slice(val);
        self.commit(slot, at + 2, key_len, val_len);
        Ok(slot)
    }

    /// Appends a pair whose value `fill` writes straight into the block.
    pub(crate) fn push_with(
        &mut self,
        slot: Var,
        key: &[u8],
        at_most: usize,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), VarError> {
        let (key_len, _) = self.room(key.len(), at_most)?;
        let key_at = self.buf.len() + 2;
        self.buf.extend_from_slice(&key_len.to_le_bytes());
        self.buf.extend_from_slice(key);
        let val_at = self.buf.len() + 2;
        self.buf.extend_from_slice(&[0, 0]);
        fill(&mut self.buf);
        let Ok(val_len) = u16::try_from(self.buf.len() - val_at) else {
            self.buf.truncate(key_at - 2);
            return Err(VarError::Full);
        };
        self.buf[val_at - 2..val_at].copy_from_slice(&val_len.to_le_bytes());
        self.commit(Some(slot), key_at, key_len, val_len);
        Ok(())
    }

    /// Replaces the content by the payload of a uwsgi packet. On an error the pairs in front of
    /// the broken one stay, so that the request can still be named in a log.
    pub fn load(&mut self, payload: &[u8]) -> Result<(), VarError> {
        self.clear();
        let mut rest = payload;
        let mut checked = Ok(());
        while !rest.is_empty() && checked.is_ok() {
            checked = self.load_pair(payload.len(), &mut rest);
        }
        self.buf.extend_from_slice(&payload[..payload.len() - rest.len()]);
        checked
    }

    /// Notes the first pair of `rest`, whose bytes will lie where they lie in a payload of `all` bytes,
    /// and takes it off. A broken one stays.
    #[inline]
    fn load_pair(&mut self, all: usize, rest: &mut &[u8]) -> Result<(), VarError> {
        let mut behind = *rest;
        let key = counted(&mut behind)?;
        if key.is_empty() {
            return Err(VarError::NullKey);
        }
        let val = counted(&mut behind)?;
        if self.index.len() >= self.max_pairs {
            return Err(VarError::TooMany);
        }
        let key_at = all - rest.len() + 2;
        self.commit(classify(key), key_at, key.len() as u16, val.len() as u16);
        *rest = behind;
        Ok(())
    }

    /// All pairs in packet order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.index.iter().map(|span| self.pair(*span))
    }

    #[inline]
    fn pair(&self, span: Span) -> (&[u8], &[u8]) {
        let (key_at, key_len) = (span.key_at as usize, usize::from(span.key_len));
        let whole = &self.buf[key_at..key_at + key_len + 2 + usize::from(span.val_len)];
        let (key, rest) = whole.split_at(key_len);
        (key, &rest[2..])
    }

    /// The key of pair `i`, empty when there is none.
    #[inline]
    pub fn key_at(&self, i: usize) -> &[u8] {
        self.index.get(i).map_or(b"", |span| self.pair(*span).0)
    }

    /// The value of pair `i`, empty when there is none.
    #[inline]
    pub fn val_at(&self, i: usize) -> &[u8] {
        self.index.get(i).map_or(b"", |span| self.pair(*span).1)
    }

    /// The value of `key`; the last one wins. Searches: variables of the core are at
    /// [`VarBlock::known`].
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let found = self.index.iter().rposition(|s| {
            usize::from(s.key_len) == key.len() && self.buf[s.key_at as usize..].starts_with(key)
        })?;
        Some(self.val_at(found))
    }

    /// The variables the core itself consumes, found while the block was filled.
    #[inline]
    pub fn known(&self) -> Known<'_> {
        Known::new(self)
    }

    /// Position of a variable of the core.
    #[inline]
    pub(crate) fn position(&self, var: Var) -> Option<usize> {
        usize::from(self.slots[var as usize]).checked_sub(1)
    }

    /// Checks both limits for a pair of these lengths.
    fn room(&self, key: usize, val: usize) -> Result<(u16, u16), VarError> {
        if key == 0 {
            return Err(VarError::NullKey);
        }
        if self.index.len() >= self.max_pairs {
            return Err(VarError::TooMany);
        }
        if self.buf.len() + key + val + 4 >= self.max_bytes {
            return Err(VarError::Full);
        }
        match (u16::try_from(key), u16::try_from(val)) {
            (Ok(key), Ok(val)) => Ok((key, val)),
            _ => Err(VarError::Full),
        }
    }

    fn commit(&mut self, slot: Option<Var>, key_at: usize, key_len: u16, val_len: u16) {
        self.index.push(Span { key_at: key_at as u32, key_len, val_len });
        let Some(var) = slot else { return };
        // The first REMOTE_ADDR wins, so that one set in front pre-empts the peer's.
        if var != Var::RemoteAddr || self.slots[var as usize] == 0 {
            self.slots[var as usize] = self.index.len() as u16;
        }
    }

    fn find_header(&self, key: &[u8]) -> Option<usize> {
        self.index.iter().position(|s| {
            usize::from(s.key_len) == key.len() && self.buf[s.key_at as usize..].starts_with(key)
        })
    }

    /// Joins `val` to the value of pair `i` and moves everything behind it. Rare: repeated
    /// headers only.
    fn extend_value(&mut self, i: usize, glue: &[u8], val: &[u8]) -> Result<(), VarError> {
        let span = self.index[i];
        let grown = glue.len() + val.len();
        let val_len = usize::from(span.val_len) + grown;
        let Ok(val_len) = u16::try_from(val_len) else { return Err(VarError::Full) };
        if self.buf.len() + grown >= self.max_bytes {
            return Err(VarError::Full);
        }
        let len_at = span.key_at as usize + usize::from(span.key_len);
        let end = len_at + 2 + usize::from(span.val_len);
        self.buf[len_at..len_at + 2].copy_from_slice(&val_len.to_le_bytes());
        self.buf.splice(end..end, glue.iter().chain(val).copied());
        self.index[i].val_len = val_len;
        for later in &mut self.index[i + 1..] {
            later.key_at += grown as u32;
        }
        Ok(())
    }
}

/// Takes one `u16le length, bytes` off the front.
#[inline]
fn counted<'p>(rest: &mut &'p [u8]) -> Result<&'p [u8], VarError> {
    let Some((len, behind)) = rest.split_first_chunk::<2>() else {
        return Err(VarError::Overrun(rest.len()));
    };
    let len = usize::from(u16::from_le_bytes(*len));
    let (bytes, behind) = behind.split_at_checked(len).ok_or(VarError::Overrun(len))?;
    *rest = behind;
    Ok(bytes)
}

fn upper(b: u8) -> u8 {
    let b = b.to_ascii_uppercase();
    if b == b'-' { b'_' } else { b }
}

/// The two headers that CGI names without `HTTP_`.
fn is_bare(name: &[u8]) -> bool {
    match name.len() {
        12 => name.eq_ignore_ascii_case(b"content-type"),
        14 => name.eq_ignore_ascii_case(b"content-length"),
        _ => false,
    }
}

/// One of 64 bits by length and last letters: a cheap "may be there already" that spares the
/// search for almost every header of a request.
fn name_bit(key: &[u8]) -> u64 {
    let tail = key.len().checked_sub(3).map_or(0, |i| u32::from(key[i]));
    let last = key.last().map_or(0, |b| u32::from(*b));
    1 << ((key.len() as u32 * 5 + tail * 3 + last * 11) & 63)
}

#[cfg(test)]
#[path = "vars_test.rs"]
mod tests;
