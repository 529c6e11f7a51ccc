//! Life without workers: `cheap`, `idle`, `die-on-idle`, `die-on-no-workers`. Part of the master.
//!
//! When to sleep and to wake up is decided in `uwsgi_duties::idle`. While the instance sleeps the
//! master watches every socket that workers accept from, the router's link among them; a connection
//! stays in its queue for the workers that it wakes.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use uwsgi_duties::idle::{Order, Worker};
use uwsgi_duties::{Steps, signal as asked};
use uwsgi_sys::signal;

use super::children::{Child, Role};
use super::fate::Shot;
use super::{Master, Phase, edge};
use crate::instance::Instance;
use crate::logv;
use crate::sockets::Listener;

/// The sockets that are watched while there are no workers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// A connection is to wake somebody up.
    wanted: bool,
    /// They are in the master's epoll set.
    on: bool,
}

impl Master<'_> {
    /// What the slots of workers are at the start of an image: who runs, who is put away. A pause
    /// does not outlive the image that it was asked of.
    pub(super) fn begin_slots(&mut self, steps: Steps<Order>) {
        let processes = self.instance.settings.processes;
        let initial = self.cheaper.as_ref().map_or(processes, |cheaper| cheaper.initial());
        for at in 0..self.children.len() {
            let Role::Worker(id) = self.children[at].role else { continue };
            let row = self.instance.arena.worker(id);
            row.id.set(u64::from(id));
            row.suspended.set(0);
            row.busyness.set(0);
            row.cheaped.set(u64::from(id > initial));
            self.children[at].cheap = id > initial;
        }
        super::cheaper::forget_numbers(self.instance);
        self.carry_out_idle(steps);
    }

    /// What is looked at in each turn: who leaves, and who knocks.
    pub(super) fn idle_turn(&mut self) {
        if self.idle.due().is_some() {
            let steps = self.idle.look(edge::now(), &self.idle_workers());
            self.carry_out_idle(steps);
        }
        self.watch_sockets();
        if self.watch.on && somebody_knocks(self.instance) {
            let steps = self.idle.connection(edge::now());
            self.carry_out_idle(steps);
            self.watch_sockets();
        }
    }

    /// When something is due for workers that leave.
    pub(super) fn idle_due(&self) -> Option<Instant> {
        self.idle.due().map(edge::instant)
    }

    /// The duty of a second.
    pub(super) fn idle_second(&mut self) {
        if !self.pause.is_on() && self.instance.settings.policy.scale.idle.idle_s > 0 {
            let steps = self.idle.second(edge::now(), self.requests(), &self.idle_workers());
            self.carry_out_idle(steps);
        }
        if self.instance.settings.policy.scale.die_on_no_workers && self.nobody_is_left() {
            logv!("no more processes running, auto-killing ...");
            self.stop(1);
        }
    }

    /// Workers finish and stay away until somebody connects; asked again, they are killed.
    pub(super) fn go_cheap(&mut self) {
        if matches!(self.phase, Phase::Running) {
            let steps = self.idle.go_cheap(edge::now(), &self.idle_workers());
            self.carry_out_idle(steps);
        }
    }

    fn carry_out_idle(&mut self, steps: Steps<Order>) {
        edge::carry_out(steps, |order| self.idle_order(order));
    }

    fn idle_order(&mut self, order: Order) {
        match order {
            Order::CheapAll => self.put_all_away(),
            Order::Signal { pid, signal } => {
                let of = |child: &&Child| child.pid == Some(pid);
                let role = self.children.iter().find(of).map(|child| child.role);
                match (role, signal) {
                    (Some(Role::Worker(id)), asked::KILL) => self.shoot(id, Shot::NoMercy),
                    (Some(Role::Worker(id)), _) => self.cheapen(id, signal::SIGWINCH),
                    _ => {}
                }
            }
            Order::Watch => self.watch.wanted = true,
            Order::Unwatch => self.watch.wanted = false,
            Order::Spawn(most) => (1..=most).for_each(|id| self.revive(id)),
            Order::TellEmperor => {
                let steps = self.idle.emperor_is_deaf();
                self.carry_out_idle(steps);
            }
            Order::Stop => self.stop(0),
        }
    }

    fn put_all_away(&mut self) {
        for child in &mut self.children {
            if let Role::Worker(id) = child.role {
                child.cheap = true;
                child.due = None;
                self.instance.arena.worker(id).cheaped.set(1);
            }
        }
        self.instance.arena.globals().cheaper_wanted.set(0);
    }

    /// The workers as the duty sees them.
    fn idle_workers(&self) -> Vec<Worker> {
        let worker = |(id, child): (u32, &Child)| Worker {
            id,
            pid: child.pid.unwrap_or(0),
            busy: is_busy(self.instance, id),
            starting: self.instance.arena.worker(id).accepting.get() == 0,
        };
        self.workers().map(worker).collect()
    }

    /// No worker runs although some should: they end faster than they may be started.
    fn nobody_is_left(&self) -> bool {
        let (mut workers, adapts) = (self.workers(), self.cheaper.is_some());
        let wanted = workers.clone().any(|(_, child)| !adapts || !child.cheap);
        wanted && !self.idle.is_cheap() && workers.all(|(_, child)| child.pid.is_none())
    }

    /// Watches the sockets while that makes sense: a paused or ending instance wakes nobody.
    pub(super) fn watch_sockets(&mut self) {
        let running = matches!(self.phase, Phase::Running) && !self.pause.is_on();
        let wanted = self.watch.wanted && running;
        if wanted == self.watch.on {
            return;
        }
        self.watch.on = wanted;
        for fd in descriptors(self.instance) {
            match wanted {
                // One that cannot be watched is looked at once a second.
                true => drop(self.watch(fd)),
                false => self.unwatch(fd),
            }
        }
    }
}

/// A worker is busy while any of its cores is in a request or handles a signal.
pub(super) fn is_busy(instance: &Instance, id: u32) -> bool {
    let requests = |core| instance.arena.core(id, core).in_request.get() > 0;
    (0..instance.settings.threads).any(requests) || instance.arena.worker(id).sig.get() > 0
}

/// Everything that workers accept from.
fn descriptors(instance: &Instance) -> impl Iterator<Item = BorrowedFd<'_>> {
    let workers = instance.sockets.iter().map(|(listener, _)| listener);
    let listeners = workers.chain(&instance.link);
    listeners.flat_map(|Listener { fd, alias, .. }| {
        [Some(fd.as_fd()), alias.as_ref().map(AsFd::as_fd)].into_iter().flatten()
    })
}

/// A connection waits at one of the sockets.
fn somebody_knocks(instance: &Instance) -> bool {
    let mut fds: Vec<_> =
        descriptors(instance).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
