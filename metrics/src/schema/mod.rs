//! The schema table: every metric declared once, with name, OID, kind, unit, help and place.
//!
//! Everything that names a number derives from [`TABLE`]: the classic metric list and its order,
//! the `metrics` object of the stats JSON, Prometheus families with HELP and TYPE, the schema
//! section of the arena, and the generated reference. A row says how the value is read from a
//! [`Snapshot`] and which cell it comes from; rows without a cell are computed.

mod alarm;
mod application;
mod build;
mod daemon;
mod kernel;
mod list;
mod logger;
mod machine;
mod process;
mod pusher;
mod reload;
mod select;
mod snmp;
mod table;
#[cfg(test)]
mod tests;
mod traffic;

use crate::cells::{Gauge, Text};
use crate::header::Section;
use crate::histogram::LatencySnap;
use crate::metric_pool::Kind;
use crate::rows::{
    AlarmCells, AppCells, DaemonCells, GatewayCells, KernelSocketCells, KernelWorkerCells,
    KillCells, LoggerCells, MuleCells, ProbeCells, PusherCells, SystemCells, row,
};
use crate::snapshot::{CoreSnap, Snapshot, SocketSnap, WorkerSnap};
use crate::view::View;

pub use kernel::{HISTOGRAMS, Histograms, Spreads};
pub use list::{Item, ListOptions, list};
pub use select::{Selector, is_builtin, oid_of, select, value};

/// Every metric of the server.
pub static TABLE: &[Metric] = &build::joined::<{ build::count(PARTS) }>(PARTS);

/// The table as it is written: by what the metrics are about.
const PARTS: &[&[Metric]] = &[
    table::ROWS,
    application::ROWS,
    alarm::ROWS,
    pusher::ROWS,
    daemon::ROWS,
    logger::ROWS,
    process::ROWS,
    traffic::ROWS,
    machine::ROWS,
    reload::ROWS,
    snmp::ROWS,
    kernel::ROWS,
    &machine::MACHINE_STALLS,
    &machine::GROUP_STALLS,
];

row! {
    /// One metric in the arena's schema section, for readers that are not built from this source.
    pub struct SchemaRow => SchemaCells {
        /// Classic name with `N`, `M`, `K` for worker, core and index; empty when it has none.
        pub name: Text<8>,
        /// Classic OID with the same letters.
        pub oid: Text<4>,
        /// Prometheus family; empty when it has none.
        pub family: Text<8>,
        /// One line of help.
        pub help: Text<24>,
        /// Kind code.
        pub kind: Gauge,
        /// Unit code.
        pub unit: Gauge,
        /// Group code.
        pub group: Gauge,
        /// Section of the cell it is read from, or all ones.
        pub section: Gauge,
        /// Byte offset of that cell in its row, or all ones.
        pub offset: Gauge,
    }
}

/// Unit of the raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unit {
    /// A plain number.
    Count = 0,
    /// Bytes.
    Bytes = 1,
    /// Microseconds; expositions in seconds divide.
    Micros = 2,
    /// Seconds.
    Seconds = 3,
    /// Seconds since the epoch.
    Epoch = 4,
    /// Hundredths; expositions divide.
    Hundredths = 5,
    /// Thousandths; expositions divide.
    Thousandths = 6,
    /// Hundredths of a percent; expositions show a ratio.
    Ratio = 7,
}

impl Unit {
    /// Name of the unit for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Micros => "microseconds",
            Unit::Seconds => "seconds",
            Unit::Epoch => "epoch seconds",
            Unit::Hundredths => "hundredths",
            Unit::Thousandths => "thousandths",
            Unit::Ratio => "hundredths of a percent",
        }
    }
}

