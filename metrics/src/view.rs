//! Read access to a mapped arena: every row by its index, whoever mapped it.
//!
//! [`crate::Arena`] and [`crate::Reader`] both deref to [`View`]. No index is an error: one that is
//! out of range names the spare row at the end of its section, which no report shows. Through a
//! `Reader` a write reaches only the reader's own copy of the page, so it is useless, not unsound.

use crate::header::{Header, Layout, Section, SectionRow};
use crate::histogram::{Histogram, LATENCIES, Latency};
use crate::history::History;
use crate::index::Index;
use crate::inflight::{HEAD_BYTES, Head, InFlight};
use crate::map::Mapping;
use crate::rows::{
    AlarmRow, AppRow, CoreRow, DaemonRow, GatewayRow, Globals, KernelSocketRow, KernelWorkerRow,
    KillRow, LoggerRow, MetricRow, MuleRow, ProbeRow, PusherRow, SnmpRow, SnmpValueRow, SocketRow,
    SystemRow, ThresholdRow, TrafficRow, WaitRow, WorkerRow,
};
use crate::schema::SchemaRow;
use crate::shape::Shape;
use crate::snapshot::Snapshot;
use crate::sync::AtomicU64;

/// A mapped arena and where its rows lie.
#[derive(Debug)]
pub struct View {
    pub(crate) map: Mapping,
    pub(crate) layout: Layout,
}

impl View {
    /// The counts the arena was sized from.
    pub fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    /// The instance row.
    #[inline]
    pub fn globals(&self) -> &Globals {
        self.map.row(self.layout.place(Section::Globals).offset)
    }

    /// A worker by its id, 1 to P; 0 is the totals slot.
    #[inline]
    pub fn worker(&self, id: u32) -> &WorkerRow {
        self.map.row(self.layout.place(Section::Workers).at(id as usize))
    }

    /// A core (from 0) of a worker (from 1). Keep the reference on a hot path.
    #[inline]
    pub fn core(&self, worker: u32, core: u32) -> &CoreRow {
        self.map.row(self.layout.place(Section::Cores).cell(
            major(worker),
            core,
            self.layout.shape.cores,
        ))
    }

    /// An app slot (from 0) of a worker (from 1).
    #[inline]
    pub fn app(&self, worker: u32, app: u32) -> &AppRow {
        self.map.row(self.layout.place(Section::Apps).cell(
            major(worker),
            app,
            self.layout.shape.apps,
        ))
    }

    /// A listening socket, from 0.
    #[inline]
    pub fn socket(&self, index: u32) -> &SocketRow {
        self.map.row(self.layout.place(Section::Sockets).at(index as usize))
    }

    /// What a worker (from 1) did for the clients of a listening socket, from 0.
    #[inline]
    pub fn traffic(&self, worker: u32, socket: u32) -> &TrafficRow {
        let places = self.layout.shape.sockets + 1;
        self.map.row(self.layout.place(Section::Traffic).cell(major(worker), socket, places))
    }

    /// The same for the clients of the router's link.
    pub fn link_traffic(&self, worker: u32) -> &TrafficRow {
        self.traffic(worker, self.layout.shape.sockets)
    }

    /// A router process, from 0.
    #[inline]
    pub fn gateway(&self, index: u32) -> &GatewayRow {
        self.map.row(self.layout.place(Section::Gateways).at(index as usize))
    }

    /// What the machine and the control group say.
    pub fn system(&self) -> &SystemRow {
        self.map.row(self.layout.place(Section::System).offset)
    }

    /// An alarm, from 0.
    pub fn alarm(&self, index: u32) -> &AlarmRow {
        self.map.row(self.layout.place(Section::Alarms).at(index as usize))
    }

    /// A threshold, from 0.
    pub fn threshold(&self, index: u32) -> &ThresholdRow {
        self.map.row(self.layout.place(Section::Thresholds).at(index as usize))
    }

    /// A receiver of a pusher, from 0.
    pub fn pusher(&self, index: u32) -> &PusherRow {
        self.map.row(self.layout.place(Section::Pushers).at(index as usize))
    }

    /// An attached daemon, from 0.
    pub fn daemon(&self, index: u32) -> &DaemonRow {
        self.map.row(self.layout.place(Section::Daemons).at(index as usize))
    }

    /// A logger, from 0.
    pub fn logger(&self, index: u32) -> &LoggerRow {
        self.map.row(self.layout.place(Section::Loggers).at(index as usize))
    }

    /// A mule by its id, from 1; 0 is nobody.
    pub fn mule(&self, id: u32) -> &MuleRow {
        self.map.row(self.layout.place(Section::Mules).at(major(id) as usize))
    }

    /// The SNMP agent.
    pub fn snmp(&self) -> &SnmpRow {
        self.map.row(self.layout.place(Section::Snmp).offset)
    }

