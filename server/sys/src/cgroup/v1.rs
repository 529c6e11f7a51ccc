//! The files of the first version: one hierarchy for each controller.

use std::path::Path;

use super::{Cpu, Memory, keyed, milli, number, text};

/// The kernel writes "no limit" as the largest number of whole pages.
const NO_LIMIT: u64 = 1 << 62;

pub(super) fn memory(dir: &Path) -> Memory {
    let limited = |value: Option<u64>| value.filter(|bytes| *bytes < NO_LIMIT);
    // The limit in force, those of the groups above included.
    let stat = text(dir, "memory.stat").unwrap_or_default();
    let above = limited(keyed(&stat, "hierarchical_memory_limit"));
    let own = limited(number(dir, "memory.limit_in_bytes"));
    let oom = text(dir, "memory.oom_control").unwrap_or_default();
    Memory {
        limit: above.into_iter().chain(own).min(),
        high: limited(number(dir, "memory.soft_limit_in_bytes")),
        usage: number(dir, "memory.usage_in_bytes"),
        high_events: None,
        max_events: number(dir, "memory.failcnt"),
        oom_events: None,
        oom_kills: keyed(&oom, "oom_kill"),
    }
}

pub(super) fn cpu(dir: &Path, accounts: Option<&Path>) -> Cpu {
    let stat = text(dir, "cpu.stat").unwrap_or_default();
    // A quota of -1 is none, and no number here.
    let quota = number(dir, "cpu.cfs_quota_us");
    let period = number(dir, "cpu.cfs_period_us");
    let nanos = |value: Option<u64>| value.map(|ns| ns / 1000);
    Cpu {
        limit_milli: quota.zip(period).and_then(|(quota, period)| milli(quota, period)),
        usage_us: nanos(accounts.and_then(|dir| number(dir, "cpuacct.usage"))),
        periods: keyed(&stat, "nr_periods"),
        throttled: keyed(&stat, "nr_throttled"),
        throttled_us: nanos(keyed(&stat, "throttled_time")),
    }
}
