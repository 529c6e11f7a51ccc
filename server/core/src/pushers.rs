//! Pushers at the start: what the options ask for, their rows in the arena, and what must be there
//! before the first application is loaded.
//!
//! What happens once per second afterwards is the observer's (`observer/pushers.rs`).

use std::sync::Arc;
use std::time::Duration;

use uwsgi_config::{Config, Finding, Origin};
use uwsgi_metrics::{Arena, PusherRow};
use uwsgi_pushers::{Facts, Options, Plan, Plans};

use crate::instance::Instance;
use crate::settings::Settings;
use crate::{boot, log};

/// The configuration as pushers ask it.
struct Asked<'a>(&'a Config);

impl Options for Asked<'_> {
    fn all(&self, name: &str) -> Vec<String> {
        self.0.values(name).map(str::to_owned).collect()
    }

    fn flag(&self, name: &str) -> bool {
        self.0.flag(name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.0.int(name, default)
    }
}

/// Reads everything that is to be pushed; what is wrong with it is told with its place.
pub(crate) fn plans(config: &Config, settings: &Settings, faults: &mut Vec<Finding>) -> Plans {
    let every = config.int("stats-pusher-default-freq", 3).max(1);
    let facts = Facts {
        options: &Asked(config),
        hostname: boot::hostname(),
        version: uwsgi_config::VERSION.to_owned(),
        stem: stem(config),
        timeout: Duration::from_secs(settings.socket_timeout),
        every: Duration::from_secs(every.unsigned_abs()),
        sockets: !settings.sockets.is_empty()
            || !settings.http.is_empty()
            || crate::bound::zero(settings).is_some(),
        processes: settings.processes,
        cheaper: config.has("cheaper"),
        memory: settings.memory_report,
        metrics: settings.metrics,
    };
    let (plans, wrong) = uwsgi_pushers::plans(&facts);
    for fault in wrong {
        let finding = Finding::fault(fault.text);
        let mut entries = config.all(fault.option);
        faults.push(match entries.find(|entry| entry.text() == fault.value) {
            Some(entry) => finding.about(entry),
            None => finding,
        });
    }
    plans
}

/// The name of the configuration file without directory and extension.
fn stem(config: &Config) -> String {
    let first = config.entries.iter().find_map(|entry| match &entry.origin {
        Origin::File { path, .. } => Some(path),
        _ => None,
    });
    let stem = first.and_then(|file| std::path::Path::new(file).file_stem());
    stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Receivers of all plans.
pub(crate) fn rows(settings: &Settings) -> u32 {
    settings.pushers.iter().map(|plan| plan.receivers().len() as u32).sum()
}

/// Names the rows of the arena after the receivers; two that would have the same name are numbered.
pub(crate) fn fill_rows(arena: &Arena, plans: &Plans) {
    let mut known: Vec<(&str, String)> = Vec::new();
    for (index, plan) in (0..).zip(
        plans.iter().flat_map(|p| p.receivers().into_iter().map(|receiver| (p.kind(), receiver))),
    ) {
        let (kind, receiver) = plan;
        let same = known.iter().filter(|known| **known == (kind, receiver.clone())).count();
        known.push((kind, receiver.clone()));
        let shown = if same == 0 { receiver } else { format!("{receiver} #{}", same + 1) };
        arena.pusher(index).assign(kind, &shown);
    }
}

/// The rows of each plan's receivers, in the order of the plans.
pub(crate) fn rows_of<'a>(arena: &'a Arena, plans: &Plans) -> Vec<Vec<&'a PusherRow>> {
    let mut next = 0..;
    let rows = |plan: &Arc<dyn Plan>| {
        let count = plan.receivers().len();
        next.by_ref().take(count).map(|index| arena.pusher(index)).collect()
    };
    plans.iter().map(rows).collect()
}

/// What must be there before the first application is loaded.
///
/// # Errors
/// The line for the log; the start ends with it.
pub(crate) fn start(instance: &Instance) -> Result<(), String> {
    let (plans, list) = (&instance.settings.pushers, crate::metrics::list(instance));
    for (plan, rows) in plans.iter().zip(rows_of(&instance.arena, plans)) {
        plan.lines().iter().for_each(|line| log!("{line}"));
        plan.prepare(&list, &rows)?.iter().for_each(|line| log!("{line}"));
    }
    Ok(())
}
