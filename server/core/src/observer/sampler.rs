//! The observer's second: looks at everything nobody reports by itself, and feeds the history rings.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use uwsgi_metrics::{HistoryWriter, Snapshot};

use super::alarms::Alarms;
use super::load::Load;
use super::machine::Machine;
use super::metrics::Metrics;
use super::process::Processes;
use super::pushers::Pushers;
use super::queues::{self, Queues};
use super::taken::Taken;
use super::thresholds::Watch;
use crate::clock;
use crate::instance::Instance;

/// Samples for ever.
pub(crate) async fn run(instance: &'static Instance, alarms: &Alarms, pushers: &mut Pushers) {
    let mut history = HistoryWriter::new();
    let mut metrics = Metrics::new(instance);
    let mut queues = Queues::new(instance);
    let mut processes = Processes::new(instance);
    let machine = Machine::new();
    let mut taken = Taken::default();
    let mut load = Load::new(instance);
    let mut thresholds = Watch::new(instance);
    let mut connections = instance.probes.and_then(uwsgi_ebpf::Live::connections);
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let due = ticks.tick().await;
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        instance.arena.globals().observer_lateness.record(late);
        queues.look(instance, alarms);
        processes.look(instance);
        machine.look(instance.arena.system());
        if let Some(connections) = &mut connections {
            connections.look();
        }
        crate::probes::tell_runs(instance);
        let snapshot = take(instance);
        metrics.round(&snapshot).await;
        pushers.round(&snapshot);
        taken.look(instance);
        if let Some(load) = &mut load {
            load.round(instance, &snapshot);
        }
        history.tick(&instance.arena.history(), clock::epoch_s(), &snapshot);
        if let Some(thresholds) = &mut thresholds {
            thresholds.tick(instance, &snapshot, |event| alarms.raise(event));
        }
        uwsgi_usdt::observer__tick(|| {
            let took = due.elapsed().as_micros();
            (late, u64::try_from(took).unwrap_or(u64::MAX).saturating_sub(late))
        });
    }
}

/// The numbers of now; queues change too fast to be a second old.
pub(super) fn snapshot(instance: &Instance) -> Snapshot {
    queues::measure(instance);
    take(instance)
}

/// A snapshot whose busy times later ones never fall below.
pub(super) fn take(instance: &Instance) -> Snapshot {
    if let Some(probes) = instance.probes {
        probes.fold(&instance.arena);
    }
    let snapshot = instance.arena.snapshot();
    for worker in &snapshot.workers {
        for (id, core) in (0..).zip(&worker.cores) {
            instance.arena.core(worker.index, id).busy_us.raise_shared(core.busy_us);
        }
    }
    snapshot
}
