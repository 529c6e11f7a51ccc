//! Copies of this process that somebody else makes: an application that forks, a library.
//!
//! A copy inherits what only one process may write, and locks of threads that it does not have. libc
//! tells it what it is as it comes into being, so asking costs a look at memory. What was made past
//! libc, by a raw `clone`, is not told.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static COPY: AtomicBool = AtomicBool::new(false);

/// From now on whom this process forks knows that it is a copy.
pub fn watch() -> io::Result<()> {
    // SAFETY: a function of this program, which stays loaded, stores a byte and may run in any child.
    match unsafe { libc::pthread_atfork(None, None, Some(note)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

extern "C" fn note() {
    COPY.store(true, Ordering::Relaxed);
}

/// Whether this process was forked by one that watches.
pub fn is_copy() -> bool {
    COPY.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_is_a_copy_and_its_parent_none() {
        watch().unwrap();
        // SAFETY: the child reads a byte and ends; both calls may run in the child of any process.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe { libc::_exit(if is_copy() { 7 } else { 0 }) };
        }
        let mut status = 0;
        // SAFETY: our own child, and room for its status.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!((libc::WEXITSTATUS(status), is_copy()), (7, false));
    }
}
