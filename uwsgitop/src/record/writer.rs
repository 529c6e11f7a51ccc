//! A recording opened for writing.
//!
//! Owns the file: readable by its owner alone, locked against a second writer, each block written
//! as a whole or taken back.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::format::{Entry, MAGIC, Told, encode};
use super::reader::Recording;
use super::trails::Shortener;

/// Most sources of one recording.
const MOST_SOURCES: usize = u16::MAX as usize;

/// The file and what is known of it.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    file: File,
    /// Behind the last whole block.
    end: u64,
    /// Name and host of each source, by its number.
    sources: Vec<(String, String)>,
    /// What this program has told of the past of each of them.
    past: BTreeMap<u16, Shortener>,
}

impl Writer {
    /// Begins a recording, or continues the one that is there from its last whole block on.
    ///
    /// # Errors
    /// A sentence naming the file: it cannot be written, is no recording, or somebody records
    /// into it now.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(named(&"no file, a recording is one"));
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| named(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(named(&"another uwsgitop records into it, name another file"));
            }
            Err(TryLockError::Error(error)) => return Err(named(&error)),
        }
        let (end, sources) = begin(&mut file).map_err(|error| named(&error))?;
        Ok(Self { path: path.to_owned(), file, end, sources, past: BTreeMap::new() })
    }

    /// Bytes of the recording.
    pub(crate) fn size(&self) -> u64 {
        self.end
    }

    /// Adds one reading.
    ///
    /// # Errors
    /// A sentence naming the file; what was written of the block is taken back.
    pub(crate) fn put(&mut self, moment: u64, mut entry: Entry) -> Result<(), String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", self.path.display());
        let source = number(&mut self.sources, &entry).map_err(|error| named(&error))?;
        if let Told::Picture(picture) = &mut entry.told {
            self.past.entry(source).or_default().shorten(moment, picture);
        }
        let block = encode(source, moment, &entry).map_err(|error| named(&error))?;
        match self.file.write_all(&block) {
            Ok(()) => {
                self.end = self.end.saturating_add(block.len() as u64);
                Ok(())
            }
            Err(error) => {
                // A reader passes over half a block, so a failure here costs nothing but its room.
                let _ = self.file.set_len(self.end);
                Err(named(&error))
            }
        }
    }
}

/// Writes the first line, or finds the end and the sources of what is there.
fn begin(file: &mut File) -> io::Result<(u64, Vec<(String, String)>)> {
    let mut first = vec![0; MAGIC.len()];
    let read = file.read_at(&mut first, 0)?;
    // Nothing, or a first line that a full disk has cut.
    if read < MAGIC.len() && MAGIC.starts_with(first.get(..read).unwrap_or_default()) {
        file.set_len(0)?;
        file.write_all(MAGIC)?;
        return Ok((MAGIC.len() as u64, Vec::new()));
    }
    let recording = Recording::of(file.try_clone()?)?;
    file.set_len(recording.end())?;
    Ok((recording.end(), recording.sources()))
}

/// The number of the source, a new one for one that is not known yet.
fn number(sources: &mut Vec<(String, String)>, entry: &Entry) -> Result<u16, String> {
    let same = |known: &(String, String)| known.0 == entry.name && known.1 == entry.host;
    let number = match sources.iter().position(same) {
        Some(number) => number,
        None if sources.len() < MOST_SOURCES => {
            sources.push((entry.name.clone(), entry.host.clone()));
            sources.len() - 1
        }
        None => return Err(format!("more than {MOST_SOURCES} sources")),
    };
    u16::try_from(number).map_err(|error| error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::format::Told;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// A folder that is gone with the test.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let name = format!("uwsgitop-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn entry(name: &str, reading: u64) -> Entry {
        let told = Told::Failure(format!("reading {reading}"));
        Entry { name: name.into(), host: "h".into(), told }
    }

    #[test]
    fn a_recording_is_private_and_continued_with_the_numbers_it_has() {
        let folder = Folder::new("continued");
        let path = folder.0.join("r");
        let mut writer = Writer::open(&path).unwrap();
        writer.put(1, entry("a", 0)).unwrap();
        writer.put(2, entry("b", 1)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let busy = Writer::open(&path).unwrap_err();
        assert!(busy.contains("another uwsgitop"), "{busy}");
        let size = writer.size();
        drop(writer);
        // A crash left half a block.
        let cut = [fs::read(&path).unwrap(), MARKED.to_vec()].concat();
        fs::write(&path, cut).unwrap();
        let mut writer = Writer::open(&path).unwrap();
        assert_eq!(writer.size(), size);
        for (moment, name) in [(3, "b"), (4, "c"), (5, "a")] {
            writer.put(moment, entry(name, moment)).unwrap();
        }
        let recording = Recording::open(&path).unwrap();
        let seen: Vec<_> = recording.places().iter().map(|p| (p.source, p.moment)).collect();
        assert_eq!(seen, [(0, 1), (1, 2), (1, 3), (2, 4), (0, 5)]);
        assert_eq!((recording.damages(), recording.end()), (0, writer.size()));
        let names: Vec<String> = recording.sources().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    const MARKED: &[u8] = b"\x9eTOP\x00\x00 half";

    #[test]
    fn another_file_is_never_touched() {
        let folder = Folder::new("foreign");
        let path = folder.0.join("notes");
        fs::write(&path, "dear diary").unwrap();
        let error = Writer::open(&path).unwrap_err();
        assert!(error.contains("no recording") && error.contains("notes"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"dear diary");
        fs::write(&path, &MAGIC[..9]).unwrap();
        assert_eq!(Writer::open(&path).unwrap().size(), MAGIC.len() as u64, "begun and cut");
        assert!(Writer::open(&folder.0).unwrap_err().contains("no file"));
        assert!(Writer::open(&folder.0.join("no/where")).is_err());
    }

    /// A recording on a disk that has no room left.
    pub(crate) fn full() -> Writer {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        Writer { path: "f".into(), file, end: 0, sources: Vec::new(), past: BTreeMap::new() }
    }

    #[test]
    fn a_full_disk_takes_the_half_block_back() {
        let mut writer = full();
        let error = writer.put(1, entry("a", 0)).unwrap_err();
        assert!(error.starts_with("f: ") && error.contains("space"), "{error}");
        assert_eq!(writer.size(), 0);
    }
}