    /// A value that applications give the agent, from 1 to [`crate::SNMP_VALUES`].
    pub fn snmp_value(&self, number: u32) -> &SnmpValueRow {
        self.map.row(self.layout.place(Section::SnmpValues).at(major(number) as usize))
    }

    /// The in-flight record of a core (from 0) of a worker (from 1).
    #[inline]
    pub fn inflight(&self, worker: u32, core: u32) -> InFlight<'_> {
        let shape = &self.layout.shape;
        let offset = self.layout.place(Section::InFlight).cell(major(worker), core, shape.cores);
        let head: &Head = self.map.row(offset);
        let vars = self.map.words(offset + HEAD_BYTES, shape.vars as usize / 8);
        InFlight { head, vars }
    }

    /// A latency histogram of a worker (from 1).
    #[inline]
    pub fn histogram(&self, worker: u32, what: Latency) -> &Histogram {
        let place = self.layout.place(Section::Histograms);
        self.map.row(place.cell(major(worker), what as u32, LATENCIES as u32))
    }

    /// A probe in the kernel, from 0.
    pub fn probe(&self, index: u32) -> &ProbeRow {
        self.map.row(self.layout.place(Section::Probes).at(index as usize))
    }

    /// What probes counted of a worker (from 1).
    pub fn kernel_worker(&self, id: u32) -> &KernelWorkerRow {
        self.map.row(self.layout.place(Section::KernelWorkers).at(id as usize))
    }

    /// What probes counted of a listening TCP socket, from 0: of workers, then of routers.
    pub fn kernel_socket(&self, index: u32) -> &KernelSocketRow {
        self.map.row(self.layout.place(Section::KernelSockets).at(index as usize))
    }

    /// How long its connections waited to be accepted.
    pub fn accept_waits(&self, index: u32) -> &Histogram {
        self.map.row(self.layout.place(Section::AcceptWaits).at(index as usize))
    }

    /// Another socket has this place: what was counted of the one before ends.
    pub fn forget_kernel_socket(&self, index: u32) {
        self.accept_waits(index).clear();
        let place = self.layout.place(Section::KernelSockets);
        let words = self.map.words(place.at(index as usize), place.element / 8);
        words.iter().for_each(|word| word.store(0, crate::sync::Ordering::Relaxed));
    }

    /// What the running request of a core (from 0) of a worker (from 1) waits for.
    pub fn waits(&self, worker: u32, core: u32) -> &WaitRow {
        let place = self.layout.place(Section::Waits);
        self.map.row(place.cell(major(worker), core, self.layout.shape.cores))
    }

    /// Ends of workers by one sender of one signal, from 0.
    pub fn kill(&self, index: u32) -> &KillRow {
        self.map.row(self.layout.place(Section::Kills).at(index as usize))
    }

    /// The history rings.
    pub fn history(&self) -> History<'_> {
        History::at(&self.map, self.layout.place(Section::History).offset)
    }

    /// 1 for a new arena, one more after every re-execution of the master that kept it.
    pub fn generation(&self) -> u64 {
        self.header().generation.get()
    }

    /// Creation of the arena, epoch nanoseconds.
    pub fn created_ns(&self) -> u64 {
        self.header().created_ns.get()
    }

    /// Bytes of the arena.
    pub fn size(&self) -> usize {
        self.map.len()
    }

    /// Requests closed by a worker (from 1) in all lives: the sum of its cores. The master stores
    /// it in `delta_base` at spawn, a worker compares it for `max-requests`.
    pub fn requests(&self, worker: u32) -> u64 {
        (0..self.layout.shape.cores).map(|core| self.core(worker, core).requests.get()).sum()
    }

    /// This view; lets `arena.view()` and `&arena` be used alike.
    pub fn view(&self) -> &View {
        self
    }

    /// An owned copy of everything; the same as [`Snapshot::take`].
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }

    pub(crate) fn header(&self) -> &Header {
        self.map.row(0)
    }

    pub(crate) fn section_row(&self, offset: usize) -> &SectionRow {
        self.map.row(offset)
    }

    pub(crate) fn schema_row(&self, index: usize) -> &SchemaRow {
        self.map.row(self.layout.place(Section::Schema).at(index))
    }

    pub(crate) fn metric_slot(&self, slot: u32) -> &MetricRow {
        self.map.row(self.layout.place(Section::Metrics).at(slot as usize))
    }

    pub(crate) fn metric_index(&self) -> Index<'_> {
        Index(self.words(Section::MetricIndex))
    }

    /// A section that is made of words.
    #[inline]
    pub(crate) fn words(&self, section: Section) -> &[AtomicU64] {
        let place = self.layout.place(section);
        self.map.words(place.offset, place.count)
    }
}

/// Worker id to row group; id 0 has no cores and falls outside.
#[inline]
fn major(worker: u32) -> u32 {
    worker.wrapping_sub(1)
}
