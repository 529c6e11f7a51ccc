//! Tasks that take too long, and what is done to their process. Part of the master.
//!
//! Deadlines follow from what processes leave in the arena: the begin of each request in its record,
//! the begin of each handler of a signal, and the application's own deadlines. A limit is a second at
//! least, so one that is set just after a look is seen by the next one, a second later, before it
//! passes; in between the master wakes up for the earliest that it knows.

use std::time::Instant;

use uwsgi_duties::harakiri::{self, Guard, Order, Other, Single, Worker, earliest};
use uwsgi_duties::{Now, Step};
use uwsgi_sys::{procfs, queue::UnixQueues, signal};

use super::children::Role;
use super::fate::Shot;
use super::inflight::{self, Task};
use super::{Master, edge};
use crate::instance::Instance;
use crate::log;
use crate::observer::waiting;
use crate::signals::{self, Receiver};

/// What the master knows of those under a limit.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Of each worker, from 1.
    guards: Vec<Guard>,
    /// Of each mule, from 1.
    mules: Vec<Single>,
    /// When to look again.
    due: Option<Instant>,
}

impl Watch {
    /// When somebody's time may be up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Somebody's time may be up now.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    fn guard(&mut self, id: u32) -> &mut Guard {
        entry(&mut self.guards, id)
    }
}

/// The entry of number `id`, made when it is missing.
fn entry<T: Default>(all: &mut Vec<T>, id: u32) -> &mut T {
    let at = (id as usize).saturating_sub(1);
    if all.len() <= at {
        all.resize_with(at + 1, T::default);
    }
    &mut all[at]
}

/// Who waits at this moment, behind routers too: nobody has to have measured it.
fn queue(instance: &Instance) -> u64 {
    waiting(instance, UnixQueues::open().ok().as_ref())
}

/// A core is late still: whoever was may have ended while lines were written, which takes as long as
/// the reader of the log likes, and what its core does by now is somebody else's request.
fn is_late(instance: &Instance, id: u32) -> bool {
    let now_us = edge::now().us;
    let deadline = |task: &Task| task.bare().deadline;
    let deadlines = inflight::tasks(instance, id).into_iter().filter_map(|task| deadline(&task));
    deadlines.into_iter().any(|deadline| now_us >= deadline.at_us)
}

impl Master<'_> {
    /// Looks at everybody who is under a limit: each second, and when the time of one is up.
    pub(super) fn harakiri(&mut self) {
        let (now, mut next) = (edge::now(), None::<u64>);
        for at in 0..self.children.len() {
            let Some(pid) = self.children[at].pid else { continue };
            let due = match self.children[at].role {
                Role::Worker(id) => self.worker_harakiri(now, at, id, pid),
                Role::Mule(id) => self.mule_harakiri(now, id, pid),
                _ => None,
            };
            next = next.into_iter().chain(due).min();
        }
        self.overdue.due = next.map(edge::instant);
    }

    /// Answers when it is to be looked at again.
    fn worker_harakiri(&mut self, now: Now, at: usize, id: u32, pid: i32) -> Option<u64> {
        let instance = self.instance;
        let tasks = inflight::tasks(instance, id);
        let bare: Vec<_> = tasks.iter().map(Task::bare).collect();
        let row = instance.arena.worker(id);
        let told = row.told_stacks.get();
        let deadline = bare.iter().filter_map(|core| Some(core.deadline?.at_us)).min();
        row.harakiri_pending.set(deadline.map_or(0, |at_us| now.wall_at(at_us)));
        let mut guard = *self.overdue.guard(id);
        if guard.is_quiet() {
            self.children[at].shot = self.children[at].shot.filter(|shot| *shot != Shot::Asked);
            let due = guard.due(&Worker { id, pid, cores: &bare, told });
            if due.is_none_or(|due| due > now.us) {
                return due;
            }
        }
        let stories: Vec<_> = tasks.iter().filter_map(|task| task.story(instance, id)).collect();
        let cores: Vec<_> = stories.iter().map(inflight::Story::core).collect();
        let worker = Worker { id, pid, cores: &cores, told };
        let course = &instance.settings.policy.harakiri.course;
        let queue = if course.threshold > 0 { queue(instance) } else { 0 };
        let steps = guard.look(now, course, &worker, queue);
        let due = guard.due(&worker);
        *self.overdue.guard(id) = guard;
        for step in steps {
            match step {
                Step::Say(line) => log::say(&line),
                Step::Do(Order::Signal { .. }) if !is_late(instance, id) => {
                    log::say(&self.overdue.guard(id).spare(id));
                    break;
                }
                Step::Do(order) => self.harakiri_order(at, id, order),
            }
        }
        due
    }

    fn harakiri_order(&mut self, at: usize, id: u32, order: Order) {
        match order {
            Order::Inspect { id, pid, core } => {
                let thread = self.instance.arena.core(id, core).thread.get();
                let (syscall, wchan) = procfs::waits(pid, i32::try_from(thread).unwrap_or(0));
                let lines = harakiri::waits(syscall.as_deref(), wchan.as_deref());
                lines.iter().for_each(log::say);
            }
            // One that does not catch the signal would end by it.
            Order::Stacks { pid, .. } if procfs::catches(pid, signal::SIGUSR2) => {
                self.children[at].signal(signal::SIGUSR2);
            }
            Order::Stacks { .. } => {}
            Order::Incident { core, .. } => self.incident(id, core),
            Order::Signal { signal: signal::SIGKILL, .. } => self.shoot(id, Shot::Harakiri),
            Order::Signal { signal, .. } => {
                self.children[at].shot = Some(Shot::Asked);
                self.children[at].signal(signal);
            }
        }
    }

    /// A request, or the handler of a signal, has run out of time: that counts once.
    fn incident(&self, id: u32, core: u32) {
        let (arena, settings) = (&self.instance.arena, &self.instance.settings);
        arena.worker(id).harakiri_count.add(1);
        let app = arena.inflight(id, core).running().map(|running| running.app);
        if let Some(app) = app.and_then(|app| u32::try_from(app).ok()) {
            arena.app(id, app).harakiri_count.add(1);
        }
        let pid = i32::try_from(arena.worker(id).pid.get()).unwrap_or(0);
        uwsgi_usdt::harakiri(|| (id, pid, core, settings.policy.harakiri.limit_s));
    }

    /// A mule has no grace. `mule-harakiri` bounds handlers of signals; messages and programs are
    /// bounded by what the application sets.
    fn mule_harakiri(&mut self, now: Now, id: u32, pid: i32) -> Option<u64> {
        let instance = self.instance;
        let row = instance.arena.mule(id);
        let handled = signals::handling(instance, Receiver::Mule(id), 0);
        let limit = instance.settings.policy.harakiri.mule_s;
        let (since_us, limit) = handled.map_or((0, 0), |(since_us, _)| (since_us, limit));
        let deadline = earliest(since_us, limit, row.user_deadline_us.get())?;
        let signal = handled.filter(|_| !deadline.user).map(|(_, number)| number);
        let single = entry(&mut self.overdue.mules, id);
        let steps = single.look(now, Other::Mule { id, signal }, pid, Some(deadline.at_us));
        let killed = !steps.is_empty();
        edge::carry_out(steps, |order| {
            if let Order::Signal { signal, .. } = order {
                row.harakiri_count.add(1);
                let child = self.children.iter_mut().find(|child| child.role == Role::Mule(id));
                if let Some(child) = child {
                    child.shot = Some(Shot::Harakiri);
                    child.signal(signal);
                }
            }
        });
        let waits = !killed && deadline.at_us > now.us;
        waits.then_some(deadline.at_us)
    }
}
