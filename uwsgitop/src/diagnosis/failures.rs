//! Requests that fail, workers that die, nobody who serves.

use super::memory::{Window, cores};
use super::{Finding, Level};
use crate::human::share;
use crate::picture::total;

/// Share of failed requests that is worth a word.
const FAILING: f64 = 0.02;

/// Seconds that an instance may be without workers when all were asked to end.
const GOING: u64 = 10;

/// No worker takes requests.
pub(super) fn nobody_serves(window: &Window<'_>) -> Option<Finding> {
    let now = window.now;
    if cores(now) > 0 {
        return None;
    }
    let workers = now.workers();
    let all = |status: &str| workers.iter().all(|worker| worker.status == status);
    let finding =
        |level, what: &str| Finding::new(level, format!("{what}: {} workers", workers.len()));
    if all("pause") {
        return Some(
            finding(Level::Critical, "the instance is paused").remedy("resume it: SIGTSTP, or `p`"),
        );
    }
    if all("cheap") {
        return Some(
            finding(Level::Warning, "all workers are put away")
                .because("it starts them with the first connection"),
        );
    }
    let ends = window.ends(60);
    let wanted = window.ends(GOING);
    if !wanted.is_empty() && wanted.iter().all(|(reason, _)| planned(reason)) {
        return Some(
            finding(Level::Warning, "no worker runs just now")
                .because("all were asked to end: it reloads or stops"),
        );
    }
    let why = ends
        .first()
        .map(|(reason, count)| format!("{count} ended by {}", said(reason)))
        .unwrap_or_default();
    Some(
        finding(Level::Critical, "no worker runs")
            .because(why)
            .remedy("the log tells why the application does not start"),
    )
}

/// Workers that end for other reasons than a reload.
pub(super) fn dying(window: &Window<'_>) -> Option<Finding> {
    let deaths = deaths(window, 60);
    let count: u64 = match total(deaths.iter().map(|(_, count)| *count)) {
        0 if window.now.workers().iter().all(|worker| worker.exits.is_empty()) => respawned(window),
        count => count,
    };
    if count < 2 {
        return None;
    }
    let level = if count >= 5 { Level::Critical } else { Level::Warning };
    let finding = Finding::new(level, format!("workers die: {count} in the last minute"));
    let Some((reason, times)) = deaths.first() else {
        return Some(finding.remedy("the log tells how they ended"));
    };
    let killer = window.now.kills.iter().max_by_key(|kill| kill.count);
    let by = killer
        .filter(|_| reason == "signal")
        .map_or_else(String::new, |kill| format!(" ({} from {})", kill.signal, kill.by));
    Some(finding.because(format!("{times} by {}{by}", said(reason))).remedy(remedy(reason)))
}

/// Ends of workers in the last `seconds` that nobody wanted, by reason, the most frequent first.
fn deaths(window: &Window<'_>, seconds: u64) -> Vec<(String, u64)> {
    window.ends(seconds).into_iter().filter(|(reason, _)| !planned(reason)).collect()
}

/// Spawns beyond those of a start or a reload, where the source does not tell how workers end.
fn respawned(window: &Window<'_>) -> u64 {
    let reloaded = window.grown(60, |sample| sample.reloads) > 0;
    if reloaded { 0 } else { window.grown(60, |sample| sample.respawns) }
}

/// Ends that somebody wanted.
fn planned(reason: &str) -> bool {
    matches!(reason, "asked" | "recycled" | "cheap")
}

/// Reasons as `uwsgi_metrics::EXITS` names them, in words.
fn said(reason: &str) -> String {
    match reason {
        "signal" => "a signal".to_owned(),
        "asked" => "being asked to".to_owned(),
        "no_app" => "having no application".to_owned(),
        "no_mercy" => "the end of mercy".to_owned(),
        "memory" => "too much memory".to_owned(),
        "exit" => "themselves".to_owned(),
        other => other.replace('_', " "),
    }
}

fn remedy(reason: &str) -> &'static str {
    match reason {
        "harakiri" => "requests outlast `harakiri`: see which, or raise it",
        "signal" => "the log tells which one, and from whom",
        "no_app" => "the log tells why the application does not load",
        "memory" => "they grow: `evil-reload-on-rss` or `evil-reload-on-as` ended them",
        "no_mercy" => "they do not end in time: `worker-reload-mercy`",
        _ => "the log tells how they ended",
    }
}

/// Requests that end in an exception or a server error.
pub(super) fn failing(window: &Window<'_>) -> Option<Finding> {
    let requests = window.grown(30, |sample| sample.requests);
    let failed = window.grown(30, |sample| sample.failed.max(sample.exceptions)).min(requests);
    let part = failed as f64 / requests.max(1) as f64;
    if failed < 2 || part < FAILING {
        return None;
    }
    let rate = window.rate(30, |sample| sample.failed.max(sample.exceptions))?;
    let level = if part >= 0.2 { Level::Critical } else { Level::Warning };
    let exceptions = window.grown(30, |sample| sample.exceptions);
    let lost = total(deaths(window, 30).iter().map(|(_, count)| *count));
    let (why, remedy) = match exceptions {
        0 if lost * 2 >= failed => {
            (format!("{lost} workers died in them in 30 s"), "the log names the lost requests")
        }
        0 => ("the application answers 5xx".to_owned(), "the log names them"),
        count => (format!("{count} exceptions in 30 s"), "the log has the tracebacks"),
    };
    let what = format!("{} of requests fail: {rate:.1}/s", share(part));
    Some(Finding::new(level, what).because(why).remedy(remedy))
}

/// Requests that were ended by their deadline, where workers that die do not tell it already.
pub(super) fn harakiri(window: &Window<'_>) -> Option<Finding> {
    let count = window.grown(60, |sample| sample.harakiri);
    let told = dying(window).is_some_and(|finding| finding.why.contains("harakiri"));
    if count == 0 || told {
        return None;
    }
    let what = format!("harakiri ended {count} requests in the last minute");
    Some(Finding::new(Level::Warning, what).remedy("the log names them; `harakiri` is the limit"))
}
