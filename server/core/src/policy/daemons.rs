//! The `attach-daemon` family: which daemons there are.
//!
//! Users and groups stay the words they were written as; who starts the daemons looks them up.

use uwsgi_config::{Config, Entry, Finding};
use uwsgi_duties::daemons::{OPTIONS, Spec};

/// What the options say.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// The daemons in option order.
    pub specs: Vec<Spec>,
    /// All of them keep the standard input of the server (`daemons-honour-stdin`).
    pub honour_stdin: bool,
    /// What is odd about them, a line each.
    pub notes: Vec<String>,
}

impl Attached {
    /// Somebody reads the standard input of the server.
    pub fn wants_stdin(&self) -> bool {
        self.honour_stdin || self.specs.iter().any(|spec| spec.stdin)
    }

    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Attached {
        let mut attached =
            Attached { honour_stdin: config.flag("daemons-honour-stdin"), ..Attached::default() };
        for entry in &config.entries {
            if let Some(option) = entry.row.map(|row| row.name).filter(|name| is_ours(name)) {
                attached.add(config, entry, option, faults);
            }
        }
        attached
    }

    fn add(&mut self, config: &Config, entry: &Entry, option: &str, faults: &mut Vec<Finding>) {
        match Spec::parse(option, entry.text()) {
            Ok(parsed) => {
                self.notes.extend(parsed.warnings);
                self.notes.extend(parsed.spec.legion.as_ref().map(|legion| {
                    let command = &parsed.spec.command;
                    format!(
                        "*** WARNING: --{option}: daemon \"{command}\" is not started: it waits \
                         for the legion \"{legion}\", and legions are not implemented yet ***"
                    )
                }));
                self.specs.push(parsed.spec);
            }
            // Said already by who checks all lists of keys.
            Err(_) if config.faults().any(|fault| is_about(fault, entry)) => {}
            Err(text) => {
                faults.push(Finding::fault(text).about(entry).allowed(allowed(option)));
            }
        }
    }
}

/// Those of legions are known and not built.
fn is_ours(name: &str) -> bool {
    OPTIONS.contains(&name) && !name.starts_with("legion-")
}

fn is_about(fault: &Finding, entry: &Entry) -> bool {
    fault.option.as_ref() == Some(&entry.key) && fault.value == entry.value
}

fn allowed(option: &str) -> &'static str {
    match option {
        "attach-daemon2" => "key=value,key=value with a command",
        "smart-attach-daemon" | "smart-attach-daemon2" => "pidfile[,freq] command",
        _ => "a command",
    }
}
