//! Slots and snapshots by the word, for tests.

use crate::{Busyness, Settings, Slot, Snapshot};

pub(crate) fn idle() -> Slot {
    Slot { alive: true, cores: 1, in_request_us: Some(0), ..Slot::default() }
}

pub(crate) fn busy() -> Slot {
    Slot { busy_cores: 1, ..idle() }
}

pub(crate) fn cheaped() -> Slot {
    Slot { cheaped: true, cores: 1, ..Slot::default() }
}

/// That many busy, idle and cheaped slots, at `second`.
pub(crate) fn at(second: u64, counts: (usize, usize, usize)) -> Snapshot {
    let (works, rests, empty) = counts;
    let mut slots = vec![busy(); works];
    slots.extend(vec![idle(); rests]);
    slots.extend(vec![cheaped(); empty]);
    Snapshot { slots, now_us: second * 1_000_000, ..Snapshot::default() }
}

/// Floor 1, four processes, everything else as it is without options.
pub(crate) fn settings(algo: &str) -> Settings {
    Settings {
        processes: 4,
        cheaper: 1,
        algo: algo.into(),
        busyness: Busyness::default(),
        ..Settings::default()
    }
}
