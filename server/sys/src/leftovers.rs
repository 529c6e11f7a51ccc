//! Files that go when the process ends before its time: by a signal while it starts, or by a fault
//! of its start.
//!
//! They are noted as they are made and removed by whatever ends the start, a signal handler
//! included: nothing here takes memory or a lock once a file is noted. A file is removed by the
//! process that noted it, and only while it is still the same one.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// One file: `inode` is what it is known by, or `content` where others may write into it.
struct File {
    path: CString,
    known: Known,
    line: CString,
}

enum Known {
    Inode(u64),
    Content(Vec<u8>),
}

const ROOM: usize = 64;

static FILES: [AtomicPtr<File>; ROOM] = [const { AtomicPtr::new(std::ptr::null_mut()) }; ROOM];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The process to which they belong.
static OWNER: AtomicUsize = AtomicUsize::new(0);

/// A file with this inode; `line` is said when it goes.
pub fn note_inode(path: &Path, inode: u64, line: &str) {
    note(path, Known::Inode(inode), line);
}

/// A short file with exactly this content.
pub fn note_content(path: &Path, content: &str, line: &str) {
    note(path, Known::Content(content.as_bytes().to_vec()), line);
}

/// What does not fit into the list stays.
fn note(path: &Path, known: Known, line: &str) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    let Ok(line) = CString::new(format!("{line}\n")) else { return };
    // SAFETY: a number.
    OWNER.store(unsafe { libc::getpid() } as usize, Ordering::Relaxed);
    let at = COUNT.fetch_add(1, Ordering::Relaxed);
    if let Some(place) = FILES.get(at) {
        place.store(Box::into_raw(Box::new(File { path, known, line })), Ordering::Release);
    }
}

/// From now on they are somebody else's to remove.
pub fn forget() {
    OWNER.store(0, Ordering::Relaxed);
}

/// Removes what is still there. It may be called in a signal handler.
pub fn remove() {
    // SAFETY: a number.
    if OWNER.swap(0, Ordering::Relaxed) != unsafe { libc::getpid() } as usize {
        return;
    }
    for place in &FILES {
        // SAFETY: null, or a file that is never freed.
        let Some(file) = (unsafe { place.load(Ordering::Acquire).as_ref() }) else { continue };
        // SAFETY: two texts that end with NUL; both calls are allowed in handlers.
        if file.is_the_same() && unsafe { libc::unlink(file.path.as_ptr()) } == 0 {
            let line = file.line.as_bytes();
            // SAFETY: a text and its length.
            unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
        }
    }
}

impl File {
    fn is_the_same(&self) -> bool {
        match &self.known {
            Known::Inode(inode) => {
                // SAFETY: an all-zero stat is a valid value, and lstat is allowed in handlers.
                let mut stat: libc::stat = unsafe { std::mem::zeroed() };
                // SAFETY: a path that ends with NUL, and room for the answer.
                let found = unsafe { libc::lstat(self.path.as_ptr(), &raw mut stat) } == 0;
                found && stat.st_ino == *inode
            }
            Known::Content(content) => {
                let mut room = [0u8; 32];
                // SAFETY: open, read and close are allowed in handlers; the room is as long as said.
                let read = unsafe {
                    let fd = libc::open(self.path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
                    let read = libc::read(fd, room.as_mut_ptr().cast(), room.len());
                    libc::close(fd);
                    read
                };
                let read = usize::try_from(read).ok().and_then(|length| room.get(..length));
                read == Some(content.as_slice())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn only_what_is_still_the_same_goes() {
        let name = |n: u32| {
            std::env::temp_dir().join(format!("uwsgi-leftover-{}-{n}", std::process::id()))
        };
        for n in 0..4 {
            std::fs::write(name(n), "42\n").unwrap();
        }
        let inode = std::fs::metadata(name(0)).unwrap().ino();
        note_inode(&name(0), inode, "removed");
        note_inode(&name(1), inode, "another one has the path");
        note_content(&name(2), "42\n", "removed");
        note_content(&name(3), "43\n", "another one wrote into it");
        remove();
        let left = (0..4).filter(|n| name(*n).exists()).collect::<Vec<_>>();
        left.iter().for_each(|n| std::fs::remove_file(name(*n)).unwrap());
        assert_eq!(left, [1, 3]);
    }
}
