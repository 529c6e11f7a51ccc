//! The server's side of labelled series.

use std::ffi::c_void;

use super::{bytes, put, with_host};
use crate::Str;
use crate::series::{
    FAMILY_FULL, FAMILY_INVALID, Family, FamilyRead, FamilyRefused, NO_SERIES, Sample, SampleRead,
    Visitor, list,
};

/// A family as a plugin wants it.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Name.
    pub name: &'a [u8],
    /// One line of help.
    pub help: &'a [u8],
    /// Unit, or empty.
    pub unit: &'a [u8],
    /// A [`crate::series::FamilyKind`].
    pub kind: u32,
    /// A [`crate::series::GaugeMode`].
    pub mode: u32,
    /// Names of the labels.
    pub labels: Vec<&'a [u8]>,
    /// Upper bounds of the buckets.
    pub bounds: &'a [f64],
}

/// What the server does for the series of a plugin. Called from any thread.
pub trait SeriesHost {
    /// Registers a family, or finds it.
    ///
    /// # Errors
    /// See [`FamilyRefused`].
    fn family(&self, family: &Wanted<'_>) -> Result<u32, FamilyRefused>;
    /// The series with these label values, [`NO_SERIES`] without room.
    fn series(&self, family: u32, values: &[&[u8]]) -> u32;
    /// Changes a series (`op` is a [`crate::series::SeriesOp`]); false when it cannot be done.
    fn update(&self, series: u32, op: u32, bucket: u32, value: f64) -> bool;
    /// The value of a series ([`crate::series::SERIES_VALUE`]) or of a bucket.
    fn value(&self, series: u32, bucket: u32) -> f64;
    /// Every family with its samples.
    fn families(&self) -> Vec<FamilyRead>;
}

fn with_series<R: Copy>(otherwise: R, f: impl FnOnce(&dyn SeriesHost) -> R) -> R {
    with_host(otherwise, |host| host.series().map_or(otherwise, f))
}

pub(super) extern "C" fn family(family: *const Family, out: *mut u32) -> i32 {
    // SAFETY: null or a valid struct for the length of the call.
    let Some(family) = (unsafe { family.as_ref() }) else { return FAMILY_INVALID };
    with_series(FAMILY_FULL, |host| {
        let labels = list(family.labels, family.labels_len);
        let wanted = Wanted {
            name: bytes(family.name),
            help: bytes(family.help),
            unit: bytes(family.unit),
            kind: family.kind,
            mode: family.mode,
            labels: labels.iter().map(|label| bytes(*label)).collect(),
            bounds: list(family.bounds, family.bounds_len),
        };
        match host.family(&wanted) {
            Ok(number) => {
                put(out, number);
                0
            }
            Err(FamilyRefused::Invalid) => FAMILY_INVALID,
            Err(FamilyRefused::Full) => FAMILY_FULL,
        }
    })
}

pub(super) extern "C" fn series(family: u32, values: *const Str, values_len: usize) -> u32 {
    with_series(NO_SERIES, |host| {
        let values: Vec<_> = list(values, values_len).iter().map(|value| bytes(*value)).collect();
        host.series(family, &values)
    })
}

pub(super) extern "C" fn series_update(series: u32, op: u32, bucket: u32, value: f64) -> i32 {
    with_series(-1, |host| if host.update(series, op, bucket, value) { 0 } else { -1 })
}

pub(super) extern "C" fn series_value(series: u32, bucket: u32) -> f64 {
    with_series(0.0, |host| host.value(series, bucket))
}

pub(super) extern "C" fn series_each(visitor: *const Visitor) {
    // SAFETY: null or a valid struct for the length of the call.
    let Some(visitor) = (unsafe { visitor.as_ref() }) else { return };
    with_series((), |host| host.families().iter().for_each(|family| show(visitor, family)));
}

fn show(visitor: &Visitor, family: &FamilyRead) {
    let labels: Vec<Str> = family.labels.iter().map(|label| Str::new(label.as_bytes())).collect();
    let crossing = Family {
        name: Str::new(family.name.as_bytes()),
        help: Str::new(family.help.as_bytes()),
        unit: Str::new(family.unit.as_bytes()),
        kind: family.kind,
        mode: family.mode,
        labels: labels.as_ptr(),
        labels_len: labels.len(),
        bounds: family.bounds.as_ptr(),
        bounds_len: family.bounds.len(),
    };
    (visitor.family)(visitor.context, &crossing);
    family.samples.iter().for_each(|sample| show_sample(visitor.context, visitor.sample, sample));
}

fn show_sample(
    context: *mut c_void,
    to: extern "C" fn(*mut c_void, *const Sample),
    sample: &SampleRead,
) {
    let values: Vec<Str> = sample.values.iter().map(|value| Str::new(value)).collect();
    let crossing = Sample {
        values: values.as_ptr(),
        values_len: values.len(),
        worker: sample.worker.map_or(-1, i64::from),
        value: sample.value,
        buckets: sample.buckets.as_ptr(),
        buckets_len: sample.buckets.len(),
    };
    to(context, &crossing);
}
