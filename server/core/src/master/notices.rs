//! What the master tells a service manager while it runs. Part of the master.

use std::time::{Duration, Instant};

use uwsgi_duties::SECOND;
use uwsgi_duties::notify::{Notifier, Workers};

use super::children::Role;
use super::{Goal, Master, Phase, refork};
use crate::{clock, notices};

/// How often it is looked whether the first worker accepts, when somebody waits for it.
const LOOK: Duration = Duration::from_millis(50);

/// What must be remembered between two looks.
#[derive(Debug)]
pub(super) struct Manager {
    /// When a worker was last seen to accept.
    accepted: Instant,
    requests: u64,
}

impl Default for Manager {
    fn default() -> Manager {
        Manager { accepted: Instant::now(), requests: 0 }
    }
}

impl Master<'_> {
    /// The phase changes from `before` to the present one.
    pub(super) fn tell_phase(&self, before: Phase) {
        let ended = matches!(before, Phase::Draining { .. } | Phase::Ending { .. });
        match self.phase {
            Phase::Running if ended => {
                let why = "the previous generation serves on";
                notices::tell(|manager| manager.reload_failed(notices::now(), why));
                notices::tell(Notifier::looping);
            }
            Phase::Running => notices::tell(Notifier::looping),
            Phase::Draining { goal: Goal::Reload, .. }
            | Phase::Ending { goal: Goal::Reload, .. } => {
                notices::tell(|manager| manager.reloading(notices::now()));
            }
            Phase::Draining { .. } | Phase::Ending { .. } => match refork::copy() {
                // The service goes on: it is the copy's from now on.
                Some(copy) => notices::tell(|manager| Some(manager.main_pid(copy))),
                None => notices::tell(Notifier::stopping),
            },
        }
        if !ended && !matches!(self.phase, Phase::Running) {
            let longest = self.longest_way_out();
            notices::tell(|manager| manager.draining(longest));
        }
    }

    /// Workers accept, or may be about to: asked in each turn.
    pub(super) fn mind_manager(&mut self) {
        let globals = self.instance.arena.globals();
        if notices::ask(|manager| manager.ready_since().is_none()).unwrap_or(false)
            && matches!(self.phase, Phase::Running)
            && self.some_worker_accepts()
        {
            notices::tell(|manager| manager.accepting(notices::now()));
        }
        if notices::ask(|manager| manager.due().is_some_and(|due| due <= clock::monotonic_us()))
            .unwrap_or(false)
        {
            let healthy = self.healthy();
            notices::tell(|manager| manager.ping(notices::now(), healthy));
            globals.notify_pings.set(notices::ask(Notifier::pings).unwrap_or(0));
        }
    }

    /// Each second: the status, and what found no room before.
    pub(super) fn tell_status(&mut self) {
        let globals = self.instance.arena.globals();
        globals.notify_lost.add(notices::retry());
        let Some(ready) = notices::ask(Notifier::ready_since) else { return };
        if ready.is_some() && globals.notify_ready_us.get() == 0 {
            globals.notify_ready_us.set(clock::epoch_us());
        }
        let total = self.requests();
        let requests = total.saturating_sub(std::mem::replace(&mut self.manager.requests, total));
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let alive = globals.busy_workers.get() + globals.idle_workers.get();
        let cheap = alive == 0 && self.all_cheap();
        let busy = globals.busy_workers.get();
        let seen = Workers { alive, busy, requests, cheap, paused: self.pause.is_on() };
        notices::tell(|manager| manager.workers(seen));
    }

    /// When the manager wants to hear from us.
    pub(super) fn manager_due(&self) -> Option<Instant> {
        let (due, waits) = notices::ask(|manager| (manager.due(), manager.waits()))?;
        let due = due.map(|due| Duration::from_micros(due.saturating_sub(clock::monotonic_us())));
        let look = (waits && matches!(self.phase, Phase::Running)).then_some(LOOK);
        due.into_iter().chain(look).min().map(|wait| Instant::now() + wait)
    }

    fn some_worker_accepts(&self) -> bool {
        let ids = 1..=self.instance.settings.processes;
        ids.into_iter().any(|id| self.instance.arena.worker(id).accepting.get() > 0)
    }

    /// Whether requests can be served: a worker accepts and is not stopped, or one starts and not
    /// too long has passed since one accepted, or there are none by intent.
    fn healthy(&mut self) -> bool {
        if !matches!(self.phase, Phase::Running) || self.all_cheap() {
            return true;
        }
        let mut starting = false;
        for child in &self.children {
            let (Role::Worker(id), Some(pid)) = (child.role, child.pid) else { continue };
            if self.instance.arena.worker(id).accepting.get() == 0 {
                starting = true;
            } else if runs(pid) {
                self.manager.accepted = Instant::now();
                return true;
            }
        }
        let patience = Duration::from_secs(self.instance.settings.policy.control.extend_s);
        starting && self.manager.accepted.elapsed() < patience
    }

    fn all_cheap(&self) -> bool {
        self.workers().all(|(_, worker)| worker.cheap)
    }

    /// Microseconds that ending may take when everybody uses all of its mercy.
    fn longest_way_out(&self) -> u64 {
        let mercy = &self.instance.settings.policy.mercy;
        let routers = if self.instance.http.is_empty() { 0 } else { mercy.drain_s() };
        let others = mercy.worker_s.max(mercy.mule_s) + super::ending::OBSERVER_MERCY;
        // They end behind the last request.
        let daemons = match self.instance.settings.policy.daemons.specs.is_empty() {
            true => 0,
            false => mercy.general_s.filter(|s| *s > 0).unwrap_or(uwsgi_duties::daemons::MERCY),
        };
        (routers + others + daemons).saturating_mul(SECOND)
    }
}

/// Whether a process is neither stopped nor dead.
fn runs(pid: i32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    // Without /proc nothing is known against it.
    state.is_none_or(|state| !"TtZXx".contains(state))
}
