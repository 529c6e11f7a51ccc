//! The part of a snapshot that comes from probes in the kernel.

use crate::calls::call_name;
use crate::histogram::LatencySnap;
use crate::rows::{
    KILLS, KernelSocketCells, KernelWorkerCells, KillCells, PROBES, ProbeCells, WAITS, WaitCells,
};
use crate::snapshot::Snapshot;
use crate::view::View;

/// A copy of what probes counted.
#[derive(Clone, Debug, Default)]
pub struct KernelSnap {
    /// Probes of this build, in their order.
    pub probes: Vec<ProbeCells>,
    /// Workers 1 to P.
    pub workers: Vec<KernelWorkerCells>,
    /// Listening TCP sockets with how long connections waited to be accepted.
    pub sockets: Vec<(KernelSocketCells, LatencySnap)>,
    /// What the running request of each core waits for, by worker from 1.
    pub waits: Vec<Vec<WaitCells>>,
    /// Ends of workers by a signal, by who sent it.
    pub kills: Vec<KillCells>,
}

impl KernelSnap {
    /// Copies it; `None` in an arena without probes.
    pub(crate) fn take(view: &View) -> Option<KernelSnap> {
        let shape = view.shape();
        if shape.probes == 0 {
            return None;
        }
        let probes = (0..PROBES).map(|index| view.probe(index).read());
        let socket = |index| {
            let mut waits = LatencySnap::default();
            view.accept_waits(index).merge_into(&mut waits);
            (view.kernel_socket(index).read(), waits)
        };
        let core = |worker| move |core| view.waits(worker, core).read();
        let workers = 1..=shape.workers;
        Some(KernelSnap {
            probes: probes.filter(|probe| !probe.name.is_empty()).collect(),
            workers: workers.clone().map(|id| view.kernel_worker(id).read()).collect(),
            sockets: (0..shape.listeners)
                .map(socket)
                .filter(|(row, _)| !row.name.is_empty())
                .collect(),
            waits: workers.map(|id| (0..shape.cores).map(core(id)).collect()).collect(),
            kills: (0..KILLS)
                .map(|index| view.kill(index).read())
                .filter(|kill| !kill.by.is_empty())
                .collect(),
        })
    }

    /// The probe of this name, when it is attached, whole or in part.
    pub fn attached(&self, name: &str) -> bool {
        let named = |probe: &&ProbeCells| probe.name == name.as_bytes();
        self.probes.iter().find(named).is_some_and(|probe| probe.programs > 0)
    }
}

impl KernelSnap {
    /// What the running request of a core (from 0) of a worker (from 1) waits for, when that is
    /// measured: its waits by the probe `scheduler`, its system calls by `syscalls`.
    pub fn waits_of(&self, worker: u32, core: usize) -> Option<&WaitCells> {
        let row = self.waits.get(worker.checked_sub(1)? as usize)?.get(core)?;
        let measured = self.attached("scheduler") || self.attached("syscalls");
        (measured && row.request != 0).then_some(row)
    }
}

impl WaitCells {
    /// What it waits for now; `None` for one that runs.
    pub fn waits_for(&self) -> Option<&'static str> {
        WAITS.get(usize::try_from(self.waiting).ok()?.checked_sub(1)?).copied()
    }

    /// Its slowest system call, by name, and how long that took, nanoseconds.
    pub fn slowest_call(&self) -> Option<(String, u64)> {
        named(self.slowest, self.slowest_ns)
    }

    /// The system call it is in, by name, and for how long, nanoseconds.
    pub fn running_call(&self) -> Option<(String, u64)> {
        named(self.call, self.call_for_ns)
    }
}

/// A call, whose number is raised by one, and a time.
fn named(call: u64, ns: u64) -> Option<(String, u64)> {
    let number = call.checked_sub(1)?;
    let name = call_name(number).map_or_else(|| format!("number {number}"), str::to_owned);
    Some((name, ns))
}

impl Snapshot {
    /// What probes counted, when the one of this name is attached.
    pub fn probed(&self, probe: &str) -> Option<&KernelSnap> {
        self.kernel.as_deref().filter(|kernel| kernel.attached(probe))
    }
}
