//! What only a reader who asks for details gets, each key at the end of its object: with it a
//! screen far away shows the same as one that maps the arena.
//!
//! Long lists of numbers stand on one line. Without the wish the document has none of these keys.

use super::writer::Json;
use crate::histogram::LatencySnap;
use crate::history::{Ring, Series};
use crate::inflight::InFlightView;
use crate::requests::DurationSnap;
use crate::rows::{
    APP_BUCKETS_US, AlarmCells, AppCells, EXITS, ProbeCells, PusherCells, SocketCells, SystemCells,
    ThresholdCells, ThresholdState, stall_at,
};
use crate::snapshot::{Snapshot, WorkerSnap};
use crate::view::View;

/// The moment of a slot, epoch seconds, and its values in the order of [`Series::ALL`].
type Slot = (u64, [u64; Series::ALL.len()]);

/// What the details hold beyond a [`Snapshot`].
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// Add what probes in the kernel count of each worker and socket.
    pub kernel: bool,
    /// The largest backlog that the kernel allows, where it is known.
    pub somaxconn: Option<u64>,
    rings: Vec<(Ring, Vec<Slot>)>,
}

impl Details {
    /// Copies the slots that ended after `since` (epoch seconds) and are written at `now`: of all
    /// rings, or of the seconds alone.
    pub fn take(view: &View, all: bool, since: u64, now: u64) -> Details {
        let wanted = if all { Ring::ALL.len() } else { 1 };
        // A slot is written when its time is over, so the last one known was written at `since`.
        let from = |ring: Ring| since.saturating_sub(if ring.step() > 1 { ring.step() } else { 0 });
        let slots = |ring: Ring| (ring, view.history().rows(ring, from(ring), now));
        let rings = Ring::ALL.into_iter().take(wanted).map(slots).collect();
        Details { rings, ..Details::default() }
    }
}

/// The end of a worker.
pub(super) fn worker(j: &mut Json, worker: &WorkerSnap, shares: bool) {
    let cells = &worker.cells;
    // The option puts them elsewhere.
    if !shares {
        j.number("uss", cells.uss);
        j.number("pss", cells.pss);
    }
    let index = usize::try_from(cells.exit_reason).ok().and_then(|reason| reason.checked_sub(1));
    let text = match index.and_then(|index| EXITS.get(index)).copied() {
        Some("signal") => format!("signal {}", cells.exit_signal),
        Some("exit") => format!("exit code {}", cells.exit_code),
        Some(reason) => reason.replace('_', " "),
        None => String::new(),
    };
    j.string("last_exit", text.as_bytes());
    let resting = &worker.resting_apps;
    if !resting.is_empty() {
        j.list("resting_apps", |j| {
            for row in resting {
                j.entry(|j| {
                    super::app(j, row);
                    app(j, row);
                });
            }
        });
    }
}

/// The end of an application.
pub(super) fn app(j: &mut Json, app: &AppCells) {
    j.number("harakiri_count", app.harakiri_count);
    // The last bucket has no end.
    j.numbers("duration_bounds_us", APP_BUCKETS_US);
    j.numbers("durations", app.latencies);
}

/// The end of a running request; `known` are the keys that probes have written already.
pub(super) fn request(j: &mut Json, snapshot: &Snapshot, request: &InFlightView, known: bool) {
    if !known {
        j.number("age_us", snapshot.taken_us.saturating_sub(request.start_us));
        j.string("phase", request.phase.as_str().as_bytes());
    }
    j.number("start_us", request.start_us);
    j.signed("app", i64::from(request.app));
    j.number("vars_cut", u64::from(request.truncated));
}

/// The end of a socket.
pub(super) fn socket(j: &mut Json, socket: &SocketCells) {
    j.number("drops", socket.drops);
    j.number("waited", socket.waited);
}

/// The end of a latency: highest value and count of every used cell, in turn.
pub(super) fn latency(j: &mut Json, latency: &LatencySnap) {
    j.numbers("cells", latency.cells().flat_map(|(_, highest, count)| [highest, count]));
}

/// The end of a probe.
pub(super) fn probe(j: &mut Json, probe: &ProbeCells) {
    j.number("runs", probe.runs);
    j.number("run_ns", probe.run_ns);
}

/// The end of the machine: the share of the last ten seconds in which some task was stalled,
/// hundredths of a percent, of the control group where it has one.
pub(super) fn system(j: &mut Json, system: &SystemCells) {
    for (resource, key) in ["stall_cpu", "stall_memory", "stall_io"].iter().enumerate() {
        let at = stall_at(resource, false, 0);
        if let Some(share) = system.group_stalls[at].or(system.machine_stalls[at]) {
            j.number(key, share);
        }
    }
}

