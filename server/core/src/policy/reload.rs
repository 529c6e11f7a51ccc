//! What starts a reload beside signals, and what must be good before one begins: `touch-*`, `fs-*`,
//! `reload-on-fd`, `brutal-reload-on-fd`, `reload-preflight`.

use uwsgi_config::{Config, Entry, Finding};
use uwsgi_duties::touch::Watch;

use super::number;

/// How much of a new configuration is tried before a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// Nothing.
    None,
    /// It is read and judged.
    Config,
    /// Its applications are loaded as well.
    App,
}

/// What a change below a watched path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// A reload; graceful or not.
    Reload {
        /// Requests at hand may end.
        graceful: bool,
    },
    /// A uwsgi signal is raised.
    Signal(u8),
}

/// A descriptor whose readiness means a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its number.
    pub fd: i32,
    /// Bytes to read of it; at least one is read.
    pub size: usize,
    /// What to say.
    pub message: Option<String>,
    /// Requests at hand may end.
    pub graceful: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Reload {
    /// What is tried first.
    pub preflight: Preflight,
    /// Seconds that it may take, where an option says so.
    pub preflight_s: Option<u64>,
    /// Files of the touch family.
    pub touches: Vec<Watch>,
    /// Paths watched for any change.
    pub paths: Vec<(String, OnChange)>,
    /// Descriptors.
    pub ready: Vec<Ready>,
}

/// Options of the touch family that are carried out in this part.
const TOUCHES: &[&str] = &[
    "touch-reload",
    "touch-workers-reload",
    "touch-chain-reload",
    "touch-mules-reload",
    "touch-logrotate",
    "touch-logreopen",
    "touch-exec",
    "touch-signal",
    "hook-touch",
];

/// The most that is read of a ready descriptor.
const MOST_READ: usize = 1 << 20;

impl Reload {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Reload {
        let preflight = match config.last("reload-preflight") {
            Some("none") => Preflight::None,
            Some("config") => Preflight::Config,
            _ => Preflight::App,
        };
        Reload {
            preflight,
            preflight_s: number(config, "reload-preflight-timeout"),
            touches: touches(config, faults),
            paths: paths(config, faults),
            ready: ready(config, faults),
        }
    }
}

fn touches(config: &Config, faults: &mut Vec<Finding>) -> Vec<Watch> {
    let mut watches = Vec::new();
    for option in TOUCHES {
        for entry in config.all(option) {
            match Watch::parse(option, entry.text()) {
                Ok(watch) => watches.push(watch),
                Err(text) => faults.push(Finding::fault(text).about(entry)),
            }
        }
    }
    watches
}

fn paths(config: &Config, faults: &mut Vec<Finding>) -> Vec<(String, OnChange)> {
    let reload = |option: &str, graceful| {
        let of = move |entry: &Entry| (entry.text().to_owned(), OnChange::Reload { graceful });
        config.all(option).map(of).collect::<Vec<_>>()
    };
    let mut all = reload("fs-reload", true);
    all.extend(reload("fs-brutal-reload", false));
    for entry in config.all("fs-signal") {
        let parts = entry.text().rsplit_once(' ');
        match parts.and_then(|(path, number)| Some((path.trim_end(), number.parse().ok()?))) {
            Some((path, number)) if !path.is_empty() => {
                all.push((path.to_owned(), OnChange::Signal(number)));
            }
            _ => faults.push(wrong(entry, "a path, a blank and a signal from 0 to 255")),
        }
    }
    all
}

fn ready(config: &Config, faults: &mut Vec<Finding>) -> Vec<Ready> {
    let mut all = Vec::new();
    for (option, graceful) in [("reload-on-fd", true), ("brutal-reload-on-fd", false)] {
        for entry in config.all(option) {
            match parse_ready(entry.text(), graceful) {
                Some(one) => all.push(one),
                None => faults.push(wrong(entry, "a descriptor as fd, fd:bytes, fd:bytes text")),
            }
        }
    }
    all
}

/// `fd[:bytes][ message]`.
fn parse_ready(text: &str, graceful: bool) -> Option<Ready> {
    let (place, message) = match text.split_once(' ') {
        Some((place, message)) => (place, Some(message.trim())),
        None => (text, None),
    };
    let (fd, size) = place.split_once(':').unwrap_or((place, "0"));
    let size: usize = size.parse().ok().filter(|size| *size <= MOST_READ)?;
    let fd = fd.parse().ok().filter(|fd| *fd >= 0)?;
    let message = message.filter(|message| !message.is_empty()).map(str::to_owned);
    Some(Ready { fd, size, message, graceful })
}

fn wrong(entry: &Entry, allowed: &str) -> Finding {
    let text = format!("invalid --{} \"{}\"", entry.key, entry.text());
    Finding::fault(text).about(entry).allowed(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_may_say_how_much_is_read_and_what_is_said() {
        let ready = |fd, size, message: Option<&str>| {
            Some(Ready { fd, size, message: message.map(str::to_owned), graceful: true })
        };
        assert_eq!(parse_ready("7", true), ready(7, 0, None));
        assert_eq!(parse_ready("7:8", true), ready(7, 8, None));
        assert_eq!(parse_ready("7:8 data is here", true), ready(7, 8, Some("data is here")));
        assert_eq!(parse_ready("7 now", true), ready(7, 0, Some("now")));
        for text in ["", "x", "-1", "7:", "7:x", "7:9999999999"] {
            assert_eq!(parse_ready(text, true), None, "{text}");
        }
    }
}
