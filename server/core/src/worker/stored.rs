//! A request body that was received whole before the application runs: where it lies, and how it
//! is read, as often as the application likes.
//!
//! Owns the choice between memory and a temporary file that has no name. It refuses to know what
//! a connection is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, Mode, OFlags, openat, unlinkat};

use crate::policy::Bodies;

/// How bodies are stored (`post-buffering`).
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Bodies of this size and larger go to a file; 0: none is stored.
    pub(crate) threshold: u64,
    /// Bytes taken from the client at a time.
    pub(crate) chunk: usize,
    /// Where temporary files live.
    pub(crate) directory: PathBuf,
    /// Where the progress of uploads is told.
    pub(crate) progress: Option<PathBuf>,
}

impl Plan {
    /// Reads the environment, too: `TMPDIR` names the place.
    pub(crate) fn new(policy: &Bodies) -> Plan {
        let directory = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
        let directory = directory.unwrap_or_else(|| "/tmp".into()).into();
        let progress = policy.progress.clone();
        Plan { threshold: policy.buffering, chunk: policy.chunk, directory, progress }
    }
}

enum Place {
    /// In the input buffer of the connection, from this byte on.
    Input(usize),
    Memory(Vec<u8>),
    File(File),
}

/// See the module.
pub(crate) struct Stored {
    place: Place,
    size: u64,
    at: u64,
}

impl Stored {
    /// A body that lies in the input buffer already.
    pub(crate) fn in_input(start: usize, size: u64) -> Stored {
        Stored { place: Place::Input(start), size, at: 0 }
    }

    /// A body that somebody else has stored.
    pub(crate) fn in_file(file: File, size: u64) -> Stored {
        Stored { place: Place::File(file), size, at: 0 }
    }

    /// Reads on from the current position; 0 at the end.
    pub(crate) fn read(&mut self, input: &[u8], out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let want = out.len().min(left);
        let out = &mut out[..want];
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let n = match &self.place {
            _ if want == 0 => 0,
            Place::Input(start) => copy(&input[start + at..], out),
            Place::Memory(bytes) => copy(&bytes[at..], out),
            Place::File(file) => match file.read_at(out, self.at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => n,
            },
        };
        self.at += n as u64;
        Ok(n)
    }

    /// Moves to a position and answers it; none outside of the body.
    pub(crate) fn seek(&mut self, offset: i64, from_end: bool) -> Option<u64> {
        let base = if from_end { self.size } else { 0 };
        let to = base.checked_add_signed(offset).filter(|to| *to <= self.size)?;
        self.at = to;
        Some(to)
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}

/// Takes a body piece by piece.
pub(crate) struct Sink<'a> {
    plan: &'a Plan,
    memory: Vec<u8>,
    file: Option<File>,
    size: u64,
}

impl Sink<'_> {
    /// `announced`: the size, where it is known.
    pub(crate) fn new(plan: &Plan, announced: Option<u64>) -> io::Result<Sink<'_>> {
        let mut sink = Sink { plan, memory: Vec::new(), file: None, size: 0 };
        match announced {
            Some(size) if size >= plan.threshold => sink.file = Some(temporary(&plan.directory)?),
            Some(size) => sink.memory.reserve_exact(usize::try_from(size).unwrap_or(0)),
            None => {}
        }
        Ok(sink)
    }

    pub(crate) fn in_file(&self) -> bool {
        self.file.is_some()
    }

    /// A body that did not announce how large it is moves to a file when it gets too large.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() && self.size + bytes.len() as u64 >= self.plan.threshold {
            let file = temporary(&self.plan.directory)?;
            file.write_all_at(&self.memory, 0)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &self.file {
            Some(file) => file.write_all_at(bytes, self.size)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn finish(self) -> Stored {
        let place = match self.file {
            Some(file) => Place::File(file),
            None => Place::Memory(self.memory),
        };
        Stored { place, size: self.size, at: 0 }
    }
}

