//! Files whose change means something: the `touch-*` options, `hook-touch`, files of daemons.
//!
//! A file fires when its time of change grows, when another file takes its place, when it appears
//! and when it disappears. Every changed file is handled, not the first alone; orders that a pass
//! has given already, or that a full reload makes needless, are not given again.
//!
//! It refuses to look at files itself: a look is a [`Seen`] for each path, in the order of
//! [`Touches::paths`]. It is asked once a second, and not while the instance ends or reloads. A
//! notice of the kernel may ask earlier; nothing here counts on the second.

mod option;

pub use option::{OPTIONS, Order, Watch};

use crate::Steps;

/// What a look at a path found; `None` where there is nothing.
pub type Seen = Option<Stat>;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Time of the last change, nanoseconds since the epoch.
    pub mtime_ns: i128,
    /// Number of the inode.
    pub inode: u64,
}

/// All watched files.
#[derive(Debug, Default)]
pub struct Touches {
    all: Vec<(Watch, Seen)>,
}

impl Touches {
    /// The files as they are when the master's loop begins, and the lines about missing ones.
    pub fn new(watches: Vec<Watch>, mut look: impl FnMut(&str) -> Seen) -> (Touches, Steps<Order>) {
        let mut steps = Steps::new();
        let all = watches.into_iter().map(|watch| {
            let seen = look(&watch.path);
            if seen.is_none() {
                let path = &watch.path;
                steps.say(format!(
                    "unable to stat() {path}, events will be triggered as soon as the file is created"
                ));
            }
            (watch, seen)
        });
        (Touches { all: all.collect() }, steps)
    }

    /// The paths to look at.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(watch, _)| watch.path.as_str())
    }

    /// A pass over all files. `chain_runs`: a chain reload goes on.
    pub fn look(&mut self, chain_runs: bool, mut look: impl FnMut(&str) -> Seen) -> Steps<Order> {
        let mut pass = Pass { steps: Steps::new(), given: Vec::new(), chain_runs };
        for (watch, before) in &mut self.all {
            let now = look(&watch.path);
            if fires(*before, now) {
                pass.fired(watch);
            }
            *before = now;
        }
        pass.finish()
    }
}

/// A time that goes back fires nothing, but is what the next change is compared with.
fn fires(before: Seen, now: Seen) -> bool {
    match (before, now) {
        (None, None) => false,
        (Some(before), Some(now)) => now.mtime_ns > before.mtime_ns || now.inode != before.inode,
        (None, Some(_)) | (Some(_), None) => true,
    }
}

/// One pass over all files.
struct Pass {
    steps: Steps<Order>,
    /// Orders without a value of their own that were given already.
    given: Vec<Order>,
    chain_runs: bool,
}

impl Pass {
    fn fired(&mut self, watch: &Watch) {
        let Watch { path, order } = watch;
        match order {
            Order::Reload => self.touched(path, "grace them all", order),
            Order::ReloadWorkers => self.touched(path, "workers reload", order),
            Order::ReloadMules => self.touched(path, "mules reload", order),
            Order::ReloadSpoolers => self.touched(path, "spoolers reload", order),
            Order::ReloadChain if self.chain_runs => self.steps.say_dated(format!(
                "*** {path} has been touched... but chain reload is already running ***"
            )),
            Order::ReloadChain => {
                self.chain_runs = true;
                self.touched(path, "chain reload", order);
            }
            Order::RotateLog | Order::ReopenLog => self.given.push(order.clone()),
            Order::Run(command) => {
                self.steps.say_dated(format!("[uwsgi-touch-exec] running {command}"));
                self.steps.order(order.clone());
            }
            Order::Raise(number) => {
                self.steps.say_dated(format!("[uwsgi-touch-signal] raising {number}"));
                self.steps.order(order.clone());
            }
            Order::Hook(_) | Order::Daemon { .. } => self.steps.order(order.clone()),
        }
    }

    fn touched(&mut self, path: &str, what: &str, order: &Order) {
        self.steps.say_dated(format!("*** {path} has been touched... {what} !!! ***"));
        self.given.push(order.clone());
    }

    /// Hands out the orders that hold for all files of a kind. A full reload comes last: what it
    /// does not do itself is done before.
    fn finish(mut self) -> Steps<Order> {
        let has = |order: &Order| self.given.contains(order);
        let log = match (has(&Order::RotateLog), has(&Order::ReopenLog)) {
            (true, _) => Some(Order::RotateLog),
            (false, reopen) => reopen.then_some(Order::ReopenLog),
        };
        log.into_iter().for_each(|order| self.steps.order(order));
        if has(&Order::Reload) {
            self.steps.order(Order::Reload);
            return self.steps;
        }
        let parts =
            [Order::ReloadWorkers, Order::ReloadChain, Order::ReloadMules, Order::ReloadSpoolers];
        let given = parts.into_iter().filter(|order| self.given.contains(order));
        given.for_each(|order| self.steps.order(order));
        self.steps
    }
}

#[cfg(test)]
mod tests;
