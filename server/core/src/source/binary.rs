//! `data://` and `section://`: what was put into the file of the running binary.
//!
//! Data is appended to the binary, each piece followed by its length, so that it is found from
//! the end; `binary-append-data` prints a piece in that form. A section is one of the ELF file,
//! as `objcopy --add-section` makes it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::FileExt;

use uwsgi_config::{Content, SourceError};

use super::{elf, stream};

/// The running binary, even when its path has been replaced meanwhile.
const BINARY: &str = "/proc/self/exe";

/// Bytes of the length behind each piece.
const TRAILER: u64 = 8;

/// What stands behind a piece of `len` bytes.
pub(super) fn trailer(len: u64) -> [u8; TRAILER as usize] {
    len.to_le_bytes()
}

/// `data://N`: the Nth piece, counted from the end.
pub(super) fn data(slot: &str) -> Result<Content, SourceError> {
    let (mut piece, log) = piece(slot)?;
    let what = format!("data://{slot}");
    let failed = |error| SourceError { log: log.clone(), ..SourceError::open(&what, &error) };
    Ok(Content { bytes: stream::whole(&mut piece).map_err(failed)?, log })
}

/// The Nth piece, ready to be read, and the log lines of finding it.
pub(super) fn piece(slot: &str) -> Result<(Take<File>, Vec<String>), SourceError> {
    let number: u64 = slot.parse().map_err(|_| {
        SourceError::new(format!("data:// wants the number of a slot, \"{slot}\" is none"))
    })?;
    let log = vec![format!("requesting binary data slot {number}")];
    let failed = |text: String| SourceError { log: log.clone(), ..SourceError::new(text) };
    match File::open(BINARY).and_then(|file| find(file, number)) {
        Ok(Some(piece)) => Ok((piece, log)),
        Ok(None) => Err(failed("0 size binary data !!!".into())),
        Err(error) => Err(failed(SourceError::open(BINARY, &error).text)),
    }
}

/// Walks the pieces backwards; `None` where no piece can be.
fn find(mut file: File, number: u64) -> io::Result<Option<Take<File>>> {
    let mut end = file.metadata()?.len();
    let mut left = number;
    loop {
        let Some(trailer) = end.checked_sub(TRAILER) else { return Ok(None) };
        let mut length = [0; TRAILER as usize];
        file.read_exact_at(&mut length, trailer)?;
        let length = u64::from_le_bytes(length);
        let Some(start) = trailer.checked_sub(length).filter(|_| length > 0) else {
            return Ok(None);
        };
        if left == 0 {
            file.seek(SeekFrom::Start(start))?;
            return Ok(Some(file.take(length)));
        }
        (end, left) = (start, left - 1);
    }
}

/// `section://name`: a section of the binary.
pub(super) fn section(name: &str) -> Result<Vec<u8>, SourceError> {
    let file = File::open(BINARY).map_err(|error| SourceError::open(BINARY, &error))?;
    let found = elf::section(&file, name).map_err(|error| SourceError::open(BINARY, &error))?;
    found.ok_or_else(|| {
        let path = std::fs::read_link(BINARY).unwrap_or_default();
        SourceError::new(format!("unable to find section {name} in {}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_counted_from_the_end() {
        let path = std::env::temp_dir().join(format!("uwsgi-data-{}", std::process::id()));
        let mut content = b"\x7fELF and so on\0\0\0\0\0\0\0\0".to_vec();
        for piece in ["first", "second"] {
            content.extend(piece.as_bytes());
            content.extend(trailer(piece.len() as u64));
        }
        std::fs::write(&path, content).unwrap();
        let find = |number| {
            let piece = find(File::open(&path).unwrap(), number).unwrap();
            piece.map(|mut piece| stream::whole(&mut piece).unwrap())
        };
        let wanted: [(u64, Option<&[u8]>); 4] =
            [(0, Some(b"second")), (1, Some(b"first")), (2, None), (3, None)];
        for (number, expected) in wanted {
            assert_eq!(find(number).as_deref(), expected, "{number}");
        }
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert_eq!(find(0), None, "a length beyond the file");
        std::fs::write(&path, "short").unwrap();
        assert_eq!(find(0), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(trailer(3), *b"\x03\0\0\0\0\0\0\0");
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(
            data("x").unwrap_err().text,
            "data:// wants the number of a slot, \"x\" is none"
        );
        let error = data("7").unwrap_err();
        assert_eq!(error.log, ["requesting binary data slot 7"]);
        assert_eq!(error.text, "0 size binary data !!!");
        let error = section(".no such section").unwrap_err();
        assert!(
            error.text.starts_with("unable to find section .no such section in /"),
            "{error:?}"
        );
    }
}
