//! The way out: draining, ending, exec or exit. Part of the master.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};

use uwsgi_sys::{process, signal};

use super::children::Role;
use super::daemons::Attached;
use super::fifo::Commands;
use super::{Goal, Master, Phase, refork};
use crate::datagrams;
use crate::fifo::Pipe;
use crate::instance::Instance;
use crate::mule::Mail;
use crate::signals::Signals;
use crate::sockets::Listener;
use crate::{alarm, bound, kept, log, logv, pidfile, privileges, source};

/// Seconds that the observer gets at the end: the last lines of the log and alarms raised just now
/// take a few seconds of it at most.
pub(super) const OBSERVER_MERCY: u64 = 6;

impl Master<'_> {
    pub(super) fn begin_drain(&mut self, graceful: bool) {
        let signal = if graceful { signal::SIGHUP } else { signal::SIGTERM };
        for at in 0..self.children.len() {
            if matches!(self.children[at].role, Role::Gateway(_)) {
                // They end by themselves when that is over.
                let seconds = self.instance.settings.policy.mercy.drain_s() + 1;
                self.ask_within(at, signal, seconds);
            }
        }
        if let (Phase::Draining { goal, .. }, false) = (self.phase, graceful) {
            self.stop_daemons(goal);
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
            Phase::Ending { goal, .. } if self.mountpoints.is_over() => Some(goal),
            Phase::Ending { goal, since } => {
                let mercy = self.instance.settings.policy.mercy.worker_s;
                if !self.hooks.is_idle() && since.elapsed().as_secs() < mercy {
                    return None;
                }
                // The observer shows the end of the others; it goes last.
                if self.alive(|r| r != Role::Observer) > 0 {
                    return None;
                }
                // Requests that are finished may still need them.
                if !self.daemons_are_gone(goal) {
                    return None;
                }
                if self.alive(|_| true) > 0 {
                    self.end_observer();
                    return None;
                }
                let last = goal != Goal::Reload || self.instance.settings.exit_on_reload;
                alarm::end(self.instance, last);
                Some(goal)
            }
        }
    }

    /// The binary could not be executed after all: what served before serves again.
    pub(super) fn go_on(&mut self, error: &std::io::Error) {
        alarm::watch(self.instance);
        let why = crate::sockets::plain(error);
        logv!("execvp(): {why} [{}]", self.instance.binary.display());
        logv!("*** the reload failed, everything starts again as it was ***");
        self.note_refusal(self.graceful, "failed", &format!("execvp(): {why}"));
        self.instance.arena.globals().reload_kind.set(0);
        self.return_to_triggers();
        self.commands = Commands::take(self.instance);
        self.enter(Phase::Running);
        self.start_all(|_| true);
        self.daemons = Attached::new(self.instance);
        self.start_daemons();
    }

    fn alive(&self, wanted: impl Fn(Role) -> bool) -> usize {
        self.children.iter().filter(|c| c.pid.is_some() && wanted(c.role)).count()
    }

    fn ask_workers(&mut self, graceful: bool) {
        let signal = if graceful { signal::SIGHUP } else { signal::SIGTERM };
        self.ask_all(|role| matches!(role, Role::Worker(_) | Role::Mule(_)), signal);
    }

    fn end_observer(&mut self) {
        for at in 0..self.children.len() {
            let child = &self.children[at];
            if child.role == Role::Observer && child.mercy.is_none() {
                self.ask_within(at, signal::SIGTERM, OBSERVER_MERCY);
            }
        }
    }
}

/// Replaces this process by a new image that finds sockets and arena again.
/// Returns only when the exec fails; then everything is as it was before.
pub fn reexec(instance: &Instance) -> std::io::Error {
    log!("binary reloading uWSGI...");
    let here = std::env::current_dir();
    go_back(instance);
    let fifo = instance.fifo.lock().ok().and_then(|mut fifo| fifo.take());
    let error = exec_next(instance, fifo.as_ref());
    if let Ok(mut place) = instance.fifo.lock() {
        *place = fifo;
    }
    let _ = here.map(std::env::set_current_dir);
    error
}

