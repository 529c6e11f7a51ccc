//! The header, the directory of sections, and where everything lies: a pure function of the shape.
//!
//! Both sides compute the same [`Layout`]; the directory is written for tools that are not built
//! from this source, and compared on attach so that two builds never misread each other.

use crate::cells::{Counter, Gauge, Text};
use crate::histogram::{HISTOGRAM_BYTES, LATENCIES};
use crate::history::HISTORY_BYTES;
use crate::inflight::HEAD_BYTES;
use crate::requests;
use crate::rows::{
    ALIGN, AlarmRow, AppRow, CoreRow, DaemonRow, GatewayRow, Globals, KILLS, KernelSocketRow,
    KernelWorkerRow, KillRow, LineDesk, LineHead, LineTail, LoggerRow, MetricRow, MuleRow, PROBES,
    ProbeRow, PusherRow, SNMP_VALUES, SnmpRow, SnmpValueRow, SocketRow, SystemRow, ThresholdRow,
    TrafficRow, WaitRow, WorkerRow, row,
};
use crate::schema::SchemaRow;
use crate::series::{FamilyRow, SeriesHead, SeriesRow};
use crate::shape::{SHAPE_WORDS, Shape};

/// First word of every arena: the ASCII text `UWSGIARN` as it lies in memory.
pub(crate) const MAGIC: u64 = u64::from_ne_bytes(*b"UWSGIARN");

/// Changes with every change of a row, a section or the schema rows.
pub(crate) const LAYOUT_VERSION: u64 = 12;

row! {
    /// The first bytes of the arena. Written once by the creator, then only by an adopter.
    pub struct Header => HeaderCells {
        /// `MAGIC`, stored last: an arena that carries it is complete.
        pub magic: Gauge,
        /// `LAYOUT_VERSION` of the creator.
        pub layout_version: Gauge,
        /// Bytes of this row.
        pub header_size: Gauge,
        /// Bytes of the whole arena.
        pub total_size: Gauge,
        /// Creation, epoch nanoseconds.
        pub created_ns: Gauge,
        /// 1 at creation, one more at every adoption by a re-executed master.
        pub generation: Counter,
        /// Process id of the creator or the last adopter.
        pub master_pid: Gauge,
        /// Identity of this boot of the kernel.
        pub boot_id: Text<5>,
        /// The counts of the shape, in its order.
        pub shape: [Gauge; SHAPE_WORDS],
        /// Rows of the directory.
        pub sections: Gauge,
        /// Byte offset of the directory.
        pub directory_offset: Gauge,
    }
}

row! {
    /// One row of the directory.
    pub struct SectionRow => SectionCells {
        /// Section id.
        pub id: Gauge,
        /// Bytes of one element.
        pub element_size: Gauge,
        /// Elements, the spare one at the end included.
        pub count: Gauge,
        /// Byte offset of the first element.
        pub offset: Gauge,
    }
}

/// The sections, in file order. Ids are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Section {
    /// The schema table.
    Schema = 0,
    /// The instance row.
    Globals = 1,
    /// Workers, index 0 is the totals slot.
    Workers = 2,
    /// Cores, worker-major.
    Cores = 3,
    /// Apps, worker-major.
    Apps = 4,
    /// Listening sockets.
    Sockets = 5,
    /// Routers.
    Gateways = 6,
    /// In-flight records, worker-major.
    InFlight = 7,
    /// Latency histograms, worker-major.
    Histograms = 8,
    /// History rings.
    History = 9,
    /// Pool of user metrics.
    Metrics = 10,
    /// Hash index of that pool, in words.
    MetricIndex = 11,
    /// What the machine and the control group say, one row.
    System = 12,
    /// Alarms, in configuration order.
    Alarms = 13,
    /// Thresholds, in configuration order.
    Thresholds = 14,
    /// How much of the application series is used, one row.
    SeriesHead = 15,
    /// Families of application series.
    Families = 16,
    /// Hash index of the families, in words.
    FamilyIndex = 17,
    /// Application series.
    Series = 18,
    /// Hash index of the series, in words.
    SeriesIndex = 19,
    /// Texts, bounds and buckets of families and series, in words.
    SeriesWords = 20,
    /// Mules, from id 1.
    Mules = 21,
    /// The SNMP agent, one row.
    Snmp = 22,
    /// Values that applications give the agent, from 1.
    SnmpValues = 23,
    /// Receivers of pushers, in configuration order.
    Pushers = 24,
    /// Whose the duration histograms of each worker are.
    DurationKeys = 25,
    /// Durations by app, method and code, worker-major.
    Durations = 26,
    /// Sizes of bodies, worker-major.
    Sizes = 27,
    /// Examples of traced requests, one row for each core.
    Exemplars = 28,
    /// Probes in the kernel, in the order of the build.
    Probes = 29,
    /// What probes counted of each worker; index 0 is unused.
    KernelWorkers = 30,
    /// What probes counted of each listening TCP socket.
    KernelSockets = 31,
    /// How long connections waited to be accepted, for each of these sockets.
    AcceptWaits = 32,
    /// What the running request of each core waits for, worker-major.
    Waits = 33,
    /// Ends of workers by a signal, by who sent it.
    Kills = 34,
    /// Attached daemons, in configuration order.
    Daemons = 35,
    /// What each worker did for the clients of each listening socket, and at last of the router's
    /// link, worker-major.
    Traffic = 36,
    /// Receivers of lines of the log, in configuration order.
    Loggers = 37,
    /// Writers' ends of the rings for lines of requests, from worker 1.
    LineHeads = 38,
    /// Readers' ends of them.
    LineTails = 39,
    /// Where who reads them is, one row.
    LineDesk = 40,
    /// The rings themselves, in words, worker-major.
    LineWords = 41,
}

