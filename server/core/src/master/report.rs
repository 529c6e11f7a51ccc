//! What the master says of the workers on request: USR1 counts, USR2 tells the state.

use crate::instance::Instance;
use crate::{clock, log};

/// The configuration and the counters of every worker and app.
pub(super) fn counters(instance: &Instance) {
    crate::log::raw(uwsgi_config::show_config(&instance.config).as_bytes());
    let snapshot = instance.arena.snapshot();
    let total: u64 = snapshot.workers.iter().map(|w| w.requests).sum();
    log!("\tworkers total requests: {total}");
    log!("-----------------");
    for worker in &snapshot.workers {
        for app in &worker.apps {
            log!(
                "\tworker {} app {} [{}] requests: {} exceptions: {}",
                worker.index,
                app.id,
                String::from_utf8_lossy(app.mountpoint.as_ref()),
                app.requests,
                app.exceptions
            );
        }
        log!("-----------------");
    }
    log!("");
}

/// What every core is doing now.
pub(super) fn workers(instance: &Instance) {
    let now = clock::epoch_us();
    for id in 1..=instance.settings.processes {
        for core in 0..instance.settings.threads {
            let Some(r) = instance.arena.inflight(id, core).read() else { continue };
            log!(
                "SIGUSR2: --- uWSGI worker {id} core {core} is managing request {} {} since {} ms ---",
                r.method.escape_ascii(),
                r.uri.escape_ascii(),
                now.saturating_sub(r.start_us) / 1000
            );
        }
    }
}
