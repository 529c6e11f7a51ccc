//! Processors: how many are online, which ones this process may use, and being bound to some.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Processors that the machine has switched on, at least 1.
pub fn online() -> usize {
    // SAFETY: a number in, a number out.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// Numbers of the processors this process may run on, in ascending order; empty when unknown.
pub fn allowed() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// Binds the calling thread, and those it starts, to `cpus`. Numbers that no machine has are left
/// out.
pub fn bind(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU).for_each(|cpu| set.set(*cpu));
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_bound_and_knows_it() {
        let before = allowed();
        assert!(!before.is_empty() && online() >= 1);
        let first = before[..1].to_vec();
        std::thread::spawn(move || {
            bind(&first).unwrap();
            assert_eq!(allowed(), first);
            assert!(bind(&[usize::MAX]).is_err(), "no processor at all");
        })
        .join()
        .unwrap();
        assert_eq!(allowed(), before, "other threads stay where they were");
    }
}
