//! History rings: the last five minutes, two hours and day of chosen series, kept in the arena.
//!
//! The observer is the only writer, once a second; the rings survive it, and a reload. A reader
//! needs no server: it copies slots and keeps those whose time fits. Slots of seconds in which
//! nobody wrote are absent, not zero. Rates are stored in thousandths so that a slow site is seen.

use crate::histogram::LatencySnap;
use crate::map::Mapping;
use crate::snapshot::Snapshot;
use crate::sync::{AtomicU64, Ordering, fence};

/// One of the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// 300 slots of one second.
    Seconds,
    /// 720 slots of ten seconds.
    TenSeconds,
    /// 1440 slots of a minute.
    Minutes,
}

impl Ring {
    /// All rings, in arena order.
    pub const ALL: [Ring; 3] = [Ring::Seconds, Ring::TenSeconds, Ring::Minutes];

    /// Seconds per slot.
    pub fn step(self) -> u64 {
        [1, 10, 60][self as usize]
    }

    /// Slots.
    pub fn slots(self) -> usize {
        [300, 720, 1440][self as usize]
    }

    /// Slots of the rings before this one.
    fn base(self) -> usize {
        [0, 300, 1020][self as usize]
    }

    fn slot(self, time: u64) -> usize {
        self.base() + usize::try_from(time / self.step()).unwrap_or(0) % self.slots()
    }
}

/// What is remembered. The discriminant is the column in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Series {
    /// Requests per second, thousandths.
    Requests = 0,
    /// Failed requests per second, thousandths.
    Errors = 1,
    /// Application exceptions per second, thousandths.
    Exceptions = 2,
    /// Bytes sent per second, thousandths.
    Tx = 3,
    /// Bytes received per second, thousandths.
    Rx = 4,
    /// Busy workers.
    BusyWorkers = 5,
    /// Longest accept queue.
    ListenQueue = 6,
    /// Resident memory of all workers, bytes.
    Rss = 7,
    /// Requests in flight.
    InFlight = 8,
    /// Median request time of the interval, microseconds.
    P50 = 9,
    /// 90th percentile of the interval, microseconds.
    P90 = 10,
    /// 99th percentile of the interval, microseconds.
    P99 = 11,
    /// 99th percentile of the application alone, microseconds.
    ApplicationP99 = 12,
    /// Worker deaths by a signal per second, thousandths.
    Kills = 13,
    /// Accept queue drops per second, thousandths.
    Drops = 14,
    /// Busy cores in percent of all, thousandths.
    BusyCores = 15,
}

/// How coarser slots are made of finer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    Mean,
    Max,
}

impl Series {
    /// All series, in column order.
    pub const ALL: [Series; 16] = [
        Series::Requests,
        Series::Errors,
        Series::Exceptions,
        Series::Tx,
        Series::Rx,
        Series::BusyWorkers,
        Series::ListenQueue,
        Series::Rss,
        Series::InFlight,
        Series::P50,
        Series::P90,
        Series::P99,
        Series::ApplicationP99,
        Series::Kills,
        Series::Drops,
        Series::BusyCores,
    ];

    /// Lower case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Series::Requests => "requests",
            Series::Errors => "errors",
            Series::Exceptions => "exceptions",
            Series::Tx => "tx",
            Series::Rx => "rx",
            Series::BusyWorkers => "busy_workers",
            Series::ListenQueue => "listen_queue",
            Series::Rss => "rss",
            Series::InFlight => "in_flight",
            Series::P50 => "p50",
            Series::P90 => "p90",
            Series::P99 => "p99",
            Series::ApplicationP99 => "application_p99",
            Series::Kills => "kills",
            Series::Drops => "drops",
            Series::BusyCores => "busy_cores",
        }
    }

    /// Stored units per unit: 1000 for rates and ratios, 1 for the rest.
    pub fn scale(self) -> u64 {
        match self {
            Series::Requests | Series::Errors | Series::Exceptions | Series::Tx | Series::Rx => {
                1000
            }
            Series::Kills | Series::Drops | Series::BusyCores => 1000,
            _ => 1,
        }
    }

    /// Levels that alarm people keep their peak; everything else is averaged.
    fn fold(self) -> Fold {
        match self {
            Series::ListenQueue | Series::P99 | Series::ApplicationP99 => Fold::Max,
            _ => Fold::Mean,
        }
    }
}

