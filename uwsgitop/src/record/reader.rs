//! A recording opened for reading: an index of its blocks, each read when it is wanted.
//!
//! Owns the file and finds blocks again behind damage. Memory is that of the index, 32 bytes for
//! each reading; a picture is in memory while it is looked at.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::format::{Entry, HEAD, Head, MAGIC, MARK, decode};

/// Bytes searched at once for the next block behind damage.
const CHUNK: usize = 64 << 10;

/// Where a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where its body begins.
    pub(super) body: u64,
    /// Bytes of the body.
    pub(super) length: u32,
    /// Number of the source.
    pub(crate) source: u16,
    /// Moment of the reading, epoch microseconds; never before that of the block before, so that
    /// a clock that was put back does not turn the replay round.
    pub(crate) moment: u64,
}

/// A recording.
#[derive(Debug)]
pub(crate) struct Recording {
    file: File,
    /// The blocks in their order.
    places: Vec<Place>,
    /// Behind the last whole block.
    end: u64,
    /// Places in the file where something else than a block is.
    damages: u64,
}

impl Recording {
    /// Opens the file and looks for its blocks; damage is no error.
    ///
    /// # Errors
    /// A sentence, when the file cannot be read or is no recording.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::of(file).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The same of a file that is open.
    ///
    /// # Errors
    /// Those of reading, and one that says that the file is no recording.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        if let Some(reason) = refusal(&file)? {
            return Err(io::Error::other(reason));
        }
        let mut recording = Self { file, places: Vec::new(), end: MAGIC.len() as u64, damages: 0 };
        recording.grow()?;
        Ok(recording)
    }

    /// Looks for blocks that came to the end since; true when there are some.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn grow(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        let before = self.places.len();
        let mut at = self.end;
        while let Some(next) = self.block_at(at, length)? {
            if next.0 > at {
                self.damages = self.damages.saturating_add(1);
            }
            at = self.keep(next);
        }
        Ok(self.places.len() > before)
    }

    /// The first whole block at `at` or behind damage: where its head begins, and the head.
    fn block_at(&self, mut at: u64, length: u64) -> io::Result<Option<(u64, Head)>> {
        while at.saturating_add(HEAD as u64) <= length {
            let mut bytes = [0; HEAD];
            self.file.read_exact_at(&mut bytes, at)?;
            match Head::parse(&bytes) {
                Some(head) if at + HEAD as u64 + u64::from(head.length) <= length => {
                    return Ok(Some((at, head)));
                }
                // It runs over the end: cut, or still being written.
                Some(_) | None => match self.mark_behind(at + 1)? {
                    Some(next) => at = next,
                    None => return Ok(None),
                },
            }
        }
        Ok(None)
    }

    fn mark_behind(&self, mut at: u64) -> io::Result<Option<u64>> {
        // Where one mark is, another may be near, as in a file that has nothing but marks.
        let mut chunk = vec![0; HEAD];
        loop {
            let read = self.file.read_at(&mut chunk, at)?;
            let seen = chunk.get(..read).unwrap_or_default();
            if let Some(found) = seen.windows(MARK.len()).position(|four| four == MARK) {
                return Ok(Some(at + found as u64));
            }
            if read < MARK.len() {
                return Ok(None);
            }
            // A mark may lie on the border of two chunks.
            at += (read + 1 - MARK.len()) as u64;
            chunk.resize((chunk.len() * 8).min(CHUNK), 0);
        }
    }

    fn keep(&mut self, (at, head): (u64, Head)) -> u64 {
        let body = at + HEAD as u64;
        let earliest = self.places.last().map_or(0, |last| last.moment);
        self.places.push(Place {
            body,
            length: head.length,
            source: head.source,
            moment: head.moment.max(earliest),
        });
        self.end = body + u64::from(head.length);
        self.end
    }

    /// The blocks in their order.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Places in the file where something else than a block is.
    pub(crate) fn damages(&self) -> u64 {
        self.damages
    }

    /// Behind the last whole block, in bytes from the beginning of the file.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Name and host of each source, by its number; empty where no block of it is whole.
    pub(crate) fn sources(&self) -> Vec<(String, String)> {
        let count = self.places.iter().map(|place| usize::from(place.source) + 1).max();
        let mut sources = vec![None; count.unwrap_or(0)];
        for place in &self.places {
            if let Some(source @ None) = sources.get_mut(usize::from(place.source)) {
                *source = self.read(*place).ok().map(|entry| (entry.name, entry.host));
            }
        }
        sources.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Reads the block at `place`.
    ///
    /// # Errors
    /// A sentence, when it is damaged or cannot be read.
    pub(crate) fn read(&self, place: Place) -> Result<Entry, String> {
        let mut body = vec![0; place.length as usize];
        self.file.read_exact_at(&mut body, place.body).map_err(|error| error.to_string())?;
        decode(&body)
    }
}

