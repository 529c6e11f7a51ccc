//! Fork, exec, waiting, killing.
//!
//! Owns the rules of forking: the caller is single-threaded, so the child inherits no lock held
//! by a thread that does not exist in it.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

pub use rustix::process::Resource;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// Which side of a fork we are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The parent, with the child's pid.
    Parent(i32),
    /// The child.
    Child,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It called exit with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// Forks the calling process.
///
/// The master and the processes that fork have one thread (threads start after the last fork);
/// a debug build checks that.
pub fn fork() -> io::Result<Fork> {
    debug_assert_eq!(threads(), 1, "fork from a process with threads");
    // SAFETY: with a single thread no lock can be held by somebody who is absent in the child,
    // so all of std and the allocator stay usable there.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Forks like [`fork`]; the child closes `parent_only`.
///
/// The owners of those descriptors are inherited as memory: the child must end without going back
/// to them (children of the master end by [`exit_now`]). Without this a copy in each child keeps
/// the parent's epoll reporting descriptors that the parent has closed.
pub fn fork_apart(parent_only: &[BorrowedFd<'_>]) -> io::Result<Fork> {
    let side = fork()?;
    if side == Fork::Child {
        for fd in parent_only {
            // SAFETY: open here as it was in the parent; its owner is never used in this process.
            unsafe { libc::close(fd.as_raw_fd()) };
        }
    }
    Ok(side)
}

/// Number of threads of this process, 1 if it cannot be read.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, |d| d.count())
}

/// Pid of the calling process, asked from the kernel.
pub fn pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Inode of this process's pid namespace; nothing where `/proc` does not tell.
pub fn pid_namespace() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").ok()?.ino().try_into().ok()
}

/// Pid of the parent, 0 when there is none in our namespace.
pub fn parent_pid() -> i32 {
    rustix::process::getppid().map_or(0, |p| p.as_raw_nonzero().get())
}

/// Ends the process without running anything of it.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// Replaces the process image. Returns only on failure.
///
/// A `path` without slash is looked for in `PATH`. `env` is the complete environment. Arguments with inner NUL bytes are refused.
pub fn exec(path: &OsStr, argv: &[OsString], env: &[(OsString, OsString)]) -> io::Error {
    let build = || -> Result<(CString, Vec<CString>, Vec<CString>), std::ffi::NulError> {
        let path = CString::new(path.as_bytes())?;
        let argv = argv.iter().map(|a| CString::new(a.as_bytes())).collect::<Result<_, _>>()?;
        let join = |(k, v): &(OsString, OsString)| {
            let mut line = k.clone().into_vec();
            line.push(b'=');
            line.extend_from_slice(v.as_bytes());
            CString::new(line)
        };
        Ok((path, argv, env.iter().map(join).collect::<Result<_, _>>()?))
    };
    let Ok((path, argv, env)) = build() else {
        return io::Error::from(io::ErrorKind::InvalidInput);
    };
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(&argv), pointers(&env));
    // SAFETY: three NUL-terminated arrays of NUL-terminated strings, alive until the call ends.
    unsafe { libc::execvpe(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Reaps one child of any kind that has ended, without waiting.
pub fn reap() -> io::Result<Option<(i32, Ended)>> {
    reap_after(|_| ())
}

/// The same; `last_look` sees the pid while `/proc` still tells of the process.
pub fn reap_after(last_look: impl FnOnce(i32)) -> io::Result<Option<(i32, Ended)>> {
    let Some(pid) = ended_child()? else { return Ok(None) };
    last_look(pid);
    let got = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::NOHANG)?;
    Ok(got.and_then(|(pid, status)| {
        let ended = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ended::Code(code),
            (None, Some(signal)) => Ended::Signal(signal),
            (None, None) => return None,
        };
        Some((pid.as_raw_nonzero().get(), ended))
    }))
}

/// A child that has ended and waits for its burial.
fn ended_child() -> io::Result<Option<i32>> {
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all zeros is a valid value of this plain struct of integers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is writable for the call; nothing else is touched.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: waitid fills this member of the union, or leaves it zero when no child has ended.
    let pid = unsafe { info.si_pid() };
    Ok((pid > 0).then_some(pid))
}

