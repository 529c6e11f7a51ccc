//! The part of the table that comes from probes in the kernel: a file for each probe with its rows
//! and its histograms. What no probe measures is not shown.

mod accept;
mod memory;
mod network;
mod probes;
mod scheduler;
mod signals;
mod syscalls;

use super::{Metric, build};
use crate::histogram::LatencySnap;
use crate::rows::{KernelSocketCells, KernelWorkerCells, StepsSnap};

/// Labels that tell the histograms of one family apart.
pub(super) type Fixed = &'static [(&'static str, &'static str)];

/// One histogram of each worker.
pub(super) type OfWorker = (Fixed, fn(&KernelWorkerCells) -> &StepsSnap);

/// One histogram of each listening TCP socket.
pub(super) type OfSocket = (Fixed, fn(&KernelSocketCells) -> &StepsSnap);

/// Where a histogram lies.
#[derive(Clone, Copy, Debug)]
pub enum Spreads {
    /// For each worker.
    Worker(&'static [OfWorker]),
    /// For each listening TCP socket.
    Socket(&'static [OfSocket]),
    /// For each listening TCP socket: the waits that the server itself keeps.
    Waits(fn(&(KernelSocketCells, LatencySnap)) -> &LatencySnap),
}

/// A family of histograms, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Histograms {
    /// The probe that fills it.
    pub probe: &'static str,
    /// Prometheus family.
    pub family: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// What it is read from.
    pub spreads: Spreads,
}

const PARTS: &[&[Metric]] = &[
    probes::ROWS,
    accept::ROWS,
    accept::DEPTHS,
    scheduler::ROWS,
    network::ROWS,
    syscalls::ROWS,
    memory::ROWS,
    signals::ROWS,
];

/// All rows.
pub(super) const ROWS: &[Metric] = &build::joined::<{ build::count(PARTS) }>(PARTS);

/// All histograms, by probe.
pub static HISTOGRAMS: &[&[Histograms]] = &[
    accept::HISTOGRAMS,
    scheduler::HISTOGRAMS,
    network::HISTOGRAMS,
    syscalls::HISTOGRAMS,
    memory::HISTOGRAMS,
];