/// How many sections there are.
const SECTIONS: usize = 42;

/// One section's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) element: usize,
    /// Elements, the spare one included.
    pub(crate) count: usize,
}

impl Place {
    /// Offset of element `index`; anything beyond the last is the last, the spare one.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> usize {
        self.offset + index.min(self.count - 1) * self.element
    }

    /// Index of `(major, minor)` in a table of `minors` per major; the spare element outside it.
    #[inline]
    pub(crate) fn cell(&self, major: u32, minor: u32, minors: u32) -> usize {
        if minor >= minors {
            return self.at(usize::MAX);
        }
        self.at(major as usize * minors as usize + minor as usize)
    }
}

/// Where everything lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Shape,
    places: [Place; SECTIONS],
    pub(crate) total: usize,
}

impl Layout {
    /// The layout of an arena of this shape.
    pub(crate) fn of(shape: &Shape) -> Layout {
        let mut places = [Place::default(); SECTIONS];
        let mut offset = DIRECTORY_OFFSET + SECTIONS * size_of::<SectionRow>();
        for (place, (element, count)) in places.iter_mut().zip(elements(shape)) {
            *place = Place { offset, element, count };
            offset += (element * count).next_multiple_of(ALIGN);
        }
        Layout { shape: *shape, places, total: offset.next_multiple_of(4096) }
    }

    /// The place of a section.
    #[inline]
    pub(crate) fn place(&self, section: Section) -> Place {
        self.places[section as usize]
    }

    /// The directory rows of this layout, with their byte offsets.
    pub(crate) fn directory(&self) -> impl Iterator<Item = (usize, u64, Place)> + '_ {
        let row = |(i, place): (usize, &Place)| (directory_row(i), i as u64, *place);
        self.places.iter().enumerate().map(row)
    }

    /// How many sections the directory names.
    pub(crate) fn sections(&self) -> u64 {
        self.places.len() as u64
    }
}

/// The directory follows the header.
pub(crate) const DIRECTORY_OFFSET: usize = size_of::<Header>();

fn directory_row(index: usize) -> usize {
    DIRECTORY_OFFSET + index * size_of::<SectionRow>()
}

/// Words of a hash index: a power of two, at most half full.
pub(crate) fn index_words(slots: u32) -> usize {
    (slots as usize * 2).next_power_of_two().max(16)
}

/// Families that so many series may belong to.
pub(crate) fn families(series: u32) -> u32 {
    if series == 0 { 0 } else { (series / 8).max(16) }
}

/// Words for the texts and buckets of so many series: a histogram of the usual 15 buckets with its
/// label values takes about 24, a counter 8; a family's definition rarely more than 64.
fn series_words(series: u32) -> usize {
    series as usize * 32 + families(series) as usize * 64
}

