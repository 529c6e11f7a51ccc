//! Labelled series of applications across the border: layouts, and safe calls for the plugin.
//!
//! A family is registered by its definition, a series of it by its label values; both answer a
//! number that is the same in every process and stays valid over forks, so a plugin registers
//! before the fork, after it, or both, and keeps the numbers. It owns nothing; the server counts.

use std::ffi::c_void;

use crate::Str;
use crate::plugin::ServerRef;

/// What kind of numbers a family holds.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyKind {
    /// Only grows. Its name is given without `_total`.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// Counts in buckets, and the sum of what was observed.
    Histogram = 2,
    /// Count and sum of what was observed.
    Summary = 3,
    /// Facts as labels; set it to 1. Its name is given without `_info`.
    Info = 4,
    /// One of several states; the label named like the family says which.
    StateSet = 5,
    /// Anything.
    Unknown = 6,
}

/// How the values of several processes become one: the modes of the Python client library.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaugeMode {
    /// One value that all processes share.
    Shared = 0,
    /// A sample for each worker.
    All = 1,
    /// A sample for each worker that lives.
    LiveAll = 2,
    /// The smallest.
    Min = 3,
    /// The smallest of the workers that live.
    LiveMin = 4,
    /// The largest.
    Max = 5,
    /// The largest of the workers that live.
    LiveMax = 6,
    /// The sum.
    Sum = 7,
    /// The sum over the workers that live.
    LiveSum = 8,
    /// The one that was set last.
    MostRecent = 9,
    /// The one that was set last by a worker that lives.
    LiveMostRecent = 10,
}

/// A family, as it is registered and as it is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Name, without the suffix that its samples carry.
    pub name: Str,
    /// One line of help.
    pub help: Str,
    /// Unit, or empty.
    pub unit: Str,
    /// A [`FamilyKind`].
    pub kind: u32,
    /// A [`GaugeMode`]; only gauges have one.
    pub mode: u32,
    /// Names of the labels.
    pub labels: *const Str,
    /// Number of `labels`.
    pub labels_len: usize,
    /// Upper bounds of the buckets, ascending and finite; only histograms have some.
    pub bounds: *const f64,
    /// Number of `bounds`; there is one bucket more, that of `+Inf`.
    pub bounds_len: usize,
}

/// A sample, as it is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Label values in the order of the family's labels.
    pub values: *const Str,
    /// Number of `values`.
    pub values_len: usize,
    /// The worker that says so, 0 for the master, -1 for all processes together.
    pub worker: i64,
    /// Value of a counter or gauge; sum of what was observed.
    pub value: f64,
    /// What was observed by bucket, not cumulative; a summary has one.
    pub buckets: *const u64,
    /// Number of `buckets`.
    pub buckets_len: usize,
}

/// Who is told of all families: each family, and after it its samples.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    /// Handed to both functions.
    pub context: *mut c_void,
    /// A family begins.
    pub family: extern "C" fn(context: *mut c_void, family: *const Family),
    /// A sample of that family.
    pub sample: extern "C" fn(context: *mut c_void, sample: *const Sample),
}

/// What is done to a series.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesOp {
    /// Adds to a counter, a gauge, or a sum; fails for a counter that would fall.
    Add = 0,
    /// Sets a gauge or a sum, or starts a counter anew at the value.
    Set = 1,
    /// Observes with a histogram or a summary; fails for other kinds.
    Observe = 2,
    /// Adds to one bucket and leaves the sum alone; fails when there is no such bucket.
    AddBucket = 3,
    /// Sets one bucket; fails when there is no such bucket.
    SetBucket = 4,
    /// Takes it out of sight and back to zero until it is registered or counts again.
    Remove = 5,
}

/// The series of what found no room; it takes everything and shows nothing.
pub const NO_SERIES: u32 = u32::MAX;

/// In place of a bucket: the value itself.
pub const SERIES_VALUE: u32 = u32::MAX;

/// Result of `family`: the definition breaks a rule of the exposition format.
pub const FAMILY_INVALID: i32 = -1;
/// Result of `family`: there is no room.
pub const FAMILY_FULL: i32 = -2;

// === the plugin's side ===

/// A family as a plugin registers it.
#[derive(Clone, Copy, Debug)]
pub struct FamilyDef<'a> {
    /// Name, without the suffix that its samples carry.
    pub name: &'a str,
    /// One line of help.
    pub help: &'a str,
    /// Unit, or empty.
    pub unit: &'a str,
    /// Kind.
    pub kind: FamilyKind,
    /// Mode; [`GaugeMode::Shared`] for everything but gauges.
    pub mode: GaugeMode,
    /// Names of the labels.
    pub labels: &'a [&'a str],
    /// Upper bounds of the buckets, without `+Inf`.
    pub bounds: &'a [f64],
}

/// Why a family was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyRefused {
    /// The definition breaks a rule of the exposition format.
    Invalid,
    /// There is no room.
    Full,
}

