//! A second master that shares the sockets: a fork of this one that executes the binary again. Part
//! of the master.
//!
//! The copy reads the configuration anew and serves beside us until one of the two is stopped. It
//! has an arena, queues, probes and a link of its own: two masters that write the same rows, or
//! answer the same signals, would each undo what the other does. It writes no pidfile. As long as
//! both live, neither removes what the other still serves on (`vacuum`). Later images of a master
//! know its copies still: they are children of the same process.

use std::sync::{Mutex, PoisonError};

use uwsgi_duties::fifo::{FORKING, forked};
use uwsgi_sys::process::{self, Ended, Fork};

use super::{Master, Phase, ending};
use crate::{log, logv};

/// In the environment of a copy and its later images: the pid of the master it was made from. It
/// does not begin with `UWSGI_`, which would make it an option.
pub(super) const VARIABLE: &str = "_UWSGI_COPY_OF";

/// In the environment of the next image of a master: its copies that live.
const COPIES_VARIABLE: &str = "_UWSGI_COPIES";

/// What the service manager grants to one process only, and to the copy that takes its place.
const WATCHED: &str = "WATCHDOG_PID";

/// The copies of this master that live, in the order in which they were made.
static COPIES: Mutex<Vec<i32>> = Mutex::new(Vec::new());

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
                with_copies(|copies| copies.push(pid));
                log::say(&forked(pid));
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
        log!("{FORKING}");
        let error = ending::exec_copy(self.instance, of);
        log!("execvp(): {}", crate::sockets::plain(&error));
        process::exit_now(1)
    }
}

/// Tells of the end of a copy; true when `pid` was one.
pub(super) fn ended(pid: i32, ended: Ended) -> bool {
    let copy = with_copies(|copies| copies.extract_if(.., |copy| *copy == pid).count() > 0);
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

/// The last copy of this master that lives.
pub(super) fn copy() -> Option<i32> {
    with_copies(|copies| copies.last().copied())
}

/// Whether a copy of this master lives.
pub(crate) fn has_copy() -> bool {
    copy().is_some()
}

/// Another master serves on the sockets of this one: its copy, or the one it was copied from.
pub(crate) fn shares_sockets() -> bool {
    // It is our parent as long as it lives.
    has_copy() || original() == Some(process::parent_pid())
}

/// Takes over what the image before this one knew of its copies. To be called before anything is
/// run, which would take them for its own.
pub(crate) fn adopt() {
    let text = std::env::var(COPIES_VARIABLE).unwrap_or_default();
    uwsgi_sys::env::set(COPIES_VARIABLE, None);
    with_copies(|copies| copies.extend(text.split(',').filter_map(|pid| pid.parse::<i32>().ok())));
}

/// The environment by which the next image of this master knows them.
pub(super) fn for_next_image() -> Vec<(&'static str, String)> {
    let pids: Vec<String> = with_copies(|copies| copies.iter().map(i32::to_string).collect());
    if pids.is_empty() { Vec::new() } else { vec![(COPIES_VARIABLE, pids.join(","))] }
}

/// The environment of a copy of `of` that this process becomes.
pub(super) fn for_copy(of: i32) -> Vec<(&'static str, String)> {
    let mut all = vec![(VARIABLE, of.to_string())];
    if std::env::var(WATCHED).is_ok_and(|pid| pid.trim() == of.to_string()) {
        all.push((WATCHED, process::pid().to_string()));
    }
    all
}

fn with_copies<T>(what: impl FnOnce(&mut Vec<i32>) -> T) -> T {
    what(&mut COPIES.lock().unwrap_or_else(PoisonError::into_inner))
}
