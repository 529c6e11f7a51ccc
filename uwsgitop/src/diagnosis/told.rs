//! What the server itself complains of: thresholds, receivers that fail, signals that pile up.

use super::memory::Window;
use super::{Finding, Level};
use crate::human::duration;

/// Failures in a row before a receiver is worth a word.
const FAILING: u64 = 3;

/// Signals that wait before they are worth a word.
const PILED: u64 = 100;

/// A threshold of the configuration fires.
pub(super) fn firing(window: &Window<'_>) -> Option<Finding> {
    let fires: Vec<_> = window.now.thresholds.iter().filter(|t| t.state == "firing").collect();
    let first = fires.iter().min_by_key(|threshold| threshold.since)?;
    let age = (window.now.taken / 1_000_000).saturating_sub(first.since);
    let more = match fires.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let what = format!(
        "a threshold fires{more}: {} for {}",
        first.text,
        duration(age.saturating_mul(1_000_000))
    );
    let why = format!("{} is {}, the bound is {}", first.key, first.value, first.bound);
    Some(Finding::new(Level::Warning, what).because(why))
}

/// Alarms or metrics do not arrive.
pub(super) fn undelivered(window: &Window<'_>) -> Option<Finding> {
    let alarm =
        window.now.alarms.iter().find(|alarm| alarm.queued > 0 && !alarm.last_error.is_empty());
    if let Some(alarm) = alarm {
        let what = format!("alarm {} is not delivered: {} wait", alarm.name, alarm.queued);
        return Some(Finding::new(Level::Warning, what).because(alarm.last_error.as_str()));
    }
    let pusher = window.now.pushers.iter().find(|pusher| pusher.failing >= FAILING)?;
    let what = format!(
        "{} {} takes no metrics: {} failures in a row",
        pusher.kind, pusher.target, pusher.failing
    );
    Some(Finding::new(Level::Warning, what).because(pusher.last_error.as_str()))
}

/// A server of ours whose observer is gone measures nothing.
pub(super) fn unwatched(window: &Window<'_>) -> Option<Finding> {
    let observer = window.now.observer.as_ref()?;
    (observer.pid == 0).then(|| {
        Finding::new(Level::Warning, "the observer does not run")
            .because("nothing is measured, pushed or alarmed")
    })
}

/// Signals nobody handles in time.
pub(super) fn signals(window: &Window<'_>) -> Option<Finding> {
    let waiting = window.now.signal_queue.max(window.now.sum(|worker| worker.signal_queue));
    (waiting >= PILED).then(|| {
        Finding::new(Level::Warning, format!("{waiting} signals wait"))
            .because("handlers are slower than what raises them")
            .remedy("give them to `mules`")
    })
}
