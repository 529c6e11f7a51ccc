//! The copy that expositions and readers work on, with the processes' values merged.

use std::collections::BTreeMap;

use super::READY;
use super::rows::SeriesRow;
use super::spec::{FamilyKind, GaugeMode, names_of, texts};
use super::words::Span;
use crate::header;
use crate::sync::Ordering;
use crate::view::View;

/// One sample: a series, or what one worker says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Label values, in the order of the family's labels.
    pub values: Vec<Vec<u8>>,
    /// The worker, where each is shown for itself; 0 is the master.
    pub worker: Option<u32>,
    /// The value of a counter or gauge; the sum of what was observed.
    pub value: f64,
    /// What was observed, by bucket, not cumulative; a summary has one.
    pub buckets: Vec<u64>,
}

/// One family with all its samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FamilySnap {
    /// Name, without the suffix that its samples carry.
    pub name: String,
    /// One line of help.
    pub help: String,
    /// Unit, or empty.
    pub unit: String,
    /// Kind.
    pub kind: FamilyKind,
    /// Mode.
    pub mode: GaugeMode,
    /// Names of the labels.
    pub labels: Vec<String>,
    /// Upper bounds of the buckets but the last.
    pub bounds: Vec<f64>,
    /// Samples, in the order in which the series were made.
    pub samples: Vec<Sample>,
}

/// The families of this generation in the order of registration; of one name the last.
pub fn families(view: &View) -> Vec<FamilySnap> {
    families_of(view, &|_, _| true)
}

/// The same, of those families that are wanted by their name and kind.
pub fn families_of(view: &View, wanted: &dyn Fn(&str, FamilyKind) -> bool) -> Vec<FamilySnap> {
    let (mut known, mut slots) = shown(view);
    slots.retain(|_, place| known.get(*place).is_some_and(|f| wanted(&f.name, f.kind)));
    if slots.is_empty() {
        return Vec::new();
    }
    let used = view.series_head().series.get().min(u64::from(view.shape().series));
    for slot in 0..u32::try_from(used).unwrap_or(0) {
        let row = view.series_row(slot);
        let family = u32::try_from(row.family.get()).unwrap_or(u32::MAX);
        if is_shown(view, row)
            && let Some(family) = slots.get(&family).and_then(|place| known.get_mut(*place))
        {
            push_samples(view, slot, row, family);
        }
    }
    known.retain(|family| wanted(&family.name, family.kind));
    known
}

/// Numbers go on over a reload. A fact, a state or what goes with its worker is true of the program
/// that tells it, so those of the last generation are no longer said.
fn is_shown(view: &View, row: &SeriesRow) -> bool {
    let kind = FamilyKind::from_code(row.kind.get());
    let told = matches!(kind, FamilyKind::Info | FamilyKind::StateSet)
        || GaugeMode::from_code(row.mode.get()).is_live();
    row.state.get() == READY && (!told || row.generation.get() == view.generation())
}

/// Those families without samples, and the place of each family slot among them.
fn shown(view: &View) -> (Vec<FamilySnap>, BTreeMap<u32, usize>) {
    let used = view.series_head().families.get();
    let used = used.min(u64::from(header::families(view.shape().series)));
    let mut found: Vec<(u64, u32)> = (0..u32::try_from(used).unwrap_or(0))
        .map(|slot| (slot, view.family_row(slot)))
        .filter(|(_, row)| row.state.get() == READY && row.generation.get() == view.generation())
        .map(|(slot, row)| (row.order.get(), slot))
        .collect();
    found.sort_unstable();
    let last: BTreeMap<_, _> = found
        .iter()
        .filter_map(|(_, slot)| Some((read_family(view, *slot)?, *slot)))
        .map(|(family, slot)| (family.name.clone(), (slot, family)))
        .collect();
    let mut last: BTreeMap<u32, FamilySnap> = last.into_values().collect();
    let (mut known, mut slots) = (Vec::new(), BTreeMap::new());
    for (_, slot) in found {
        if let Some(family) = last.remove(&slot) {
            slots.insert(slot, known.len());
            known.push(family);
        }
    }
    (known, slots)
}

pub(super) fn read_family(view: &View, slot: u32) -> Option<FamilySnap> {
    let row = view.family_row(slot);
    let key = view.text(Span::from_word(row.key.get()));
    let (name, labels) = names_of(&key, usize::try_from(row.labels.get()).ok()?)?;
    let text = |cell: u64| String::from_utf8_lossy(&view.text(Span::from_word(cell))).into_owned();
    let bounds = view.run(Span::from_word(row.bounds.get())).iter();
    Some(FamilySnap {
        name,
        labels,
        help: text(row.help.get()),
        unit: text(row.unit.get()),
        kind: FamilyKind::from_code(row.kind.get()),
        mode: GaugeMode::from_code(row.mode.get()),
        bounds: bounds.map(|bound| f64::from_bits(bound.load(Ordering::Relaxed))).collect(),
        samples: Vec::new(),
    })
}

/// Label values of a series, without the number of its family in front.
pub(super) fn values_of(view: &View, row: &SeriesRow) -> Vec<Vec<u8>> {
    let key = view.text(Span::from_word(row.key.get()));
    texts(key.get(4..).unwrap_or_default()).map(<[u8]>::to_vec).collect()
}

fn push_samples(view: &View, slot: u32, row: &SeriesRow, family: &mut FamilySnap) {
    let series = view.series_at(slot);
    let values = values_of(view, row);
    if values.len() != family.labels.len() {
        return;
    }
    if family.mode == GaugeMode::Shared {
        let cells = series.cells().iter();
        let buckets = cells.map(|cell| cell.load(Ordering::Relaxed)).collect();
        family.samples.push(Sample { values, worker: None, value: series.value(0), buckets });
        return;
    }
    let own = (0..=view.shape().workers).filter_map(|process| {
        let (cell, stamp) = series.own(process)?;
        let stamp = stamp.load(Ordering::Relaxed);
        (stamp != 0).then(|| (process, stamp, f64::from_bits(cell.load(Ordering::Relaxed))))
    });
    let sample = |worker, value| Sample { values: values.clone(), worker, value, buckets: vec![] };
    if matches!(family.mode, GaugeMode::All | GaugeMode::LiveAll) {
        family.samples.extend(own.map(|(process, _, value)| sample(Some(process), value)));
    } else {
        family.samples.push(sample(None, merged(family.mode, own)));
    }
}

/// One value for all processes; 0 while none has said anything.
fn merged(mode: GaugeMode, own: impl Iterator<Item = (u32, u64, f64)>) -> f64 {
    use GaugeMode::{LiveMax, LiveMin, LiveMostRecent, Max, Min, MostRecent};
    let pick = |a: (u32, u64, f64), b: (u32, u64, f64)| match mode {
        Min | LiveMin => {
            if b.2 < a.2 {
                b
            } else {
                a
            }
        }
        Max | LiveMax => {
            if b.2 > a.2 {
                b
            } else {
                a
            }
        }
        MostRecent | LiveMostRecent => {
            if b.1 > a.1 {
                b
            } else {
                a
            }
        }
        _ => (a.0, a.1, a.2 + b.2),
    };
    own.reduce(pick).map_or(0.0, |(_, _, value)| value)
}
