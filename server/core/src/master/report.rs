//! What the master says of the workers on request: USR1 counts, USR2 tells the state.

use std::fmt::Write as _;

use uwsgi_duties::harakiri::Doing;

use crate::instance::Instance;
use crate::logv;

const RULE: &str = "-----------------";

/// The configuration and the counters of every worker and app.
pub(super) fn counters(instance: &Instance) {
    let mut text = uwsgi_config::show_config(&instance.config);
    let snapshot = instance.arena.snapshot();
    let total: u64 = snapshot.workers.iter().map(|w| w.requests).sum();
    let _ = writeln!(text, "\tworkers total requests: {total}\n{RULE}");
    for worker in &snapshot.workers {
        for app in &worker.apps {
            let _ = writeln!(
                text,
                "\tworker {} app {} [{}] requests: {} exceptions: {}",
                worker.index,
                app.id,
                String::from_utf8_lossy(app.mountpoint.as_ref()),
                app.requests,
                app.exceptions
            );
        }
        let _ = writeln!(text, "{RULE}");
    }
    text.push('\n');
    // One write: nobody else's lines come between.
    crate::log::raw(text.as_bytes());
}

/// What every core is doing now, in the form of the lines about a worker that takes too long.
pub(super) fn workers(instance: &Instance) {
    for id in 1..=instance.settings.processes {
        logv!("SIGUSR2 !!! worker {id} status !!!");
        for core in 0..instance.settings.threads {
            let Some(r) = instance.arena.inflight(id, core).read() else { continue };
            let (remote, method, uri) = (&r.remote[..], &r.method[..], &r.uri[..]);
            let since_s = r.start_us / 1_000_000;
            logv!("SIGUSR2 [core {core}] {}", Doing::Request { remote, method, uri, since_s });
        }
        logv!("SIGUSR2 !!! end of worker {id} status !!!");
    }
}
