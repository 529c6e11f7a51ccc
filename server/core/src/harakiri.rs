//! Limits of time as the process sees them that is under them: the application's own limit, which
//! the master enforces, and the watchdog of a worker without a master.
//!
//! What the master does about a limit that has passed is in `master::harakiri`.

use std::cell::Cell;
use std::time::Duration;

use uwsgi_duties::harakiri::{UNABLE, without_master};
use uwsgi_metrics::Gauge;
use uwsgi_sys::{process, signal};

use crate::instance::Instance;
use crate::signals::Receiver;
use crate::{boot, clock, log};

thread_local! {
    /// The core that this thread is.
    static CORE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// How long the watchdog sleeps at most; no limit is shorter.
const LOOK: Duration = Duration::from_secs(1);

/// This thread is a core.
pub(crate) fn enter_core(core: u32) {
    CORE.set(Some(core));
}

/// The cell of the application's own deadline for what a core of a process does.
pub(crate) fn user_deadline(instance: &Instance, who: Receiver, core: u32) -> &Gauge {
    match who {
        Receiver::Worker(id) => &instance.arena.core(id, core).user_deadline_us,
        Receiver::Mule(id) => &instance.arena.mule(id).user_deadline_us,
    }
}

/// The application bounds what it does now to so many seconds; 0 lifts the bound. Only cores and
/// mules do something that can be bounded: what other threads ask for holds for nobody.
pub(crate) fn set_user(instance: &Instance, seconds: u64) {
    if !instance.settings.master {
        log!("{UNABLE}");
        return;
    }
    let (who, core) = match (instance.worker_id(), instance.mule_id(), CORE.get()) {
        (0, 0, _) => return,
        (0, mule, _) => (Receiver::Mule(mule), 0),
        (worker, _, Some(core)) => (Receiver::Worker(worker), core),
        (worker, _, None) if instance.settings.threads == 1 => (Receiver::Worker(worker), 0),
        _ => return,
    };
    let at_us = match seconds {
        0 => 0,
        seconds => clock::monotonic_us().saturating_add(seconds.saturating_mul(1_000_000)),
    };
    user_deadline(instance, who, core).set(at_us);
}

/// Without a master a thread of the worker enforces `harakiri`: it sees what hangs, whatever the
/// application holds. The worker is done forking when this is called.
pub(crate) fn watch_alone(instance: &'static Instance, worker: u32) {
    if instance.settings.master || instance.settings.policy.harakiri.limit_s == 0 {
        return;
    }
    let watch = move || {
        signal::block_all_in_thread();
        loop {
            let now = clock::monotonic_us();
            let cores = 0..instance.settings.threads;
            let next = cores.filter_map(|core| alone(instance, worker, core)).min();
            if next.is_some_and(|(at_us, _)| at_us <= now) {
                end_alone(instance, next.map_or(-1, |(_, app)| app));
            }
            let left = next.map(|(at_us, _)| Duration::from_micros(at_us - now));
            std::thread::sleep(left.map_or(LOOK, |left| left.min(LOOK)));
        }
    };
    let started = std::thread::Builder::new().name("uWSGIHarakiri".into()).spawn(watch);
    if let Err(e) = started {
        log!("harakiri has no effect: pthread_create(): {e}");
    }
}

/// When a core must be done, and the app it serves.
fn alone(instance: &Instance, worker: u32, core: u32) -> Option<(u64, i32)> {
    let record = instance.arena.inflight(worker, core);
    let running = record.running()?;
    let policy = &instance.settings.policy.harakiri;
    let deadline = policy.deadline(running.since_us, running.phase, 0)?;
    Some((deadline.at_us, running.app))
}

fn end_alone(instance: &Instance, app: i32) -> ! {
    let pid = process::pid();
    without_master(pid, app).iter().for_each(log::say);
    let first = pid == instance.master_pid();
    process::exit_now(if first { boot::end_alone(instance, 0) } else { 0 })
}
