//! Which of a process's descriptors is its arena.
//!
//! Knows both homes of an arena: anonymous memory, by its name, and the file of `metrics-arena`, by
//! its first bytes. Only regular files of the size of an arena are opened to look.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// What the link of anonymous memory begins with.
const MEMORY: &str = "/memfd:uwsgi-metrics";

/// The first bytes of every arena.
const MAGIC: &[u8; 8] = b"UWSGIARN";

/// No arena is smaller.
const SMALLEST: u64 = 64 << 10;

/// An arena that a process has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The descriptor, to be opened while the process lives.
    pub(crate) path: PathBuf,
    /// Device and inode: the same of all processes that share it.
    pub(crate) id: (u64, u64),
}

/// The arena that this process has open, if any.
///
/// # Errors
/// Why its descriptors cannot be looked at.
pub(crate) fn find(pid: u32) -> io::Result<Option<Found>> {
    let mut file = None;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        let Ok(target) = fs::read_link(&path) else { continue };
        let memory = target.to_string_lossy().starts_with(MEMORY);
        if !memory && (file.is_some() || !may_be_file(&target)) {
            continue;
        }
        let Ok(meta) = fs::metadata(&path) else { continue };
        // Names prove nothing: a pipe of that name would be waited for.
        if !meta.is_file() {
            continue;
        }
        let found = Found { id: (meta.dev(), meta.ino()), path };
        if memory {
            return Ok(Some(found));
        }
        let sized = meta.len() >= SMALLEST && meta.len().is_multiple_of(4096);
        if sized && begins_as_arena(&found.path) {
            file = Some(found);
        }
    }
    Ok(file)
}

/// Sockets, pipes and the like have links that are no paths; devices are not opened to look.
fn may_be_file(target: &Path) -> bool {
    let elsewhere = ["/dev/null", "/dev/pts", "/proc", "/sys", "/memfd:"];
    target.is_absolute()
        && !elsewhere.iter().any(|place| target.to_string_lossy().starts_with(place))
}

fn begins_as_arena(path: &Path) -> bool {
    let mut bytes = [0; 8];
    // Another file may have taken its place since it was looked at.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map(File::from);
    file.map_err(io::Error::from).and_then(|mut file| file.read_exact(&mut bytes)).is_ok()
        && bytes == *MAGIC
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::tests::Folder;

    #[test]
    fn other_files_of_the_same_size_are_no_arena() {
        let folder = Folder::new("uwsgitop-find");
        let path = folder.0.join("file");
        fs::write(&path, vec![0; 1 << 17]).unwrap();
        assert!(may_be_file(&path) && !begins_as_arena(&path));
        let mut bytes = MAGIC.to_vec();
        bytes.resize(1 << 17, 0);
        fs::write(&path, bytes).unwrap();
        assert!(begins_as_arena(&path));
        for place in ["socket:[5]", "pipe:[5]", "/dev/null", "/proc/1/maps", "anon_inode:[x]"] {
            assert!(!may_be_file(Path::new(place)), "{place}");
        }
    }

    #[test]
    fn a_pipe_that_nobody_writes_is_refused_at_once() {
        let folder = Folder::new("uwsgitop-pipe");
        let path = folder.0.join("memfd:uwsgi-metrics");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, 0o600.into(), 0).unwrap();
        assert!(!begins_as_arena(&path));
        let refused = uwsgi_metrics::Reader::attach(&path).unwrap_err();
        assert!(refused.to_string().contains("not an arena"), "{refused}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(find(u32::MAX).is_err());
    }
}
