//! The informational lists: what of each kind is part of this build.
//!
//! Owns the frames that users' scripts read and the names in them. A kind of thing that gains a
//! member gets its name here; an empty list is the truth too.

use std::path::Path;

use uwsgi_config::Config;

use crate::policy::Logging;
use crate::{log, plugin};

/// The engine of workers without an event loop of a plugin's own.
const LOOPS: &[&str] = &["simple"];

/// Names that `clock` takes.
const CLOCKS: &[&str] = &["unix"];

/// Option, what the frame calls the things, their names; in the order they are shown.
const LISTS: &[(&str, &str, &[&str])] = &[
    ("loggers-list", "loggers", &uwsgi_logs::logger::NAMES),
    ("cheaper-algo-list", "cheaper algorithms", &uwsgi_cheaper::algorithm::NAMES),
    ("router-list", "routers", &[]),
    ("loop-list", "loop engines", LOOPS),
    ("imperial-monitor-list", "imperial monitors", &[]),
    ("clock-list", "clocks", CLOCKS),
];

/// Writes the lists that are asked for to the log.
pub(crate) fn show(config: &Config, binary: &Path) {
    if config.flag("plugins-list") {
        log::raw(plugin::list(config, binary).as_bytes());
    }
    for (option, things, names) in LISTS {
        if config.flag(option) {
            log::raw(frame(things, names).as_bytes());
        }
    }
    if config.flag("alarm-list") {
        let kinds: Vec<_> = uwsgi_alarm::KINDS.iter().map(|kind| kind.name).collect();
        log::raw(frame("alarms", &kinds).as_bytes());
    }
}

/// Names the encoders, in the words of their options.
pub(crate) fn encoders(config: &Config) {
    Logging::registered(config).iter().for_each(|line| log!("{line}"));
}

fn frame(things: &str, names: &[&str]) -> String {
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    format!("\n*** uWSGI loaded {things} ***\n{lines}--- end of {things} list ---\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_belongs_to_an_option_that_works() {
        for (option, ..) in LISTS {
            let row = uwsgi_config::table::find(option).expect(option);
            assert_eq!(row.status, uwsgi_config::Status::Works, "{option}");
        }
    }

    #[test]
    fn an_empty_list_keeps_its_frame() {
        let expected = "\n*** uWSGI loaded alarms ***\n--- end of alarms list ---\n\n";
        assert_eq!(frame("alarms", &[]), expected);
    }
}
