//! Chain reload in the master: what the chain sees of the workers, and what it orders. Part of the
//! master; the decisions are `uwsgi_duties::chain`.

use uwsgi_duties::Steps;
use uwsgi_duties::chain::{Order, Outcome, Worker};
use uwsgi_sys::signal;

use super::children::Child;
use super::edge::{self, carry_out};
use super::preflight::Asked;
use super::{Master, Phase};

impl Master<'_> {
    /// One worker after the other ends and comes back, each when the one before accepts again.
    /// `told`: a line of the log has said so. Where workers load applications, these are tried
    /// first: all that a chain takes along would come back without them.
    pub(super) fn chain_reload(&mut self, told: bool) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        match self.applications_are_tried() && !self.chain.runs() {
            true => self.try_then(Asked::Chain { told }),
            false => self.begin_chain(told),
        }
    }

    pub(super) fn begin_chain(&mut self, told: bool) {
        let workers = self.chain_workers();
        let now = edge::now();
        let steps = match told {
            true => self.chain.start_quietly(now, &workers),
            false => self.chain.start(now, &workers),
        };
        self.chain_steps(steps);
    }

    /// The next victim, if the one before is back. Asked each turn.
    pub(super) fn look_at_chain(&mut self) {
        if !self.chain.runs() || !matches!(self.phase, Phase::Running) {
            return;
        }
        let workers = self.chain_workers();
        let steps = self.chain.look(edge::now(), &workers);
        self.chain_steps(steps);
    }

    /// A worker has ended; `accepted`: it had begun to accept.
    pub(super) fn chain_saw_death(&mut self, id: u32, pid: i32, accepted: bool) {
        let steps = self.chain.died(id, pid, accepted);
        self.chain_steps(steps);
    }

    fn chain_steps(&mut self, steps: Steps<Order>) {
        let ended = !steps.is_empty() && !self.chain.runs();
        carry_out(steps, |order| match order {
            Order::Retire { id, .. } => self.retire(id, signal::SIGHUP),
            // The line is in the log, where `log-alarm` sees it.
            Order::Alarm(text) => self.show_refusal(&text),
        });
        if ended {
            match self.chain.last() {
                Some(Outcome::Complete) => self.count_reload("chain", "done"),
                Some(Outcome::Aborted) => self.count_reload("chain", "failed"),
                Some(Outcome::Cancelled) | None => {}
            }
        }
    }

    fn chain_workers(&self) -> Vec<Worker> {
        let worker = |(id, child): (u32, &Child)| {
            let accepting = self.instance.arena.worker(id).accepting.get() > 0;
            Worker { id, pid: child.pid.unwrap_or(0), accepting, cheaped: child.cheap }
        };
        self.workers().map(worker).collect()
    }
}
