//! Attached daemons: what their options mean, when they are started, ended and given up.
//!
//! It owns the courses of all daemons of an instance. Each one is a small machine:
//!
//! ```text
//! Down ──▶ Starting ──▶ Up ──▶ (death) ──▶ Throttled ──▶ Starting
//!   │         ▲          │                     │
//!   └▶ Adopted┘ (death)  └──▶ Stopping ──▶ Gone ◀┘ (the instance ends)
//! ```
//!
//! A dumb daemon is a child that lives and dies with the instance. One with a pidfile outlives it:
//! it is adopted when its pidfile names a live process, and left alone at the end. Daemons of a
//! legion run while this node is its lord, and end with the instance in any case.
//!
//! A dumb daemon is all of its process group: a shell may end before what it runs does, and what is
//! left of the group counts as the daemon. It is waited for like the daemon itself when that is asked
//! to end, and asked to end when its leader died by itself.
//!
//! All daemons stop at the same time, and a respawn waits as a due time, not in a sleeping child.
//! It refuses to fork, signal or read: a look at a pidfile is a value ([`Pidfile`]), the rest are
//! orders.

mod daemon;
mod keys;
mod order;
mod spec;
mod throttle;

pub use order::{End, Ending, Ids, Order, Pidfile, State, Status};
pub use spec::{OPTIONS, Parsed, Spec};
pub use throttle::MOST_DELAY;

use self::daemon::Daemon;
use crate::{Now, Steps};

/// What a daemon that was asked to end may take when `reload-mercy` is not given, in seconds.
pub const MERCY: u64 = 3;

/// All daemons of an instance, numbered from 0 in the order of their options.
#[derive(Debug, Default)]
pub struct Daemons {
    all: Vec<Daemon>,
}

/// How a caller shows the pidfile at a path.
pub type Look<'a> = &'a mut dyn FnMut(&str) -> Pidfile;

impl Daemons {
    /// `specs` with the ids they run with. `mercy` is `reload-mercy` in seconds; 0 stands for
    /// [`MERCY`].
    pub fn new(specs: impl IntoIterator<Item = (Spec, Ids)>, mercy: u64) -> Daemons {
        let mercy = if mercy == 0 { MERCY } else { mercy };
        let numbered = specs.into_iter().enumerate();
        Daemons {
            all: numbered.map(|(id, (spec, ids))| Daemon::new(id, spec, ids, mercy)).collect(),
        }
    }

    /// Starts or adopts everybody but the daemons of legions; those wait for [`Daemons::lord`].
    pub fn start(&mut self, now: Now, look: Look) -> Steps<Order> {
        let mut steps = Steps::new();
        for daemon in self.all.iter_mut().filter(|daemon| daemon.spec().legion.is_none()) {
            daemon.start(now, look, &mut steps);
        }
        steps
    }

    /// The duty of a second: pidfiles are looked at.
    pub fn second(&mut self, now: Now, look: Look) -> Steps<Order> {
        let mut steps = Steps::new();
        self.all.iter_mut().for_each(|daemon| daemon.second(now, look, &mut steps));
        steps
    }

    /// What is due: throttled respawns, repeated signals, the end of a mercy.
    pub fn tick(&mut self, now: Now) -> Steps<Order> {
        let mut steps = Steps::new();
        self.all.iter_mut().for_each(|daemon| daemon.tick(now, &mut steps));
        steps
    }

    /// Monotonic microseconds when [`Daemons::tick`] has something to do.
    pub fn due(&self) -> Option<u64> {
        self.all.iter().filter_map(Daemon::due).min()
    }

    /// The answer to [`Order::Spawn`]: its process, or why there is none.
    pub fn spawned(&mut self, id: usize, pid: Result<i32, String>, now: Now) -> Steps<Order> {
        let mut steps = Steps::new();
        if let Some(daemon) = self.all.get_mut(id) {
            daemon.spawned(pid, now, &mut steps);
        }
        steps
    }

    /// A child of the master ended; `None` when it was none of ours.
    pub fn exited(&mut self, pid: i32, end: End, now: Now) -> Option<Steps<Order>> {
        let daemon = self.all.iter_mut().find(|daemon| daemon.owns(pid))?;
        let mut steps = Steps::new();
        daemon.exited(pid, end, now, &mut steps);
        Some(steps)
    }

    /// The answer to [`Order::LookAtGroup`].
    pub fn group_seen(&mut self, id: usize, lives: bool, now: Now) -> Steps<Order> {
        let mut steps = Steps::new();
        if let Some(daemon) = self.all.get_mut(id) {
            daemon.group_seen(lives, now, &mut steps);
        }
        steps
    }

    /// A file of the key `touch` of daemon `id` was touched.
    pub fn touched(&mut self, id: usize, file: &str) -> Steps<Order> {
        let mut steps = Steps::new();
        if let Some(daemon) = self.all.get(id) {
            daemon.touched(file, &mut steps);
        }
        steps
    }

    /// This node became the lord of `legion`, or is it no more. Saying it again changes nothing.
    pub fn lord(&mut self, legion: &str, lord: bool, now: Now, look: Look) -> Steps<Order> {
        let mut steps = Steps::new();
        let of_it = |daemon: &&mut Daemon| daemon.spec().legion.as_deref() == Some(legion);
        for daemon in self.all.iter_mut().filter(of_it) {
            match lord {
                true => daemon.start(now, look, &mut steps),
                false => daemon.dethroned(now, &mut steps),
            }
        }
        steps
    }

    /// The instance ends or reloads.
    pub fn stop(&mut self, why: Ending, now: Now) -> Steps<Order> {
        let mut steps = Steps::new();
        self.all.iter_mut().for_each(|daemon| daemon.stop(why, now, &mut steps));
        steps
    }

    /// After [`Daemons::stop`]: nobody is waited for any more.
    pub fn all_gone(&self) -> bool {
        self.all.iter().all(|daemon| daemon.status().state == State::Gone)
    }

    /// What a daemon was configured with.
    pub fn spec(&self, id: usize) -> Option<&Spec> {
        self.all.get(id).map(Daemon::spec)
    }

    /// Everybody as the stats show them.
    pub fn status(&self) -> impl Iterator<Item = Status> {
        self.all.iter().map(Daemon::status)
    }

    /// Numbers and files of everybody that ends at a touch.
    pub fn touches(&self) -> impl Iterator<Item = (usize, &str)> {
        let files = |(id, daemon): (usize, _)| {
            let touch = &Daemon::spec(daemon).touch;
            touch.iter().map(move |file| (id, file.as_str()))
        };
        self.all.iter().enumerate().flat_map(files)
    }
}

#[cfg(test)]
mod tests;