fn exec_next(instance: &Instance, fifo: Option<&Pipe>) -> std::io::Error {
    let arena = [("arena".to_owned(), instance.arena.fd(), 0)];
    // Commands of the applications may go on, and still write to the log.
    let lines = instance.log_tap.as_ref().map(|tap| tap.for_next_image()).unwrap_or_default();
    let lines = lines.iter().map(|(key, fd)| (key.clone(), fd.as_fd(), 0));
    let signals = instance.signals.iter().flat_map(Signals::kept);
    let queues = instance.mail.iter().flat_map(Mail::kept).chain(signals).chain(lines);
    let probes = crate::probes::entries(&instance.settings, instance.probes);
    let all = listeners(instance).chain(fifo.map(Pipe::entry)).chain(arena);
    let all: Vec<_> = all.chain(queues).chain(probes).collect();
    let error = exec(instance, all.clone(), &refork::for_next_image());
    for (_, fd, _) in &all {
        // One that stays open for a later command does no harm.
        let _ = uwsgi_sys::fd::close_on_exec(fd);
    }
    error
}

/// The same for a process that goes on beside the master it was forked from, `of`: it gets the
/// sockets, and nothing that only one may have.
pub(super) fn exec_copy(instance: &Instance, of: i32) -> std::io::Error {
    go_back(instance);
    exec(instance, shared(instance).collect(), &refork::for_copy(of))
}

type Entry<'a> = (String, BorrowedFd<'a>, u64);

fn exec(instance: &Instance, table: Vec<Entry<'_>>, more: &[(&str, String)]) -> std::io::Error {
    log!("running {}", instance.binary.display());
    let read = source::for_next_image();
    let read = read.iter().map(|(key, fd)| (key.clone(), fd.as_fd(), 0));
    let table = kept::pass_on(table.into_iter().chain(read));
    let own = [(kept::VARIABLE, table), ("UWSGI_RELOADS", (instance.reloads + 1).to_string())];
    let own: Vec<_> = own.into_iter().chain(more.iter().cloned()).collect();
    let ours = |name: &OsString| own.iter().any(|(own, _)| name == own);
    let mut env: Vec<(OsString, OsString)> =
        std::env::vars_os().filter(|(name, _)| !ours(name)).collect();
    env.extend(own.iter().map(|(name, value)| (name.into(), value.into())));
    privileges::hand_over_capabilities(&instance.settings);
    // Signals stay blocked: one that comes now is for the next image.
    process::exec(instance.binary.as_os_str(), &instance.settings.argv, &env)
}

/// To where the first image was started; the descriptors that were asked for stay open.
fn go_back(instance: &Instance) {
    if let Err(e) = std::env::set_current_dir(&instance.cwd) {
        log!("chdir(): {} [core/uwsgi.c line {}]", crate::sockets::plain(&e), line!());
    }
    for fd in &instance.settings.safe_fds {
        if let Err(e) = uwsgi_sys::fd::keep_number_over_exec(*fd) {
            log!("unable to keep fd {fd} open: {}", crate::sockets::plain(&e));
        }
    }
    log!("chdir() to {}", instance.cwd.display());
}

/// What two masters may have in common: sockets at which clients arrive. The way from routers to
/// workers is no such thing.
fn shared(instance: &Instance) -> impl Iterator<Item = Entry<'_>> {
    listeners(instance).filter(|(key, _, _)| !key.starts_with("link"))
}

/// Every listening socket under its key in the table of the next image.
pub fn listeners<'a>(
    instance: &'a Instance,
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> {
    let workers = instance.sockets.iter().map(|(listener, _)| listener);
    let others = [
        ("shared", &instance.shared[..]),
        ("http", &instance.http),
        ("stats", &instance.stats),
        ("prometheus", &instance.prometheus),
    ];
    bound::entries(workers, others, &instance.link).chain(datagrams::entries(&instance.datagrams))
}

/// What an instance removes when it ends for good (`vacuum`).
pub fn cleanup(instance: &Instance) {
    if !instance.settings.vacuum {
        return;
    }
    if refork::shares_sockets() {
        log!("VACUUM: another master serves on the same sockets. Nothing is removed");
        return;
    }
    let _ = std::env::set_current_dir(&instance.cwd);
    pidfile::remove_all(instance);
    if let Some(dir) = &instance.settings.chdir {
        let _ = std::env::set_current_dir(dir);
    }
    let workers = instance.sockets.iter().map(|(l, _)| l);
    let workers = instance.shared.iter().chain(workers).chain(&instance.http);
    workers.for_each(|l| remove(l, ""));
    instance.stats.iter().for_each(|l| remove(l, " (stats)"));
    instance.prometheus.iter().for_each(|l| remove(l, " (prometheus)"));
    let fifo = instance.fifo.lock().ok().and_then(|mut fifo| fifo.take());
    if let Some(pipe) = fifo.filter(|pipe| pipe.remove()) {
        log::say(&uwsgi_duties::fifo::removed(&pipe.path.to_string_lossy()));
    }
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
