//! Pairs of a name and a value as FastCGI writes them: both lengths in one byte or four, then both
//! texts.

use super::FastcgiError;
use crate::VarBlock;

/// Adds every pair of `stream` to `out`.
pub(super) fn load(stream: &[u8], out: &mut VarBlock) -> Result<(), FastcgiError> {
    let mut rest = stream;
    while !rest.is_empty() {
        let (name, value, behind) = pair(rest)?;
        out.push(name, value)?;
        rest = behind;
    }
    Ok(())
}

/// The first pair and what stands behind it.
pub(super) fn pair(bytes: &[u8]) -> Result<(&[u8], &[u8], &[u8]), FastcgiError> {
    let (name, rest) = length(bytes)?;
    let (value, rest) = length(rest)?;
    let (name, rest) = rest.split_at_checked(name).ok_or(FastcgiError::Overrun)?;
    let (value, rest) = rest.split_at_checked(value).ok_or(FastcgiError::Overrun)?;
    Ok((name, value, rest))
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
