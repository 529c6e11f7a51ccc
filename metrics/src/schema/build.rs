//! What the rows of the table are written with.

use super::{Group, Metric, Read, Unit};
use crate::header::Section;
use crate::histogram::LatencySnap;
use crate::metric_pool::Kind;
use crate::rows::{
    AlarmCells, AppCells, DaemonCells, GatewayCells, KernelSocketCells, KernelWorkerCells,
    KillCells, LoggerCells, MuleCells, ProbeCells, PusherCells, SystemCells,
};
use crate::snapshot::{CoreSnap, Snapshot, SocketSnap, WorkerSnap};

/// The section and offset of a cell.
macro_rules! at {
    (Globals.$f:ident) => {
        ($crate::header::Section::Globals, core::mem::offset_of!(Globals, $f))
    };
    (WorkerRow.$f:ident) => {
        ($crate::header::Section::Workers, core::mem::offset_of!(WorkerRow, $f))
    };
    (CoreRow.$f:ident) => {
        ($crate::header::Section::Cores, core::mem::offset_of!(CoreRow, $f))
    };
    (AppRow.$f:ident) => {
        ($crate::header::Section::Apps, core::mem::offset_of!(AppRow, $f))
    };
    (SocketRow.$f:ident) => {
        ($crate::header::Section::Sockets, core::mem::offset_of!(SocketRow, $f))
    };
    (TrafficRow.$f:ident) => {
        ($crate::header::Section::Traffic, core::mem::offset_of!(TrafficRow, $f))
    };
    (GatewayRow.$f:ident) => {
        ($crate::header::Section::Gateways, core::mem::offset_of!(GatewayRow, $f))
    };
    (SeriesHead.$f:ident) => {
        ($crate::header::Section::SeriesHead, core::mem::offset_of!(SeriesHead, $f))
    };
    (MuleRow.$f:ident) => {
        ($crate::header::Section::Mules, core::mem::offset_of!(MuleRow, $f))
    };
    (PusherRow.$f:ident) => {
        ($crate::header::Section::Pushers, core::mem::offset_of!(PusherRow, $f))
    };
    (DaemonRow.$f:ident) => {
        ($crate::header::Section::Daemons, core::mem::offset_of!(DaemonRow, $f))
    };
    (LoggerRow.$f:ident) => {
        ($crate::header::Section::Loggers, core::mem::offset_of!(LoggerRow, $f))
    };
    (AlarmRow.$f:ident) => {
        ($crate::header::Section::Alarms, core::mem::offset_of!(AlarmRow, $f))
    };
    (SnmpRow.$f:ident) => {
        ($crate::header::Section::Snmp, core::mem::offset_of!(SnmpRow, $f))
    };
    (KillRow.$f:ident) => {
        ($crate::header::Section::Kills, core::mem::offset_of!(KillRow, $f))
    };
    (KernelWorkerRow.$f:ident) => {
        ($crate::header::Section::KernelWorkers, core::mem::offset_of!(KernelWorkerRow, $f))
    };
    (KernelSocketRow.$f:ident) => {
        ($crate::header::Section::KernelSockets, core::mem::offset_of!(KernelSocketRow, $f))
    };
    (ProbeRow.$f:ident) => {
        ($crate::header::Section::Probes, core::mem::offset_of!(ProbeRow, $f))
    };
    (SystemRow.$f:ident) => {
        ($crate::header::Section::System, core::mem::offset_of!(SystemRow, $f))
    };
}
pub(super) use at;

/// A metric of any kind.
pub(super) const fn row(
    group: Group,
    read: Read,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    Metric {
        classic: None,
        extended: false,
        family: None,
        label: None,
        more: &[],
        same: false,
        kind,
        unit,
        help,
        group,
        read,
        cell: None,
        zero_is_a_value: true,
        measured: None,
    }
}

/// A figure of the instance, in front of the workers.
pub(super) const fn head(
    f: fn(&Snapshot) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Head, Read::Instance(f), kind, unit, help)
}

/// A figure of the instance, behind the workers.
pub(super) const fn total(
    f: fn(&Snapshot) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Total, Read::Instance(f), kind, unit, help)
}

/// A figure of each worker.
pub(super) const fn worker(
    f: fn(&WorkerSnap) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Worker, Read::Worker(f), kind, unit, help)
}

/// A figure of each core.
pub(super) const fn core(
    f: fn(&CoreSnap) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Core, Read::Core(f), kind, unit, help)
}

/// A figure of each application.
pub(super) const fn app(
    f: fn(&AppCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::App, Read::App(f), kind, unit, help)
}