/// Where in the classic list a metric stands and what it repeats over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Group {
    /// Instance figures at the head of the list.
    Head = 0,
    /// Once per worker, 0 included.
    Worker = 1,
    /// Once per core of each worker.
    Core = 2,
    /// Sums and averages behind the workers.
    Total = 3,
    /// Once per socket.
    Socket = 4,
    /// Second names.
    Alias = 5,
    /// Extension: once per router.
    Gateway = 6,
    /// Not in the classic list: once per application.
    App = 7,
    /// Extension: once per mule.
    Mule = 8,
    /// Extension: the machine and the control group.
    System = 9,
    /// Extension: once per alarm.
    Alarm = 10,
    /// Extension: once per receiver of a pusher.
    Pusher = 11,
    /// Extension: once per worker, as probes in the kernel see it.
    KernelWorker = 12,
    /// Extension: once per listening TCP socket, as they see it.
    KernelSocket = 13,
    /// Extension: once per probe.
    Probe = 14,
    /// Not in the classic list: once per signal and sender that ended workers.
    Kill = 15,
    /// Extension: once per attached daemon.
    Daemon = 16,
    /// Extension: once per receiver of lines of the log.
    Logger = 17,
}

/// How the value is taken from a snapshot.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// From the whole.
    Instance(fn(&Snapshot) -> i64),
    /// From a worker.
    Worker(fn(&WorkerSnap) -> i64),
    /// From a core.
    Core(fn(&CoreSnap) -> i64),
    /// From an application.
    App(fn(&AppCells) -> i64),
    /// From a socket.
    Socket(fn(&SocketSnap) -> i64),
    /// From a router.
    Gateway(fn(&GatewayCells) -> i64),
    /// From a mule.
    Mule(fn(&MuleCells) -> i64),
    /// From an alarm.
    Alarm(fn(&AlarmCells) -> i64),
    /// From a receiver of a pusher.
    Pusher(fn(&PusherCells) -> i64),
    /// From an attached daemon.
    Daemon(fn(&DaemonCells) -> i64),
    /// From a receiver of lines of the log.
    Logger(fn(&LoggerCells) -> i64),
    /// From what this probe in the kernel counted of a worker.
    KernelWorker(&'static str, fn(&KernelWorkerCells) -> i64),
    /// From what this probe in the kernel counted of a socket, and its waits.
    KernelSocket(&'static str, fn(&(KernelSocketCells, LatencySnap)) -> i64),
    /// From a probe.
    Probe(fn(&ProbeCells) -> i64),
    /// From the ends of workers by one signal of one sender.
    Kill(&'static str, fn(&KillCells) -> i64),
    /// From the machine or the control group, which may not tell.
    System(fn(&SystemCells) -> Option<u64>),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Classic name and OID, with `N`, `M`, `K` for the indices.
    pub classic: Option<(&'static str, &'static str)>,
    /// True when it enters the classic list only on request.
    pub extended: bool,
    /// Prometheus family.
    pub family: Option<&'static str>,
    /// A fixed label that tells rows of one family apart.
    pub label: Option<(&'static str, &'static str)>,
    /// More of them, in front of that one.
    pub more: &'static [(&'static str, &'static str)],
    /// Kind.
    pub kind: Kind,
    /// Unit of the raw value.
    pub unit: Unit,
    /// One line of help.
    pub help: &'static str,
    /// Position and repetition.
    pub group: Group,
    /// How to read it.
    pub read: Read,
    /// Section and byte offset of the cell it is read from, or of the cells it sums.
    pub cell: Option<(Section, usize)>,
    /// True when those that share a name show the same thing: the largest counts, not the sum.
    pub same: bool,
    /// False hides the family while the value is 0, because 0 means not measured.
    pub zero_is_a_value: bool,
    /// Tells of an instance that 0 was measured all the same.
    pub measured: Option<fn(&Snapshot) -> bool>,
}

/// Writes the table into the arena.
pub(crate) fn write_rows(view: &View) {
    for (index, metric) in TABLE.iter().enumerate() {
        let row = view.schema_row(index);
        let (name, oid) = metric.classic.unwrap_or_default();
        let (section, offset) =
            metric.cell.map_or((u64::MAX, u64::MAX), |(s, o)| (s as u64, o as u64));
        row.name.set(name.as_bytes());
        row.oid.set(oid.as_bytes());
        row.family.set(metric.family.unwrap_or_default().as_bytes());
        row.help.set(metric.help.as_bytes());
        row.kind.set(metric.kind as u64);
        row.unit.set(metric.unit as u64);
        row.group.set(metric.group as u64);
        row.section.set(section);
        row.offset.set(offset);
    }
}
