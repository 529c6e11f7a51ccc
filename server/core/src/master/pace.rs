//! How long the master's doings take, and what is seen of a child at its end. Part of the master.
//!
//! A boot or a reload is over when all workers accept. Each worker leaves the moment in its row, so
//! the length is exact whenever the master looks; and the moment a reload was asked for lies in the
//! arena, so that the next image knows it.

use std::time::Duration;

use uwsgi_metrics::Arena;

use super::children::{Child, Role};
use crate::clock;
use crate::instance::Instance;
use crate::observer::process;

/// What this image has seen of its own start.
#[derive(Debug, Default)]
pub(super) struct Pace {
    booted: bool,
}

impl Pace {
    /// Notes the end of a boot and of a reload.
    pub(super) fn look(&mut self, instance: &Instance) {
        let globals = instance.arena.globals();
        let began = globals.reload_began_us.get();
        if self.booted && began == 0 {
            return;
        }
        if nobody_is_wanted(&instance.arena) {
            // An instance without workers has nothing to wait for.
            self.booted = true;
            globals.reload_began_us.set(0);
            return;
        }
        let Some(ready) = ready_since(&instance.arena, began) else { return };
        if !self.booted {
            self.booted = true;
            globals.boot_us.set(ready.saturating_sub(clock::started_us()));
        }
        if began > 0 {
            globals.reload_began_us.set(0);
            globals.reload_spread.record(ready.saturating_sub(began));
            uwsgi_usdt::reload__done(|| (ready.saturating_sub(began),));
        }
    }
}

fn nobody_is_wanted(arena: &Arena) -> bool {
    (1..=arena.shape().workers).all(|id| arena.worker(id).cheaped.get() > 0)
}

/// When the last worker began to accept, if all do and began after `since`, epoch microseconds.
fn ready_since(arena: &Arena, since: u64) -> Option<u64> {
    let rows = (1..=arena.shape().workers).map(|id| arena.worker(id));
    let mut last = None;
    for row in rows.filter(|row| row.cheaped.get() == 0) {
        let ready = row.ready_us.get();
        if row.accepting.get() == 0 || ready == 0 || ready < since {
            return None;
        }
        last = last.max(Some(ready));
    }
    last
}

/// A reload was asked for. One that comes on top of another began with the first.
pub(super) fn reload_begins(instance: &Instance) {
    let began = &instance.arena.globals().reload_began_us;
    if began.get() == 0 {
        began.set(clock::epoch_us());
    }
}

/// What a child that ended used since the observer looked.
pub(super) fn last_look(instance: &Instance, children: &[Child], pid: i32) {
    let Some(child) = children.iter().find(|child| child.pid == Some(pid)) else { return };
    let arena = &instance.arena;
    process::last_look(
        match child.role {
            Role::Worker(id) => &arena.worker(id).used,
            Role::Mule(id) => &arena.mule(id).used,
            Role::Gateway(index) => &arena.gateway(index).used,
            Role::Observer => &arena.globals().observer_used,
        },
        pid,
    );
}

/// A duration as the arena keeps it.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::Shape;

    #[test]
    fn all_workers_must_have_begun_to_accept_since_then() {
        let arena = Arena::create(&Shape { workers: 3, cores: 1, ..Shape::default() }).unwrap();
        let set = |id, accepting, ready| {
            arena.worker(id).accepting.set(accepting);
            arena.worker(id).ready_us.set(ready);
        };
        set(1, 1, 100);
        set(2, 1, 150);
        assert_eq!(ready_since(&arena, 0), None, "the third does not accept yet");
        arena.worker(3).cheaped.set(1);
        assert_eq!(ready_since(&arena, 0), Some(150), "who is put away is not waited for");
        assert_eq!(ready_since(&arena, 120), None, "the first is one from before the reload");
        set(1, 1, 130);
        assert_eq!(ready_since(&arena, 120), Some(150));
        for id in [1, 2] {
            arena.worker(id).cheaped.set(1);
        }
        assert_eq!(ready_since(&arena, 0), None, "nobody accepts");
    }
}
