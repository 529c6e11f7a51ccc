//! One RRD file on disk: made whole or not at all, locked and rewritten in place.
//!
//! The lock is the one that rrdtool takes (POSIX, the whole file). Rows are written before the head
//! that points at them, so that whoever dies in between leaves the file of before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};
use uwsgi_net::plain;

use super::layout::{self, Shape, State, USUAL_HEAD};
use super::update::{Row, update};

/// Why a file was not updated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Somebody else writes to it at this moment.
    Locked,
    /// Anything else.
    Other(String),
}

/// Makes a file that is not there yet; true when it was made.
///
/// # Errors
/// The system's word for it.
pub(super) fn create(path: &Path, shape: &Shape, at: u64) -> io::Result<bool> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let mut own = path.as_os_str().to_owned();
    own.push(format!(".{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o666).open(&own)?;
    let made = file.write_all(&shape.file(at, seed(path))).and_then(|()| fs::hard_link(&own, path));
    fs::remove_file(&own)?;
    match made {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

/// A number that differs from file to file and is the same every time.
fn seed(path: &Path) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold) >> 8
}

/// Updates a file with a value at a time (epoch microseconds).
pub(super) fn write(path: &Path, at_us: u64, value: i64) -> Result<(), Refused> {
    let failed = |e: io::Error| Refused::Other(plain(&e));
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Err(Refused::Locked),
        Err(e) => return Err(failed(e.into())),
    }
    let mut head = read_head(&file).map_err(failed)?;
    let odd = |why: &str| Refused::Other(why.to_owned());
    let shape = layout::shape(&head).map_err(odd)?;
    if file.metadata().map_err(failed)?.len() < shape.size() {
        return Err(odd("is too short"));
    }
    let live = &mut head[shape.live()..shape.rows()];
    let mut state =
        State::load(&shape, live).ok_or_else(|| odd("has a head that makes no sense"))?;
    let rows = update(&shape, &mut state, at_us, value).map_err(Refused::Other)?;
    state.store(live);
    for (place, bytes) in runs(&shape, &rows) {
        file.write_all_at(&bytes, place).map_err(failed)?;
    }
    file.write_all_at(live, shape.live() as u64).map_err(failed)
}

/// Everything in front of the rows, and perhaps more.
fn read_head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = read(file, USUAL_HEAD)?;
    if let Ok(size) = layout::head_size(&head)
        && size > head.len()
    {
        head = read(file, size)?;
    }
    Ok(head)
}

fn read(file: &File, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while let n @ 1.. = file.read_at(&mut bytes[filled..], filled as u64)? {
        filled += n;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The rows as places and bytes; neighbours are written at once.
fn runs(shape: &Shape, rows: &[Row]) -> Vec<(u64, Vec<u8>)> {
    let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
    for (archive, row, value) in rows {
        let place = shape.rows_of(*archive) + row * 8;
        match runs.last_mut() {
            Some((start, bytes)) if *start + bytes.len() as u64 == place => {
                bytes.extend_from_slice(&value.to_ne_bytes());
            }
            _ => runs.push((place, value.to_ne_bytes().to_vec())),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::super::layout::Source;
    use super::super::layout::tests::usual;
    use super::*;

    #[test]
    fn a_file_is_made_once_and_updated() {
        let home = super::super::against_tests::home("disk");
        let path = home.join("g.rrd");
        let shape = usual(Source::Gauge);
        assert!(create(&path, &shape, 1_000_000_000).unwrap());
        assert!(!create(&path, &shape, 2_000_000_000).unwrap());
        write(&path, 1_000_000_010_000_000, 5).unwrap();
        let again = write(&path, 1_000_000_010_000_000, 5).unwrap_err();
        let Refused::Other(text) = again else { panic!("{again:?}") };
        assert_eq!(
            text,
            "illegal attempt to update using time 1000000010 when last update time is 1000000010 (minimum one second step)"
        );
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "nothing is left beside it");
        fs::write(&path, b"nonsense").unwrap();
        assert_eq!(write(&path, 1, 1), Err(Refused::Other("is not an RRD file".into())));
        fs::write(&path, &shape.file(1, 1)[..5519]).unwrap();
        assert_eq!(write(&path, 2_000_000, 1), Err(Refused::Other("is too short".into())));
        fs::remove_dir_all(home).unwrap();
    }
}
