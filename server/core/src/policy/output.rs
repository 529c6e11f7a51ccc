//! Where the log goes and whether the terminal is left: `daemonize`, `logto` and their kin.

use uwsgi_config::Config;

/// See the module.
#[derive(Clone, Debug)]
pub struct Output {
    /// Leave the terminal at once, log to this.
    pub daemonize: Option<String>,
    /// Leave the terminal when the applications are loaded, log to this.
    pub daemonize2: Option<String>,
    /// Log to this from the start.
    pub logto: Option<String>,
    /// Log to this when privileges are dropped.
    pub logto2: Option<String>,
    /// Log files begin empty.
    pub truncate: bool,
    /// Log files are opened again at a reload.
    pub reopen: bool,
    /// Mode of log files.
    pub mode: Option<u32>,
    /// File mode creation mask that was asked for.
    pub umask: Option<u32>,
    /// An Emperor watches this process: it stays where it is.
    pub vassal: bool,
}

impl Output {
    pub(super) fn from_config(config: &Config) -> Output {
        let text = |name: &str| config.last(name).map(str::to_owned);
        Output {
            daemonize: text("daemonize"),
            daemonize2: text("daemonize2"),
            logto: text("logto"),
            logto2: text("logto2"),
            truncate: config.flag("log-truncate"),
            reopen: config.flag("log-reopen"),
            mode: config.chmod("logfile-chmod"),
            umask: text("umask").as_deref().and_then(umask),
            vassal: config.vassal,
        }
    }
}

/// The last three octal digits count.
fn umask(text: &str) -> Option<u32> {
    let digits = text.trim();
    let digits = digits.get(digits.len().saturating_sub(3)..)?;
    u32::from_str_radix(digits, 8).ok()
}
