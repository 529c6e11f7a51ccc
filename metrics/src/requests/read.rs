//! The copy that expositions work on: label sets merged over workers, an app being its mountpoint.

use std::collections::BTreeMap;

use super::key::OVERFLOW;
use super::{RequestKey, Size};
use crate::exemplar::ExemplarView;
use crate::histogram::LatencySnap;
use crate::sync::Ordering;
use crate::view::View;

/// The durations of one label set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DurationSnap {
    /// Mountpoint of the app, `/` for the default one, empty where no app served.
    pub app: Vec<u8>,
    /// Method.
    pub method: &'static str,
    /// Code or class of codes.
    pub code: String,
    /// The durations.
    pub latency: LatencySnap,
    /// Requests that are known by name, in no order.
    pub examples: Vec<ExemplarView>,
}

/// Requests by what they were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestsSnap {
    /// One for each label set, ordered by it.
    pub durations: Vec<DurationSnap>,
    /// Sizes of bodies, bytes, indexed by [`Size`].
    pub sizes: [LatencySnap; super::SIZES],
}

type Labels = (Vec<u8>, &'static str, String);

/// Copies and merges.
pub(crate) fn read(view: &View) -> RequestsSnap {
    let mut merged: BTreeMap<Labels, DurationSnap> = BTreeMap::new();
    let mut sizes: [LatencySnap; super::SIZES] = Default::default();
    for worker in 1..=view.shape().workers {
        for (slot, word) in (0..).zip(&view.duration_keys(worker).words) {
            let key = RequestKey(word.load(Ordering::Relaxed));
            if key.is_some() {
                let into = merged.entry(labels(view, worker, key)).or_default();
                view.duration(worker, slot).merge_into(&mut into.latency);
            }
        }
        for what in Size::ALL {
            view.size_of(worker, what).merge_into(&mut sizes[what as usize]);
        }
        examples(view, worker, &mut merged);
    }
    let named = |((app, method, code), snap)| DurationSnap { app, method, code, ..snap };
    RequestsSnap { durations: merged.into_iter().map(named).collect(), sizes }
}

fn examples(view: &View, worker: u32, merged: &mut BTreeMap<Labels, DurationSnap>) {
    for core in 0..view.shape().cores {
        let row = view.exemplars(worker, core);
        if row.stored.load(Ordering::Relaxed) == 0 {
            continue;
        }
        for (key, example) in row.records.iter().filter_map(|record| record.load()) {
            if let Some(into) = merged.get_mut(&labels(view, worker, RequestKey(key))) {
                into.examples.push(example);
            }
        }
    }
}

fn labels(view: &View, worker: u32, key: RequestKey) -> Labels {
    let app = match key.app().map(|app| view.app(worker, app).mountpoint.get()) {
        Some(mountpoint) if mountpoint.is_empty() => b"/".to_vec(),
        Some(mountpoint) => mountpoint,
        None if key == RequestKey::REST => OVERFLOW.into(),
        None => Vec::new(),
    };
    (app, key.method(), key.code())
}
