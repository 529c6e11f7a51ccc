//! Numbers that nobody reports by itself, looked up once per second: queues, memory, CPU. Feeds
//! the history rings.

use std::os::fd::AsFd;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use uwsgi_metrics::HistoryWriter;
use uwsgi_sys::procfs;
use uwsgi_sys::queue::{self, UnixQueues};

use crate::clock;
use crate::instance::Instance;
use crate::{logv, sockets::Listener};

/// Samples for ever.
pub(crate) async fn run(instance: &'static Instance) {
    let unix = UnixQueues::open().ok();
    let mut history = HistoryWriter::new();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        queues(instance, unix.as_ref());
        router_queues(instance, unix.as_ref());
        memory(instance);
        master(instance);
        history.tick(&instance.arena.history(), clock::epoch_s(), &instance.arena.snapshot());
    }
}

/// Accept queues of the worker sockets, and the line that tells when one is full.
fn queues(instance: &Instance, unix: Option<&UnixQueues>) {
    let (mut longest, mut drops) = (0, 0);
    for (i, (listener, _)) in instance.sockets.iter().enumerate() {
        let Some(q) = measure(listener, unix) else { continue };
        let row = instance.arena.socket(i as u32);
        row.queue.set(q.length);
        row.max_queue.set(q.max);
        row.drops.set(q.drops);
        longest = longest.max(q.length);
        drops += q.drops;
        if q.length > 0 && q.length >= q.max {
            use std::os::fd::AsRawFd;
            logv!(
                "*** uWSGI listen queue of socket \"{}\" (fd: {}) full !!! ({}/{}) ***",
                listener.name,
                listener.fd.as_raw_fd(),
                q.length,
                q.max
            );
        }
    }
    let globals = instance.arena.globals();
    globals.backlog.set(longest);
    globals.load.set(longest);
    globals.backlog_errors.set(drops);
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
fn router_queues(instance: &Instance, unix: Option<&UnixQueues>) {
    let queues = || instance.http.iter().filter_map(|l| measure(l, unix));
    let (length, max) = queues().fold((0, 0), |(l, m), q| (q.length.max(l), q.max.max(m)));
    let routers = if instance.http.is_empty() { 0 } else { instance.settings.http_processes };
    for i in 0..routers {
        instance.arena.gateway(i).listen_queue.set(length);
        instance.arena.gateway(i).max_queue.set(max);
    }
}

/// Memory, CPU and threads of every worker, measured from outside.
fn memory(instance: &Instance) {
    for id in 1..=instance.settings.processes {
        let row = instance.arena.worker(id);
        let Some(pid) = i32::try_from(row.pid.get()).ok().filter(|p| *p > 0) else { continue };
        let Some(usage) = procfs::usage(pid) else { continue };
        row.threads.set(usage.threads);
        if instance.settings.memory_report {
            row.rss.set(usage.rss);
            row.vsz.set(usage.vsz);
        }
    }
}
