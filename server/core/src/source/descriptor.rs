//! `fd://N` and `-`: what a descriptor of this process gives until its end.
//!
//! A pipe gives it once, but a section of it may be asked for again, and so does every reload.
//! Therefore the content stays in memory, in a file without a name that the next image of this
//! process finds in its [`Table`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};
use uwsgi_sys::fd;

use super::stream;
use crate::kept::Table;

/// What was read, by the number of the descriptor.
static READ: Mutex<BTreeMap<i32, File>> = Mutex::new(BTreeMap::new());

fn already() -> MutexGuard<'static, BTreeMap<i32, File>> {
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything from descriptor `number` on, now or when it was read before, be it by the image
/// that left `kept`.
pub(super) fn read(number: &str, kept: &Table) -> io::Result<Vec<u8>> {
    let number = parse(number)?;
    let mut already = already();
    if let Some(file) = already.get(&number) {
        return whole(file);
    }
    if let Some(file) = kept.copy(&key(number)) {
        let file = File::from(file);
        let bytes = whole(&file)?;
        already.insert(number, file);
        return Ok(bytes);
    }
    let bytes = stream::whole(&mut File::from(fd::duplicate(number)?))?;
    already.insert(number, memory(&bytes)?);
    Ok(bytes)
}

/// Descriptor `number` itself, unless it was read before: for who needs its bytes only once.
pub(super) fn unread(number: &str, kept: &Table) -> Option<File> {
    let number = parse(number).ok()?;
    if already().contains_key(&number) || kept.copy(&key(number)).is_some() {
        return None;
    }
    fd::duplicate(number).ok().map(File::from)
}

fn parse(number: &str) -> io::Result<i32> {
    let bad = |_| io::Error::new(io::ErrorKind::InvalidInput, "fd:// wants a number");
    number.parse().map_err(bad)
}

/// Where the table of the next image has what descriptor `number` gave.
fn key(number: i32) -> String {
    format!("source:{number}")
}

fn memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"uwsgi-source", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

fn whole(file: &File) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// What was read, under the keys of the next image's table.
pub(crate) fn for_next_image() -> Vec<(String, OwnedFd)> {
    let copy = |(number, file): (&i32, &File)| Some((key(*number), file.try_clone().ok()?.into()));
    already().iter().filter_map(copy).collect()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_stream_is_read_once_and_known_from_then_on() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"pushed").unwrap();
        drop(ours);
        let number = theirs.as_raw_fd();
        assert!(unread(&number.to_string(), &Table::default()).is_some());
        for _ in 0..2 {
            assert_eq!(read(&number.to_string(), &Table::default()).unwrap(), b"pushed");
        }
        assert!(unread(&number.to_string(), &Table::default()).is_none());
        let next = for_next_image();
        let (_, file) = next.into_iter().find(|(name, _)| *name == key(number)).unwrap();
        assert_eq!(whole(&file.into()).unwrap(), b"pushed");
    }

    #[test]
    fn a_number_that_is_none_or_not_open_is_refused() {
        for number in ["", "x", "-1", "900000"] {
            assert!(read(number, &Table::default()).is_err(), "{number:?}");
        }
    }
}
