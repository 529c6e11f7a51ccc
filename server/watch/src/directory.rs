//! The metrics directory: one file of one page for each metric, with its value as a line.
//!
//! The line and its padding are replaced by a single write of less than a cache line, so a reader
//! sees the old number or the new one. A file that somebody removed is made again when its value
//! changes next. It refuses to know where values come from.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uwsgi_metrics::schema::{Selector, select};
use uwsgi_metrics::{Snapshot, View};

use crate::collector::number;

/// Bytes of a file: a page, mapped by those who knew the original.
pub const PAGE: u64 = 4096;

/// Bytes of the longest line, padded: what a write replaces.
const LINE: usize = 24;

/// A value to be written.
pub type Change = (Arc<str>, i64);

/// The files of an instance, and what is in them.
#[derive(Debug)]
pub struct Directory {
    path: Arc<Path>,
    files: Vec<(Arc<str>, Selector, Option<i64>)>,
}

impl Directory {
    /// The directory with a file for each of these metrics.
    pub fn new<'a>(
        path: &Path,
        names: impl IntoIterator<Item = &'a str>,
        view: &View,
    ) -> Directory {
        let file = |name: &str| Some((name.into(), select(view, name.as_bytes())?, None));
        Directory { path: path.into(), files: names.into_iter().filter_map(file).collect() }
    }

    /// Where it is.
    pub fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// What differs from what was taken last; from now on it counts as written.
    pub fn changes(&mut self, view: &View, snapshot: &Snapshot) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, selector, last) in &mut self.files {
            let value = selector.read(view, snapshot);
            if last.replace(value) != Some(value) {
                changes.push((Arc::clone(name), value));
            }
        }
        changes
    }

    /// A value that could not be written is a change again.
    pub fn forget(&mut self, name: &str) {
        self.files.iter_mut().filter(|file| &*file.0 == name).for_each(|file| file.2 = None);
    }
}

/// Writes one value.
///
/// # Errors
/// Those of opening and writing the file, with its path.
pub fn write(directory: &Path, name: &str, value: i64) -> Result<(), (PathBuf, io::Error)> {
    let path = directory.join(name);
    let written = open(&path).and_then(|file| put(&file, value));
    written.map_err(|e| (path, e))
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe in the place of the file is an error, not a wait for its reader.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o640).custom_flags(flags);
    let file = options.open(path)?;
    if file.metadata()?.len() != PAGE {
        file.set_len(PAGE)?;
    }
    Ok(file)
}

fn put(file: &File, value: i64) -> io::Result<()> {
    let mut line = [0; LINE];
    let digits = format!("{value}\n");
    line[..digits.len()].copy_from_slice(digits.as_bytes());
    file.write_all_at(&line, 0)
}

/// The number in a file, if there is one.
pub fn read(directory: &Path, name: &str) -> Option<i64> {
    let bytes = crate::collector::outside::content(directory.join(name), PAGE).ok()?;
    let digits = bytes.strip_prefix(b"-").unwrap_or(&bytes);
    digits.first().filter(|b| b.is_ascii_digit())?;
    Some(number::prefix(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use uwsgi_metrics::{Arena, Kind, Shape};

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let path =
                std::env::temp_dir().join(format!("uwsgi-dir-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_a_page_with_a_line() {
        let scratch = Scratch::new("page");
        for value in [0, -7, 1000, 3, i64::MIN, i64::MAX, 12] {
            write(&scratch.0, "m", value).unwrap();
            let bytes = fs::read(scratch.0.join("m")).unwrap();
            let mut expected = format!("{value}\n").into_bytes();
            expected.resize(4096, 0);
            assert!(bytes == expected, "{value}");
            assert_eq!(read(&scratch.0, "m"), Some(value));
        }
        let mode = fs::metadata(scratch.0.join("m")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    }

    #[test]
    fn files_that_are_there_keep_their_mode() {
        let scratch = Scratch::new("mode");
        fs::write(scratch.0.join("m"), "55 and more").unwrap();
        fs::set_permissions(scratch.0.join("m"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&scratch.0, "m"), Some(55));
        write(&scratch.0, "m", 1).unwrap();
        let meta = fs::metadata(scratch.0.join("m")).unwrap();
        assert_eq!((meta.len(), meta.permissions().mode() & 0o777), (4096, 0o600));
    }

    #[test]
    fn what_is_no_number_is_not_restored() {
        let scratch = Scratch::new("read");
        for (text, expected) in
            [("", None), ("\0\0", None), ("x", None), ("-\n", None), ("-4\n", Some(-4))]
        {
            fs::write(scratch.0.join("m"), text).unwrap();
            assert_eq!(read(&scratch.0, "m"), expected, "{text:?}");
        }
        assert_eq!(read(&scratch.0, "none"), None);
    }

    #[test]
    fn only_changes_are_written_and_lost_files_come_back() {
        let shape = Shape { workers: 1, cores: 1, metrics: 4, vars: 128, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        arena.register_metric("m", Kind::Counter, "", 4).unwrap();
        let scratch = Scratch::new("changes");
        let mut directory = Directory::new(&scratch.0, ["m", "worker.1.requests", "none"], &arena);
        let mut round = || directory.changes(&arena, &arena.snapshot());
        assert_eq!(round(), [("m".into(), 4), ("worker.1.requests".into(), 0)]);
        assert_eq!(round(), []);
        arena.core(1, 0).requests.add(2);
        assert_eq!(round(), [("worker.1.requests".into(), 2)]);
        directory.forget("m");
        assert_eq!(directory.changes(&arena, &arena.snapshot()), [("m".into(), 4)]);
    }

    #[test]
    fn what_cannot_be_a_file_is_an_error_with_its_path() {
        let scratch = Scratch::new("errors");
        fs::create_dir(scratch.0.join("m")).unwrap();
        let (path, _) = write(&scratch.0, "m", 1).unwrap_err();
        assert_eq!(path, scratch.0.join("m"));
    }

    /// Readers beside a writer see whole numbers only.
    #[test]
    fn no_number_is_torn() {
        const VALUES: [i64; 3] = [1_000_000_000_000_000_000, 999_999_999_999_999_999, -5];
        let scratch = Scratch::new("torn");
        write(&scratch.0, "m", VALUES[0]).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        let order = std::sync::atomic::Ordering::Relaxed;
        let reads = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reads = 0_u32;
                while !done.load(order) || reads < 1000 {
                    let value = read(&scratch.0, "m").unwrap();
                    assert!(VALUES.contains(&value), "{value} was never written");
                    reads += 1;
                }
                reads
            });
            for value in VALUES.iter().cycle().take(20_000) {
                write(&scratch.0, "m", *value).unwrap();
            }
            done.store(true, order);
            reader.join().unwrap()
        });
        assert!(reads >= 1000, "{reads}");
    }
}