/// Element size and count of every section, in the order of [`Section`].
fn elements(shape: &Shape) -> [(usize, usize); SECTIONS] {
    let workers = shape.workers as usize;
    let cores = workers * shape.cores as usize;
    let (probes, listeners) = (shape.probes as usize, shape.listeners as usize);
    let spare = |n: usize| n + 1;
    let in_flight = HEAD_BYTES + (shape.vars as usize).next_multiple_of(ALIGN);
    [
        (size_of::<SchemaRow>(), spare(crate::schema::TABLE.len())),
        (size_of::<Globals>(), 1),
        (size_of::<WorkerRow>(), spare(workers + 1)),
        (size_of::<CoreRow>(), spare(cores)),
        (size_of::<AppRow>(), spare(workers * shape.apps as usize)),
        (size_of::<SocketRow>(), spare(shape.sockets as usize)),
        (size_of::<GatewayRow>(), spare(shape.gateways as usize)),
        (in_flight, spare(cores)),
        (HISTOGRAM_BYTES, spare(workers * LATENCIES)),
        (HISTORY_BYTES, 1),
        (size_of::<MetricRow>(), spare(shape.metrics as usize)),
        (8, index_words(shape.metrics)),
        (size_of::<SystemRow>(), 1),
        (size_of::<AlarmRow>(), spare(shape.alarms as usize)),
        (size_of::<ThresholdRow>(), spare(shape.thresholds as usize)),
        (size_of::<SeriesHead>(), 1),
        (size_of::<FamilyRow>(), spare(families(shape.series) as usize)),
        (8, index_words(families(shape.series))),
        (size_of::<SeriesRow>(), spare(shape.series as usize)),
        (8, index_words(shape.series)),
        (8, series_words(shape.series)),
        (size_of::<MuleRow>(), spare(shape.mules as usize)),
        (size_of::<SnmpRow>(), 1),
        (size_of::<SnmpValueRow>(), spare(SNMP_VALUES as usize)),
        (size_of::<PusherRow>(), spare(shape.pushers as usize)),
        (requests::ELEMENTS[0], spare(workers)),
        (HISTOGRAM_BYTES, spare(workers * requests::SLOTS)),
        (HISTOGRAM_BYTES, spare(workers * requests::SIZES)),
        (requests::ELEMENTS[1], spare(cores)),
        (size_of::<ProbeRow>(), spare((PROBES * shape.probes) as usize)),
        (size_of::<KernelWorkerRow>(), spare((workers + 1) * probes)),
        (size_of::<KernelSocketRow>(), spare(listeners)),
        (HISTOGRAM_BYTES, spare(listeners)),
        (size_of::<WaitRow>(), spare(cores * probes)),
        (size_of::<KillRow>(), spare((KILLS * shape.probes) as usize)),
        (size_of::<DaemonRow>(), spare(shape.daemons as usize)),
        (size_of::<TrafficRow>(), spare(workers * (shape.sockets as usize + 1))),
        (size_of::<LoggerRow>(), spare(shape.loggers as usize)),
        (size_of::<LineHead>(), spare(workers)),
        (size_of::<LineTail>(), spare(workers)),
        (size_of::<LineDesk>(), 1),
        (8, workers * shape.lines as usize),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        workers: 3,
        cores: 2,
        apps: 4,
        sockets: 2,
        gateways: 1,
        metrics: 9,
        vars: 1000,
        alarms: 2,
        thresholds: 3,
        series: 5,
        mules: 2,
        pushers: 2,
        probes: 1,
        listeners: 3,
        daemons: 2,
        loggers: 2,
        lines: 24,
    };

    #[test]
    fn sections_are_aligned_ordered_and_inside() {
        let layout = Layout::of(&SHAPE);
        let mut end = DIRECTORY_OFFSET + SECTIONS * size_of::<SectionRow>();
        for (_, id, place) in layout.directory() {
            assert_eq!(place.offset % ALIGN, 0, "section {id} is aligned");
            assert!(place.offset >= end, "section {id} overlaps the one before");
            end = place.offset + place.element * place.count;
        }
        assert!(end <= layout.total);
        assert_eq!(layout.sections(), SECTIONS as u64);
    }

    #[test]
    fn indices_outside_land_in_the_spare_element() {
        let place = Layout::of(&SHAPE).place(Section::Cores);
        let spare = place.offset + 6 * place.element;
        for (major, minor) in [(3, 0), (0, 2), (u32::MAX, u32::MAX), (0, u32::MAX)] {
            assert_eq!(place.cell(major, minor, 2), spare, "{major}/{minor}");
        }
        assert_eq!(place.cell(2, 1, 2), place.offset + 5 * place.element);
    }
}
