//! `master-fifo`, and how a service manager is told about this instance.

use uwsgi_config::{Config, Finding};
use uwsgi_duties::notify::Readiness;

/// Longest path of a FIFO that the arena can show.
const MAX_PATH: usize = 255;

/// How many slots a digit can choose.
const MAX_SLOTS: usize = 10;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Path of each slot of the master's FIFO, as written.
    pub fifos: Vec<String>,
    /// Subscriptions wait for a command.
    pub start_unsubscribed: bool,
    /// When the service manager is told that the instance is ready.
    pub readiness: Readiness,
    /// How much longer than the service manager allows loading may take, seconds; 0 asks for
    /// nothing.
    pub extend_s: u64,
}

impl Control {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Control {
        let values = config.all("master-fifo").filter_map(|entry| entry.value.clone());
        let fifos: Vec<String> = values.collect();
        check(&fifos, faults);
        let accepting = config.flag("notify-when-accepting");
        Control {
            fifos,
            start_unsubscribed: config.flag("start-unsubscribed"),
            readiness: if accepting { Readiness::Accepting } else { Readiness::Loaded },
            extend_s: super::number(config, "notify-extend").unwrap_or(300),
        }
    }
}

fn check(fifos: &[String], faults: &mut Vec<Finding>) {
    if fifos.len() > MAX_SLOTS {
        let text = format!(
            "master-fifo: {} slots are given, and digits choose among {MAX_SLOTS} only",
            fifos.len()
        );
        faults.push(Finding::fault(text));
    }
    for (at, path) in fifos.iter().enumerate() {
        if path.is_empty() || path.len() > MAX_PATH {
            let text = format!("master-fifo = {path}: a path of 1 to {MAX_PATH} bytes is needed");
            faults.push(Finding::fault(text));
        }
        if fifos.iter().take(at).any(|other| other == path) {
            let text = format!("master-fifo = {path}: two slots cannot be the same file");
            faults.push(Finding::fault(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_paths_of_their_own() {
        let faults = |fifos: &[&str]| {
            let mut faults = Vec::new();
            let fifos: Vec<String> = fifos.iter().map(|one| (*one).to_owned()).collect();
            check(&fifos, &mut faults);
            faults.len()
        };
        assert_eq!(faults(&["/run/a", "/run/b", "c"]), 0);
        assert_eq!(faults(&["/run/a", "/run/b", "/run/a"]), 1);
        assert_eq!(faults(&[""]), 1);
        assert_eq!(faults(&["x".repeat(256).as_str()]), 1);
        let many: Vec<String> = (0..11).map(|at| at.to_string()).collect();
        assert_eq!(faults(&many.iter().map(String::as_str).collect::<Vec<_>>()), 1);
    }
}
