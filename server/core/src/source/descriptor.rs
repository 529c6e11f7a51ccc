//! `fd://N` and `-`: what a descriptor of this process gives until its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use uwsgi_sys::fd;

/// Everything from descriptor `number` on. A regular file is left at the place where it was, so
/// that another section of it, or the next image after a reload, reads the same again.
pub(super) fn read(number: &str) -> io::Result<Vec<u8>> {
    let bad = |_| io::Error::new(io::ErrorKind::InvalidInput, "fd:// wants a number");
    let number = number.parse().map_err(bad)?;
    let mut file = File::from(fd::duplicate(number)?);
    let start = file.stream_position().ok();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if let Some(start) = start {
        file.seek(SeekFrom::Start(start))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn files_are_read_from_where_they_are_and_pipes_to_their_end() {
        let path = std::env::temp_dir().join(format!("uwsgi-fd-{}", std::process::id()));
        std::fs::write(&path, "skip[uwsgi]").unwrap();
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        let number = file.as_raw_fd().to_string();
        assert_eq!(read(&number).unwrap(), b"[uwsgi]");
        assert_eq!(read(&number).unwrap(), b"[uwsgi]");
        std::fs::remove_file(&path).unwrap();

        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"pushed").unwrap();
        drop(ours);
        assert_eq!(read(&theirs.as_raw_fd().to_string()).unwrap(), b"pushed");
    }

    #[test]
    fn a_number_that_is_none_or_not_open_is_refused() {
        for number in ["", "x", "-1", "900000"] {
            assert!(read(number).is_err(), "{number:?}");
        }
    }
}
