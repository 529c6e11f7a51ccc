//! Cheap and idle: an instance without workers until somebody connects.
//!
//! ```text
//! Serving ── idle, or `C` ──▶ Leaving ── all workers gone ──▶ Waiting ── a connection ──▶ Serving
//!    └────── idle under an Emperor with die-on-idle ──▶ Asked (the Emperor decides)
//! ```
//!
//! It owns the time without requests and the way to and from a life without workers. It decides
//! nothing about how many workers a load needs. Nobody is cut off: workers are asked to finish, and
//! only those that do nothing and still do not go are killed after a short while. All of them leave
//! at the same time.

use crate::{Now, SECOND, Steps, signal};

/// What an idle worker may take to leave, in seconds.
const GRACE: u64 = 3;

/// The byte that tells the Emperor of an idle instance.
pub const IDLE_BYTE: u8 = 22;

/// What the options say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `cheap`: begin without workers.
    pub cheap: bool,
    /// `idle` in seconds; 0 for never.
    pub idle_s: u64,
    /// `die-on-idle`.
    pub die: bool,
    /// There is an Emperor.
    pub governed: bool,
    /// `cheaper`, the least number of workers; 0 without it.
    pub cheaper: u32,
    /// `processes`.
    pub processes: u32,
}

/// A worker as the master sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number.
    pub id: u32,
    /// Its process, 0 for none.
    pub pid: i32,
    /// It handles a request or a signal.
    pub busy: bool,
    /// It runs but does not accept yet: it loads its applications, for instance.
    pub starting: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Mark every slot as cheaped, so that nobody is respawned.
    CheapAll,
    /// Send a signal to a worker. Whoever is asked with [`signal::HUP`] has its mercy besides.
    Signal {
        /// Its process.
        pid: i32,
        /// Number of the signal.
        signal: i32,
    },
    /// Wake me when a connection comes: watch all listening sockets.
    Watch,
    /// Watch the listening sockets no more.
    Unwatch,
    /// Start the workers 1 to this one, uncheaped; a `cheaper-initial` does not count here.
    Spawn(u32),
    /// Write [`IDLE_BYTE`] to the Emperor; answer with [`Idle::emperor_is_deaf`] when that fails.
    TellEmperor,
    /// Stop the instance.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving,
    /// Workers leave; idle ones that are still there at `until_us` are killed.
    Leaving {
        until_us: u64,
        forced: bool,
    },
    Waiting,
    Asked,
}

/// Whether the instance serves, sleeps, or is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    config: Config,
    state: State,
    /// Requests of the instance at the last change.
    requests: u64,
    /// When they changed, or the instance woke up.
    since: Now,
}

impl Idle {
    /// The state at the start. With `cheap` no worker is to be started ([`Idle::is_cheap`]), and
    /// the steps say what is done instead.
    pub fn new(config: Config, now: Now) -> (Idle, Steps<Order>) {
        let mut idle = Idle { config, state: State::Serving, requests: 0, since: now };
        let mut steps = Steps::new();
        if config.cheap {
            steps.order(Order::CheapAll);
            idle.wait(&mut steps);
        }
        (idle, steps)
    }

    /// There are no workers, or there shall be none.
    pub fn is_cheap(&self) -> bool {
        self.state != State::Serving
    }

    /// The instance was paused until now: what happened meanwhile says nothing.
    pub fn resume(&mut self, now: Now) {
        self.since = now;
    }

    /// The duty of a second. `requests`: how many the whole instance has served, those that do not
    /// count left out.
    pub fn second(&mut self, now: Now, requests: u64, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        let any =
            |is: fn(&Worker) -> bool| workers.iter().any(|worker| worker.pid > 0 && is(worker));
        if self.is_cheap() || self.config.idle_s == 0 || any(|worker| worker.busy) {
            return steps;
        }
        if any(|worker| worker.starting) {
            // Nobody can be idle who has had no chance to be asked: who woke them may still wait.
            self.since = now;
            return steps;
        }
        if requests != self.requests {
            (self.requests, self.since) = (requests, now);
        } else if now.seconds_since(self.since.us) > self.config.idle_s {
            let (limit, last) = (self.config.idle_s, self.since.wall_s);
            steps.say(format!(
                "workers have been inactive for more than {limit} seconds ({}-{last})",
                now.wall_s
            ));
            self.fall_asleep(now, workers, &mut steps);
        }
        steps
    }

