//! The configuration as the server uses it: typed, checked, decided once before the first fork.
//!
//! Owns the meaning of options for the process model; it refuses to touch the system.

use std::ffi::OsString;

use uwsgi_config::{Config, Finding};
use uwsgi_watch::plan::Plan;
use uwsgi_watch::threshold::Spec;

use crate::plugin::Modifiers;
pub use crate::policy::RequestLog;
use crate::policy::{self, Policy};
use crate::probes;
use crate::prometheus::Prometheus;
pub use crate::protocol::{Protocol, Stamps};

/// A worker socket to bind.
#[derive(Clone, Debug)]
pub struct SocketSpec {
    /// Address as written.
    pub address: String,
    /// What it speaks.
    pub protocol: Protocol,
}

/// Everything the processes need to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Supervise with a master process.
    pub master: bool,
    /// Worker processes, at least 1.
    pub processes: u32,
    /// Request threads of each worker, at least 1.
    pub threads: u32,
    /// Load apps in each worker.
    pub lazy_apps: bool,
    /// On HUP restart the workers only.
    pub lazy: bool,
    /// No app, no service.
    pub need_app: bool,
    /// Room for apps per worker.
    pub max_apps: u32,
    /// TERM stops and QUIT reloads, instead of the other way round.
    pub die_on_term: bool,
    /// Exit instead of exec at reload.
    pub exit_on_reload: bool,
    /// Remove pidfiles and UNIX sockets at exit.
    pub vacuum: bool,
    /// Paths written at the four points of the start.
    pub pidfile: Option<String>,
    /// After privileges are dropped.
    pub pidfile2: Option<String>,
    /// After the start is complete.
    pub safe_pidfile: Option<String>,
    /// After the workers are there.
    pub safe_pidfile2: Option<String>,
    /// Modifiers that go elsewhere or nowhere.
    pub modifiers: Modifiers,
    /// Worker sockets in option order.
    pub sockets: Vec<SocketSpec>,
    /// Front addresses of the http router.
    pub http: Vec<String>,
    /// Processes of the http router.
    pub http_processes: u32,
    /// Keep-alive idle seconds of the http router; `None` when off.
    pub http_keepalive: Option<u64>,
    /// Idle timeout of the http router, seconds.
    pub http_timeout: u64,
    /// Modifiers the http router stamps.
    pub http_modifiers: (u8, u8),
    /// Modifiers stamped on requests of sockets that carry none.
    pub stamps: Stamps,
    /// Stats addresses.
    pub stats: Vec<String>,
    /// Stats answer HTTP.
    pub stats_http: bool,
    /// No newlines or tabs in the stats.
    pub stats_minified: bool,
    /// Leave cores out of the stats.
    pub stats_no_cores: bool,
    /// Leave metrics out of the stats.
    pub stats_no_metrics: bool,
    /// Leave request variables out of the stats.
    pub stats_no_vars: bool,
    /// The metrics subsystem is on.
    pub metrics: bool,
    /// User metrics (`metric = ...`).
    pub user_metrics: Plan,
    /// Directory with a file for each metric.
    pub metrics_dir: Option<String>,
    /// Counters go on from what the files of that directory say.
    pub metrics_dir_restore: bool,
    /// Leave cores out of the list of metrics.
    pub metrics_no_cores: bool,
    /// The list of metrics has those that uWSGI does not know.
    pub metrics_extended: bool,
    /// Room for labelled series of applications.
    pub metrics_series: u32,
    /// Thresholds in option order.
    pub thresholds: Vec<Spec>,
    /// Path of the arena; anonymous without one.
    pub metrics_arena: Option<String>,
    /// Latency histograms are kept.
    pub request_metrics: bool,
    /// In-flight records are kept; harakiri cannot do without.
    pub inflight: bool,
    /// How metrics are served.
    pub prometheus: Prometheus,
    /// Probes in the kernel that are wanted.
    pub ebpf: Vec<&'static uwsgi_ebpf::Probe>,
    /// Path under which their maps are shown.
    pub ebpf_pin: Option<String>,
    /// Collect memory of workers.
    pub memory_report: bool,
    /// And by who else uses it.
    pub memory_shares: bool,
    /// Listen queue length.
    pub listen: i64,
    /// Mode of UNIX sockets.
    pub chmod_socket: Option<u32>,
    /// Plain names are abstract.
    pub abstract_socket: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// SO_KEEPALIVE.
    pub so_keepalive: bool,
    /// TCP_NODELAY on accepted connections.
    pub tcp_nodelay: bool,
    /// TCP_DEFER_ACCEPT is wanted.
    pub defer_accept: bool,
    /// Seconds of every wait on a client.
    pub socket_timeout: u64,
    /// Bytes of request variables.
    pub buffer_size: usize,
    /// `max-vars`.
    pub max_vars: usize,
    /// Largest announced body, bytes; 0 is no limit.
    pub limit_post: u64,
    /// Bytes of response headers.
    pub response_headers_limit: usize,
    /// Failed writes the app does not hear of.
    pub write_errors_tolerance: u64,
    /// No line for failed writes.
    pub ignore_write_errors: bool,
    /// No line for SIGPIPE.
    pub ignore_sigpipe: bool,
    /// Headers added to every response.
    pub add_headers: Vec<(String, String)>,
    /// A plain 500 page when the app dies before its headers.
    pub exception_500: bool,
    /// `manage-script-name`.
    pub manage_script_name: bool,
    /// `cgi-mode`: answers begin with `Status:`.
    pub cgi_mode: bool,
    /// Options of the process model.
    pub policy: Policy,
    /// Seconds respawning pauses when workers die too fast.
    pub forkbomb_delay: u64,
    /// Program of each mule; empty for one that waits for signals and messages.
    pub mules: Vec<String>,
    /// Room of the queues of messages, bytes; 0 leaves it to the system.
    pub mule_msg_size: usize,
    /// Longest message that a mule without a program takes whole, bytes.
    pub mule_msg_recv_size: usize,
    /// Room of the queues of signals, bytes; 0 leaves it to the system.
    pub signal_bufsize: usize,
    /// Process titles.
    pub procname: crate::procname::Style,
    /// Request log.
    pub request_log: RequestLog,
    /// `log-date`.
    pub log_date: crate::log::DateStyle,
    /// Directory entered before apps load.
    pub chdir: Option<String>,
    /// Directory entered by workers after apps load.
    pub chdir2: Option<String>,
    /// Descriptor 0 stays what it was.
    pub honour_stdin: bool,
    /// User to become.
    pub uid: Option<String>,
    /// Group to become.
    pub gid: Option<String>,
    /// Initialise everything, serve nothing.
    pub no_server: bool,
    /// The kernel kills the workers when the master ends.
    pub no_orphans: bool,
    /// Children that the application left are buried after each request.
    pub reaper: bool,
    /// Stack of request threads beyond the first, bytes; 0 leaves it to the system.
    pub thread_stack: usize,
    /// One worker without sockets.
    pub command_mode: bool,
    /// What a socket without an option of its own speaks.
    pub protocol: Protocol,
    /// What a listening socket on descriptor 0 speaks; `None` when it is left alone.
    pub zero: Option<Protocol>,
    /// Descriptors that a reload keeps open.
    pub safe_fds: Vec<i32>,
    /// Addresses of UDP sockets for anything.
    pub udp: Vec<String>,
    /// Path of the UNIX socket whose datagrams are lines of the log.
    pub notify_socket: Option<String>,
    /// The SNMP agent, if there is to be one.
    pub snmp: Option<crate::snmp::Snmp>,
    /// How SNMP and AgentX show numbers.
    pub snmp_rules: uwsgi_snmp::Rules,
    /// The master agent whose subagent this instance is.
    pub agentx: Option<crate::agentx::Master>,
    /// Alarms and what raises them.
    pub alarms: crate::alarm::Alarms,
    /// What is pushed to whom.
    pub pushers: uwsgi_pushers::Plans,
    /// The original arguments, for the next image.
    pub argv: Vec<OsString>,
}

