//! Accept queues of every listening socket: of the workers, the routers, the link between them, and
//! the stats.
//!
//! The kernel tells how many connections wait now. How many ever waited it does not tell: what is
//! counted here is who was seen waiting, a lower bound. Drops are told for TCP only (see `drops`). A
//! UNIX socket drops nothing; a client that finds its queue full waits, or is told so.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

use uwsgi_sys::queue::{self, Queue, UnixQueues};

use super::alarms::Alarms;
use super::drops::Drops;
use crate::instance::Instance;
use crate::{logv, sockets::Listener};

/// What is kept between looks: of each worker socket, those who waited and all ever accepted.
pub(super) struct Queues {
    seen: Vec<(u64, u64)>,
}

impl Queues {
    pub(super) fn new(instance: &Instance) -> Queues {
        let accepted = |i| instance.arena.socket(i).accepted.get();
        Queues { seen: (0..).zip(&instance.sockets).map(|(i, _)| (0, accepted(i))).collect() }
    }

    /// Measures everything, and says which queues of workers are full.
    pub(super) fn look(&mut self, instance: &Instance, alarms: &Alarms) {
        measure(instance);
        others(instance);
        for ((i, (listener, _)), seen) in (0..).zip(&instance.sockets).zip(&mut self.seen) {
            let row = instance.arena.socket(i);
            let now = (row.queue.get(), row.accepted.get());
            row.waited.add(newcomers(*seen, now));
            *seen = now;
            complain(listener, row.queue.get(), row.max_queue.get(), alarms);
        }
    }
}

/// Of those who wait now, how many were not waiting at the last look: who was first is accepted
/// first. Each look is (waiting, accepted so far).
fn newcomers(before: (u64, u64), now: (u64, u64)) -> u64 {
    let left = before.0.saturating_sub(now.1.saturating_sub(before.1));
    now.0.saturating_sub(left)
}

fn complain(listener: &Listener, length: u64, max: u64, alarms: &Alarms) {
    if length > 0 && length >= max {
        let (name, fd) = (&listener.name, listener.fd.as_raw_fd());
        let text =
            format!("listen queue of socket \"{name}\" (fd: {fd}) full !!! ({length}/{max})");
        logv!("*** uWSGI {text} ***");
        alarms.backlog(&text);
    }
}

/// Accept queues of the worker sockets as they are now, and the queues of signals.
pub(super) fn measure(instance: &Instance) {
    if let Some(signals) = &instance.signals {
        signals.measure(&instance.arena);
    }
    let lost = Drops::look();
    let (mut longest, mut drops) = (0, 0);
    for (i, (listener, _)) in (0..).zip(&instance.sockets) {
        let row = instance.arena.socket(i);
        if let Some(q) = ask(listener) {
            row.queue.set(q.length);
            row.max_queue.set(q.max);
            lost.enter(&row.drops, &row.drops_seen, q.drops);
            longest = longest.max(q.length);
        }
        drops += row.drops.get();
    }
    let globals = instance.arena.globals();
    globals.backlog.set(longest);
    globals.load.set(longest);
    globals.backlog_errors.set(drops);
}

/// The sockets that are not of the workers.
fn others(instance: &Instance) {
    let lost = Drops::look();
    let globals = instance.arena.globals();
    let stats = together(&instance.stats);
    globals.stats_queue.set(stats.length);
    globals.stats_max_queue.set(stats.max);
    lost.enter(&globals.stats_drops, &globals.stats_drops_seen, stats.drops);
    if let Some(q) = instance.link.as_ref().and_then(ask) {
        globals.link_queue.set(q.length);
        globals.link_max_queue.set(q.max);
    }
    let fronts = together(&instance.http);
    // Every router process accepts from the same sockets.
    for i in 0..instance.arena.shape().gateways {
        let row = instance.arena.gateway(i);
        row.listen_queue.set(fronts.length);
        row.max_queue.set(fronts.max);
        lost.enter(&row.drops, &row.drops_seen, fronts.drops);
    }
}

/// The longest queue, the largest limit, all drops.
fn together(listeners: &[Listener]) -> Queue {
    listeners.iter().filter_map(ask).fold(Queue::default(), |all, q| Queue {
        length: all.length.max(q.length),
        max: all.max.max(q.max),
        drops: all.drops + q.drops,
    })
}

/// The kernel's answers about UNIX sockets; `None` where netlink is not to be had.
fn unix() -> Option<&'static UnixQueues> {
    static UNIX: OnceLock<Option<UnixQueues>> = OnceLock::new();
    UNIX.get_or_init(|| UnixQueues::open().ok()).as_ref()
}

fn ask(listener: &Listener) -> Option<Queue> {
    ask_of(listener, unix())
}

fn ask_of(listener: &Listener, unix: Option<&UnixQueues>) -> Option<Queue> {
    if listener.tcp {
        return queue::tcp(listener.fd.as_fd()).ok();
    }
    unix?.queue(listener.fd.as_fd()).ok()
}

/// Who waits for a worker at this moment: at the fullest worker socket, or behind the routers. Asked
/// of the kernel, because what the observer wrote down may be a second old, which is longer than a
/// burst. `unix` is the asking process' own.
pub(crate) fn waiting(instance: &Instance, unix: Option<&UnixQueues>) -> u64 {
    let length = |listener: &Listener| ask_of(listener, unix).map_or(0, |queue| queue.length);
    let sockets = instance.sockets.iter().map(|(listener, _)| length(listener)).max();
    let routers = (0..instance.arena.shape().gateways).map(|i| instance.arena.gateway(i));
    let routed: u64 = routers.map(|row| row.queue.get()).sum();
    sockets.unwrap_or(0).max(routed + instance.link.as_ref().map_or(0, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_seen_waiting_is_counted_once() {
        let looks = [
            ((0, 10), (3, 10), 3, "three came"),
            ((3, 10), (3, 10), 0, "the same three"),
            ((3, 10), (3, 12), 2, "two of them were accepted, two came"),
            ((3, 10), (0, 13), 0, "all were accepted"),
            ((3, 10), (2, 99), 2, "many passed, two of the new ones wait"),
            ((3, 10), (1, 10), 0, "two gave up"),
        ];
        for (before, now, want, why) in looks {
            assert_eq!(newcomers(before, now), want, "{why}");
        }
    }
}