/// A family with its samples, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyRead {
    /// Name, without the suffix that its samples carry.
    pub name: String,
    /// One line of help.
    pub help: String,
    /// Unit, or empty.
    pub unit: String,
    /// A [`FamilyKind`].
    pub kind: u32,
    /// A [`GaugeMode`].
    pub mode: u32,
    /// Names of the labels.
    pub labels: Vec<String>,
    /// Upper bounds of the buckets.
    pub bounds: Vec<f64>,
    /// Samples.
    pub samples: Vec<SampleRead>,
}

/// A sample, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRead {
    /// Label values in the order of the family's labels.
    pub values: Vec<Vec<u8>>,
    /// The worker that says so, 0 for the master; `None` for all processes together.
    pub worker: Option<u32>,
    /// Value of a counter or gauge; sum of what was observed.
    pub value: f64,
    /// What was observed by bucket, not cumulative; a summary has one.
    pub buckets: Vec<u64>,
}

impl ServerRef {
    /// Registers a family, or finds it: its number, the same in every process.
    ///
    /// # Errors
    /// [`FamilyRefused`]; a plugin that goes on uses [`NO_SERIES`] for all series of it.
    pub fn family(&self, family: &FamilyDef<'_>) -> Result<u32, FamilyRefused> {
        let labels: Vec<Str> = family.labels.iter().map(|l| Str::new(l.as_bytes())).collect();
        let crossing = Family {
            name: Str::new(family.name.as_bytes()),
            help: Str::new(family.help.as_bytes()),
            unit: Str::new(family.unit.as_bytes()),
            kind: family.kind as u32,
            mode: family.mode as u32,
            labels: labels.as_ptr(),
            labels_len: labels.len(),
            bounds: family.bounds.as_ptr(),
            bounds_len: family.bounds.len(),
        };
        let mut number = 0;
        match (self.table().family)(&crossing, &mut number) {
            0 => Ok(number),
            FAMILY_FULL => Err(FamilyRefused::Full),
            _ => Err(FamilyRefused::Invalid),
        }
    }

    /// The series of a family with these label values: its number, or [`NO_SERIES`] when there is
    /// no room, no such family, or another number of values.
    pub fn series(&self, family: u32, values: &[&[u8]]) -> u32 {
        let values: Vec<Str> = values.iter().map(|value| Str::new(value)).collect();
        (self.table().series)(family, values.as_ptr(), values.len())
    }

    /// Changes a series; false when its kind does not allow that. `bucket` matters only for the
    /// operations that name one.
    pub fn series_update(&self, series: u32, op: SeriesOp, bucket: u32, value: f64) -> bool {
        (self.table().series_update)(series, op as u32, bucket, value) == 0
    }

    /// The value of a series as this process sees it, or the count of one of its buckets;
    /// [`SERIES_VALUE`] stands for the value.
    pub fn series_value(&self, series: u32, bucket: u32) -> f64 {
        (self.table().series_value)(series, bucket)
    }

    /// Every family with its samples, the values of all processes merged.
    pub fn families(&self) -> Vec<FamilyRead> {
        let mut out: Vec<FamilyRead> = Vec::new();
        let visitor =
            Visitor { context: (&raw mut out).cast(), family: on_family, sample: on_sample };
        (self.table().series_each)(&visitor);
        out
    }
}

/// The vector of [`ServerRef::families`].
fn collected<'a>(context: *mut c_void) -> &'a mut Vec<FamilyRead> {
    // SAFETY: the context of the one visitor that names the two functions below, whose vector
    // outlives the call and is reached through nothing else meanwhile.
    unsafe { &mut *context.cast::<Vec<FamilyRead>>() }
}

extern "C" fn on_family(context: *mut c_void, family: *const Family) {
    // SAFETY: null or a family that lives until this returns.
    let Some(family) = (unsafe { family.as_ref() }) else { return };
    collected(context).push(FamilyRead {
        name: text(family.name),
        help: text(family.help),
        unit: text(family.unit),
        kind: family.kind,
        mode: family.mode,
        labels: list(family.labels, family.labels_len).iter().map(|label| text(*label)).collect(),
        bounds: list(family.bounds, family.bounds_len).to_vec(),
        samples: Vec::new(),
    });
}

extern "C" fn on_sample(context: *mut c_void, sample: *const Sample) {
    // SAFETY: null or a sample that lives until this returns.
    let Some(sample) = (unsafe { sample.as_ref() }) else { return };
    let values = list(sample.values, sample.values_len);
    let read = SampleRead {
        // SAFETY: the strings live until this returns.
        values: values.iter().map(|value| unsafe { value.bytes() }.to_vec()).collect(),
        worker: u32::try_from(sample.worker).ok(),
        value: sample.value,
        buckets: list(sample.buckets, sample.buckets_len).to_vec(),
    };
    if let Some(family) = collected(context).last_mut() {
        family.samples.push(read);
    }
}

fn text(s: Str) -> String {
    // SAFETY: strings of a family live until the function that was given it returns.
    String::from_utf8_lossy(unsafe { s.bytes() }).into_owned()
}

/// An array of the border, for the length of one call.
pub(crate) fn list<'a, T>(first: *const T, len: usize) -> &'a [T] {
    if first.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: who calls across the border passes `len` elements that live until the call returns,
    // and no callee keeps them.
    unsafe { std::slice::from_raw_parts(first, len) }
}
