//! Chain reload: one worker after the other, each only when the one before accepts again.
//!
//! ```text
//! Off ── start ──▶ Victim(1) ── its next process accepts ──▶ Victim(2) ── … ──▶ Off (complete)
//!                     └── its next process failed twice ──▶ Off (aborted: the rest keeps serving)
//! ```
//!
//! A slot that is cheaped or does not accept is passed over: what starts there loads the new code
//! anyway. It refuses to respawn anybody; the master does that as ever.

use crate::{Now, SECOND, Steps};

/// How often the new process of a victim may fail before the chain is given up.
pub const FAILURES: u32 = 2;

/// A worker as the master sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number.
    pub id: u32,
    /// Its process, 0 for none.
    pub pid: i32,
    /// Its loop runs.
    pub accepting: bool,
    /// Its slot is to stay empty.
    pub cheaped: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask a worker to finish and come back.
    Retire {
        /// Its number.
        id: u32,
        /// Its process.
        pid: i32,
    },
    /// The chain was given up: raise alarms with this text.
    Alarm(String),
}

/// How the last chain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every worker was reloaded.
    Complete,
    /// A worker failed to start; those behind it serve the old code.
    Aborted,
    /// The instance itself reloads or stops.
    Cancelled,
}

/// The worker that is being reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Victim {
    id: u32,
    /// The process that was asked to go.
    old: i32,
    failures: u32,
    say_again_us: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    /// The next victim has a number above this one.
    Next(u32),
    Waiting(Victim),
}

/// A chain reload, if one goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain {
    state: State,
    last: Option<Outcome>,
    /// The worker at which the last one was given up.
    stuck: Option<u32>,
}

impl Chain {
    /// A chain reload goes on.
    pub fn runs(&self) -> bool {
        self.state != State::Off
    }

    /// Whether the failure of this worker is that of a chain: the others keep serving, and the
    /// instance does not end for it.
    pub fn spares(&self, id: u32) -> bool {
        let victim = matches!(self.state, State::Waiting(victim) if victim.id == id);
        victim || self.stuck == Some(id)
    }

    /// How the last one ended.
    pub fn last(&self) -> Option<Outcome> {
        self.last
    }

    /// Begins with the first worker, if no chain runs already.
    pub fn start(&mut self, now: Now, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        if self.runs() {
            steps.say_dated("chain reload already running...");
            return steps;
        }
        steps.say_dated("chain reload starting...");
        steps.extend(self.start_quietly(now, workers));
        steps
    }

    /// The same where another line has told of it, as that of a touched file does.
    pub fn start_quietly(&mut self, now: Now, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        if !self.runs() {
            (self.state, self.stuck) = (State::Next(0), None);
            self.go_on(now, workers, &mut steps);
        }
        steps
    }

    /// The instance itself reloads or stops.
    pub fn cancel(&mut self) {
        if self.runs() {
            self.end(Outcome::Cancelled);
        }
    }

    /// Asked each turn; lines about waiting come once a second.
    pub fn look(&mut self, now: Now, workers: &[Worker]) -> Steps<Order> {
        let mut steps = Steps::new();
        if let State::Waiting(mut victim) = self.state {
            let worker = workers.iter().find(|worker| worker.id == victim.id);
            let done = worker.is_none_or(|worker| {
                worker.cheaped || worker.pid > 0 && worker.pid != victim.old && worker.accepting
            });
            if done {
                self.state = State::Next(victim.id);
            } else if now.us >= victim.say_again_us {
                steps.say_dated(format!("chain is still waiting for worker {}...", victim.id));
                victim.say_again_us = now.us.saturating_add(SECOND);
                self.state = State::Waiting(victim);
            }
        }
        self.go_on(now, workers, &mut steps);
        steps
    }

    /// A worker's process has ended. `accepted`: it had begun to accept.
    pub fn died(&mut self, id: u32, pid: i32, accepted: bool) -> Steps<Order> {
        let mut steps = Steps::new();
        let State::Waiting(mut victim) = self.state else { return steps };
        if victim.id != id || victim.old == pid || accepted {
            return steps;
        }
        victim.failures += 1;
        self.state = State::Waiting(victim);
        if victim.failures >= FAILURES {
            let text = format!(
                "chain reload aborted: worker {id} failed to start {} times, the workers behind \
                 it keep serving as they are",
                victim.failures
            );
            steps.say_dated(text.clone());
            steps.order(Order::Alarm(text));
            self.stuck = Some(id);
            self.end(Outcome::Aborted);
        }
        steps
    }

    /// Next → Waiting for the next victim, or Off behind the last.
    fn go_on(&mut self, now: Now, workers: &[Worker], steps: &mut Steps<Order>) {
        let State::Next(after) = self.state else { return };
        let fits = |worker: &&Worker| {
            worker.id > after && worker.pid > 0 && worker.accepting && !worker.cheaped
        };
        match workers.iter().filter(fits).min_by_key(|worker| worker.id) {
            Some(&Worker { id, pid, .. }) => {
                steps.say_dated(format!("chain next victim is worker {id}"));
                steps.order(Order::Retire { id, pid });
                let say_again_us = now.us.saturating_add(SECOND);
                self.state = State::Waiting(Victim { id, old: pid, failures: 0, say_again_us });
            }
            None => {
                steps.say_dated("chain reloading complete");
                self.end(Outcome::Complete);
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        (self.state, self.last) = (State::Off, Some(outcome));
    }
}

#[cfg(test)]
mod tests;
