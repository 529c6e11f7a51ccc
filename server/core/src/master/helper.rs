//! Helpers: short-lived children that do for the master what may take long. Part of the master.
//!
//! They are no members of the instance: nobody respawns them, and they end with the master.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::signal;

use super::{Master, SIGNALS};
use crate::instance::Instance;
use crate::procname;

impl Master<'_> {
    /// Runs `body` in a child, which ends with the code it answers; the pid of that child. It holds
    /// no socket that is listened on.
    pub(super) fn helper(&self, body: impl FnOnce() -> i32) -> io::Result<i32> {
        self.helper_without(&[], body)
    }

    /// The same for a helper that does not hold `others` either.
    pub(super) fn helper_without(
        &self,
        others: &[BorrowedFd<'_>],
        body: impl FnOnce() -> i32,
    ) -> io::Result<i32> {
        let pidfds = self.children.iter().filter_map(|child| child.pidfd.as_ref());
        let own = [self.poll.as_fd(), self.signals.as_fd()];
        let sockets = super::listeners(self.instance).map(|(_, fd, _)| fd);
        let parent_only = pidfds.map(AsFd::as_fd).chain(own).chain(sockets);
        let parent_only: Vec<_> = parent_only.chain(others.iter().copied()).collect();
        match process::fork_apart(&parent_only)? {
            Fork::Parent(pid) => Ok(pid),
            Fork::Child => run(self.instance, body),
        }
    }
}

/// Runs `body` in a child and waits at most `limit` for its end; a child that takes longer is
/// killed. For a process that has nothing else to do.
pub(crate) fn within(
    instance: &Instance,
    limit: Duration,
    body: impl FnOnce() -> i32,
) -> io::Result<()> {
    match process::fork()? {
        Fork::Child => run(instance, body),
        Fork::Parent(pid) => {
            if !ends_within(pid, limit) {
                kill(pid);
            }
            bury(pid);
            Ok(())
        }
    }
}

/// Kills a helper that was not buried yet, with the commands it runs: a shell takes none of its
/// own along.
fn kill(pid: i32) {
    // It leads no group in its first moment, when it runs nothing either.
    let _ = process::kill_group(pid, signal::SIGKILL);
    let _ = process::kill(pid, signal::SIGKILL);
}

/// Kills a helper, as [`kill`], and buries it.
pub(super) fn end(pid: i32) {
    kill(pid);
    bury(pid);
}

/// Buries a child that was killed or has ended. One that the kernel cannot kill, for a filesystem
/// that hangs, is left to it.
fn bury(pid: i32) {
    if ends_within(pid, Duration::from_secs(1)) {
        let _ = process::bury(pid);
    }
}

fn ends_within(pid: i32, limit: Duration) -> bool {
    let Ok(pidfd) = process::pidfd(pid) else { return true };
    let limit = Timespec::try_from(limit).ok();
    loop {
        let mut watched = [PollFd::new(&pidfd, PollFlags::IN)];
        match poll(&mut watched, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.is_ok_and(|ready| ready > 0),
        }
    }
}

fn run(instance: &Instance, body: impl FnOnce() -> i32) -> ! {
    instance.leave_master();
    signal::reset(SIGNALS);
    let _ = process::lead_group();
    let _ = process::die_with_parent(signal::SIGKILL);
    if process::parent_pid() != instance.master_pid() {
        process::exit_now(1);
    }
    crate::alarm::enter(instance);
    procname::apply(&instance.settings.procname, procname::Role::Helper);
    process::exit_now(body())
}
