//! Pause and resume: SIGTSTP, or a command of the FIFO. Part of the master.

use uwsgi_duties::pause::Order;
use uwsgi_sys::signal;

use super::{Master, Phase, edge};

impl Master<'_> {
    /// Pauses, or goes on. Workers see it in their rows; who is started meanwhile pauses too.
    pub(super) fn pause_toggle(&mut self) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let steps = self.pause.toggle();
        edge::carry_out(steps, |order| match order {
            Order::Suspend { on } => self.suspend(on),
            // Nobody has subscribed.
            Order::Unsubscribe | Order::Subscribe => {}
        });
        self.idle.resume(edge::now());
    }

    fn suspend(&self, on: bool) {
        for (id, child) in self.workers() {
            self.instance.arena.worker(id).suspended.set(on.into());
            child.signal(signal::SIGWINCH);
        }
    }
}
