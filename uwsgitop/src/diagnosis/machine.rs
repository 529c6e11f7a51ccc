//! The machine and the control group set the limit: memory, processors, disk.

use super::memory::Window;
use super::{Finding, Level};
use crate::human::{share, size};
use crate::picture::System;

fn system<'a>(window: &'a Window<'_>) -> Option<&'a System> {
    window.now.system.as_ref()
}

/// Memory is nearly used up.
pub(super) fn memory(window: &Window<'_>) -> Option<Finding> {
    let system = system(window)?;
    let (used, limit) = (system.memory_usage?, system.memory_limit.filter(|limit| *limit > 0)?);
    let part = used as f64 / limit as f64;
    if part < 0.9 {
        return None;
    }
    let level = if part >= 0.97 { Level::Critical } else { Level::Warning };
    let what =
        format!("memory is nearly used up: {} of {} ({})", size(used), size(limit), share(part));
    let rss = window.now.sum(|worker| worker.rss);
    let workers = window.now.workers().len();
    let why = format!("{workers} workers hold {}", size(rss));
    Some(
        Finding::new(level, what)
            .because(why)
            .remedy("fewer `processes`, `reload-on-rss`, or a higher limit"),
    )
}

/// The control group has to wait for the processors it may use.
pub(super) fn throttled(window: &Window<'_>) -> Option<Finding> {
    let limit = system(window)?.cpu_limit_milli?;
    let part = window.grown(10, |sample| sample.throttled) as f64 / (window.span(10)? * 1e6);
    if part < 0.1 {
        return None;
    }
    let limit = limit as f64 / 1e3;
    let what = format!(
        "processors are throttled: it waited {} of the time for its {limit:.1}",
        share(part.min(1.0))
    );
    Some(
        Finding::new(Level::Warning, what)
            .remedy("raise the limit of the control group, or run fewer `processes`"),
    )
}

/// Tasks wait for the machine.
pub(super) fn stalled(window: &Window<'_>) -> Option<Finding> {
    let stalls = system(window)?.stalls;
    let names = ["a processor", "memory", "the disk"];
    let known = names.iter().zip(stalls).filter_map(|(name, stall)| Some((name, stall?)));
    let (name, percent) =
        known.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, percent)| *percent >= 25.0)?;
    let what = format!("tasks wait for {name} {percent:.0}% of the time");
    Some(Finding::new(Level::Warning, what).because("the machine is short of it"))
}

/// Tasks wait for a processor much of the time.
pub(super) fn short_of_processors(window: &Window<'_>) -> bool {
    let stall = system(window).and_then(|system| system.stalls.first().copied().flatten());
    stall.is_some_and(|percent| percent >= 25.0)
}

/// Workers live in swap.
pub(super) fn swapped(window: &Window<'_>) -> Option<Finding> {
    let (swap, rss) = (window.now.sum(|worker| worker.swap), window.now.sum(|worker| worker.rss));
    if swap < 16 << 20 || swap < rss / 4 {
        return None;
    }
    let what = format!("workers are swapped out: {} beside {} in memory", size(swap), size(rss));
    Some(Finding::new(Level::Warning, what).remedy("fewer `processes`, or more memory"))
}
