//! Streams read to their end: whole up to a limit, or copied piece by piece.
//!
//! It refuses to keep what is larger than any configuration: a device or a command that never
//! ends is a fault that says so, not a machine without memory.

use std::io::{self, Read, Write};

use uwsgi_config::{SourceError, plain};

/// The most that one source of a configuration may hold. The largest real ones have a few hundred
/// KiB.
pub(super) const LIMIT: usize = 64 << 20;

/// Bytes of a copy that are in memory at once.
const PIECE: usize = 64 << 10;

/// Everything from `stream`, which ends by itself.
pub(super) fn whole(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

/// The error of a source that is larger than [`LIMIT`].
pub(super) fn too_large() -> io::Error {
    let text = format!("it holds more than {} MiB, the most that is read", LIMIT >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// Hands on everything from `stream`, which is called `what`, however much it is; the answer is
/// how much it was.
pub(super) fn copy(
    what: &str,
    stream: &mut impl Read,
    out: &mut impl Write,
) -> Result<u64, SourceError> {
    let (mut buffer, mut sum) = (vec![0; PIECE], 0);
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(sum),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(SourceError::open(what, &error)),
        };
        write(out, &buffer[..count])?;
        sum += count as u64;
    }
}

/// Writes all of `bytes`.
pub(super) fn write(out: &mut impl Write, bytes: &[u8]) -> Result<(), SourceError> {
    let failed = |error: io::Error| SourceError::new(format!("write(): {}", plain(&error)));
    out.write_all(bytes).and_then(|()| out.flush()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_and_nothing_beyond_it() {
        let limit = LIMIT as u64;
        assert_eq!(whole(&mut io::repeat(b'x').take(limit)).unwrap().len(), LIMIT);
        let error = whole(&mut io::repeat(b'x')).unwrap_err();
        assert_eq!(error.to_string(), "it holds more than 64 MiB, the most that is read");
    }

    #[test]
    fn a_copy_has_no_limit_and_says_which_side_failed() {
        let size = LIMIT as u64 + 1;
        let count = copy("x", &mut io::repeat(b'x').take(size), &mut io::sink());
        assert_eq!(count, Ok(size));
        let full = copy("x", &mut io::repeat(b'x'), &mut [0; 3].as_mut_slice());
        assert_eq!(full.unwrap_err().text, "write(): failed to write whole buffer");
        let directory = &mut std::fs::File::open("/").unwrap();
        let error = copy("the root", directory, &mut io::sink()).unwrap_err();
        assert!(error.text.starts_with("open(\"the root\"): "), "{error:?}");
    }
}
