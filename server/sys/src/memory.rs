//! Memory of this process as a whole: kept from being swapped out, merged with equal pages, given back.

use std::ops::Range;
use std::{ffi, fs, io};

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

/// Gives the kernel back what the allocator holds and nobody uses.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets go of the pages of program and library files that this process has not changed; those it
/// still needs come back from the page cache as they are touched. Answers the bytes of their
/// mappings: 0 in a process of several threads, and where memory is locked.
pub fn let_go_of_files() -> io::Result<usize> {
    let maps = fs::read_to_string("/proc/self/smaps")?;
    if crate::process::threads() != 1 {
        return Ok(0);
    }
    let mut all = 0;
    for range in unchanged(&maps) {
        let length = range.len();
        let start = std::ptr::with_exposed_provenance_mut::<ffi::c_void>(range.start);
        // SAFETY: a private mapping of a file that is not writable and has no page of its own: what
        // is dropped is read again from the file, the same bytes. No other thread exists that could
        // have changed it since.
        unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxDontNeed)? };
        all += length;
    }
    Ok(all)
}

/// Private mappings of files without a page of their own, as `/proc/PID/smaps` tells them.
fn unchanged(smaps: &str) -> impl Iterator<Item = Range<usize>> {
    let mut mapping = None;
    smaps.lines().filter_map(move |line| {
        if let Some(begun) = head(line) {
            mapping = begun;
        } else if let Some(flags) = line.strip_prefix("VmFlags:") {
            return mapping.take().filter(|_| !flags.split(' ').any(|flag| flag == "lo"));
        } else if line.starts_with("Anonymous:") && !line.ends_with(" 0 kB") {
            mapping = None;
        }
        None
    })
}

/// The first line of a mapping: its addresses where it is one of an unwritable file of our own.
fn head(line: &str) -> Option<Option<Range<usize>>> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let range = number(start)?..number(end)?;
    let (rights, _, _, inode) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let fits = rights.ends_with('p') && !rights.contains('w') && inode != "0";
    Some(fits.then_some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
1000-3000 r--p 00000000 08:01 77 /usr/bin/x
Rss: 8 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
3000-4000 r--p 00002000 08:01 77 /usr/bin/x
Anonymous:             4 kB
VmFlags: rd mr mw me
4000-5000 rw-p 00003000 08:01 77 /usr/bin/x
Anonymous:             0 kB
VmFlags: rd wr mr mw me
5000-6000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
VmFlags: rd ex
6000-7000 r--s 00000000 00:01 9 /memfd:x
Anonymous:             0 kB
VmFlags: rd sh
7000-8000 r-xp 00001000 08:01 78 /lib/y with words
Anonymous:             0 kB
VmFlags: rd ex lo
8000-9000 r-xp 00001000 08:01 78 /lib/y with words
Anonymous:             0 kB
VmFlags: rd ex
";

    #[test]
    fn only_what_can_be_read_again_is_let_go() {
        let found: Vec<_> = unchanged(MAPS).collect();
        assert_eq!(found, [0x1000..0x3000, 0x8000..0x9000]);
        assert_eq!(unchanged("").count(), 0);
    }
}
