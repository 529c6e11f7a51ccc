//! What the master does to one worker, whatever the reason: each duty goes through here. Part of
//! the master.
//!
//! ```text
//! retire   finishes its requests, comes back      (reload of workers, chain, lifetime)
//! cheapen  finishes its requests, stays away      (cheaper, cheap, idle)
//! revive   a slot that stayed away starts again
//! shoot    is killed now, comes back unless it was to stay away
//! ```

use std::time::Instant;

use uwsgi_sys::signal;

use super::Master;
use super::children::{Child, Role};
use super::fate::Shot;

impl Master<'_> {
    /// Every worker, with its number.
    pub(super) fn workers(&self) -> impl Iterator<Item = (u32, &Child)> + Clone {
        self.children.iter().filter_map(|child| match child.role {
            Role::Worker(id) => Some((id, child)),
            _ => None,
        })
    }

    /// Requests that all workers have served.
    pub(super) fn requests(&self) -> u64 {
        (1..=self.instance.settings.processes).map(|id| self.instance.arena.requests(id)).sum()
    }

    /// Place of worker `id` among the children.
    pub(super) fn worker_at(&self, id: u32) -> Option<usize> {
        self.children.iter().position(|child| child.role == Role::Worker(id))
    }

    /// Worker `id` finishes what it serves, ends within its mercy and is started again.
    pub(super) fn retire(&mut self, id: u32, signal: i32) {
        let Some(at) = self.worker_at(id) else { return };
        // Who is to stay away is on its way already.
        if !self.children[at].cheap {
            self.children[at].retiring = true;
            self.ask_to_go(at, signal);
        }
    }

    /// Worker `id` finishes what it serves and is not started again until [`Master::revive`].
    pub(super) fn cheapen(&mut self, id: u32, signal: i32) {
        let Some(at) = self.worker_at(id) else { return };
        self.children[at].cheap = true;
        self.children[at].retiring = true;
        self.instance.arena.worker(id).cheaped.set(1);
        self.ask_to_go(at, signal);
    }

    /// The slot of worker `id` is wanted again. One that is still on its way out comes back when
    /// it has ended.
    pub(super) fn revive(&mut self, id: u32) {
        let Some(at) = self.worker_at(id) else { return };
        let child = &mut self.children[at];
        child.cheap = false;
        // Who is on its way out is shown so until it has ended.
        if child.pid.is_none() {
            self.instance.arena.worker(id).cheaped.set(0);
            child.due = Some(Instant::now());
        }
    }

    /// Worker `id` is killed.
    pub(super) fn shoot(&mut self, id: u32, why: Shot) {
        let Some(at) = self.worker_at(id) else { return };
        self.children[at].shot = Some(why);
        self.children[at].signal(signal::SIGKILL);
    }
}
