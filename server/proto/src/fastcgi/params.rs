//! Pairs of a name and a value as FastCGI writes them: both lengths in one byte or four, then both
//! texts.

use super::FastcgiError;
use crate::VarBlock;

/// Adds every pair of `stream` to `out`.
pub(super) fn load(stream: &[u8], out: &mut VarBlock) -> Result<(), FastcgiError> {
    let mut rest = stream;
    while !rest.is_empty() {
        let pair = pair(rest)?;
        out.push(pair.name, pair.value)?;
        rest = pair.behind;
    }
    Ok(())
}

/// A pair, and the bytes behind it.
pub(super) struct Pair<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) behind: &'a [u8],
}

/// The first pair of `bytes`.
pub(super) fn pair(bytes: &[u8]) -> Result<Pair<'_>, FastcgiError> {
    let (name, rest) = length(bytes)?;
    let (value, rest) = length(rest)?;
    let (name, rest) = rest.split_at_checked(name).ok_or(FastcgiError::Overrun)?;
    let (value, behind) = rest.split_at_checked(value).ok_or(FastcgiError::Overrun)?;
    Ok(Pair { name, value, behind })
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), FastcgiError> {
    match bytes {
        [short @ 0..=127, rest @ ..] => Ok((usize::from(*short), rest)),
        [a, b, c, d, rest @ ..] => {
            let long = u32::from_be_bytes([*a & 0x7f, *b, *c, *d]);
            Ok((usize::try_from(long).unwrap_or(usize::MAX), rest))
        }
        _ => Err(FastcgiError::Overrun),
    }
}

/// Appends a pair with lengths of one byte; names and values of this server are short.
pub(super) fn push(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend([name.len() as u8 & 0x7f, value.len() as u8 & 0x7f]);
    out.extend(name);
    out.extend(value);
}
