//! What pushers ask of the instance they belong to.

use std::time::Duration;

use uwsgi_metrics::PusherRow;

/// The options of the configuration, by name.
pub trait Options {
    /// Every value of an option that may be repeated, in order.
    fn all(&self, name: &str) -> Vec<String>;

    /// Whether a switch is on.
    fn flag(&self, name: &str) -> bool;

    /// The value of an option that has one.
    fn last(&self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// A number; `default` when the option is absent. What is no number was refused before.
    fn int(&self, name: &str, default: i64) -> i64;

    /// A variable of the environment; nothing when it is empty.
    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// What is only known when everything is bound and forked.
pub struct Work<'a> {
    /// The rows of the receivers, in their order.
    pub rows: &'a [&'static PusherRow],
    /// Writes one line to the log.
    pub log: Log,
    /// Names of the sockets of the workers, as the stats show them.
    pub sockets: &'a [String],
    /// When the arena was made, epoch nanoseconds: the beginning of every count.
    pub since_ns: u64,
}

/// Writes one line to the log.
pub type Log = fn(&str);

/// The facts.
pub struct Facts<'a> {
    /// The configuration.
    pub options: &'a dyn Options,
    /// Host name.
    pub hostname: String,
    /// Server version.
    pub version: String,
    /// Stem of the configuration file; empty without one.
    pub stem: String,
    /// Time a network exchange may take without an option of its own (`socket-timeout`).
    pub timeout: Duration,
    /// Time between two pushes without a value of its own (`stats-pusher-default-freq`).
    pub every: Duration,
    /// Whether workers listen somewhere.
    pub sockets: bool,
    /// Worker processes.
    pub processes: u32,
    /// Whether workers are started and stopped by demand.
    pub cheaper: bool,
    /// Whether rss and vsz are measured.
    pub memory: bool,
    /// Whether the metrics subsystem is on.
    pub metrics: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Options that a test made up.
    pub(crate) struct Given(Vec<(String, String)>);

    impl Given {
        pub(crate) fn of(options: &[(&str, &str)]) -> Given {
            Given(options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
        }

        /// An instance with two workers behind one socket.
        pub(crate) fn facts(&self) -> Facts<'_> {
            Facts {
                options: self,
                hostname: "vm".into(),
                version: "2.0.31".into(),
                stem: "app".into(),
                timeout: Duration::from_secs(4),
                every: Duration::from_secs(3),
                sockets: true,
                processes: 2,
                cheaper: false,
                memory: true,
                metrics: true,
            }
        }
    }

    impl Options for Given {
        fn all(&self, name: &str) -> Vec<String> {
            self.0.iter().filter(|(known, _)| known == name).map(|(_, v)| v.clone()).collect()
        }

        fn flag(&self, name: &str) -> bool {
            self.last(name).is_some_and(|value| value != "false")
        }

        fn int(&self, name: &str, default: i64) -> i64 {
            self.last(name).and_then(|value| value.parse().ok()).unwrap_or(default)
        }

        fn environment(&self, name: &str) -> Option<String> {
            self.last(name).filter(|value| !value.is_empty())
        }
    }
}
