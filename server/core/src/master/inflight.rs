//! Requests that a worker took with it, read from the arena. Part of the master.

use crate::instance::Instance;
use crate::signals::{self, Receiver};
use crate::waits::Waits;
use crate::{clock, log, logv};

/// Text of a field that came from a client: one line, printable.
fn clean(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// What the running request of a core waits for, where probes in the kernel say so.
fn waits(instance: &Instance, id: u32, core: u32) -> Option<Waits> {
    let live = instance.probes?;
    Waits::of(live, live.waits(id, core)?)
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
                "worker {id} (pid: {pid}) core {core} was managing request {} {} from {} since {age} ms (phase: {}){waits}",
                clean(&r.method),
                clean(&r.uri),
                clean(&r.remote),
                r.phase.as_str(),
            );
            row.failed_requests.add(1);
        }
        let (_, start) = record.busy(|| 0);
        let lost = start.map_or(0, |start| clock::epoch_us().saturating_sub(start));
        record.close(|| row.lost_us.add(lost));
        record.end();
        row.in_request.set(0);
    }
}

/// The core whose request, or handler of a signal, has taken longer than `limit` seconds.
pub(super) fn overdue(instance: &Instance, id: u32, now_us: u64, limit: u64) -> Option<u32> {
    let request = (0..instance.settings.threads).find(|&core| {
        let record = instance.arena.inflight(id, core).read();
        record.is_some_and(|r| now_us.saturating_sub(r.start_us) >= limit * 1_000_000)
    });
    let handler = || signals::overdue(instance, Receiver::Worker(id), now_us, limit);
    request.or_else(|| handler().map(|(core, _)| core))
}

/// The lines that tell what a worker was doing when its time was up.
pub(super) fn log_harakiri(instance: &Instance, id: u32, pid: i32) {
    logv!("*** HARAKIRI ON WORKER {id} (pid: {pid}, try: 1, graceful: yes) ***");
    logv!("HARAKIRI !!! worker {id} status !!!");
    for core in 0..instance.settings.threads {
        if let Some(r) = instance.arena.inflight(id, core).read() {
            logv!(
                "HARAKIRI [core {core}] {} - {} {} since {}",
                clean(&r.remote),
                clean(&r.method),
                clean(&r.uri),
                r.start_us / 1_000_000
            );
            if let Some(waits) = waits(instance, id, core) {
                let age_us = clock::epoch_us().saturating_sub(r.start_us);
                logv!("HARAKIRI [core {core}] {}; {}", waits.text(age_us), waits.now());
            }
        }
    }
    if let Some((core, number)) =
        signals::overdue(instance, Receiver::Worker(id), clock::epoch_us(), 0)
    {
        logv!("HARAKIRI [core {core}] - handling signal {number}");
    }
    logv!("HARAKIRI !!! end of worker {id} status !!!");
}
