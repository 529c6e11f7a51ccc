//! Keys of ours about what probes in the kernel count, each at the end of its object; without
//! probes there are none.

use super::writer::Json;
use crate::histogram::LatencySnap;
use crate::inflight::InFlightView;
use crate::kernel::KernelSnap;
use crate::rows::{
    KernelSocketCells, KernelWorkerCells, SYSCALL_CLASSES, StepsSnap, WAITS, WaitCells,
};
use crate::snapshot::Snapshot;

/// Numbers of requests stand behind those of the time between them.
const REQUEST: usize = 1;

/// The end of the running request of a core (from 0) of a worker (from 1); true when there was
/// something to tell.
pub(super) fn request(
    j: &mut Json,
    snapshot: &Snapshot,
    (worker, core): (u32, usize),
    request: &InFlightView,
) -> bool {
    let Some(kernel) = snapshot.kernel.as_deref() else { return false };
    let Some(waits) = kernel.waits_of(worker, core) else { return false };
    j.number("age_us", snapshot.taken_us.saturating_sub(request.start_us));
    j.string("phase", request.phase.as_str().as_bytes());
    if kernel.attached("scheduler") {
        j.object("waited_us", |j| {
            for (wait, ns) in WAITS.iter().zip(waits.waited_ns) {
                j.number(wait, ns / 1_000);
            }
        });
        j.string("waits_for", waits.waits_for().unwrap_or_default().as_bytes());
    }
    calls(j, waits);
    true
}

fn calls(j: &mut Json, waits: &WaitCells) {
    for (key, call) in [("slowest_call", waits.slowest_call()), ("call", waits.running_call())] {
        if let Some((name, ns)) = call {
            j.object(key, |j| {
                j.string("name", name.as_bytes());
                j.number("us", ns / 1_000);
            });
        }
    }
}

/// The end of the document.
pub(super) fn instance(j: &mut Json, snapshot: &Snapshot) {
    let Some(kernel) = snapshot.kernel.as_deref().filter(|kernel| !kernel.sockets.is_empty())
    else {
        return;
    };
    j.list("accept_queues", |j| {
        for (socket, waits) in &kernel.sockets {
            j.entry(|j| queue(j, kernel, socket, waits));
        }
    });
}

fn queue(j: &mut Json, kernel: &KernelSnap, socket: &KernelSocketCells, waits: &LatencySnap) {
    j.string("name", &socket.name);
    if kernel.attached("accept") {
        j.number("established", socket.established);
        j.number("depth_sum", socket.depth_sum);
        j.number("full", socket.full);
        j.number("waits_lost", socket.lost);
        j.object("wait", |j| super::spread(j, waits));
    }
    if kernel.attached("network") {
        j.number("retransmits", socket.retransmits);
    }
}

/// What was counted of each worker and of each socket: only for those who ask.
pub(super) fn rows(j: &mut Json, kernel: &KernelSnap) {
    j.list("workers", |j| {
        for (id, row) in (1..).zip(&kernel.workers) {
            j.entry(|j| worker(j, id, row));
        }
    });
    j.list("sockets", |j| {
        for (row, _) in &kernel.sockets {
            j.entry(|j| socket(j, row));
        }
    });
}

fn worker(j: &mut Json, id: u64, row: &KernelWorkerCells) {
    j.number("id", id);
    times(j, "run_queue", &row.run_queue[REQUEST]);
    times(j, "off_cpu", &row.off_cpu[REQUEST]);
    j.numbers("switches", [row.voluntary.iter().sum(), row.involuntary.iter().sum()]);
    j.number("migrations", row.migrations);
    j.object("waited_ns", |j| {
        WAITS.iter().zip(row.waited_ns).for_each(|(wait, ns)| j.number(wait, ns));
    });
    j.list("calls", |j| {
        for ((class, steps), errors) in
            SYSCALL_CLASSES.iter().zip(&row.syscalls).zip(row.syscall_errors)
        {
            j.entry(|j| {
                j.string("class", class.as_bytes());
                j.number("errors", errors);
                times(j, "times", steps);
            });
        }
    });
    j.numbers("faults", [row.minor_faults.iter().sum(), row.major_faults.iter().sum()]);
    times(j, "block_reads", &row.block_io[0]);
    times(j, "block_writes", &row.block_io[1]);
    j.numbers("block_bytes", row.block_bytes);
    j.number("block_errors", row.block_errors);
    j.number("oom", row.oom);
}

fn socket(j: &mut Json, row: &KernelSocketCells) {
    j.string("name", &row.name);
    j.number("established", row.established);
    j.number("live", row.live);
    j.number("live_stalled", row.live_stalled);
    j.number("retransmits", row.retransmits);
    j.number("synack_retransmits", row.synack_retransmits);
    j.numbers("resets", [row.resets_sent, row.resets_received]);
    j.numbers("zero_windows", row.zero_windows);
    j.number("receive_queue_full", row.receive_queue_full);
    j.numbers("bytes", row.all_bytes);
    times(j, "rtt", &row.rtt);
    j.number("live_rtt_ns", row.live_rtt_ns);
    j.numbers("limited_ns", row.all_limited_ns);
}

/// How often, how long in all, and what ninety-nine of a hundred stay below; nanoseconds.
fn times(j: &mut Json, key: &str, steps: &StepsSnap) {
    let count = steps.count();
    let p99 = if count > 0 { steps.quantile_ns(0.99) } else { 0 };
    j.numbers(key, [count, steps.sum_ns, p99]);
}
