//! Locks on whole files.
//!
//! The lock belongs to the open file, not to the process: it survives the forks of a daemon, and
//! nobody loses it by opening and closing the same file elsewhere. To other programs it is an
//! ordinary write lock.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Write-locks `file` as a whole; false when somebody else has it. With `wait` it comes back when
/// the lock is ours.
pub fn exclusive(file: &File, wait: bool) -> io::Result<bool> {
    // SAFETY: an all-zero flock is a valid value: the whole file, no pid.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    let command = if wait { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
    loop {
        // SAFETY: an open descriptor and a struct that lives until the call ends.
        if unsafe { libc::fcntl(file.as_raw_fd(), command, &lock) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) if !wait => return Ok(false),
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opening_of_the_file_does_not_get_the_lock() {
        let path = std::env::temp_dir().join(format!("uwsgi-lock-{}", std::process::id()));
        let first = File::create(&path).unwrap();
        let second = File::options().write(true).open(&path).unwrap();
        assert!(exclusive(&first, false).unwrap());
        assert!(exclusive(&first, false).unwrap(), "the owner may ask again");
        assert!(!exclusive(&second, false).unwrap());
        drop(first);
        assert!(exclusive(&second, true).unwrap(), "the end of its owner frees it");
        std::fs::remove_file(&path).unwrap();
    }
}
