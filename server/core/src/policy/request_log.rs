//! When a request gets its line in the log, and how lines look.

use uwsgi_config::Config;
use uwsgi_logs::request::{Field, Format};

use crate::log::DateStyle;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    /// No line for ordinary requests.
    pub disabled: bool,
    /// Times in microseconds.
    pub micros: bool,
    /// `log-4xx`.
    pub on_4xx: bool,
    /// `log-5xx`.
    pub on_5xx: bool,
    /// `log-zero`: empty bodies.
    pub on_zero: bool,
    /// `log-sendfile`: the body was a file.
    pub on_sendfile: bool,
    /// `log-ioerror`: the client could not be read from, or not be written to.
    pub on_io_error: bool,
    /// `log-slow`, milliseconds; 0 is off.
    pub slow_ms: u64,
    /// `log-big`, bytes; 0 is off.
    pub big_bytes: u64,
    /// Show `X-Forwarded-For` as the address.
    pub forwarded_for: bool,
    /// Show the host in front of the line.
    pub vhost: bool,
    /// Lines are JSON objects (`log-json`).
    pub json: bool,
    /// `log-format`.
    pub format: Option<Format>,
    /// Format of `%(ftime)`, where it has one of its own.
    pub date: Option<String>,
    /// What clients have written can neither end a quoted value nor the line.
    pub escape: bool,
    /// Memory figures in front of each line: 0 none, 1 what is mapped and resident, 2 shares too.
    pub memory: u8,
    /// The format shows the memory of the worker.
    pub shows_memory: bool,
}

impl RequestLog {
    /// Whether lines show this of requests.
    pub(crate) fn shows(config: &Config, field: Field) -> bool {
        let format = config.last("log-format").map(Format::parse);
        format.is_some_and(|format| format.asks_for(|asked| asked == field))
    }

    pub(crate) fn from_config(config: &Config, dates: &DateStyle) -> RequestLog {
        let number = |name: &str| u64::try_from(config.int(name, 0)).unwrap_or(0);
        let format = config.last("log-format").map(Format::parse);
        let asked = format.as_ref().is_some_and(|format| format.asks_for(Field::needs_memory));
        let own_date = config.flag("logformat-strftime");
        RequestLog {
            disabled: config.flag("disable-logging"),
            micros: config.flag("log-micros"),
            on_4xx: config.flag("log-4xx"),
            on_5xx: config.flag("log-5xx"),
            on_zero: config.flag("log-zero"),
            on_sendfile: config.flag("log-sendfile"),
            on_io_error: config.flag("log-ioerror"),
            slow_ms: number("log-slow"),
            big_bytes: number("log-big"),
            forwarded_for: config.flag("log-x-forwarded-for"),
            vhost: config.flag("vhost") || config.flag("vhost-host"),
            json: config.flag("log-json"),
            shows_memory: asked && config.memory(),
            format,
            date: dates.format.clone().filter(|_| own_date),
            escape: config.flag("log-escape"),
            memory: memory_level(config),
        }
    }
}

/// `memory-report`, which is a switch or a number.
pub(crate) fn memory_level(config: &Config) -> u8 {
    match config.flag("memory-report") {
        true if config.int("memory-report", 1) > 1 => 2,
        on => u8::from(on),
    }
}
