//! Children that were asked to go, and what they may take for it. Part of the master.

use std::time::Instant;

use uwsgi_duties::recycle::{Curse, Mercy, Who, expired};
use uwsgi_sys::signal;

use super::Master;
use super::children::Role;
use super::edge;
use super::fate::Shot;
use crate::{clock, log, logv};

impl Master<'_> {
    /// Asks a child to end by `signal`; it is killed when the mercy of its kind is over.
    pub(super) fn ask_to_go(&mut self, at: usize, signal: i32) {
        let seconds = self.mercy(self.children[at].role);
        self.ask_within(at, signal, seconds);
    }

    /// Asks all children of these kinds to end.
    pub(super) fn ask_all(&mut self, which: impl Fn(Role) -> bool, signal: i32) {
        for at in 0..self.children.len() {
            if which(self.children[at].role) {
                self.ask_to_go(at, signal);
            }
        }
    }

    /// As [`Master::ask_to_go`], with a mercy of so many seconds.
    pub(super) fn ask_within(&mut self, at: usize, signal: i32, seconds: u64) {
        let child = &mut self.children[at];
        child.due = None;
        if child.pid.is_some() {
            let curse = if child.cheap { Curse::Cheaped } else { Curse::Asked };
            child.mercy = Some(Mercy::new(curse, edge::now(), seconds));
            if let Role::Worker(id) = child.role {
                self.instance.arena.worker(id).dismissed.set(1);
            }
            child.signal(signal);
        }
    }

    /// A child goes by itself: it has the mercy of everybody else.
    pub(super) fn retires(&mut self, at: usize) {
        let seconds = self.mercy(self.children[at].role);
        let child = &mut self.children[at];
        child.retiring = true;
        child.recycled = true;
        child.mercy.get_or_insert_with(|| Mercy::new(Curse::Asked, edge::now(), seconds));
    }

    /// How many seconds a child that was asked to go may take.
    pub(super) fn mercy(&self, role: Role) -> u64 {
        let mercy = &self.instance.settings.policy.mercy;
        match role {
            Role::Mule(_) => mercy.mule_s,
            _ => mercy.worker_s,
        }
    }

    /// When the next mercy is over.
    pub(super) fn mercy_due(&self) -> Option<Instant> {
        let dues = self.children.iter().filter_map(|child| child.mercy.as_ref());
        dues.map(Mercy::due).min().map(edge::instant)
    }

    /// Kills who was asked to go and did not.
    pub(super) fn enforce_mercy(&mut self) {
        let now = edge::now();
        for at in 0..self.children.len() {
            let oldest = self.oldest_request(at);
            let child = &mut self.children[at];
            let (Some(mercy), Some(pid)) = (&mut child.mercy, child.pid) else { continue };
            if !mercy.is_over(now, oldest) {
                continue;
            }
            match child.role {
                Role::Worker(id) => log::say(&expired(Who::Worker(id), pid)),
                Role::Mule(id) => log::say(&expired(Who::Mule(id), pid)),
                Role::Gateway(n) => no_mercy(&format!("gateway {n}"), pid),
                Role::Observer => no_mercy("observer", pid),
            }
            child.shot = Some(Shot::NoMercy);
            child.signal(signal::SIGKILL);
        }
    }

    /// When the oldest request of a worker that was asked to go began, monotonic microseconds.
    fn oldest_request(&self, at: usize) -> Option<u64> {
        let child = self.children.get(at)?;
        let (Role::Worker(id), Some(_)) = (child.role, &child.mercy) else { return None };
        let cores = 0..self.instance.settings.threads;
        let records = cores.filter_map(|core| self.instance.arena.inflight(id, core).read());
        let began = records.map(|record| record.start_us).min()?;
        let age = clock::epoch_us().saturating_sub(began);
        Some(edge::now().us.saturating_sub(age))
    }
}

fn no_mercy(name: &str, pid: i32) {
    logv!("{name} (pid: {pid}) is taking too much time to die...NO MERCY !!!");
}
