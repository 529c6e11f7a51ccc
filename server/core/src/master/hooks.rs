//! Hooks of the master while it runs: `hook-master-start`, `hook-touch`. Part of the master.
//!
//! Hooks of a phase run in their order, one after the other. What may wait is done by a helper, the
//! rest right here, because it is about this process (`chdir`, `putenv`, `callint:umask`).

use uwsgi_hooks::phase::{Fatal, Phase as At};
use uwsgi_hooks::queue::Queue;
use uwsgi_hooks::{Item, Outcome, Place};
use uwsgi_sys::process::Ended;

use super::{Master, Phase, helper};
use crate::sockets::plain;
use crate::{hooks, log, logv};

/// Exit code of a helper whose hook ends the instance.
const FATAL: i32 = 1;

/// What waits, and who is at it.
#[derive(Debug, Default)]
pub(super) struct Duty {
    queue: Queue,
    helpers: Vec<(i32, At)>,
}

impl Duty {
    /// Nobody is at anything.
    pub(super) fn is_idle(&self) -> bool {
        self.helpers.is_empty()
    }
}

impl Master<'_> {
    /// All children run.
    pub(super) fn begin_hooks(&mut self) {
        for item in self.instance.settings.policy.hooks.plan.items(At::MasterStart) {
            if let Item::Hook(hook) = item {
                self.hooks.queue.push(At::MasterStart, hook);
            }
        }
    }

    /// The hook of a file that was touched.
    pub(super) fn run_touch_hook(&mut self, hook: &str) {
        self.hooks.queue.push(At::Touch, hook);
    }

    /// Runs what is due.
    pub(super) fn run_hooks(&mut self) {
        let hooks = &self.instance.settings.policy.hooks;
        if !matches!(self.phase, Phase::Running) {
            self.hooks.queue.clear();
        }
        while let Some(due) = self.hooks.queue.due(&hooks.plan) {
            if due.apart {
                self.run_apart(due.phase, &due.hook);
            } else {
                match hooks::run_one(hooks, Place::Master, due.phase, &due.hook) {
                    Outcome::Done | Outcome::Soft(_) => {}
                    Outcome::Exit(code) => self.stop(code),
                    Outcome::DestroyAll | Outcome::AskMaster => self.stop(1),
                }
            }
        }
    }

    fn run_apart(&mut self, at: At, hook: &str) {
        let hooks = &self.instance.settings.policy.hooks;
        let body = || match hooks::run_one(hooks, Place::Master, at, hook) {
            Outcome::Done | Outcome::Soft(_) => 0,
            Outcome::Exit(_) | Outcome::DestroyAll | Outcome::AskMaster => FATAL,
        };
        match self.helper(body) {
            Ok(pid) => self.hooks.helpers.push((pid, at)),
            Err(e) => {
                logv!("fork(): {}", plain(&e));
                self.hooks.queue.ended(at);
                self.hook_failed(at);
            }
        }
    }

    /// A child has ended; false when it was no helper of hooks.
    pub(super) fn hook_helper_ended(&mut self, pid: i32, ended: Ended) -> bool {
        let Some(place) = self.hooks.helpers.iter().position(|(one, _)| *one == pid) else {
            return false;
        };
        let (_, at) = self.hooks.helpers.swap_remove(place);
        self.hooks.queue.ended(at);
        match ended {
            Ended::Code(0) => {}
            Ended::Code(_) => self.stop(1),
            Ended::Signal(number) if matches!(self.phase, Phase::Running) => {
                log!("a hook at {} was killed by signal {number}", at.row().label);
                self.hook_failed(at);
            }
            Ended::Signal(_) => {}
        }
        true
    }

    fn hook_failed(&mut self, at: At) {
        if at.row().fatal == Fatal::Instance {
            logv!("FATAL hook failed, destroying instance");
            self.stop(1);
        }
    }

    /// Nothing is waited for any more.
    pub(super) fn end_hooks(&mut self) {
        for (pid, _) in self.hooks.helpers.drain(..) {
            helper::end(pid);
        }
    }
}
