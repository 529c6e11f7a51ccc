//! The pool of user metrics: preallocated slots, found by name through a hash index in the arena.
//!
//! Any process may register and any process finds what another registered (`index`). A full
//! pool is a counted drop (`metrics_dropped`), never a failure of the caller.

use crate::arena::Arena;
use crate::index::{Probe, hash_of};
use crate::rows::MetricRow;
use crate::view::View;

/// What kind of number a metric is; the code is that of the stats JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Only grows.
    #[default]
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// A value that is replaced, not accumulated.
    Absolute = 2,
    /// Another name of a metric.
    Alias = 3,
}

impl Kind {
    /// The kind of a code; unknown codes are counters, as in the configuration.
    pub fn from_code(code: u64) -> Kind {
        match code {
            1 => Kind::Gauge,
            2 => Kind::Absolute,
            3 => Kind::Alias,
            _ => Kind::Counter,
        }
    }

    /// The configuration's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Absolute => "absolute",
            Kind::Alias => "alias",
        }
    }
}

/// States of a slot.
pub(crate) const READY: u64 = 1;
const LOST: u64 = 2;

/// Longest name kept, in bytes; longer ones are refused, because two of them could become one.
const NAME_MAX: usize = 128;

/// What a metric is registered as.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registration<'a> {
    /// Name.
    pub name: &'a str,
    /// Kind.
    pub kind: Kind,
    /// OID relative to the server's branch; empty for none.
    pub oid: &'a str,
    /// Value it starts with.
    pub initial: i64,
    /// The metric an alias stands for, no alias itself; empty otherwise.
    pub target: &'a str,
    /// Bits of [`MetricRow`].
    pub flags: u64,
}

impl Arena {
    /// Registers a metric, or finds it: the slot is the same in every process.
    ///
    /// A name that is known keeps its value and, within one generation, its list position;
    /// everything else becomes as given. `None` when the name is empty, longer than 128 bytes, or
    /// the pool is full; the drop is counted.
    pub fn register(&self, metric: &Registration<'_>) -> Option<u32> {
        let slot = self.slot_for(metric.name, metric.initial)?;
        let row = self.metric_slot(slot);
        if row.is_base() {
            row.base.set(0);
            row.value.set(metric.initial);
        }
        row.kind.set(metric.kind as u64);
        row.oid.set(metric.oid.as_bytes());
        row.initial.set(metric.initial);
        row.target.set(metric.target.as_bytes());
        row.flags.set(metric.flags);
        if row.generation.get() != self.generation() {
            row.order.set(self.globals().metrics_registered.take_shared(1));
            row.generation.set(self.generation());
        }
        Some(slot)
    }

    /// The same for a metric that anybody may write.
    pub fn register_metric(&self, name: &str, kind: Kind, oid: &str, initial: i64) -> Option<u32> {
        self.register(&Registration { name, kind, oid, initial, ..Registration::default() })
    }

    /// Adds `base` to the built-in metric `name` from now on, over reloads too. False when the pool
    /// is full, which is counted.
    pub fn register_base(&self, name: &str, base: i64) -> bool {
        let Some(slot) = self.slot_for(name, 0) else { return false };
        let row = self.metric_slot(slot);
        row.base.set(base);
        row.flags.set(MetricRow::BASE);
        true
    }

    fn slot_for(&self, name: &str, initial: i64) -> Option<u32> {
        let found = insert(self, name.as_bytes(), |row| {
            row.value.set(initial);
            row.initial.set(initial);
        });
        if found.is_none() {
            self.globals().metrics_dropped.add_shared(1);
        }
        found
    }
}

impl View {
    /// The row of a registered metric, by name. Constant time.
    pub fn metric(&self, name: &[u8]) -> Option<&MetricRow> {
        self.metric_slot_of(name).map(|slot| self.metric_slot(slot))
    }

    /// The slot of a registered metric, by name.
    pub fn metric_slot_of(&self, name: &[u8]) -> Option<u32> {
        self.named(name).filter(|slot| !self.metric_slot(*slot).is_base())
    }

    /// What is added to the built-in metric `name`.
    pub(crate) fn base_of(&self, name: &[u8]) -> i64 {
        self.named(name).map_or(0, |slot| self.metric_slot(slot).base_alone())
    }