/// A figure of each socket.
pub(super) const fn socket(
    f: fn(&SocketSnap) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Socket, Read::Socket(f), kind, unit, help)
}

/// A figure of each router.
pub(super) const fn router(
    f: fn(&GatewayCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Gateway, Read::Gateway(f), kind, unit, help)
}

/// A figure of each mule.
pub(super) const fn mule(
    f: fn(&MuleCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Mule, Read::Mule(f), kind, unit, help)
}

/// A figure of each alarm.
pub(super) const fn alarm(
    f: fn(&AlarmCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Alarm, Read::Alarm(f), kind, unit, help)
}

/// A figure of each attached daemon.
pub(super) const fn daemon(
    f: fn(&DaemonCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Daemon, Read::Daemon(f), kind, unit, help)
}

/// A figure of each logger.
pub(super) const fn logger(
    f: fn(&LoggerCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Logger, Read::Logger(f), kind, unit, help)
}

/// A figure of each receiver of a pusher.
pub(super) const fn pusher(
    f: fn(&PusherCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Pusher, Read::Pusher(f), kind, unit, help)
}

/// A figure of each worker that this probe in the kernel counts.
pub(super) const fn kernel_worker(
    name: &'static str,
    f: fn(&KernelWorkerCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::KernelWorker, Read::KernelWorker(name, f), kind, unit, help)
}

/// A figure of each listening TCP socket that this probe in the kernel counts.
pub(super) const fn kernel_socket(
    name: &'static str,
    f: fn(&(KernelSocketCells, LatencySnap)) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::KernelSocket, Read::KernelSocket(name, f), kind, unit, help)
}

/// A figure of each probe.
pub(super) const fn probe(
    f: fn(&ProbeCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Probe, Read::Probe(f), kind, unit, help)
}

/// A figure of each signal and sender that this probe in the kernel saw end workers.
pub(super) const fn kill(
    name: &'static str,
    f: fn(&KillCells) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::Kill, Read::Kill(name, f), kind, unit, help)
}

/// A figure of the machine or the control group.
pub(super) const fn system(
    f: fn(&SystemCells) -> Option<u64>,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    row(Group::System, Read::System(f), kind, unit, help)
}

impl Metric {
    pub(super) const fn classic(self, name: &'static str, oid: &'static str) -> Metric {
        Metric { classic: Some((name, oid)), ..self }
    }
    pub(super) const fn extended(self, name: &'static str, oid: &'static str) -> Metric {
        Metric { classic: Some((name, oid)), extended: true, ..self }
    }
    pub(super) const fn family(self, name: &'static str) -> Metric {
        Metric { family: Some(name), ..self }
    }
    pub(super) const fn label(self, name: &'static str, value: &'static str) -> Metric {
        Metric { label: Some((name, value)), ..self }
    }
    pub(super) const fn cell(self, cell: (Section, usize)) -> Metric {
        Metric { cell: Some(cell), ..self }
    }
    pub(super) const fn labels(self, more: &'static [(&'static str, &'static str)]) -> Metric {
        Metric { more, ..self }
    }
    /// Processes of one router, sockets of one address, show the same thing.
    pub(super) const fn same(self) -> Metric {
        Metric { same: true, ..self }
    }
    /// 0 means that nobody measured.
    pub(super) const fn if_measured(self) -> Metric {
        Metric { zero_is_a_value: false, ..self }
    }
    /// 0 means that nobody measured, unless this holds.
    pub(super) const fn measured_if(self, measured: fn(&Snapshot) -> bool) -> Metric {
        Metric { zero_is_a_value: false, measured: Some(measured), ..self }
    }
}

/// A cell's value in the list's type.
pub(super) const fn i(value: u64) -> i64 {
    value.cast_signed()
}

pub(super) const fn flag(value: bool) -> i64 {
    value as i64
}

/// The `n`-th cell of an array of cells.
pub(super) const fn nth((section, offset): (Section, usize), n: usize) -> (Section, usize) {
    (section, offset + n * size_of::<crate::cells::Counter>())
}

/// Rows of all parts.
pub(super) const fn count(parts: &[&[Metric]]) -> usize {
    let (mut part, mut sum) = (0, 0);
    while part < parts.len() {
        sum += parts[part].len();
        part += 1;
    }
    sum
}

/// The parts of the table, one behind the other.
pub(super) const fn joined<const N: usize>(parts: &[&[Metric]]) -> [Metric; N] {
    let mut all = [parts[0][0]; N];
    let (mut part, mut to) = (0, 0);
    while part < parts.len() {
        let mut from = 0;
        while from < parts[part].len() {
            all[to] = parts[part][from];
            from += 1;
            to += 1;
        }
        part += 1;
    }
    all
}
