//! Memory of this process as a whole: kept from being swapped out, merged with equal pages.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Nothing of this process, present or future, goes to swap. A page is locked when it is touched:
/// what is mapped and never used costs nothing. Not inherited by forked processes.
pub fn never_swap() -> io::Result<()> {
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    Ok(mlockall(all | MlockAllFlags::ONFAULT)?)
}

/// Lets this process and its children lock as much as they have, also as another user.
pub fn unlimited_locks() -> io::Result<()> {
    Ok(setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None })?)
}

/// The kernel merges equal pages of this process and of those it forks from now on.
pub fn merge_all() -> io::Result<()> {
    const PR_SET_MEMORY_MERGE: libc::c_int = 67;
    // SAFETY: numbers only; a kernel without it answers an error.
    match unsafe { libc::prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