/// A file without a name: it is gone when it is closed, whatever happens to this process.
fn temporary(directory: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let own = Mode::RUSR | Mode::WUSR;
    match openat(CWD, directory, flags | OFlags::TMPFILE, own) {
        Ok(fd) => Ok(fd.into()),
        // Not every filesystem can; what else is wrong with the directory shows now.
        Err(_) => named(directory),
    }
}

/// The same where files must have names: it has one for a moment.
fn named(directory: &Path) -> io::Result<File> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let own = Mode::RUSR | Mode::WUSR;
    let mut last = io::ErrorKind::AlreadyExists.into();
    for _ in 0..100 {
        let path = directory.join(name(NEXT.fetch_add(1, Ordering::Relaxed)));
        match openat(CWD, &path, flags, own) {
            Ok(fd) => {
                unlinkat(CWD, &path, rustix::fs::AtFlags::empty())?;
                return Ok(fd.into());
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(e) => {
                last = e.into();
                break;
            }
        }
    }
    Err(last)
}

/// `uwsgi` and six letters that nobody else is likely to use at this moment.
fn name(nth: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let pid = uwsgi_sys::process::pid().unsigned_abs();
    let mut seed = crate::clock::monotonic_us() ^ u64::from(pid) << 20 ^ u64::from(nth) << 40;
    let mut text = String::from("uwsgi");
    for _ in 0..6 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(LETTERS[(seed >> 59) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(threshold: u64) -> Plan {
        Plan { threshold, chunk: 4, directory: std::env::temp_dir(), progress: None }
    }

    fn stored(threshold: u64, announced: Option<u64>, pieces: &[&[u8]]) -> (bool, Stored) {
        let plan = plan(threshold);
        let mut sink = Sink::new(&plan, announced).unwrap();
        pieces.iter().for_each(|piece| sink.add(piece).unwrap());
        (sink.in_file(), sink.finish())
    }

    fn all(stored: &mut Stored, piece: usize) -> Vec<u8> {
        let (mut out, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            match stored.read(b"", &mut buffer).unwrap() {
                0 => return out,
                n => out.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn what_was_stored_is_read_again_wherever_it_lies() {
        let pieces: [&[u8]; 3] = [b"hello", b" ", b"world"];
        for (threshold, announced, file) in [
            (12, Some(11), false),
            (11, Some(11), true),
            (12, None, false),
            (11, None, true),
            (1, None, true),
        ] {
            let (in_file, mut body) = stored(threshold, announced, &pieces);
            assert_eq!(in_file, file, "{threshold} {announced:?}");
            for piece in 1..13 {
                assert_eq!(all(&mut body, piece), b"hello world");
                assert_eq!(body.seek(0, false), Some(0));
            }
        }
    }

    #[test]
    fn positions_stay_inside_of_the_body() {
        for threshold in [1, 100] {
            let (_, mut body) = stored(threshold, None, &[b"hello world"]);
            assert_eq!(body.seek(6, false), Some(6));
            assert_eq!(all(&mut body, 64), b"world");
            assert_eq!(body.seek(-5, true), Some(6));
            for (offset, from_end) in
                [(-1, false), (12, false), (1, true), (-12, true), (i64::MAX, true)]
            {
                assert_eq!(body.seek(offset, from_end), None, "{offset}");
            }
            assert_eq!(all(&mut body, 64), b"world", "a refused seek moved");
        }
    }

    #[test]
    fn a_file_leaves_no_name_behind_with_or_without_help_of_the_kernel() {
        let directory = std::env::temp_dir().join(format!("uwsgi-stored-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let files = [temporary(&directory).unwrap(), named(&directory).unwrap()];
        let names = std::fs::read_dir(&directory).unwrap().count();
        std::fs::remove_dir(&directory).unwrap();
        assert_eq!(names, 0);
        for file in files {
            file.write_all_at(b"abc", 0).unwrap();
            assert_eq!(file.metadata().unwrap().len(), 3);
        }
        assert!(temporary(&directory).is_err(), "there is no such directory any more");
        let bits: std::collections::HashSet<_> = (0..100).map(name).collect();
        assert!(bits.len() > 90, "names repeat");
    }
}
