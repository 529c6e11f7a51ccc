//! The part of a snapshot that comes from probes in the kernel.

use crate::histogram::LatencySnap;
use crate::rows::{
    KILLS, KernelSocketCells, KernelWorkerCells, KillCells, PROBES, ProbeCells, WaitCells,
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

impl Snapshot {
    /// What probes counted, when the one of this name is attached.
    pub fn probed(&self, probe: &str) -> Option<&KernelSnap> {
        self.kernel.as_deref().filter(|kernel| kernel.attached(probe))
    }
}
