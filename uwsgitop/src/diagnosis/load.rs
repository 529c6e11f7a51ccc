//! More comes in than can be served: connections turned away, workers saturated, routers that queue.

use super::memory::{Window, busy_cores, cores};
use super::slow::{common_path, phase_share};
use super::{Finding, Level};
use crate::human::{duration, share};
use crate::picture::Picture;

/// Seconds of full workers that are worth a word; less is a burst.
const LASTING: u64 = 3;

/// Seconds after which users notice.
const LONG: u64 = 10;

/// Connections that the kernel turned away because an accept queue was full.
pub(super) fn turned_away(window: &Window<'_>) -> Option<Finding> {
    let drops = window.grown(10, |sample| sample.drops);
    if drops == 0 {
        return None;
    }
    let rate = window.rate(10, |sample| sample.drops)?;
    let fullest = window.now.sockets.iter().max_by_key(|socket| socket.drops.unwrap_or(0));
    let whom =
        fullest.map_or_else(String::new, |s| format!(" at {}, backlog {}", s.name, s.max_queue));
    let finding = Finding::new(
        Level::Critical,
        format!("connections are turned away: {drops} in 10 s ({rate:.1}/s){whom}"),
    );
    let full = busy_cores(window.now) >= cores(window.now);
    Some(if full {
        finding.because("all workers are busy").remedy(more_workers(window))
    } else {
        finding
            .because("workers are free: the backlog is too small for bursts")
            .remedy("raise `listen` and net.core.somaxconn")
    })
}

/// Every core is in a request, and has been for a while, or connections wait for one.
pub(super) fn saturated(window: &Window<'_>) -> Option<Finding> {
    let (now, total) = (window.now, cores(window.now));
    if total == 0 {
        return None;
    }
    let full = |share: f64| share >= 99.9;
    let lasting = window.lasting(|sample| sample.busy >= total, Some(("busy_cores", &full)))?;
    let routed = crate::picture::total(now.gateways.iter().map(|gateway| gateway.queue));
    let queue = now.listen_queue.saturating_add(routed);
    if lasting < LASTING && queue == 0 {
        return None;
    }
    let level = if queue > 0 || lasting >= LONG { Level::Critical } else { Level::Warning };
    let unit = if now.workers().iter().any(|w| w.cores.len() > 1) { "cores" } else { "workers" };
    let mut what = format!("{unit} saturated: {total} of {total} busy");
    if lasting > 0 {
        what.push_str(&format!(" for {}", duration(lasting.saturating_mul(1_000_000))));
    }
    what.push_str(&format!(", queue {queue}"));
    if routed > 0 {
        what.push_str(&format!(" ({routed} in the router)"));
    }
    if let Some(p99) = window.quantile(30, 0.99) {
        what.push_str(&format!(", p99 {}", duration(p99)));
    }
    let (why, remedy) = why(window);
    Some(Finding::new(level, what).because(why).remedy(remedy))
}

/// Where the time of busy cores goes, and what follows from it.
fn why(window: &Window<'_>) -> (String, String) {
    let mut reasons = Vec::new();
    let mut remedy = more_workers(window);
    if let Some((path, count)) = common_path(window.now) {
        reasons.push(format!("{count} of {} are in {path}", window.now.in_flight.len()));
    } else if let Some((app, mean, part)) =
        window.slowest_app(30).filter(|(_, _, part)| *part > 0.5)
    {
        let app = if app.is_empty() { "/" } else { &app };
        reasons.push(format!(
            "the slowest app is {app}: {} of the time, mean {}",
            share(part),
            duration(mean)
        ));
    }
    if let Some(phase) =
        ["writing", "reading"].into_iter().find(|p| phase_share(window.now, p) > 0.5)
    {
        reasons.push(format!("most are {phase}: slow clients hold them"));
        return (reasons.join(", "), "let `http` or a proxy buffer for them".to_owned());
    }
    if let Some((wait, part)) = main_wait(window.now).filter(|(_, part)| *part > 0.5) {
        reasons.push(format!(
            "{} of their time they wait for {}",
            share(part),
            wait.replace("system_call", "a system call").replace('_', " ")
        ));
        remedy = remedy_of(&wait).map_or(remedy, str::to_owned);
    } else if let Some(computing) = computing(window) {
        if computing > 0.8 {
            reasons.push(format!("they compute ({} processor)", share(computing)));
            remedy = "more `processes` help only while processors are free".to_owned();
        } else if super::machine::short_of_processors(window) {
            reasons.push(format!("they get {} of a processor each", share(computing)));
            remedy = "processors are short: fewer `processes`, or more processors".to_owned();
        } else if computing < 0.3 {
            reasons.push(format!("they wait ({} processor)", share(computing)));
        }
    }
    (reasons.join(", "), remedy)
}

fn more_workers(window: &Window<'_>) -> String {
    let now = window.now;
    let put_away = now.workers().iter().filter(|worker| worker.status == "cheap").count();
    if put_away > 0 {
        return format!("{put_away} workers are put away: see `cheaper-algo`, `cheaper-step`");
    }
    let (processes, threads) =
        (now.workers().len(), now.workers().first().map_or(0, |w| w.cores.len()));
    match threads {
        0 | 1 => format!("raise `processes` (now {processes}) or set `threads`"),
        _ => format!("raise `processes` (now {processes}) or `threads` (now {threads})"),
    }
}

/// What running requests have waited for most, and its share of their age.
fn main_wait(now: &Picture) -> Option<(String, f64)> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    let mut age = 0_u64;
    for request in &now.in_flight {
        let Some(waits) = &request.waits else { continue };
        age = age.saturating_add(request.age);
        for (name, time) in &waits.parts {
            match sums.iter_mut().find(|(other, _)| other == name) {
                Some((_, sum)) => *sum = sum.saturating_add(*time),
                None => sums.push((name, *time)),
            }
        }
    }
    let (name, time) = sums.into_iter().max_by_key(|(_, time)| *time)?;
    (age > 0).then(|| (name.to_owned(), time as f64 / age as f64))
}

fn remedy_of(wait: &str) -> Option<&'static str> {
    match wait {
        "run_queue" => Some("processors are short: fewer `processes`, or more processors"),
        "lock" => Some("threads wait for each other: more `processes`, fewer `threads`"),
        "disk" => Some("the disk is slow: look at its device, cache more"),
        _ => None,
    }
}

/// Processor time per time in requests over the last seconds.
fn computing(window: &Window<'_>) -> Option<f64> {
    let busy = busy_cores(window.now) as f64 * window.span(10)? * 1e6;
    let known = window.now.workers().iter().any(|worker| worker.cpu_time > 0);
    (known && busy > 0.0).then(|| (window.grown(10, |sample| sample.cpu) as f64 / busy).min(1.0))
}

/// Requests wait in a router although cores are free.
pub(super) fn waiting_in_the_router(window: &Window<'_>) -> Option<Finding> {
    let now = window.now;
    let waiting = crate::picture::total(now.gateways.iter().map(|gateway| gateway.queue));
    if waiting == 0 || busy_cores(now) >= cores(now) {
        return None;
    }
    let free = cores(now) - busy_cores(now);
    Some(
        Finding::new(
            Level::Warning,
            format!("{waiting} requests wait in the router, {free} cores are free"),
        )
        .because("workers are slow to take new connections"),
    )
}
