//! Options of locks: how many, and what they are to be made of.

use uwsgi_config::{Config, Finding};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locks {
    /// Locks of the application, at least one.
    pub users: usize,
    /// The engine that was asked for by name.
    pub engine: Option<String>,
    /// Options about System V semaphores that were given.
    pub semaphores: Vec<&'static str>,
    /// A watchdog for the lock of accept was asked for.
    pub watchdog: bool,
}

/// More than any application has, and no burden: 64 bytes each.
const MOST: i64 = 65_536;

impl Locks {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Locks {
        let extra = config.int("locks", 0);
        if let Some(entry) = config.entry("locks").filter(|_| !(0..=MOST).contains(&extra)) {
            let text = format!("invalid value for option \"locks\": {extra}");
            faults.push(Finding::fault(text).about(entry).allowed(format!("0 to {MOST}")));
        }
        Locks {
            users: usize::try_from(extra.clamp(0, MOST)).unwrap_or(0) + 1,
            engine: config.last("lock-engine").map(str::to_owned),
            semaphores: given(config, &["ftok", "persistent-ipcsem"]),
            watchdog: config.flag("thunder-lock-watchdog"),
        }
    }
}

fn given(config: &Config, names: &[&'static str]) -> Vec<&'static str> {
    names.iter().copied().filter(|name| config.has(name)).collect()
}
