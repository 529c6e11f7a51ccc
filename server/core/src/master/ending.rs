//! The way out: draining, ending, exec or exit. Part of the master.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use uwsgi_sys::{process, signal};

use super::children::Role;
use super::{Goal, Master, Phase};
use crate::datagrams;
use crate::instance::Instance;
use crate::mule::Mail;
use crate::signals::Signals;
use crate::sockets::Listener;
use crate::{bound, kept, log, pidfile, source};

/// Time routers get to finish their sessions before the workers are asked to go.
const DRAIN: Duration = Duration::from_secs(30);

/// Time the observer gets at the end: the last lines of the log and alarms raised just now
/// take a few seconds of it at most.
const OBSERVER_MERCY: Duration = Duration::from_secs(6);

impl Master<'_> {
    pub(super) fn begin_drain(&mut self, graceful: bool) {
        let signal = if graceful { signal::SIGHUP } else { signal::SIGTERM };
        for at in 0..self.children.len() {
            if matches!(self.children[at].role, Role::Gateway(_)) {
                self.ask_to_go(at, signal);
                let limit = Instant::now() + DRAIN;
                let child = &mut self.children[at];
                child.mercy = child.mercy.map(|m| m.min(limit));
            }
        }
    }

    /// Moves on when the phase's work is done; `Some` when the master is to end.
    pub(super) fn advance(&mut self) -> Option<Goal> {
        match self.phase {
            Phase::Running => None,
            Phase::Draining { goal, graceful, since } => {
                if self.alive(|r| matches!(r, Role::Gateway(_))) == 0 {
                    self.enter(Phase::Ending { goal, since });
                    self.ask_workers(graceful);
                }
                None
            }
            Phase::Ending { goal, .. } => {
                // The observer shows the end of the others; it goes last.
                if self.alive(|r| r != Role::Observer) > 0 {
                    return None;
                }
                if self.alive(|_| true) > 0 {
                    self.end_observer();
                    return None;
                }
                if let Some(tap) = &self.instance.log_tap {
                    tap.drain();
                }
                Some(goal)
            }
        }
    }

    fn alive(&self, wanted: impl Fn(Role) -> bool) -> usize {
        self.children.iter().filter(|c| c.pid.is_some() && wanted(c.role)).count()
    }

    fn ask_workers(&mut self, graceful: bool) {
        let signal = if graceful { signal::SIGHUP } else { signal::SIGTERM };
        for at in 0..self.children.len() {
            if matches!(self.children[at].role, Role::Worker(_) | Role::Mule(_)) {
                self.ask_to_go(at, signal);
            }
        }
    }

    fn end_observer(&mut self) {
        for child in &mut self.children {
            if child.role == Role::Observer && child.mercy.is_none() {
                child.mercy = Some(Instant::now() + OBSERVER_MERCY);
                child.signal(signal::SIGTERM);
            }
        }
    }
}

/// Replaces this process by a new image that finds sockets and arena again.
/// Returns only when the exec fails.
pub fn reexec(instance: &Instance) -> std::io::Error {
    log!("binary reloading uWSGI...");
    if let Err(e) = std::env::set_current_dir(&instance.cwd) {
        log!("chdir(): {} [core/uwsgi.c line {}]", crate::sockets::plain(&e), line!());
    }
    for fd in &instance.settings.safe_fds {
        if let Err(e) = uwsgi_sys::fd::keep_number_over_exec(*fd) {
            log!("unable to keep fd {fd} open: {}", crate::sockets::plain(&e));
        }
    }
    log!("chdir() to {}", instance.cwd.display());
    log!("running {}", instance.binary.display());
    let arena = [("arena".to_owned(), instance.arena.fd(), 0)];
    let read = source::for_next_image();
    let read = read.iter().map(|(key, fd)| (key.clone(), fd.as_fd(), 0));
    // Commands of the applications may go on, and still write to the log.
    let lines = instance.log_tap.as_ref().map(|tap| tap.for_next_image()).unwrap_or_default();
    let lines = lines.iter().map(|(key, fd)| (key.clone(), fd.as_fd(), 0));
    let signals = instance.signals.iter().flat_map(Signals::kept);
    let queues = instance.mail.iter().flat_map(Mail::kept).chain(signals).chain(lines);
    let probes = crate::probes::entries(&instance.settings, instance.probes);
    let all = listeners(instance).chain(arena).chain(read).chain(queues).chain(probes);
    let table = kept::pass_on(all);
    let mut env: Vec<(OsString, OsString)> =
        std::env::vars_os().filter(|(k, _)| k != kept::VARIABLE && k != "UWSGI_RELOADS").collect();
    env.push((kept::VARIABLE.into(), table.into()));
    env.push(("UWSGI_RELOADS".into(), (instance.reloads + 1).to_string().into()));
    // Signals stay blocked: one that comes now is for the next image.
    process::exec(instance.binary.as_os_str(), &instance.settings.argv, &env)
}

/// Every listening socket under its key in the table of the next image.
pub fn listeners<'a>(
    instance: &'a Instance,
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> {
    let workers = instance.sockets.iter().map(|(listener, _)| listener);
    let shown = [("stats", &instance.stats[..]), ("prometheus", &instance.prometheus)];
    bound::entries(workers, &instance.http, shown, &instance.link)
        .chain(datagrams::entries(&instance.datagrams))
}

/// What an instance removes when it ends for good (`vacuum`).
pub fn cleanup(instance: &Instance) {
    if !instance.settings.vacuum {
        return;
    }
    let _ = std::env::set_current_dir(&instance.cwd);
    pidfile::remove_all(&instance.settings);
    if let Some(dir) = &instance.settings.chdir {
        let _ = std::env::set_current_dir(dir);
    }
    let workers = instance.sockets.iter().map(|(l, _)| l).chain(&instance.http);
    workers.for_each(|l| remove(l, ""));
    instance.stats.iter().for_each(|l| remove(l, " (stats)"));
    instance.prometheus.iter().for_each(|l| remove(l, " (prometheus)"));
}

fn remove(listener: &Listener, what: &str) {
    match listener.remove_path() {
        None => {}
        Some((path, Ok(true))) => {
            log!("VACUUM: unix socket {}{what} removed.", path.display());
        }
        Some((path, Ok(false))) => {
            log!("VACUUM WARNING: unix socket {} changed inode. Skip removal", path.display())
        }
        Some((path, Err(e))) => {
            log!("unlink(): {} [{}]", crate::sockets::plain(&e), path.display());
        }
    }
}
