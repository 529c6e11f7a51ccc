//! Numbers that nobody reports by itself, looked up once per second: queues, memory, CPU. Feeds
//! the history rings.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use uwsgi_metrics::HistoryWriter;
use uwsgi_sys::procfs;
use uwsgi_sys::queue::{self, UnixQueues};

use super::metrics::Metrics;
use crate::clock;
use crate::instance::Instance;
use crate::{logv, sockets::Listener};

/// Samples for ever.
pub(crate) async fn run(instance: &'static Instance) {
    let mut history = HistoryWriter::new();
    let mut metrics = Metrics::new(instance);
    let mut seen = vec![(0, 0); instance.settings.processes as usize];
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        queues(instance);
        router_queues(instance);
        workers(instance, &mut seen);
        master(instance);
        let snapshot = instance.arena.snapshot();
        metrics.round(&snapshot).await;
        history.tick(&instance.arena.history(), clock::epoch_s(), &snapshot);
    }
}

/// The kernel's answers about UNIX sockets; `None` where netlink is not to be had.
fn unix() -> Option<&'static UnixQueues> {
    static UNIX: OnceLock<Option<UnixQueues>> = OnceLock::new();
    UNIX.get_or_init(|| UnixQueues::open().ok()).as_ref()
}

/// Accept queues of the worker sockets as they are now.
pub(super) fn measure_queues(instance: &Instance) {
    if let Some(signals) = &instance.signals {
        signals.measure(&instance.arena);
    }
    let (mut longest, mut drops) = (0, 0);
    for (i, (listener, _)) in instance.sockets.iter().enumerate() {
        let Some(q) = measure(listener, unix()) else { continue };
        let row = instance.arena.socket(i as u32);
        row.queue.set(q.length);
        row.max_queue.set(q.max);
        row.drops.set(q.drops);
        longest = longest.max(q.length);
        drops += q.drops;
    }
    let globals = instance.arena.globals();
    globals.backlog.set(longest);
    globals.load.set(longest);
    globals.backlog_errors.set(drops);
}

/// The same, and the line that tells when one is full.
fn queues(instance: &Instance) {
    measure_queues(instance);
    for (i, (listener, _)) in instance.sockets.iter().enumerate() {
        let row = instance.arena.socket(i as u32);
        let (length, max) = (row.queue.get(), row.max_queue.get());
        if length > 0 && length >= max {
            let (name, fd) = (&listener.name, listener.fd.as_raw_fd());
            logv!(
                "*** uWSGI listen queue of socket \"{name}\" (fd: {fd}) full !!! ({length}/{max}) ***"
            );
        }
    }
}

fn measure(listener: &Listener, unix: Option<&UnixQueues>) -> Option<queue::Queue> {
    if listener.tcp {
        return queue::tcp(listener.fd.as_fd()).ok();
    }
    unix?.queue(listener.fd.as_fd()).ok()
}

/// The master's own figures.
fn master(instance: &Instance) {
    let pid = instance.master_pid();
    let Some(usage) = procfs::usage(pid) else { return };
    let globals = instance.arena.globals();
    globals.master_rss.set(usage.rss);
    globals.master_vsz.set(usage.vsz);
    globals.master_cpu_us.set(usage.cpu_us);
    globals.master_open_fds.set(procfs::open_files(pid));
    globals.master_max_fds.set(uwsgi_sys::process::max_files());
}

/// Queues of the router's front sockets; every router process shows the same ones.
fn router_queues(instance: &Instance) {
    let queues = || instance.http.iter().filter_map(|l| measure(l, unix()));
    let (length, max) = queues().fold((0, 0), |(l, m), q| (q.length.max(l), q.max.max(m)));
    let routers = if instance.http.is_empty() { 0 } else { instance.settings.http_processes };
    for i in 0..routers {
        instance.arena.gateway(i).listen_queue.set(length);
        instance.arena.gateway(i).max_queue.set(max);
    }
}

/// Memory, CPU, descriptors and threads of every worker, measured from outside. `seen` holds pid
/// and CPU time of the last look, so that CPU adds up over all lives of a worker.
fn workers(instance: &Instance, seen: &mut [(i32, u64)]) {
    for (id, seen) in (1..=instance.settings.processes).zip(seen) {
        let row = instance.arena.worker(id);
        let Some(pid) = i32::try_from(row.pid.get()).ok().filter(|p| *p > 0) else { continue };
        let Some(usage) = procfs::usage(pid) else { continue };
        row.threads.set(usage.threads);
        row.open_fds.set(procfs::open_files(pid));
        let before = if seen.0 == pid { seen.1 } else { 0 };
        // A new observer has seen nothing: what was counted before it came is not counted again.
        if seen.0 != 0 || row.cpu_us.get() == 0 {
            row.cpu_us.add(usage.cpu_us.saturating_sub(before));
        }
        *seen = (pid, usage.cpu_us);
        if instance.settings.memory_report {
            row.rss.set(usage.rss);
            row.vsz.set(usage.vsz);
        }
    }
}
