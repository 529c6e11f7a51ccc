//! `log-master`, loggers, routes, encoders, rotation.
//!
//! Loggers of both streams have one numbering: main loggers first, in the order of their options, then
//! those of requests.

use uwsgi_config::{Config, Entry, Finding, Flags};
use uwsgi_logs::encode::{self, Step};
use uwsgi_logs::logger::{self, Kind, Spec};
use uwsgi_logs::plan::{Plan, Station};

use super::number;

/// Options that name a logger in the value, and what stands in front of it.
const MAIN: [(&str, &str); 4] =
    [("logger", ""), ("log-syslog", "syslog"), ("log-socket", "socket"), ("log-zeromq", "zeromq")];

/// Loggers of single processes.
const OF_WORKERS: [&str; 4] =
    ["worker-logger", "worker-logger-req", "worker-log-encoder", "worker-log-req-encoder"];

/// Bytes of a message that is handed on as one where a stream was asked for: nothing is cut, but a
/// process that never ends its line must not fill our memory.
const STREAM: usize = 16 << 20;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Logging {
    /// Lines of all processes go through one that carries them.
    pub through: bool,
    /// Loggers of both streams.
    pub loggers: Vec<Spec>,
    /// Where lines of the server go.
    pub main: Plan,
    /// Where lines of requests go; `None` where they are lines like all others.
    pub requests: Option<Plan>,
    /// What they become on their way.
    pub encoders: Vec<Step>,
    /// The same for lines of requests.
    pub request_encoders: Vec<Step>,
    /// Bytes of a message that is handed on as one.
    pub longest: usize,
    /// Bytes of a datagram of rsyslog.
    pub rsyslog_packet: usize,
    /// Longer messages take several.
    pub rsyslog_split: bool,
    /// Bytes from which on the log file has to go; 0 is no limit.
    pub most: u64,
    /// What it is called then.
    pub backup: Option<String>,
    /// Options that lead nowhere: lines for the log.
    pub remarks: Vec<String>,
}

impl Logging {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Logging {
        let judged = config.faults().next().is_some();
        let mut read = Reader { config, faults, judged, remarks: Vec::new() };
        read.refuse_workers();
        let mut loggers = read.loggers(&MAIN);
        let of_main = stations(&loggers, 0);
        let of_requests = read.loggers(&[("req-logger", "")]);
        let request_stations = stations(&of_requests, loggers.len());
        loggers.extend(of_requests);
        let (main, requests) = read.plans(&of_main, &request_stations);
        let encoders = read.encoders("log-encoder", &loggers);
        let request_encoders = read.encoders("log-req-encoder", &loggers);
        Logging {
            remarks: read.remarks,
            through: config.any(Flags::LOG_MASTER),
            loggers,
            main,
            requests: requests.filter(|_| config.any(Flags::REQ_LOG_MASTER)),
            encoders,
            request_encoders,
            longest: match config.flag("log-master-stream") {
                true => STREAM,
                false => size(config, "log-master-bufsize", 8192).max(1),
            },
            rsyslog_packet: size(config, "rsyslog-packet-size", 1024),
            rsyslog_split: config.flag("rsyslog-split-messages"),
            most: number(config, "log-maxsize").unwrap_or(0),
            backup: config.last("log-backupname").map(str::to_owned),
        }
    }

    /// Gives each logger its row.
    pub(crate) fn fill_rows(&self, arena: &uwsgi_metrics::Arena) {
        for (index, spec) in (0..).zip(&self.loggers) {
            let (kind, target) = (spec.kind.name(), spec.kind.to_string());
            arena.logger(index).assign(spec.name.as_deref().unwrap_or(kind), &target);
        }
    }

    /// Whether descriptors that loggers write to are open; the error is the line for the log.
    pub(crate) fn check_descriptors(&self) -> Result<(), String> {
        let all = self.loggers.iter().filter_map(|spec| match spec.kind {
            Kind::Fd(fd) => Some(fd),
            _ => None,
        });
        let mut closed = all.filter(|fd| uwsgi_sys::fd::duplicate(*fd).is_err());
        closed.next().map_or(Ok(()), |fd| {
            let remedy =
                format!("whoever starts the server has to open it, as in \"uwsgi ... {fd}>>file\"");
            Err(format!("logger \"fd:{fd}\": descriptor {fd} is not open: {remedy}"))
        })
    }

    /// What is said of encoders at the start.
    pub fn registered(config: &Config) -> Vec<String> {
        let said = |entry: &Entry| {
            let name = entry.row.map(|row| row.name)?;
            let known = ["log-encoder", "log-req-encoder"].contains(&name);
            let value = entry.value.as_deref().unwrap_or("");
            known.then(|| format!("[{name}] registered {value}"))
        };
        config.entries.iter().filter_map(said).collect()
    }

