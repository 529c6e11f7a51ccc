//! Nothing is wrong: what it does, and how much more it could take.

use super::memory::{Window, busy_cores, cores};
use super::{Finding, Level};
use crate::human::duration;

/// The line of a server that is well.
pub(super) fn well(window: &Window<'_>) -> Option<Finding> {
    let (now, total) = (window.now, cores(window.now));
    let Some(rate) = window.rate(10, |sample| sample.requests) else {
        return Some(Finding::new(Level::Fine, format!("{total} cores, measuring")));
    };
    let busy = busy_cores(now);
    if rate == 0.0 && busy == 0 {
        return Some(Finding::new(Level::Fine, format!("idle: {total} cores wait for requests")));
    }
    let mut what =
        format!("{} req/s, {busy} of {total} cores busy", crate::human::per_second(rate));
    if let Some(p99) = window.quantile(30, 0.99) {
        what.push_str(&format!(", p99 {}", duration(p99)));
    }
    let used =
        window.grown(10, |s| s.running) as f64 / (window.span(10)? * 1e6 * total.max(1) as f64);
    let finding = Finding::new(Level::Fine, what);
    // Less than that says nothing about the limit.
    if used < 0.01 {
        return Some(finding);
    }
    let most = rate / used.min(1.0);
    Some(finding.because(format!(
        "cores are used to {}: full at about {} req/s of this kind",
        crate::human::share(used.min(1.0)),
        crate::human::per_second(most)
    )))
}
