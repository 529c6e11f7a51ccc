//! How a reload of each kind, and a stop, begin. Part of the master; `preflight` is what comes before
//! a reload of the instance or of the workers, `ending` the way from here, `chain` and `refork` have
//! files of their own.

use std::time::Instant;

use uwsgi_sys::signal;

use super::children::Role;
use super::preflight::Asked;
use super::{Goal, Master, Phase, pace};
use crate::{log, logv, notices};

impl Master<'_> {
    /// A reload of the instance was asked for; with `lazy`, a graceful one is one of the workers.
    pub(super) fn reload(&mut self, graceful: bool) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        pace::reload_begins(self.instance);
        notices::tell(|manager| manager.reloading(notices::now()));
        if graceful && self.instance.settings.lazy {
            self.workers_reload(false);
            notices::tell(|manager| manager.reloaded(notices::now()));
            return;
        }
        self.try_then_reload(graceful);
    }

    /// The new configuration is good: this generation ends.
    pub(super) fn begin_reload(&mut self, graceful: bool) {
        uwsgi_usdt::reload__begin(|| (graceful.into(),));
        self.nothing_more();
        self.instance.arena.globals().reload_kind.set(if graceful { 1 } else { 2 });
        let how = if graceful {
            "...gracefully killing workers..."
        } else {
            "...brutally killing workers..."
        };
        log!("{how}");
        self.graceful = graceful;
        self.enter(Phase::Draining { goal: Goal::Reload, graceful, since: Instant::now() });
        self.begin_drain(graceful);
    }

    pub(super) fn stop(&mut self, code: i32) {
        if matches!(self.phase, Phase::Ending { goal: Goal::Stop(_), .. }) {
            return;
        }
        self.nothing_more();
        log!("SIGINT/SIGTERM received...killing workers...");
        self.enter(Phase::Ending { goal: Goal::Stop(code), since: Instant::now() });
        // The observer shows the end of the others: it is asked when they are gone.
        self.ask_all(|role| role != Role::Observer, signal::SIGINT);
        self.stop_daemons(Goal::Stop(code));
    }

    /// This generation ends: what was begun or waited for beside that is given up.
    fn nothing_more(&mut self) {
        self.give_up_trial();
        self.chain.cancel();
        self.leave_triggers();
    }

    /// Stops when everybody has finished what is at hand.
    pub(super) fn shut_down(&mut self) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        self.nothing_more();
        logv!("graceful shutdown triggered...");
        self.shutdown_sockets();
        self.enter(Phase::Draining { goal: Goal::Stop(0), graceful: true, since: Instant::now() });
        self.begin_drain(true);
    }

    /// Every worker ends and comes back, without replacing this image: after the requests at hand,
    /// or at once. Where they load applications, these are tried before anybody finishes.
    pub(super) fn workers_reload(&mut self, brutal: bool) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        match !brutal && self.applications_are_tried() {
            true => self.try_then(Asked::Workers),
            false => self.begin_workers_reload(brutal),
        }
    }

    pub(super) fn begin_workers_reload(&mut self, brutal: bool) {
        pace::reload_begins(self.instance);
        self.count_reload("workers", "done");
        for id in 1..=self.instance.settings.processes {
            if !brutal {
                self.retire(id, signal::SIGHUP);
                continue;
            }
            if let Some(pid) = self.worker_at(id).and_then(|at| self.children[at].pid) {
                logv!("killing worker {id} (pid: {pid})");
            }
            self.retire(id, signal::SIGINT);
        }
    }

    /// Every mule ends and comes back.
    pub(super) fn mules_reload(&mut self) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        self.count_reload("mules", "done");
        for at in 0..self.children.len() {
            if matches!(self.children[at].role, Role::Mule(_)) {
                self.children[at].retiring = true;
                self.ask_to_go(at, signal::SIGHUP);
            }
        }
    }
}