/// Waits until the child `pid` has ended, and reaps it.
pub fn bury(pid: i32) -> io::Result<()> {
    wait_for(pid).map(drop)
}

/// The same, and tells how it ended.
pub fn wait_for(pid: i32) -> io::Result<Ended> {
    let pid = Pid::from_raw(pid).filter(|_| pid > 1).ok_or(io::ErrorKind::InvalidInput)?;
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                let signal = status.terminating_signal().unwrap_or(0);
                return Ok(status.exit_status().map_or(Ended::Signal(signal), Ended::Code));
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// A descriptor that becomes readable when `pid` ends.
pub fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// True while a process of that pid exists, whoever owns it.
pub fn exists(pid: i32) -> bool {
    let found = Pid::from_raw(pid).map(rustix::process::test_kill_process);
    matches!(found, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

/// Sends `signal` to one process. Pids of 1 and below are refused: they are never ours to signal.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    let pid = Pid::from_raw(pid).filter(|_| pid > 1).ok_or(io::ErrorKind::InvalidInput)?;
    let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// Sends `signal` to the process behind a descriptor of [`pidfd`], whatever its pid: in a container
/// an instance may well be process 1.
pub fn signal_through(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_send_signal(process, signal)?)
}

/// Sends `signal` to a process group. Numbers of 1 and below are refused.
pub fn kill_group(group: i32, signal: i32) -> io::Result<()> {
    let group = Pid::from_raw(group).filter(|_| group > 1).ok_or(io::ErrorKind::InvalidInput)?;
    let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process_group(group, signal)?)
}

/// The calling process leads a group of its own, in the same session: what it starts can be ended
/// with it.
pub fn lead_group() -> io::Result<()> {
    Ok(rustix::process::setpgid(None, None)?)
}

/// Sends `signal` to the parent if that is still `expected`. In a container the parent may well
/// be process 1, which [`kill`] refuses.
pub fn kill_parent(expected: i32, signal: i32) -> io::Result<()> {
    let parent = rustix::process::getppid().filter(|p| p.as_raw_nonzero().get() == expected);
    let parent = parent.ok_or(io::ErrorKind::NotFound)?;
    let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process(parent, signal)?)
}

/// The kernel kills this process with `signal` when its parent ends.
pub fn die_with_parent(signal: i32) -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Signal::from_named_raw(signal))?)
}

/// Orphans among what this process and its children start become its children.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// The children of this process as the kernel lists them, where it does.
pub fn children() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    all.iter()
        .flat_map(|list| list.split_ascii_whitespace())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Leaves the terminal and the session: the child of a fork becomes a session leader.
pub fn new_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Lets what `command` starts run in a session of its own, with no descriptor of ours beyond the
/// standard ones and with the default action for what this process ignores.
pub fn apart(command: &mut Command) {
    apart_with(command, Vec::new());
}

/// The same, but the descriptors with these numbers stay open. They must be open when `command` is
/// started.
pub fn apart_with(command: &mut Command, kept: Vec<RawFd>) {
    let prepare = move || {
        // SAFETY: system calls without memory, allowed between fork and exec.
        unsafe {
            libc::setsid();
            // Marked instead of closed: the way by which a failed exec is reported is among them.
            let last = libc::c_uint::MAX;
            libc::syscall(libc::SYS_close_range, 3, last, libc::CLOSE_RANGE_CLOEXEC);
            for fd in &kept {
                libc::fcntl(*fd, libc::F_SETFD, 0);
            }
            for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Lets what `command` starts end by KILL when the thread that starts it ends.
pub fn with_parent(command: &mut Command) {
    let prepare = || {
        // SAFETY: a system call without memory, allowed between fork and exec.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Soft limit of open files.
pub fn max_files() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20)
}

/// Sets the soft and the hard limit of a resource.
pub fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = Some(value);
    let limit = rustix::process::Rlimit { current: value, maximum: value };
    Ok(rustix::process::setrlimit(resource, limit)?)
}

/// Sets the scheduling priority of this process, from -20, the best, to 19.
pub fn set_priority(nice: i32) -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, nice)?)
}

/// Soft limit of processes; `None` when unlimited.
pub fn max_processes() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nproc).current
}

/// Soft limit of the address space in bytes; `None` when unlimited.
pub fn max_address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// Id of the calling thread.
pub fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}
