//! Rows of probes in the kernel: the probes, who ended processes, workers and sockets as it sees
//! them.
//!
//! Numbers of each worker are read only for the view that shows them: there are two dozen
//! distributions for each.

use uwsgi_metrics::{
    KernelSnap, KernelSocketCells, KernelWorkerCells, KillCells, ProbeCells, SYSCALL_CLASSES,
    Snapshot, StepsSnap, WAITS,
};

use super::text;
use crate::picture::{Calls, Kernel, KernelSocket, KernelWorker, Kill, Picture, Probe, Times};

/// Numbers of requests stand behind those of the time between them.
const REQUEST: usize = 1;

pub(super) fn read(snapshot: &Snapshot, whole: bool, picture: &mut Picture) {
    let Some(kernel) = snapshot.kernel.as_deref() else { return };
    picture.probes = kernel.probes.iter().map(probe).collect();
    if kernel.attached("signals") {
        picture.kills = kernel.kills.iter().map(kill).collect();
    }
    picture.kernel = whole.then(|| rows(kernel));
}

fn probe(row: &ProbeCells) -> Probe {
    Probe {
        name: text(&row.name),
        state: row.state_name().to_owned(),
        reason: text(&row.reason),
        remedy: text(&row.remedy),
        programs: row.programs,
        runs: row.runs,
        run_ns: row.run_ns,
    }
}

fn kill(row: &KillCells) -> Kill {
    Kill { signal: row.signal_name().into_owned(), by: text(&row.by), count: row.count }
}

fn rows(kernel: &KernelSnap) -> Kernel {
    Kernel {
        workers: (1..).zip(&kernel.workers).map(|(id, row)| worker(id, row)).collect(),
        sockets: kernel.sockets.iter().map(|(row, _)| socket(row)).collect(),
    }
}

fn worker(id: u64, row: &KernelWorkerCells) -> KernelWorker {
    let [run_queue, off_cpu] =
        [&row.run_queue, &row.off_cpu].map(|pair| pair.get(REQUEST).map(times).unwrap_or_default());
    let sum = |pair: [u64; 2]| pair.iter().fold(0, |all: u64, one| all.saturating_add(*one));
    let waited = WAITS.iter().zip(row.waited_ns).map(|(name, ns)| ((*name).to_owned(), ns));
    KernelWorker {
        id,
        run_queue,
        off_cpu,
        switches: [sum(row.voluntary), sum(row.involuntary)],
        migrations: row.migrations,
        waited: waited.collect(),
        calls: calls(row),
        faults: [sum(row.minor_faults), sum(row.major_faults)],
        block: row.block_io.each_ref().map(times),
        block_bytes: row.block_bytes,
        block_errors: row.block_errors,
        oom: row.oom,
    }
}

fn calls(row: &KernelWorkerCells) -> Vec<Calls> {
    let all = SYSCALL_CLASSES.iter().zip(&row.syscalls).zip(row.syscall_errors);
    let calls = |((class, steps), errors): ((&&str, &StepsSnap), u64)| Calls {
        class: (*class).to_owned(),
        times: times(steps),
        errors,
    };
    all.map(calls).collect()
}

fn socket(row: &KernelSocketCells) -> KernelSocket {
    KernelSocket {
        name: text(&row.name),
        established: row.established,
        live: row.live,
        stalled: row.live_stalled,
        retransmits: row.retransmits,
        synack_retransmits: row.synack_retransmits,
        resets: [row.resets_sent, row.resets_received],
        zero_windows: row.zero_windows,
        receive_queue_full: row.receive_queue_full,
        bytes: row.all_bytes,
        rtt: times(&row.rtt),
        live_rtt: row.live_rtt_ns,
        limited: row.all_limited_ns,
    }
}

fn times(steps: &StepsSnap) -> Times {
    let count = steps.count();
    let p99 = if count > 0 { steps.quantile_ns(0.99) } else { 0 };
    Times { count, sum: steps.sum_ns, p99 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    fn written() -> Arena {
        let shape = Shape { workers: 1, cores: 1, probes: 1, listeners: 1, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        arena.probe(0).name.set(b"signals");
        arena.probe(0).state.set(2);
        arena.probe(0).programs.set(1);
        arena.kill(0).by.set(b"oom-killer");
        arena.kill(0).signal.set(9);
        arena.kill(0).count.set(4);
        let worker = arena.kernel_worker(1);
        worker.run_queue[1].record_shared(5_000);
        worker.syscalls[0].record_shared(2_000);
        worker.syscalls[0].record_shared(4_000);
        worker.minor_faults[0].set(3);
        worker.minor_faults[1].set(4);
        arena.kernel_socket(0).name.set(b"127.0.0.1:80");
        arena.kernel_socket(0).zero_windows[1].set(6);
        arena
    }

    #[test]
    fn probes_and_senders_are_always_read() {
        let mut picture = Picture::default();
        read(&written().snapshot(), false, &mut picture);
        assert_eq!((picture.probes[0].state.as_str(), picture.probes[0].programs), ("degraded", 1));
        let kill = Kill { signal: "SIGKILL".into(), by: "oom-killer".into(), count: 4 };
        assert_eq!((picture.kills, picture.kernel), (vec![kill], None));
    }

    #[test]
    fn numbers_of_workers_and_sockets_are_read_for_their_view() {
        let mut picture = Picture::default();
        read(&written().snapshot(), true, &mut picture);
        let kernel = picture.kernel.unwrap();
        let worker = &kernel.workers[0];
        assert_eq!((worker.id, worker.run_queue.count, worker.run_queue.sum), (1, 1, 5_000));
        let calls = &worker.calls[0];
        assert_eq!((calls.class.as_str(), calls.times.count, calls.times.sum), ("read", 2, 6_000));
        assert!((3_500..=4_500).contains(&calls.times.p99), "{}", calls.times.p99);
        assert_eq!((worker.faults, worker.off_cpu), ([7, 0], Times::default()));
        assert_eq!(
            (kernel.sockets[0].name.as_str(), kernel.sockets[0].zero_windows),
            ("127.0.0.1:80", [0, 6])
        );
    }
}