    fn fall_asleep(&mut self, now: Now, workers: &[Worker], steps: &mut Steps<Order>) {
        match (self.config.die, self.config.governed) {
            (true, true) => {
                self.state = State::Asked;
                steps.order(Order::TellEmperor);
            }
            (true, false) => self.stop(steps),
            (false, _) => self.leave(now, workers, steps),
        }
    }

    /// The Emperor could not be told.
    pub fn emperor_is_deaf(&mut self) -> Steps<Order> {
        let mut steps = Steps::new();
        if self.state == State::Asked {
            self.stop(&mut steps);
        }
        steps
    }

    /// It is not to be decided again while the instance ends.
    fn stop(&mut self, steps: &mut Steps<Order>) {
        self.state = State::Asked;
        steps.order(Order::Stop);
    }

    fn leave(&mut self, now: Now, workers: &[Worker], steps: &mut Steps<Order>) {
        steps.order(Order::CheapAll);
        for worker in workers.iter().filter(|worker| worker.pid > 0) {
            steps.order(Order::Signal { pid: worker.pid, signal: signal::HUP });
        }
        let until_us = now.us.saturating_add(GRACE * SECOND);
        self.state = State::Leaving { until_us, forced: false };
        self.look(now, workers).into_iter().for_each(|step| steps.extend([step]));
    }

    /// `C` through the FIFO: workers finish and go. Said again while they do, it kills them.
    pub fn go_cheap(&mut self, now: Now, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        let alive = || workers.iter().filter(|worker| worker.pid > 0);
        let killing = |steps: &mut Steps<Order>| {
            alive().for_each(|w| steps.say(format!("killing worker {} (pid: {})", w.id, w.pid)));
        };
        match self.state {
            State::Serving => {
                steps.say_dated("going cheap...");
                killing(&mut steps);
                self.leave(now, workers, &mut steps);
            }
            State::Leaving { until_us, forced: false } => {
                killing(&mut steps);
                let kill =
                    |worker: &Worker| Order::Signal { pid: worker.pid, signal: signal::KILL };
                alive().for_each(|worker| steps.order(kill(worker)));
                self.state = State::Leaving { until_us, forced: true };
            }
            State::Leaving { .. } | State::Waiting | State::Asked => {}
        }
        steps
    }

    /// Asked each turn: whether the workers are gone, and who has to be killed.
    pub fn look(&mut self, now: Now, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        let State::Leaving { until_us, forced } = self.state else { return steps };
        let mut alive = workers.iter().filter(|worker| worker.pid > 0).peekable();
        if alive.peek().is_none() {
            self.wait(&mut steps);
        } else if now.us >= until_us {
            let until_us = now.us.saturating_add(GRACE * SECOND);
            self.state = State::Leaving { until_us, forced };
            for worker in alive.filter(|worker| !worker.busy) {
                steps.order(Order::Signal { pid: worker.pid, signal: signal::KILL });
            }
        }
        steps
    }

    /// Monotonic microseconds when [`Idle::look`] has something to do, were nobody to leave.
    pub fn due(&self) -> Option<u64> {
        match self.state {
            State::Leaving { until_us, .. } => Some(until_us),
            State::Serving | State::Waiting | State::Asked => None,
        }
    }

    fn wait(&mut self, steps: &mut Steps<Order>) {
        self.state = State::Waiting;
        steps.order(Order::Watch);
        steps.say("cheap mode enabled: waiting for socket connection...");
    }

    /// A watched socket has a connection. It may be gone again by now: the workers find out, and
    /// the time without requests begins anew, so that this cannot spin.
    pub fn connection(&mut self, now: Now) -> Steps<Order> {
        let mut steps = Steps::new();
        if self.state == State::Waiting {
            (self.state, self.since) = (State::Serving, now);
            steps.order(Order::Unwatch);
            let Config { cheaper, processes, .. } = self.config;
            steps.order(Order::Spawn(if cheaper > 0 { cheaper } else { processes }));
        }
        steps
    }
}

#[cfg(test)]
mod tests;
