//! A second master that shares the sockets: a fork of this one that executes the binary again. Part
//! of the master.
//!
//! The copy reads the configuration anew and serves beside us until one of the two is stopped. It
//! has an arena, queues, probes and a link of its own: two masters that write the same rows, or
//! answer the same signals, would each undo what the other does. It writes no pidfile. As long as
//! both live, neither removes what the other still serves on (`vacuum`).

use std::sync::atomic::{AtomicI32, Ordering};

use uwsgi_sys::process::{self, Ended, Fork};

use super::{Master, Phase, ending};
use crate::{log, logv};

/// In the environment of a copy and its later images: the pid of the master it was made from. It
/// does not begin with `UWSGI_`, which would make it an option.
pub(super) const VARIABLE: &str = "_UWSGI_COPY_OF";

/// The last copy of this master, while it lives.
static COPY: AtomicI32 = AtomicI32::new(0);

impl Master<'_> {
    /// Makes a copy.
    pub(super) fn refork(&mut self) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let own = process::pid();
        match process::fork() {
            Ok(Fork::Child) => self.become_copy(own),
            Ok(Fork::Parent(pid)) => {
                COPY.store(pid, Ordering::Relaxed);
                logv!("new master copy spawned with pid {pid}");
                self.count_reload("fork", "done");
            }
            Err(e) => {
                logv!("fork(): {e}");
                self.count_reload("fork", "failed");
            }
        }
    }

    fn become_copy(&self, of: i32) -> ! {
        if let Err(e) = process::new_session() {
            log!("setsid(): {}", crate::sockets::plain(&e));
        }
        log!("fork()'ing uWSGI...");
        let error = ending::exec_copy(self.instance, of);
        log!("execvp(): {}", crate::sockets::plain(&error));
        process::exit_now(1)
    }
}

/// Tells of the end of a copy; true when `pid` was one.
pub(super) fn ended(pid: i32, ended: Ended) -> bool {
    let copy = COPY.compare_exchange(pid, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if copy {
        match ended {
            Ended::Code(code) => logv!("the master copy (pid: {pid}) exited with code {code}"),
            Ended::Signal(signal) => logv!("the master copy (pid: {pid}) was killed by {signal}"),
        }
    }
    copy
}

/// The master that this one, or the first image of it, was forked from.
pub(crate) fn original() -> Option<i32> {
    std::env::var(VARIABLE).ok().and_then(|pid| pid.parse().ok())
}

/// The last copy of this master, if it lives.
pub(super) fn copy() -> Option<i32> {
    Some(COPY.load(Ordering::Relaxed)).filter(|pid| *pid > 0)
}

/// Another master serves on the sockets of this one: its copy, or the one it was copied from.
pub(super) fn shares_sockets() -> bool {
    // It is our parent as long as it lives.
    COPY.load(Ordering::Relaxed) > 0 || original() == Some(process::parent_pid())
}