/// Why the file is no recording; `None` when it is one.
fn refusal(file: &File) -> io::Result<Option<&'static str>> {
    if !file.metadata()?.is_file() {
        return Ok(Some("no file, a recording is one"));
    }
    let mut first = vec![0; MAGIC.len()];
    let read = file.read_at(&mut first, 0)?;
    first.truncate(read);
    let name: &[u8] = b"uwsgitop-recording ";
    Ok(match first {
        first if first == MAGIC => None,
        first if read == MAGIC.len() && first.starts_with(name) => {
            Some("a recording of another version of uwsgitop")
        }
        _ => Some("no recording of uwsgitop, --record makes one"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::format::{Told, encode};
    use std::io::Write;

    /// A file without a name that holds these bytes.
    pub(crate) fn file(bytes: &[u8]) -> File {
        let mut file = tempfile();
        file.write_all(bytes).unwrap();
        file
    }

    fn tempfile() -> File {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        File::from(rustix::fs::memfd_create("recording", flags).unwrap())
    }

    fn block(number: u64) -> Vec<u8> {
        let told = Told::Failure(format!("reading {number}"));
        encode(0, number * 1_000_000, &Entry { told, ..Entry::default() }).unwrap()
    }

    fn whole(count: u64) -> Vec<u8> {
        (0..count).fold(MAGIC.to_vec(), |bytes, number| [bytes, block(number)].concat())
    }

    fn moments(recording: &Recording) -> Vec<u64> {
        recording.places().iter().map(|place| place.moment / 1_000_000).collect()
    }

    #[test]
    fn a_file_of_marks_alone_is_read_soon() {
        let bytes = [MAGIC, &MARK.repeat(200_000)].concat();
        let recording = Recording::of(file(&bytes)).unwrap();
        assert_eq!((recording.places().len(), recording.damages()), (0, 0));
    }

    #[test]
    fn every_block_is_found_and_read() {
        let recording = Recording::of(file(&whole(3))).unwrap();
        assert_eq!((moments(&recording), recording.damages()), (vec![0, 1, 2], 0));
        let read = recording.read(recording.places()[1]).unwrap();
        assert_eq!(read.told, Told::Failure("reading 1".into()));
    }

    #[test]
    fn cut_anywhere_it_is_readable_to_its_last_whole_block() {
        let bytes = whole(3);
        let ends: Vec<usize> = (0..=3).map(|count| whole(count).len()).collect();
        for length in 0..=bytes.len() {
            let read = Recording::of(file(&bytes[..length]));
            let whole = ends.iter().rposition(|end| *end <= length);
            match (read, whole) {
                (Ok(recording), Some(count)) => {
                    assert_eq!(recording.places().len(), count, "cut at {length}");
                    assert_eq!(recording.end() as usize, ends[count], "cut at {length}");
                    assert_eq!(recording.damages(), 0, "a cut is no damage, at {length}");
                }
                (Err(error), None) => assert!(error.to_string().contains("no recording")),
                (read, _) => panic!("cut at {length}: {read:?}"),
            }
        }
    }

    #[test]
    fn blocks_behind_damage_are_found() {
        let mut bytes = whole(1);
        bytes.extend(vec![7; CHUNK - 2 - bytes.len() + MAGIC.len()]);
        bytes.extend(block(1));
        bytes.extend(MARK);
        bytes.extend(block(2));
        let recording = Recording::of(file(&bytes)).unwrap();
        assert_eq!((moments(&recording), recording.damages()), (vec![0, 1, 2], 2));
    }

    #[test]
    fn a_damaged_body_costs_one_block() {
        let mut bytes = whole(3);
        let at = whole(1).len() + HEAD + 10;
        bytes[at] ^= 0xff;
        let recording = Recording::of(file(&bytes)).unwrap();
        let read: Vec<bool> =
            recording.places().iter().map(|place| recording.read(*place).is_ok()).collect();
        assert_eq!(read, [true, false, true]);
    }

    #[test]
    fn a_recording_that_grows_is_followed() {
        let mut written = file(&whole(1));
        let mut recording = Recording::of(written.try_clone().unwrap()).unwrap();
        assert!(!recording.grow().unwrap());
        let next = block(1);
        written.write_all(&next[..30]).unwrap();
        assert!(!recording.grow().unwrap(), "half a block is none");
        written.write_all(&next[30..]).unwrap();
        assert!(recording.grow().unwrap());
        assert_eq!((moments(&recording), recording.damages()), (vec![0, 1], 0));
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_turn_time() {
        let bytes = [MAGIC, &block(5), &block(3), &block(6)].concat();
        assert_eq!(moments(&Recording::of(file(&bytes)).unwrap()), [5, 5, 6]);
    }

    #[test]
    fn other_files_are_named() {
        for (bytes, part) in [
            (&b""[..], "no recording"),
            (b"{\n\t\"version\":\"2.0.31\",\n\t\"workers\":[]}", "no recording"),
            (b"uwsgitop-recording 2\nxxxx", "another version"),
        ] {
            let error = Recording::of(file(bytes)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
