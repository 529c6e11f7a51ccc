//! The control groups of a process: limits, what was used, and how often a limit was in the way.
//!
//! Both versions of the interface are read, and both at once: a machine may keep some controllers
//! in the first while the rest live in the second. [`find`] says where the files lie, `v1` and `v2`
//! read them. What a kernel, a container or a permission hides is `None`, never 0; "no limit" is
//! `None` as well. Nothing is ever written.

mod find;
mod v1;
mod v2;

use std::path::{Path, PathBuf};

use crate::machine::{Pressure, pressure};

pub use find::Places;

/// What the groups of a process say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Memory.
    pub memory: Memory,
    /// Processors.
    pub cpu: Cpu,
    /// Most tasks allowed.
    pub pids_limit: Option<u64>,
    /// Tasks now.
    pub pids_current: Option<u64>,
    /// Stalls for want of processor, memory and input or output (second version only).
    pub pressure: [Option<Pressure>; 3],
}

/// Memory of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Most bytes allowed, by this group or one above it.
    pub limit: Option<u64>,
    /// Bytes from which the group is slowed down.
    pub high: Option<u64>,
    /// Bytes used.
    pub usage: Option<u64>,
    /// Times usage went over `high`.
    pub high_events: Option<u64>,
    /// Times usage reached the limit.
    pub max_events: Option<u64>,
    /// Times nothing could be reclaimed at the limit.
    pub oom_events: Option<u64>,
    /// Processes killed for want of memory.
    pub oom_kills: Option<u64>,
}

/// Processor time of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Processors allowed, in thousandths.
    pub limit_milli: Option<u64>,
    /// Time used, microseconds.
    pub usage_us: Option<u64>,
    /// Periods in which the limit was enforced.
    pub periods: Option<u64>,
    /// Periods in which the group had to wait for the next one.
    pub throttled: Option<u64>,
    /// Time it waited, microseconds.
    pub throttled_us: Option<u64>,
}

/// Reads everything that is there.
pub fn read(places: &Places) -> Group {
    let mut group = Group::default();
    if let Some(place) = &places.memory {
        group.memory = if place.unified { v2::memory(place) } else { v1::memory(&place.dir) };
    }
    if let Some(place) = &places.cpu {
        let accounts = places.cpuacct.as_ref().map(|p| p.dir.as_path());
        group.cpu = if place.unified { v2::cpu(place) } else { v1::cpu(&place.dir, accounts) };
    }
    if let Some(place) = &places.pids {
        group.pids_limit = number(&place.dir, "pids.max");
        group.pids_current = number(&place.dir, "pids.current");
    }
    if let Some(dir) = &places.unified {
        let files = ["cpu.pressure", "memory.pressure", "io.pressure"];
        group.pressure = files.map(|file| pressure(&dir.join(file)));
    }
    group
}

/// A file that is one number; `max` is none.
fn number(dir: &Path, file: &str) -> Option<u64> {
    text(dir, file)?.trim().parse().ok()
}

fn text(dir: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(dir.join(file)).ok()
}

/// The number behind `key ` at the start of a line.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?.trim().parse().ok()
}

/// Processors that a quota in each period amounts to, in thousandths.
fn milli(quota: u64, period: u64) -> Option<u64> {
    u64::try_from((u128::from(quota) * 1000).checked_div(u128::from(period))?).ok()
}

/// The group's directory and those above it, up to the mount point.
fn upwards<'a>(dir: &'a Path, top: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    dir.ancestors().take_while(move |d| d.starts_with(top)).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests;
