//! Between the fork and the exec of a command that lives beside the server.
//!
//! Each function is one step of the child's preparation; the order is the caller's. It refuses to
//! decide what a child may keep.

use std::io;
use std::os::fd::RawFd;

use crate::process::{self, Ended, Fork};
use crate::{fd, procfs, signal};

/// Every signal has its default action, and none is blocked.
pub fn plain_signals() {
    let settable = (1..=libc::SIGRTMAX()).filter(|s| ![libc::SIGKILL, libc::SIGSTOP].contains(s));
    // Those between the classic ones and the first that programs may use are refused, unharmed.
    signal::reset(&settable.collect::<Vec<_>>());
}

/// Descriptor 0 reads nothing, also where no further descriptor is to be had.
pub fn no_stdin() -> io::Result<()> {
    // SAFETY: the owner of 0, if there is one, lives in a process that ends or execs; the call
    // below opens 0 again.
    unsafe { libc::close(0) };
    let flags = libc::O_RDONLY;
    // SAFETY: a path that ends with NUL; the lowest number that is free is 0.
    match unsafe { libc::open(c"/dev/null".as_ptr(), flags) } {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        _ => Err(io::Error::other("descriptor 0 is taken")),
    }
}

/// No descriptor above the standard ones survives the next exec but those in `keep`.
pub fn close_at_exec_but(keep: &[RawFd]) -> io::Result<()> {
    close_range(libc::CLOSE_RANGE_CLOEXEC)?;
    for raw in keep.iter().filter(|raw| **raw > 2) {
        // One that is not open has nothing to keep.
        let _ = fd::keep_number_over_exec(*raw);
    }
    Ok(())
}

/// Closes every descriptor above the standard ones. Their owners are memory of a process that must
/// end by [`process::exit_now`] or exec.
fn close_all() -> io::Result<()> {
    close_range(0)
}

fn close_range(flags: libc::c_uint) -> io::Result<()> {
    let (first, last): (libc::c_uint, libc::c_uint) = (3, libc::c_uint::MAX);
    // SAFETY: numbers only; what is closed is not used again, see `close_all`.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Goes on in a PID namespace of its own, as the child of an init that buries orphans there.
///
/// The calling process stays outside and ends with what the command ended with; its own end takes
/// the namespace along. It and the init hold no descriptor and heed no signal but KILL: whoever
/// signals their group reaches the command.
pub fn enter_pid_namespace() -> io::Result<()> {
    // SAFETY: flags only; it concerns children of this process, which has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if let Fork::Parent(init) = process::fork()? {
        attend(init);
    }
    process::die_with_parent(libc::SIGKILL)?;
    if let Fork::Parent(command) = process::fork()? {
        attend(command);
    }
    Ok(())
}

/// Waits for the child `pid`, buries whoever else ends, and ends as it did.
fn attend(pid: i32) -> ! {
    signal::block_all_in_thread();
    let _ = close_all();
    loop {
        match wait_any() {
            Ok((ended, how)) if ended == pid => process::exit_now(match how {
                Ended::Code(code) => code,
                Ended::Signal(signal) => 128 + signal,
            }),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => process::exit_now(1),
        }
    }
}

/// Waits for the end of any child.
fn wait_any() -> io::Result<(i32, Ended)> {
    let mut status = 0;
    // SAFETY: `status` is writable for the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        pid if libc::WIFSIGNALED(status) => Ok((pid, Ended::Signal(libc::WTERMSIG(status)))),
        pid => Ok((pid, Ended::Code(libc::WEXITSTATUS(status)))),
    }
}

/// Sends `signal`, any number that the kernel knows, to one process, or to the whole group that it
/// leads. Pids of 1 and below are refused: they are never ours to signal.
pub fn send(pid: i32, group: bool, signal: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: numbers only; the target is above 1 or the negative of that.
    match unsafe { libc::kill(if group { -pid } else { pid }, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether some process of `group` lives. One that nobody has buried yet is none, as far as `/proc`
/// tells.
pub fn group_lives(group: i32) -> bool {
    if let Err(e) = send(group, true, 0)
        && e.raw_os_error() != Some(libc::EPERM)
    {
        return false;
    }
    let Ok(all) = std::fs::read_dir("/proc") else { return true };
    let pids = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.into_iter().any(|pid: i32| procfs::lives_in_group(pid, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_lives_as_long_as_one_of_it() {
        use std::os::unix::process::CommandExt;
        let mut leader = std::process::Command::new("sleep");
        let mut leader = leader.arg("1000").process_group(0).spawn().unwrap();
        let group = i32::try_from(leader.id()).unwrap();
        let mut other = std::process::Command::new("sleep");
        let mut other = other.arg("1000").process_group(group).spawn().unwrap();
        leader.kill().unwrap();
        leader.wait().unwrap();
        assert!(group_lives(group), "its leader is gone");
        other.kill().unwrap();
        let pid = i32::try_from(other.id()).unwrap();
        while procfs::life(pid).is_some_and(|life| !life.zombie) {
            std::thread::yield_now();
        }
        assert!(!group_lives(group), "nobody has buried it yet");
        other.wait().unwrap();
        assert!(!group_lives(group) && !group_lives(1));
    }

    #[test]
    fn nobody_and_everybody_are_no_targets() {
        for pid in [1, 0, -1, -7, i32::MIN] {
            for group in [false, true] {
                assert_eq!(send(pid, group, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            }
        }
        assert!(send(process::pid(), false, 0).is_ok());
    }
}