/// Columns of a slot; those beyond [`Series::ALL`] are reserve.
const COLUMNS: usize = 23;
/// Words of a slot: its time, then the columns.
const SLOT_WORDS: usize = 1 + COLUMNS;
/// Slots of all rings.
const SLOTS: usize = 300 + 720 + 1440;
/// Words before the slots: ticks done, and reserve.
const HEAD_WORDS: usize = 16;
pub(crate) const HISTORY_BYTES: usize = (HEAD_WORDS + SLOTS * SLOT_WORDS) * 8;

/// The rings of an arena.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    words: &'a [AtomicU64],
}

impl<'a> History<'a> {
    pub(crate) fn at(map: &'a Mapping, offset: usize) -> History<'a> {
        History { words: map.words(offset, HISTORY_BYTES / 8) }
    }

    /// The newest `limit` values of a series as (epoch second at the start of the slot, value),
    /// oldest first, ending before `now`. Slots that nobody wrote are left out.
    pub fn read(&self, ring: Ring, series: Series, now: u64, limit: usize) -> Vec<(u64, u64)> {
        let last = now / ring.step();
        let first = last.saturating_sub(limit.min(ring.slots()) as u64 - u64::from(limit > 0));
        let times = (first..=last).map(|n| n * ring.step()).take(limit.min(ring.slots()));
        times.filter_map(|time| Some((time, self.row(ring, time)?[series as usize]))).collect()
    }

    /// All series, in the order of [`Series::ALL`], of the slots that begin at `from` or later, up to
    /// `now`: (epoch second at the start of the slot, values), oldest first, those that nobody wrote
    /// left out. One pass over the ring, for readers that want more than one series.
    pub fn rows(&self, ring: Ring, from: u64, now: u64) -> Vec<(u64, [u64; Series::ALL.len()])> {
        let last = now / ring.step();
        let first = from.div_ceil(ring.step()).max((last + 1).saturating_sub(ring.slots() as u64));
        let row = |time| {
            let row = self.row(ring, time)?;
            Some((time, Series::ALL.map(|series| row[series as usize])))
        };
        (first..=last).filter_map(|n| row(n * ring.step())).collect()
    }

    /// Ticks written since the arena was made; stands still when no observer runs.
    pub fn ticks(&self) -> u64 {
        self.words.first().map_or(0, |w| w.load(Ordering::Relaxed))
    }

    /// All columns of the slot that starts at `time`, if it holds that time.
    fn row(&self, ring: Ring, time: u64) -> Option<[u64; COLUMNS]> {
        let slot = self.slot(ring.slot(time))?;
        let (stamp, columns) = slot.split_first()?;
        if stamp.load(Ordering::Acquire) != time {
            return None;
        }
        let mut row = [0; COLUMNS];
        for (to, from) in row.iter_mut().zip(columns) {
            *to = from.load(Ordering::Relaxed);
        }
        // The stamp is the sequence of this slot: unchanged after the copy means an unmixed copy.
        fence(Ordering::Acquire);
        (stamp.load(Ordering::Relaxed) == time).then_some(row)
    }

    fn store(&self, ring: Ring, time: u64, row: &[u64; COLUMNS]) {
        let Some((stamp, columns)) = self.slot(ring.slot(time)).and_then(<[_]>::split_first) else {
            return;
        };
        stamp.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        for (to, from) in columns.iter().zip(row) {
            to.store(*from, Ordering::Relaxed);
        }
        stamp.store(time, Ordering::Release);
    }

    fn slot(&self, index: usize) -> Option<&'a [AtomicU64]> {
        let start = HEAD_WORDS + index * SLOT_WORDS;
        self.words.get(start..start + SLOT_WORDS)
    }

    /// Folds the finer slots of the interval that starts at `time` into one of `ring`.
    fn fold(&self, finer: Ring, ring: Ring, time: u64) {
        let times = (time..time + ring.step()).step_by(usize::try_from(finer.step()).unwrap_or(1));
        let rows: Vec<_> = times.filter_map(|t| self.row(finer, t)).collect();
        if rows.is_empty() {
            return;
        }
        let mut folded = [0; COLUMNS];
        for series in Series::ALL {
            let column = series as usize;
            let values = rows.iter().map(|row| row[column]);
            folded[column] = match series.fold() {
                Fold::Mean => values.sum::<u64>() / rows.len() as u64,
                Fold::Max => values.max().unwrap_or(0),
            };
        }
        self.store(ring, time, &folded);
    }

