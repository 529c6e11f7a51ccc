//! The files of the second version: one hierarchy for all controllers.

use std::path::Path;

use super::find::Place;
use super::{Cpu, Memory, keyed, milli, number, text, upwards};

pub(super) fn memory(place: &Place) -> Memory {
    let dir = place.dir.as_path();
    let events = text(dir, "memory.events").unwrap_or_default();
    let lowest = |file: &str| upwards(dir, &place.top).filter_map(|dir| number(&dir, file)).min();
    Memory {
        limit: lowest("memory.max"),
        high: lowest("memory.high"),
        usage: number(dir, "memory.current"),
        high_events: keyed(&events, "high"),
        max_events: keyed(&events, "max"),
        oom_events: keyed(&events, "oom"),
        oom_kills: keyed(&events, "oom_kill"),
    }
}

pub(super) fn cpu(place: &Place) -> Cpu {
    let dir = place.dir.as_path();
    let stat = text(dir, "cpu.stat").unwrap_or_default();
    Cpu {
        limit_milli: upwards(dir, &place.top).filter_map(|dir| quota(&dir)).min(),
        usage_us: keyed(&stat, "usage_usec"),
        periods: keyed(&stat, "nr_periods"),
        throttled: keyed(&stat, "nr_throttled"),
        throttled_us: keyed(&stat, "throttled_usec"),
    }
}

/// `QUOTA PERIOD`, with `max` for no quota.
fn quota(dir: &Path) -> Option<u64> {
    let text = text(dir, "cpu.max")?;
    let mut words = text.split_ascii_whitespace().map(str::parse);
    milli(words.next()?.ok()?, words.next()?.ok()?)
}