/// The end of the document.
pub(super) fn instance(j: &mut Json, snapshot: &Snapshot, details: &Details) {
    j.number("details", 1);
    j.number("taken_us", snapshot.taken_us);
    j.number("last_reload", snapshot.globals.last_reload);
    if let Some(most) = details.somaxconn {
        j.number("somaxconn", most);
    }
    j.list("alarms", |j| snapshot.alarms.iter().for_each(|a| j.entry(|j| alarm(j, a))));
    j.list("thresholds", |j| {
        snapshot.thresholds.iter().for_each(|t| j.entry(|j| threshold(j, t)));
    });
    j.list("pushers", |j| snapshot.pushers.iter().for_each(|p| j.entry(|j| pusher(j, p))));
    if let Some(by) = &snapshot.requests_by {
        let used = by.durations.iter().filter(|row| row.latency.count > 0);
        j.list("routes", |j| used.for_each(|row| j.entry(|j| route(j, row))));
    }
    if let Some(kernel) = snapshot.kernel.as_deref().filter(|_| details.kernel) {
        j.object("kernel", |j| super::kernel::rows(j, kernel));
    }
    j.list("history", |j| {
        for (ring, slots) in &details.rings {
            j.entry(|j| history(j, *ring, slots));
        }
    });
}

fn alarm(j: &mut Json, alarm: &AlarmCells) {
    j.string("name", &alarm.name);
    j.string("kind", &alarm.kind);
    j.number("triggered", alarm.triggered);
    j.number("suppressed", alarm.suppressed);
    j.number("dropped", alarm.dropped);
    j.number("delivered", alarm.delivered);
    j.number("failed", alarm.failed);
    j.number("retries", alarm.retries);
    j.number("queued", alarm.queued);
    j.number("last_run", alarm.last_run);
    j.number("last_delivered", alarm.last_delivered);
    j.string("last_error", &alarm.last_error);
}

fn threshold(j: &mut Json, threshold: &ThresholdCells) {
    let state = match ThresholdState::from_code(threshold.state) {
        ThresholdState::Quiet => "quiet",
        ThresholdState::Pending => "pending",
        ThresholdState::Firing => "firing",
    };
    j.string("text", &threshold.text);
    j.string("key", &threshold.key);
    j.string("state", state.as_bytes());
    j.number("since", threshold.since);
    j.signed("value_milli", threshold.value_milli);
    j.signed("bound_milli", threshold.bound_milli);
    j.number("fired", threshold.fired);
    j.number("last_alarm", threshold.last_alarm);
}

fn pusher(j: &mut Json, pusher: &PusherCells) {
    j.string("kind", &pusher.kind);
    j.string("target", &pusher.target);
    j.number("pushes", pusher.pushes);
    j.number("values", pusher.values);
    j.number("bytes", pusher.bytes);
    j.number("failures", pusher.failures);
    j.number("retries", pusher.retries);
    j.number("dropped", pusher.dropped);
    j.number("queued", pusher.queued);
    j.number("last_push", pusher.last_push);
    j.number("last_failure", pusher.last_failure);
    j.number("failing", pusher.failing);
    j.number("last_send_us", pusher.last_send_us);
    j.string("last_error", &pusher.last_error);
}

fn route(j: &mut Json, row: &DurationSnap) {
    j.string("app", &row.app);
    j.string("method", row.method.as_bytes());
    j.string("code", row.code.as_bytes());
    super::spread(j, &row.latency);
}

/// One ring: a value for each step up to `end`, 0 where nobody wrote.
fn history(j: &mut Json, ring: Ring, slots: &[Slot]) {
    j.number("step", ring.step());
    let (Some((first, _)), Some((end, _))) = (slots.first(), slots.last()) else {
        j.list("series", |_| {});
        return;
    };
    j.number("end", *end);
    let length = usize::try_from((end - first) / ring.step()).unwrap_or(0).min(ring.slots()) + 1;
    j.list("series", |j| {
        for series in Series::ALL {
            let mut values = vec![0; length];
            for (time, row) in slots {
                let place = usize::try_from((time - first) / ring.step());
                if let Some(value) = place.ok().and_then(|place| values.get_mut(place)) {
                    *value = row[series as usize];
                }
            }
            j.entry(|j| {
                j.string("name", series.as_str().as_bytes());
                j.number("scale", series.scale());
                j.numbers("values", values);
            });
        }
    });
}