    /// Takes over all slots of another arena.
    pub(crate) fn carry(&self, from: &History<'_>) {
        for (to, from) in self.words.iter().zip(from.words) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// The writer: remembers the totals of the tick before, because rates need two.
#[derive(Debug, Default)]
pub struct HistoryWriter {
    before: Option<Totals>,
}

impl HistoryWriter {
    /// A writer without a tick before: its first slot shows levels and no rates.
    pub fn new() -> HistoryWriter {
        HistoryWriter::default()
    }

    /// Writes the slot of second `now` and, when a coarser interval has ended, its slot too.
    ///
    /// Call it once a second. A second call in the same second changes nothing; a clock that goes
    /// back writes where the clock says.
    pub fn tick(&mut self, history: &History<'_>, now: u64, snapshot: &Snapshot) {
        let totals = Totals::of(now, snapshot);
        if self.before.as_ref().is_some_and(|before| before.time == now) {
            return;
        }
        let row = row_of(snapshot, &totals, self.before.as_ref());
        history.store(Ring::Seconds, now, &row);
        let then = self.before.as_ref().map(|before| before.time);
        for (finer, ring) in [(Ring::Seconds, Ring::TenSeconds), (Ring::TenSeconds, Ring::Minutes)]
        {
            ended(ring, then, now).for_each(|start| history.fold(finer, ring, start));
        }
        if let Some(ticks) = history.words.first() {
            ticks.fetch_add(1, Ordering::Relaxed);
        }
        self.before = Some(totals);
    }
}

/// Starts of the intervals that ended since the tick at `then`, `now` included: one that ended in a
/// missed second is not lost. A first tick looks back one interval, for the writer before it.
fn ended(ring: Ring, then: Option<u64>, now: u64) -> impl Iterator<Item = u64> {
    let step = ring.step();
    let last = (now + 1) / step;
    let first = then.map_or(last.saturating_sub(1), |then| (then + 1) / step);
    (first.max(last.saturating_sub(ring.slots() as u64))..last).map(move |n| n * step)
}

/// Everything that a rate is made of.
#[derive(Debug)]
struct Totals {
    time: u64,
    counts: [(Series, u64); 7],
    request: LatencySnap,
    application: LatencySnap,
}

impl Totals {
    fn of(time: u64, snapshot: &Snapshot) -> Totals {
        let sum = |of: fn(&crate::WorkerSnap) -> u64| snapshot.workers.iter().map(of).sum();
        Totals {
            time,
            counts: [
                (Series::Requests, sum(|w| w.requests)),
                (Series::Errors, sum(|w| w.failed_requests)),
                (Series::Exceptions, sum(|w| w.exceptions)),
                (Series::Tx, sum(|w| w.tx)),
                (Series::Rx, sum(|w| w.rx)),
                (Series::Kills, sum(|w| w.cells.killed_count)),
                (Series::Drops, snapshot.globals.backlog_errors),
            ],
            request: snapshot.latency(crate::Latency::Request).clone(),
            application: snapshot.latency(crate::Latency::Application).clone(),
        }
    }
}

fn row_of(snapshot: &Snapshot, now: &Totals, before: Option<&Totals>) -> [u64; COLUMNS] {
    let mut row = [0; COLUMNS];
    let in_flight = snapshot.in_flight();
    let cores = snapshot.workers.iter().map(|w| w.cores.len() as u64).sum::<u64>().max(1);
    row[Series::BusyWorkers as usize] = snapshot.busy();
    row[Series::ListenQueue as usize] = snapshot.globals.backlog;
    row[Series::Rss as usize] = snapshot.workers.iter().map(|w| w.cells.rss).sum();
    row[Series::InFlight as usize] = in_flight;
    row[Series::BusyCores as usize] = in_flight * 100 * Series::BusyCores.scale() / cores;
    let Some(before) = before else { return row };
    let elapsed = now.time.saturating_sub(before.time).max(1);
    for ((series, now), (_, then)) in now.counts.iter().zip(&before.counts) {
        // A count that fell was reset: no rate rather than a spike.
        row[*series as usize] = now.saturating_sub(*then) * series.scale() / elapsed;
    }
    let request = now.request.since(&before.request);
    row[Series::P50 as usize] = request.quantile(0.5);
    row[Series::P90 as usize] = request.quantile(0.9);
    row[Series::P99 as usize] = request.quantile(0.99);
    let application = now.application.since(&before.application);
    row[Series::ApplicationP99 as usize] = application.quantile(0.99);
    row
}