    fn named(&self, name: &[u8]) -> Option<u32> {
        match probe(self, name) {
            Probe::Found(slot) => Some(slot),
            Probe::Vacant(_) | Probe::Full => None,
        }
    }

    /// The row of a slot that registration returned.
    pub fn metric_at(&self, slot: u32) -> &MetricRow {
        self.metric_slot(slot)
    }
}

fn probe(view: &View, name: &[u8]) -> Probe {
    view.metric_index().probe(hash_of(name), |slot| view.metric_slot(slot).name.is(name))
}

/// Finds `name` or gives it a slot that `fill` completes before it can be found.
fn insert(view: &View, name: &[u8], fill: impl Fn(&MetricRow)) -> Option<u32> {
    if name.is_empty() || name.len() > NAME_MAX {
        return None;
    }
    let position = match probe(view, name) {
        Probe::Vacant(position) => position,
        Probe::Found(slot) => return Some(slot),
        Probe::Full => return None,
    };
    let slot = u32::try_from(view.globals().metrics_used.take_shared(1)).ok()?;
    if slot >= view.shape().metrics {
        return None;
    }
    let row = view.metric_slot(slot);
    row.name.set(name);
    fill(row);
    row.state.set(READY);
    let same = |slot| view.metric_slot(slot).name.is(name);
    let holder = view.metric_index().publish(hash_of(name), position, slot, same)?;
    if holder != slot {
        row.state.set(LOST);
    }
    Some(holder)
}

/// Brings the metrics of an old arena along. They are listed again once they are registered again.
pub(crate) fn carry_over(to: &View, from: &View) {
    to.globals().metrics_used.set(0);
    for slot in 0..from.shape().metrics {
        let old = from.metric_slot(slot);
        if old.state.get() == READY {
            insert(to, &old.name.get(), |row| {
                row.kind.set(old.kind.get());
                row.value.set(old.value.get());
                row.initial.set(old.initial.get());
                row.base.set(old.base.get());
                row.flags.set(old.flags.get() & MetricRow::BASE);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;
    use core::cell::Cell;

    fn arena() -> Arena {
        Arena::create(&Shape { metrics: 16, ..Shape::default() }).unwrap()
    }

    /// Registers `name`; between its probe and its publication another process registers `rival`.
    fn overtaken(arena: &Arena, name: &[u8], rival: &[u8]) -> (Option<u32>, Option<u32>) {
        let theirs = Cell::new(None);
        let ours = insert(arena, name, |row| {
            theirs.set(insert(arena, rival, |row| row.value.set(5)));
            row.value.set(1);
        });
        (ours, theirs.get())
    }

    #[test]
    fn the_loser_of_a_race_uses_the_slot_of_the_winner() {
        let arena = arena();
        let (ours, theirs) = overtaken(&arena, b"same", b"same");
        assert_eq!((ours, theirs), (Some(1), Some(1)));
        assert_eq!(arena.metric_at(0).state.get(), LOST);
        assert_eq!(arena.metric(b"same").map(|m| m.value.get()), Some(5), "its value stands");
        assert_eq!(arena.register_metric("same", Kind::Counter, "", 0), Some(1));
        assert_eq!(arena.snapshot().metrics.len(), 1, "the lost slot is not listed");
    }

    #[test]
    fn a_name_that_takes_our_place_in_the_index_moves_us_on() {
        let arena = arena();
        let start =
            |name: &str| hash_of(name.as_bytes()) & (arena.metric_index().0.len() as u64 - 1);
        let mut names = (0..).map(|n| format!("n{n}"));
        let name = names.next().unwrap();
        let rival = names.find(|rival| start(rival) == start(&name)).unwrap();
        let (ours, theirs) = overtaken(&arena, name.as_bytes(), rival.as_bytes());
        assert_eq!((ours, theirs), (Some(0), Some(1)));
        assert_eq!(arena.metric(name.as_bytes()).map(|m| m.value.get()), Some(1));
        assert_eq!(arena.metric(rival.as_bytes()).map(|m| m.value.get()), Some(5));
    }
}
