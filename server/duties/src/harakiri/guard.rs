//! The course of one worker whose request takes too long.

use std::fmt;

use super::{Config, Deadline, Order, micros};
use crate::{Line, Now, SECOND, Steps, signal};

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing<'a> {
    /// It serves a request. The bytes come from a client.
    Request {
        /// Address of the client.
        remote: &'a [u8],
        /// Method.
        method: &'a [u8],
        /// Target.
        uri: &'a [u8],
        /// Begin, seconds since the epoch.
        since_s: u64,
    },
    /// It handles a uwsgi signal.
    Signal(u8),
}

/// As lines about a core tell it.
impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doing::Request { remote, method, uri, since_s } => write!(
                f,
                "{} - {} {} since {since_s}",
                remote.escape_ascii(),
                method.escape_ascii(),
                uri.escape_ascii()
            ),
            Doing::Signal(number) => write!(f, "- handling signal {number}"),
        }
    }
}

/// A core that is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core<'a> {
    /// Its number.
    pub core: u32,
    /// Monotonic microseconds when it began; tells one request from the next.
    pub since_us: u64,
    /// When it must be done.
    pub deadline: Option<Deadline>,
    /// What it does.
    pub doing: Doing<'a>,
    /// What else is known of it, for a line of its own; may be empty.
    pub note: &'a str,
}

/// A worker as the master sees it.
#[derive(Clone, Copy, Debug)]
pub struct Worker<'a> {
    /// Its number.
    pub id: u32,
    /// Its process, 0 for none.
    pub pid: i32,
    /// The cores that are at work.
    pub cores: &'a [Core<'a>],
    /// How often it has told its stacks.
    pub told: u64,
}

/// One request that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Victim {
    pid: i32,
    core: u32,
    since_us: u64,
}

impl Victim {
    /// Its core, while it still does the same.
    fn find<'a>(&self, worker: &Worker<'a>) -> Option<&'a Core<'a>> {
        let same = |core: &&Core| core.core == self.core && core.since_us == self.since_us;
        worker.cores.iter().find(same)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Quiet,
    /// Its stacks are awaited, until `until_us` at most; looked at again at `again_us`.
    Telling { victim: Victim, first: bool, told: u64, again_us: u64, until_us: u64 },
    /// Asked to end; killed at `next_us`.
    Tried { victim: Victim, next_us: u64 },
    /// Killed; its end will be told.
    Killed { pid: i32 },
}

/// The course of one worker, kept by the master as long as the worker has its number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guard {
    state: State,
    /// Not looked at again before, because the queue was short.
    skipped_until_us: u64,
    /// When the line about a short queue may be said again.
    quiet_until_us: u64,
}

/// A worker whose queue is too short is looked at again after this time.
const SKIP: u64 = SECOND;

/// How long the stacks of a worker are awaited: one that is stopped never tells them.
const STACKS: u64 = SECOND / 2;

/// How often is looked whether they are told.
const STACKS_LOOK: u64 = SECOND / 100;

/// And the line about it is said once in this time: it says nothing new.
const SAY_AGAIN: u64 = 60 * SECOND;

/// One look at a worker, and what comes of it.
struct Look<'a> {
    now: Now,
    config: &'a Config,
    worker: &'a Worker<'a>,
    steps: Steps<Order>,
}

impl Guard {
    /// Looks at a worker; `queue` is the longest queue of the listening sockets.
    pub fn look(
        &mut self,
        now: Now,
        config: &Config,
        worker: &Worker<'_>,
        queue: u64,
    ) -> Steps<Order> {
        let mut look = Look { now, config, worker, steps: Steps::new() };
        self.forget_what_ended(&mut look);
        match self.state {
            _ if worker.pid <= 0 => {}
            State::Killed { .. } => {}
            State::Telling { victim, first, told, until_us, .. } => {
                if worker.told == told && now.us < until_us {
                    let again_us = now.us.saturating_add(STACKS_LOOK).min(until_us);
                    self.state = State::Telling { victim, first, told, again_us, until_us };
                } else if let Some(core) = victim.find(worker) {
                    self.strike(&mut look, core, first);
                }
            }
            State::Tried { victim, next_us } if now.us >= next_us => {
                if let Some(core) = victim.find(worker) {
                    self.attempt(&mut look, core);
                }
            }
            State::Tried { .. } => {}
            State::Quiet => {
                if let Some(core) = overdue(worker, now)
                    && now.us >= self.skipped_until_us
                    && !self.skips(&mut look, queue)
                {
                    self.attempt(&mut look, core);
                }
            }
        }
        look.steps
    }

    /// Monotonic microseconds when [`Guard::look`] has something to do, with these cores.
    pub fn due(&self, worker: &Worker<'_>) -> Option<u64> {
        match self.state {
            State::Quiet => {
                let at = worker.cores.iter().filter_map(|core| Some(core.deadline?.at_us)).min();
                at.map(|at| at.max(self.skipped_until_us))
            }
            State::Telling { again_us, .. } => Some(again_us),
            State::Tried { next_us, .. } => Some(next_us),
            State::Killed { .. } => None,
        }
    }

    /// The last signal was not sent: nobody was late any more when it was time. Answers the line.
    pub fn spare(&mut self, id: u32) -> Line {
        self.state = State::Quiet;
        Line::dated(format!("HARAKIRI: worker {id} is done after all and goes on"))
    }

    /// Nothing is under way: only [`Guard::due`] matters.
    pub fn is_quiet(&self) -> bool {
        matches!(self.state, State::Quiet)
    }

