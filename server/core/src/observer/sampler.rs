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
        memory(instance);
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
