//! `--check`: a configuration judged as a start would judge it, with nothing done.
//!
//! The same sources were read and the same plugins looked for; from here on it opens nothing,
//! writes nothing and changes nothing of the process. It judges the text and not the machine:
//! users, ports, directories and applications may be elsewhere.

use std::ffi::OsString;
use std::io::Write;

use uwsgi_config::{Answer, Config, Finding};

use crate::log;
use crate::settings::Settings;

/// Says all that is wrong; the exit code is 0 or 1.
pub(crate) fn run(config: &Config, argv: Vec<OsString>, answer: Answer) -> i32 {
    let (settings, mut faults) = Settings::from_config(config, argv);
    faults.extend(crate::thresholds::check(config, &settings));
    let findings: Vec<&Finding> = config.findings.iter().chain(&faults).collect();
    match answer {
        Answer::Text => {
            if config.flag("show-config") {
                log::raw(uwsgi_config::show_config(config).as_bytes());
            }
            let lines = uwsgi_config::report_text(config, &findings);
            lines.iter().for_each(|line| log!("{line}"));
        }
        Answer::Json => {
            let text = uwsgi_config::report_json(config, &findings);
            // A reader that went away is no failure of ours.
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
    }
    i32::from(config.faults().next().is_some() || !faults.is_empty())
}