/// As many as a process can hold the queues of.
const MAX_MULES: usize = 1024;

impl Settings {
    /// False when workers would have nothing to serve, which only `no-server` allows.
    pub fn has_workers(&self) -> bool {
        let served = !self.sockets.is_empty() || !self.http.is_empty();
        served || self.command_mode || !self.no_server
    }

    /// Reads the configuration; the faults found are to be told before anything else is done.
    pub fn from_config(config: &Config, argv: Vec<OsString>) -> (Settings, Vec<Finding>) {
        let mut faults = Vec::new();
        let protocol = Protocol::from_config(config, &mut faults);
        let command_mode = config.flag("command-mode");
        let exception_only = config.flag("write-errors-exception-only");
        let number =
            |name: &str, default: i64| u64::try_from(config.int(name, default)).unwrap_or(0);
        let text = |name: &str| config.last(name).map(str::to_owned);
        let list = |name: &str| -> Vec<String> {
            config.all(name).filter_map(|e| e.value.clone()).collect()
        };
        let small = |name: &str, default: i64| config.int(name, default).clamp(0, 255) as u8;
        let request_metrics = !config.has("request-metrics") || config.flag("request-metrics");
        let mut settings = Settings {
            master: config.master(),
            processes: if command_mode { 1 } else { number("processes", 1).max(1) as u32 },
            threads: number("threads", 1).max(1) as u32,
            lazy_apps: config.flag("lazy-apps") || config.flag("lazy"),
            lazy: config.flag("lazy"),
            need_app: config.flag("need-app"),
            max_apps: number("max-apps", 64).max(1) as u32,
            die_on_term: config.flag("die-on-term"),
            exit_on_reload: config.flag("exit-on-reload"),
            vacuum: config.flag("vacuum"),
            pidfile: text("pidfile"),
            pidfile2: text("pidfile2"),
            safe_pidfile: text("safe-pidfile"),
            safe_pidfile2: text("safe-pidfile2"),
            sockets: if command_mode { Vec::new() } else { sockets(config, protocol) },
            http: if command_mode { Vec::new() } else { list("http") },
            http_processes: number("http-processes", 1).max(1) as u32,
            http_keepalive: keepalive(config),
            http_timeout: number("http-timeout", 60).max(1),
            http_modifiers: (small("http-modifier1", 0), small("http-modifier2", 0)),
            stamps: Stamps::from_config(config),
            stats: list("stats"),
            stats_http: config.flag("stats-http"),
            stats_minified: config.flag("stats-minified"),
            stats_no_cores: config.flag("stats-no-cores"),
            stats_no_metrics: config.flag("stats-no-metrics"),
            stats_no_vars: config.flag("stats-no-vars"),
            metrics: config.metrics(),
            user_metrics: Plan::default(),
            metrics_dir: text("metrics-dir"),
            metrics_dir_restore: config.flag("metrics-dir-restore"),
            metrics_no_cores: config.flag("metrics-no-cores"),
            metrics_extended: config.flag("metrics-extended"),
            metrics_series: config.int("metrics-series", 8192).clamp(0, 1 << 18) as u32,
            thresholds: crate::thresholds::read(config, &mut faults),
            metrics_arena: text("metrics-arena"),
            request_metrics,
            inflight: request_metrics || config.int("harakiri", 0) > 0,
            prometheus: Prometheus::from_config(config, &mut faults),
            ebpf: probes::chosen(config, &mut faults),
            ebpf_pin: text("ebpf-pin"),
            memory_report: config.memory(),
            memory_shares: policy::memory_level(config) > 1,
            listen: config.int("listen", 100),
            chmod_socket: config.chmod("chmod-socket"),
            abstract_socket: config.flag("abstract-socket"),
            reuse_port: config.flag("reuse-port"),
            so_keepalive: config.flag("so-keepalive"),
            tcp_nodelay: config.flag("tcp-nodelay"),
            defer_accept: !config.flag("no-defer-accept"),
            socket_timeout: number("socket-timeout", 4).max(1),
            buffer_size: number("buffer-size", 4096).max(128) as usize,
            max_vars: number("max-vars", 64).max(1) as usize,
            limit_post: number("limit-post", 0),
            response_headers_limit: number("response-headers-limit", 65_536) as usize,
            write_errors_tolerance: number("write-errors-tolerance", 0),
            ignore_write_errors: config.flag("ignore-write-errors") || exception_only,
            ignore_sigpipe: config.flag("ignore-sigpipe") || exception_only,
            add_headers: add_headers(config, &mut faults),
            modifiers: Modifiers::from_config(config, &mut faults),
            exception_500: config.flag("exception-500"),
            manage_script_name: config.flag("manage-script-name"),
            cgi_mode: config.flag("cgi-mode"),
            policy: Policy::from_config(config, &mut faults),
            forkbomb_delay: number("forkbomb-delay", 2),
            mules: mules(config),
            mule_msg_size: number("mule-msg-size", 0) as usize,
            mule_msg_recv_size: number("mule-msg-recv-size", 65_536).clamp(1, 1 << 30) as usize,
            signal_bufsize: number("signal-bufsize", 0) as usize,
            procname: crate::procname::Style {
                auto: config.flag("auto-procname")
                    || config.has("procname-master")
                    || config.has("procname-prefix")
                    || config.has("procname-prefix-spaced")
                    || config.has("procname-append"),
                all: text("procname"),
                master: text("procname-master"),
                prefix: text("procname-prefix")
                    .or_else(|| {
                        text("procname-prefix-spaced").map(|p| p.trim_end().to_owned() + " ")
                    })
                    .unwrap_or_default(),
                append: text("procname-append").unwrap_or_default(),
            },
            request_log: RequestLog::from_config(config, &log_date(config)),
            log_date: log_date(config),
            chdir: text("chdir"),
            chdir2: text("chdir2"),
            honour_stdin: config.flag("honour-stdin"),
            uid: text("uid"),
            gid: text("gid"),
            no_server: config.flag("no-server"),
            no_orphans: config.flag("no-orphans"),
            reaper: config.flag("reaper"),
            thread_stack: (number("thread-stacksize", 0).min(1 << 30) as usize) << 10,
            command_mode,
            protocol,
            zero: (!config.flag("skip-zero") && !command_mode).then_some(protocol),
            safe_fds: safe_fds(config, &mut faults),
            udp: list("udp"),
            notify_socket: config.last("notify-socket").map(str::to_owned),
            snmp: crate::snmp::Snmp::from_config(config, &mut faults),
            snmp_rules: crate::snmp::rules(config),
            agentx: crate::agentx::from_config(config, &mut faults),
            alarms: crate::alarm::Alarms::from_config(config, &mut faults),
            pushers: Vec::new(),
            argv,
        };
        settings.user_metrics = crate::metrics::plan(config, &settings, &mut faults);
        settings.pushers = crate::pushers::plans(config, &settings, &mut faults);
        (settings, faults)
    }

