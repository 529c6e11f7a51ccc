//! Notices of the kernel about files: one inotify descriptor for all that is watched. Part of the
//! master.
//!
//! It only makes the master look sooner: what it misses is found once a second.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Events taken in one turn: a directory in which much happens must not keep the master.
const BATCH: usize = 256;

/// What is said of a path itself.
const SELF: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// What is said of names in a directory.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO);

/// See the module.
#[derive(Debug)]
pub(super) struct Notices {
    fd: OwnedFd,
}

impl Notices {
    pub(super) fn new() -> std::io::Result<Notices> {
        Ok(Notices { fd: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)? })
    }

    /// Watches what is at `path`, and with it the names in it if it is a directory.
    pub(super) fn path(&self, path: &Path) -> std::io::Result<i32> {
        Ok(inotify::add_watch(&self.fd, path, SELF | NAMES | WatchFlags::MASK_ADD)?)
    }

    /// Watches the names in the directory of `path`.
    pub(super) fn directory_of(&self, path: &Path) -> std::io::Result<i32> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let flags = NAMES | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD;
        Ok(inotify::add_watch(&self.fd, parent, flags)?)
    }

    /// The end of a watch.
    pub(super) fn leave(&self, watch: i32) {
        // It may have ended with what was watched.
        let _ = inotify::remove_watch(&self.fd, watch);
    }

    /// The watches of which something was said since. That a watch has ended is nothing new.
    pub(super) fn take(&self) -> Vec<i32> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        let mut watches = Vec::new();
        while watches.len() < BATCH {
            let Ok(event) = reader.next() else { break };
            if event.events() != ReadFlags::IGNORED {
                watches.push(event.wd());
            }
        }
        watches
    }
}

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