    /// Telling, Tried or Killed → Quiet when the victim is no more.
    fn forget_what_ended(&mut self, look: &mut Look<'_>) {
        let worker = look.worker;
        let over = match self.state {
            State::Quiet => false,
            State::Killed { pid } => pid != worker.pid,
            State::Telling { victim, .. } | State::Tried { victim, .. } => {
                victim.pid != worker.pid || victim.find(worker).is_none()
            }
        };
        if let State::Telling { victim, .. } = self.state
            && over
            && victim.pid == worker.pid
        {
            let (id, core) = (worker.id, victim.core);
            look.steps.say_dated(format!("HARAKIRI: worker {id} core {core} is done and goes on"));
        }
        if over {
            self.state = State::Quiet;
        }
    }

    /// The queue is shorter than the threshold: nobody suffers enough.
    fn skips(&mut self, look: &mut Look<'_>, queue: u64) -> bool {
        let (now, id, threshold) = (look.now, look.worker.id, look.config.threshold);
        if queue >= threshold {
            return false;
        }
        self.skipped_until_us = now.us.saturating_add(SKIP);
        if now.us >= self.quiet_until_us {
            self.quiet_until_us = now.us.saturating_add(SAY_AGAIN);
            look.steps.say_dated(format!(
                "HARAKIRI: Skipping harakiri on worker {id}. Listen queue is smaller than the \
                 threshold ({queue} < {threshold})"
            ));
        }
        true
    }

    /// Quiet or Tried → Telling, or at once what [`Guard::strike`] does.
    fn attempt(&mut self, look: &mut Look<'_>, core: &Core<'_>) {
        let first = self.state == State::Quiet;
        look.announce(first, core.core);
        if !(look.config.verbose && look.config.stacks) {
            return self.strike(look, core, first);
        }
        let (now, Worker { id, pid, told, .. }) = (look.now, *look.worker);
        look.steps.say(STACKS_TITLE);
        look.steps.order(Order::Stacks { id, pid });
        let (again_us, until_us) = (now.us + STACKS_LOOK, now.us.saturating_add(STACKS));
        let victim = Victim { pid, core: core.core, since_us: core.since_us };
        self.state = State::Telling { victim, first, told, again_us, until_us };
    }

    /// Telling, Quiet → Tried or Killed, Tried → Killed.
    fn strike(&mut self, look: &mut Look<'_>, core: &Core<'_>, first: bool) {
        look.status();
        let Worker { id, pid, .. } = *look.worker;
        let user = core.deadline.is_some_and(|deadline| deadline.user);
        if first {
            let age_us = look.now.us.saturating_sub(core.since_us);
            look.steps.order(Order::Incident { id, core: core.core, user, age_us });
        }
        if first && look.config.grace_s > 0 {
            self.ask(look, core);
        } else {
            look.steps.order(Order::Signal { pid, group: false, signal: signal::KILL });
            self.state = State::Killed { pid };
        }
        let (by, core) = (if user { " (user)" } else { "" }, core.core);
        look.steps.say_dated(format!("HARAKIRI{by} triggered by worker {id} core {core} !!!"));
    }

    /// → Tried: the graceful signal, and when the kill follows.
    fn ask(&mut self, look: &mut Look<'_>, core: &Core<'_>) {
        let (Worker { id, pid, .. }, signal) = (*look.worker, look.config.grace_signal);
        let next_us = look.now.us.saturating_add(micros(look.config.grace_s));
        look.steps.order(Order::Signal { pid, group: false, signal });
        look.steps.say_dated(format!(
            "HARAKIRI: graceful termination attempt on worker {id} with signal {signal}. Next \
             harakiri: {}",
            look.now.wall_at(next_us)
        ));
        let victim = Victim { pid, core: core.core, since_us: core.since_us };
        self.state = State::Tried { victim, next_us };
    }
}

/// The core that is late for the longest time.
fn overdue<'a>(worker: &Worker<'a>, now: Now) -> Option<&'a Core<'a>> {
    let late = |core: &&Core| core.deadline.is_some_and(|deadline| now.us >= deadline.at_us);
    let at = |core: &&Core| core.deadline.map(|deadline| deadline.at_us);
    worker.cores.iter().filter(late).min_by_key(at)
}

/// The line before the stacks.
const STACKS_TITLE: &str = "*** uWSGI Python tracebacker output ***";

impl Look<'_> {
    /// Who it is and what it waits for.
    fn announce(&mut self, first: bool, core: u32) {
        let Worker { id, pid, .. } = *self.worker;
        let (attempt, graceful) = if first { (1, "yes") } else { (2, "no") };
        self.steps.say_dated(format!(
            "*** HARAKIRI ON WORKER {id} (pid: {pid}, try: {attempt}, graceful: {graceful}) ***"
        ));
        if self.config.verbose {
            self.steps.order(Order::Inspect { id, pid, core });
        }
    }

    /// What all its cores do.
    fn status(&mut self) {
        let Worker { id, cores, .. } = *self.worker;
        self.steps.say_dated(format!("HARAKIRI !!! worker {id} status !!!"));
        for core in cores {
            self.steps.say_dated(format!("HARAKIRI [core {}] {}", core.core, core.doing));
            if !core.note.is_empty() {
                self.steps.say_dated(format!("HARAKIRI [core {}] {}", core.core, core.note));
            }
        }
        self.steps.say_dated(format!("HARAKIRI !!! end of worker {id} status !!!"));
    }
}