    /// Modifiers of requests that carry none.
    pub fn modifiers_of(&self, protocol: Protocol) -> (u8, u8) {
        match protocol {
            Protocol::Link => self.http_modifiers,
            Protocol::Uwsgi | Protocol::Puwsgi => self.policy.sockets.modifiers,
            Protocol::Http | Protocol::Http11 => self.stamps.http,
            Protocol::FastCgi | Protocol::FastCgiNph => self.stamps.fastcgi,
            Protocol::Scgi | Protocol::ScgiNph => self.stamps.scgi,
            Protocol::Raw => self.stamps.raw,
        }
    }

    /// The mode line of the start-up log.
    pub fn mode(&self) -> &'static str {
        match (self.processes > 1, self.threads > 1) {
            (true, true) => "preforking+threaded",
            (true, false) => "preforking",
            (false, true) => "threaded",
            (false, false) => "single process",
        }
    }
}

fn safe_fds(config: &Config, faults: &mut Vec<Finding>) -> Vec<i32> {
    let mut out = Vec::new();
    for entry in config.all("safe-fd") {
        match entry.text().trim().parse::<i32>() {
            Ok(fd) if fd >= 0 => out.push(fd),
            _ => {
                let text = format!("invalid value for option \"safe-fd\": {}", entry.text());
                faults
                    .push(Finding::fault(text).about(entry).allowed("the number of a descriptor"));
            }
        }
    }
    out
}

