//! The options of alarms, typed and checked. Pure.

use std::time::Duration;

use uwsgi_alarm::{Definition, Limits};
use uwsgi_config::{Config, Entry, Finding};

use super::rules::Rules;

/// Bytes read at once from a descriptor, at most.
const MOST_BYTES: usize = 1 << 16;

/// Runs of one alarm in a second, unless `alarm-rate` says otherwise.
const RATE: i64 = 100;

/// A descriptor that raises an alarm when it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The alarm.
    pub alarm: String,
    /// The descriptor.
    pub fd: i32,
    /// Bytes that belong to one event.
    pub bytes: usize,
    /// The message.
    pub text: String,
}

/// Everything the configuration says of alarms.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// The alarms, in order.
    pub definitions: Vec<Definition>,
    /// Their limits.
    pub limits: Limits,
    /// Those of the network deliver one after the other.
    pub cheap: bool,
    /// Raised by a crash.
    pub segfault: Vec<String>,
    /// Raised by a full listen queue.
    pub backlog: Vec<String>,
    /// Raised by descriptors.
    pub watched: Vec<Watched>,
    /// Raised by lines of the log.
    pub rules: Rules,
}

impl Alarms {
    /// Reads them. Without any alarm the monitors are not looked at, as ever: there is nothing
    /// that they could raise.
    pub(crate) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Alarms {
        let names = |option: &str| config.values(option).map(str::to_owned).collect();
        let number =
            |option: &str, default| u64::try_from(config.int(option, default)).unwrap_or(0);
        let mut alarms = Alarms {
            definitions: definitions(config, faults),
            limits: Limits {
                freq: Duration::from_secs(number("alarm-freq", 3)),
                size: number("alarm-msg-size", 8192),
                rate: u32::try_from(number("alarm-rate", RATE)).unwrap_or(u32::MAX),
            },
            cheap: config.flag("alarm-cheap"),
            segfault: names("alarm-segfault"),
            backlog: names("alarm-backlog"),
            watched: Vec::new(),
            rules: Rules::default(),
        };
        if !alarms.definitions.is_empty() {
            alarms.watched = watched(config, &alarms, faults);
            alarms.rules = Rules::from_config(config, &alarms.definitions, faults);
        }
        alarms
    }

    /// Whether there is an alarm of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.definitions.iter().any(|definition| definition.name == name)
    }
}

fn definitions(config: &Config, faults: &mut Vec<Finding>) -> Vec<Definition> {
    let mut out = Vec::new();
    let facts = super::facts(config);
    for entry in config.all("alarm") {
        let read = Definition::parse(entry.text());
        let sound = read.and_then(|definition| definition.action(&facts).map(|_| definition));
        match sound {
            Ok(definition) => out.push(definition),
            Err(text) => faults.push(fault(text, entry, "<name> <plugin>:<arguments>")),
        }
    }
    out
}

fn fault(text: String, entry: &Entry, allowed: &str) -> Finding {
    Finding::fault(text).about(entry).allowed(allowed)
}

fn watched(config: &Config, alarms: &Alarms, faults: &mut Vec<Finding>) -> Vec<Watched> {
    let mut out = Vec::new();
    for entry in config.all("alarm-fd") {
        match watch(entry.text()) {
            Some(watched) if alarms.knows(&watched.alarm) => out.push(watched),
            Some(watched) => {
                let text = format!("unable to find alarm \"{}\"", watched.alarm);
                faults.push(fault(text, entry, "the name of an alarm"));
            }
            None => {
                let text = format!("invalid alarm-fd syntax: {}", entry.text());
                faults.push(fault(text, entry, "<alarm> <fd>[:<bytes>] <message>"));
            }
        }
    }
    out
}

/// `<alarm> <fd>[:<bytes>] <message>`. Like C's `atoi`, what is no number is 0: a variable that
/// is not set where a configuration is checked is no fault of the configuration.
fn watch(text: &str) -> Option<Watched> {
    let (alarm, rest) = text.split_once(' ')?;
    let (fd, message) = rest.split_once(' ')?;
    let (fd, bytes) = fd.split_once(':').unwrap_or((fd, "1"));
    let bytes = bytes.parse().unwrap_or(1).clamp(1, MOST_BYTES);
    let fd = fd.parse().unwrap_or(0);
    Some(Watched { alarm: alarm.to_owned(), fd, bytes, text: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_belong_to_the_word_of_the_descriptor() {
        for (text, expected) in [
            ("a 5:8 MSG", Some((5, 8, "MSG"))),
            ("a 5 two words: really", Some((5, 1, "two words: really"))),
            ("a 5:8 ", Some((5, 8, ""))),
            ("a 5:0 x", Some((5, 1, "x"))),
            ("a 5:999999999 x", Some((5, MOST_BYTES, "x"))),
            ("a $(FD):8 x", Some((0, 8, "x"))),
            ("a 5", None),
            ("a", None),
        ] {
            let got = watch(text);
            let got = got.as_ref().map(|w| (w.fd, w.bytes, w.text.as_str()));
            assert_eq!(got, expected, "{text}");
        }
    }
}
