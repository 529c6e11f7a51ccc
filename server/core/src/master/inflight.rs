//! What workers do, and requests that one took with it, read from the arena. Part of the master.

use uwsgi_duties::harakiri::{Core, Deadline, Doing, earliest};
use uwsgi_metrics::InFlightView;
use uwsgi_proto::VarBlock;

use crate::instance::Instance;
use crate::signals::{self, Receiver};
use crate::waits::Waits;
use crate::worker::ids::VARIABLE;
use crate::{clock, log};

/// Text of a field that came from a client: one line, printable.
fn clean(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// What the running request of a core waits for, where probes in the kernel say so.
fn waits(instance: &Instance, id: u32, core: u32) -> Option<Waits> {
    let live = instance.probes?;
    Waits::of(live, live.waits(id, core)?)
}

/// The id of a request with these variables, where requests have one.
fn id_of(instance: &Instance, vars: &[u8]) -> String {
    let mut block = VarBlock::new();
    block.set_limits(vars.len() + 1, usize::MAX);
    // A record that holds a part of them has what is in front.
    let _ = block.load(vars);
    let id = instance.settings.policy.ids.as_ref().and_then(|_| block.get(VARIABLE));
    id.map_or_else(String::new, |id| format!(" id {}", clean(id)))
}

/// Logs every request the dead worker was managing, and closes its records.
pub(super) fn log_lost_requests(instance: &Instance, id: u32, pid: i32) {
    for core in 0..instance.settings.threads {
        let row = instance.arena.core(id, core);
        let record = instance.arena.inflight(id, core);
        if let Some(r) = record.read() {
            let age_us = clock::epoch_us().saturating_sub(r.start_us);
            let age = age_us / 1000;
            let waits = waits(instance, id, core)
                .map_or_else(String::new, |waits| format!(": {}", waits.text(age_us)));
            log!(
                "worker {id} (pid: {pid}) core {core} was managing request {} {} from {} since {age} ms (phase: {}){waits}{}",
                clean(&r.method),
                clean(&r.uri),
                clean(&r.remote),
                r.phase.as_str(),
                id_of(instance, &r.vars),
            );
            row.failed_requests.add(1);
        }
        let (_, start) = record.busy(|| 0);
        let lost = start.map_or(0, |start| clock::epoch_us().saturating_sub(start));
        record.close(|| row.lost_us.add(lost));
        record.end();
        row.in_request.set(0);
    }
    instance.arena.worker(id).harakiri_pending.set(0);
}

/// Something a core of a worker does: a request, or the handler of a signal.
#[derive(Clone, Copy)]
pub(super) struct Task {
    core: u32,
    since_us: u64,
    deadline: Option<Deadline>,
    /// The signal whose handler runs outside of any request.
    signal: Option<u8>,
}

/// A task with what is told of it.
pub(super) struct Story {
    task: Task,
    request: InFlightView,
    note: String,
}

/// What the cores of a worker do, without a copy of any text.
pub(super) fn tasks(instance: &Instance, id: u32) -> Vec<Task> {
    (0..instance.settings.threads).filter_map(|core| task(instance, id, core)).collect()
}

fn task(instance: &Instance, id: u32, core: u32) -> Option<Task> {
    let policy = &instance.settings.policy.harakiri;
    let row = instance.arena.core(id, core);
    let user_us = row.user_deadline_us.get();
    if let Some(running) = instance.arena.inflight(id, core).running() {
        let since_us = running.since_us;
        let deadline = policy.deadline(since_us, running.phase, user_us);
        return Some(Task { core, since_us, deadline, signal: None });
    }
    if let Some((since_us, number)) = signals::handling(instance, Receiver::Worker(id), core) {
        let deadline = earliest(since_us, policy.limit_s, user_us);
        return Some(Task { core, since_us, deadline, signal: Some(number) });
    }
    // No record is kept: the application's own deadline is all that is known of the request.
    let unknown = user_us > 0 && row.in_request.get() > 0 && !instance.settings.inflight;
    unknown.then(|| Task {
        core,
        since_us: user_us,
        deadline: earliest(0, 0, user_us),
        signal: None,
    })
}

impl Task {
    /// Without any text.
    pub(super) fn bare(&self) -> Core<'static> {
        let Task { core, since_us, deadline, .. } = *self;
        let doing = Doing::Request { remote: b"", method: b"", uri: b"", since_s: 0 };
        Core { core, since_us, deadline, doing, note: "" }
    }

    /// What is told of it; nothing when it has ended meanwhile.
    pub(super) fn story(&self, instance: &Instance, id: u32) -> Option<Story> {
        let (task, Task { core, since_us, signal, .. }) = (*self, *self);
        let known = signal.is_none() && instance.settings.inflight;
        if !known {
            return Some(Story { task, request: InFlightView::default(), note: String::new() });
        }
        let record = instance.arena.inflight(id, core).read();
        let request = record.filter(|record| record.since_us == since_us)?;
        let note = waits(instance, id, core).map_or_else(String::new, |waits| {
            let age_us = clock::monotonic_us().saturating_sub(since_us);
            format!("{}; {}", waits.text(age_us), waits.now())
        });
        Some(Story { task, request, note })
    }
}

impl Story {
    /// As the duty is told it.
    pub(super) fn core(&self) -> Core<'_> {
        let InFlightView { remote, method, uri, start_us, .. } = &self.request;
        let doing = match self.task.signal {
            Some(number) => Doing::Signal(number),
            None => Doing::Request { remote, method, uri, since_s: start_us / 1_000_000 },
        };
        Core { doing, note: &self.note, ..self.task.bare() }
    }
}