fn sockets(config: &Config, default: Protocol) -> Vec<SocketSpec> {
    let spec = |e: &uwsgi_config::Entry| {
        let protocol = Protocol::of_option(e.row?.name, default)?;
        Some(SocketSpec { address: e.value.clone()?, protocol })
    };
    config.entries.iter().filter_map(spec).collect()
}

/// The mules in option order: `mule` is one, with or without a program, `mules` are many without.
fn mules(config: &Config) -> Vec<String> {
    let mut out = Vec::new();
    for entry in &config.entries {
        match entry.row.map(|row| row.name) {
            Some("mule") => out.push(entry.text().to_owned()),
            Some("mules") => {
                let count = entry.text().trim().parse().unwrap_or(0);
                out.resize(out.len() + usize::min(count, MAX_MULES), String::new());
            }
            _ => {}
        }
    }
    out.truncate(MAX_MULES);
    out
}

/// `http-keepalive`: on unless switched off; a number above 1 is the idle limit in seconds.
fn keepalive(config: &Config) -> Option<u64> {
    const DEFAULT_IDLE: u64 = 60;
    match config.last("http-keepalive").map(str::trim) {
        None | Some("" | "1") => Some(DEFAULT_IDLE),
        Some(v) if ["0", "false", "no", "off"].iter().any(|w| v.eq_ignore_ascii_case(w)) => None,
        Some(v) => Some(v.parse().unwrap_or(DEFAULT_IDLE)),
    }
}

fn add_headers(config: &Config, faults: &mut Vec<Finding>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in config.all("add-header").filter(|e| e.value.is_some()) {
        match entry.text().split_once(':') {
            Some((name, rest)) => out.push((name.trim().to_owned(), rest.trim().to_owned())),
            None => {
                let text = format!(
                    "invalid value for option \"add-header\": \"{}\" has no colon",
                    entry.text()
                );
                faults.push(Finding::fault(text).about(entry).allowed("Name: value"));
            }
        }
    }
    out
}

fn log_date(config: &Config) -> crate::log::DateStyle {
    let json = config.flag("log-json");
    if !config.has("log-date") {
        return crate::log::DateStyle { json, ..Default::default() };
    }
    let plain = ["", "true", "1", "on", "yes"];
    let format = config
        .last("log-date")
        .filter(|v| !plain.iter().any(|p| v.eq_ignore_ascii_case(p)))
        .map(str::to_owned);
    crate::log::DateStyle { always: true, json, format }
}
