//! Keys of ours about what probes in the kernel count, each at the end of its object; without
//! probes there are none.

use super::writer::Json;
use crate::histogram::LatencySnap;
use crate::inflight::InFlightView;
use crate::kernel::KernelSnap;
use crate::rows::{KernelSocketCells, WAITS, WaitCells};
use crate::snapshot::Snapshot;

/// The end of the running request of a core (from 0) of a worker (from 1).
pub(super) fn request(
    j: &mut Json,
    snapshot: &Snapshot,
    (worker, core): (u32, usize),
    request: &InFlightView,
) {
    let Some(kernel) = snapshot.kernel.as_deref() else { return };
    let Some(waits) = kernel.waits_of(worker, core) else { return };
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
