//! Histograms of probes in the kernel.

use super::PromOptions;
use super::value::{Value, push_uint, seconds};
use super::writer::{Observed, Type, Writer};
use crate::exponential::Exponential;
use crate::kernel::KernelSnap;
use crate::rows::StepsSnap;
use crate::schema::{HISTOGRAMS, Spreads};
use crate::snapshot::Snapshot;

/// Upper bounds of the classic buckets, nanoseconds: from what a context switch takes.
const BOUNDS_NS: [u64; 16] = [
    10_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
];

/// Labels of one histogram.
type Labels<'a> = Vec<(&'static str, &'a [u8])>;

/// What became of each probe, in words.
fn info(out: &mut Writer<'_>, snapshot: &Snapshot) {
    const NAME: &str = "uwsgi_ebpf_probe_info";
    const HELP: &str = "What became of the probe, and why it is not healthy.";
    let probes: Vec<_> = snapshot.kernel.iter().flat_map(|kernel| &kernel.probes).collect();
    if probes.is_empty() {
        out.claim(NAME, Type::Gauge);
    } else if out.family(NAME, Type::Gauge, HELP, true) {
        for probe in probes {
            let state = probe.state_name().as_bytes();
            let labels: Labels<'_> =
                vec![("probe", &probe.name), ("state", state), ("reason", &probe.reason)];
            out.sample(&labels, Value::Uint(1));
        }
    }
}

/// Writes what became of the probes, and the histograms of those that are attached.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    info(out, snapshot);
    for family in HISTOGRAMS.iter().copied().flatten() {
        let Some(kernel) = snapshot.probed(family.probe) else {
            out.claim(family.family, Type::Histogram);
            continue;
        };
        if !out.family(family.family, Type::Histogram, family.help, true) {
            continue;
        }
        match family.spreads {
            Spreads::Worker(all) => workers(kernel, snapshot, |worker, id| {
                for (fixed, of) in all {
                    let mut labels: Labels<'_> = vec![("worker_id", id)];
                    labels.extend(fixed.iter().map(|(name, v)| (*name, v.as_bytes())));
                    steps(out, &labels, of(&kernel.workers[worker]));
                }
            }),
            Spreads::Socket(all) => {
                for (socket, _) in &kernel.sockets {
                    for (fixed, of) in all {
                        let mut labels: Labels<'_> = vec![("name", &socket.name)];
                        labels.extend(fixed.iter().map(|(name, v)| (*name, v.as_bytes())));
                        steps(out, &labels, of(socket));
                    }
                }
            }
            Spreads::Waits(of) => {
                let bounds: Vec<f64> =
                    options.buckets_us.iter().map(|us| *us as f64 / 1e6).collect();
                for socket in &kernel.sockets {
                    let waits = of(socket);
                    let native = Exponential::of_latency(waits);
                    let observed = Observed {
                        bounds: &bounds,
                        below: &super::extra::below(waits, &options.buckets_us),
                        sum: seconds(waits.sum_us),
                        native: Some(&native),
                        exemplars: &[],
                    };
                    out.histogram(&[("name", &socket.0.name)], &observed);
                }
            }
        }
    }
}

/// Calls `each` with the index and the id of every worker that was spawned.
fn workers(kernel: &KernelSnap, snapshot: &Snapshot, mut each: impl FnMut(usize, &[u8])) {
    for worker in snapshot.spawned() {
        let index = worker.index as usize - 1;
        if index < kernel.workers.len() {
            let mut id = Vec::new();
            push_uint(&mut id, worker.cells.id);
            each(index, &id);
        }
    }
}

fn steps(out: &mut Writer<'_>, labels: &[(&str, &[u8])], steps: &StepsSnap) {
    let bounds = BOUNDS_NS.map(|ns| ns as f64 / 1e9);
    let below: Vec<u64> = steps.cumulative(&BOUNDS_NS).into_iter().chain([steps.count()]).collect();
    let sum = Value::Decimal(steps.sum_ns, 9);
    out.histogram(
        labels,
        &Observed { bounds: &bounds, below: &below, sum, native: None, exemplars: &[] },
    );
}