    /// Whether lines go to the log itself as they are.
    pub fn is_plain(&self) -> bool {
        let steps = self.encoders.is_empty() && self.request_encoders.is_empty();
        self.loggers.is_empty() && self.main.is_plain() && steps
    }
}

/// As many bytes as an option says.
fn size(config: &Config, name: &str, default: u64) -> usize {
    usize::try_from(number(config, name).unwrap_or(default)).unwrap_or(usize::MAX)
}

fn stations(specs: &[Spec], first: usize) -> Vec<Station> {
    let station = |(index, spec): (usize, &Spec)| Station { index, name: spec.name.clone() };
    (first..).zip(specs).map(station).collect()
}

/// Goes over the options and collects what is wrong with them.
struct Reader<'a> {
    config: &'a Config,
    faults: &'a mut Vec<Finding>,
    /// The configuration has faults: patterns are among what was judged there.
    judged: bool,
    remarks: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Loggers are served by one process for all: a receiver that is slow must not hold up a worker.
    fn refuse_workers(&mut self) {
        let named: Vec<&Entry> =
            OF_WORKERS.into_iter().flat_map(|name| self.entries(name)).collect();
        for entry in named {
            let (key, plain) = (&entry.key, entry.key.trim_start_matches("worker-"));
            let text = format!("{key}: workers have no loggers of their own");
            let use_this = format!("\"{plain}\", with a master");
            self.faults.push(Finding::fault(text).about(entry).allowed(use_this));
        }
    }

    fn entries(&self, name: &'a str) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let of = move |entry: &&Entry| entry.row.is_some_and(|row| row.name == name);
        self.config.entries.iter().filter(of)
    }

    fn keep<T>(
        &mut self,
        entry: &Entry,
        read: Result<T, String>,
        right: impl Fn() -> String,
    ) -> Option<T> {
        let fault = |text| Finding::fault(text).about(entry).allowed(right());
        read.map_err(|text| self.faults.push(fault(text))).ok()
    }

    /// In the order of the configuration, whichever of the options it is.
    fn loggers(&mut self, options: &[(&str, &str)]) -> Vec<Spec> {
        let mut found = Vec::new();
        for entry in &self.config.entries {
            let name = entry.row.map_or("", |row| row.name);
            let Some((_, plugin)) = options.iter().find(|(option, _)| *option == name) else {
                continue;
            };
            let value = match (*plugin, entry.value.as_deref().unwrap_or("")) {
                ("", value) => value.to_owned(),
                (plugin, "") => plugin.to_owned(),
                (plugin, value) => format!("{plugin}:{value}"),
            };
            let spec = Spec::parse(&value);
            found.extend(self.keep(entry, spec, || logger::usage(&value)));
        }
        found
    }

    /// As with the original, what leads nowhere is no fault; but somebody has misspelt something.
    fn remark(&mut self, entry: &Entry) {
        let value = entry.value.as_deref().unwrap_or("");
        let text = format!("{} \"{value}\": there is no logger of that name", entry.key);
        self.remarks.push(format!("[uwsgi-log] {text}"));
    }

    fn encoders(&mut self, name: &'a str, loggers: &[Spec]) -> Vec<Step> {
        let read = |entry: &'a Entry| (entry, Step::parse(entry.value.as_deref().unwrap_or("")));
        let all: Vec<(&Entry, _)> = self.entries(name).map(read).collect();
        let right = || encode::USAGE.to_owned();
        let mut steps = Vec::new();
        for (entry, step) in all {
            let Some(step) = self.keep(entry, step, right) else { continue };
            let known = |name: &String| loggers.iter().any(|spec| spec.name.as_ref() == Some(name));
            if step.logger.as_ref().is_some_and(|name| !known(name)) {
                self.remark(entry);
            }
            steps.push(step);
        }
        steps
    }

    fn plans(&mut self, main: &[Station], requests: &[Station]) -> (Plan, Option<Plan>) {
        let (mut plan, mut request_plan) = (Plan::new(main), Plan::new(requests));
        // Routes of requests may lead to a logger of either stream; their own come first.
        let either = [requests, main].concat();
        for name in ["log-drain", "log-filter", "log-route", "log-req-route"] {
            for entry in self.entries(name) {
                let value = entry.value.as_deref().unwrap_or("");
                let read = match name {
                    "log-drain" => plan.drain(value).map(|()| true),
                    "log-filter" => plan.filter(value).map(|()| true),
                    "log-route" => plan.route(value, main),
                    _ => request_plan.route(value, &either),
                };
                if read == Ok(false) {
                    self.remark(entry);
                }
                if !self.judged {
                    self.keep(entry, read, || "a regular expression".to_owned());
                }
            }
        }
        (plan, Some(request_plan))
    }
}
