//! What the options of the `attach-daemon` family say about one daemon.

use super::keys;
use crate::signal;

/// One daemon as it is configured. Its command runs through the shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// The command, for `sh -c`.
    pub command: String,
    /// The file that holds its pid: it outlives reload and stop of the instance.
    pub pidfile: Option<String>,
    /// Failed looks at the pidfile that a start may take, one a second; 0 is read as 1.
    pub freq: u32,
    /// The command stays in the foreground: this server puts it in the background and writes the
    /// pidfile.
    pub daemonize: bool,
    /// Its death ends the instance.
    pub control: bool,
    /// Files whose touch ends it, so that it starts again.
    pub touch: Vec<String>,
    /// Number of the signal that ends it.
    pub stop_signal: i32,
    /// Number of the signal at a reload of the instance; 0: the one that ends it.
    pub reload_signal: i32,
    /// It keeps the standard input of the server.
    pub stdin: bool,
    /// User to become, a name or a number.
    pub uid: Option<String>,
    /// Group to become, a name or a number.
    pub gid: Option<String>,
    /// It gets a PID namespace of its own.
    pub ns_pid: bool,
    /// Directory to start in.
    pub chdir: Option<String>,
    /// Longest delay of a respawn in seconds; 0 is [`super::MOST_DELAY`].
    pub max_throttle: u32,
    /// A daemon with a pidfile is told of reload and stop, too.
    pub notify_pid: bool,
    /// It runs only while this node is the lord of that legion.
    pub legion: Option<String>,
}

/// A value that was read, and what is odd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The daemon.
    pub spec: Spec,
    /// Lines to warn with; each names option and key.
    pub warnings: Vec<String>,
}

/// Names of the options that [`Spec::parse`] knows.
pub const OPTIONS: &[&str] = &[
    "attach-daemon",
    "attach-control-daemon",
    "smart-attach-daemon",
    "smart-attach-daemon2",
    "legion-attach-daemon",
    "legion-smart-attach-daemon",
    "legion-smart-attach-daemon2",
    "attach-daemon2",
];

/// What is tolerated of a start when `freq` is not given.
const FREQ: u32 = 10;

impl Spec {
    /// Reads the value of `option`, one of [`OPTIONS`]; the error is the line for the log, and the
    /// server must not start with it.
    pub fn parse(option: &str, value: &str) -> Result<Parsed, String> {
        if option == "attach-daemon2" {
            return from_keys(option, value);
        }
        let (legion, rest) = match option.strip_prefix("legion-") {
            None => (None, value),
            Some(_) => {
                let parts = value.split_once(' ').filter(|(name, _)| !name.is_empty());
                let parts =
                    parts.ok_or_else(|| format!("invalid legion daemon syntax: {value}"))?;
                (Some(parts.0.to_owned()), parts.1)
            }
        };
        let base = Spec { legion, freq: FREQ, stop_signal: signal::TERM, ..Spec::default() };
        let spec = match option.strip_prefix("legion-").unwrap_or(option) {
            "attach-daemon" => Spec { command: rest.to_owned(), ..base },
            "attach-control-daemon" => Spec { command: rest.to_owned(), control: true, ..base },
            "smart-attach-daemon" => smart(base, rest, value)?,
            "smart-attach-daemon2" => Spec { daemonize: true, ..smart(base, rest, value)? },
            _ => return Err(format!("--{option} attaches no daemon")),
        };
        if spec.command.trim().is_empty() {
            return Err(format!("--{option}: a command is needed: \"{value}\""));
        }
        Ok(Parsed { spec, warnings: Vec::new() })
    }

    /// It is a child that lives and dies with the instance.
    pub fn is_dumb(&self) -> bool {
        self.pidfile.is_none()
    }
}

/// `pidfile[,freq] command`; `value` is the whole value, for the error.
fn smart(base: Spec, rest: &str, value: &str) -> Result<Spec, String> {
    let wrong = || format!("invalid smart-attach-daemon syntax: {value}");
    let (file, command) = rest.split_once(' ').ok_or_else(wrong)?;
    let (file, freq) = match file.split_once(',') {
        Some((file, freq)) => (file, freq.parse().map_err(|_| wrong())?),
        None => (file, FREQ),
    };
    if file.is_empty() {
        return Err(wrong());
    }
    Ok(Spec { pidfile: Some(file.to_owned()), freq, command: command.to_owned(), ..base })
}

fn from_keys(option: &str, value: &str) -> Result<Parsed, String> {
    let pairs = keys::pairs(value).ok_or_else(|| format!("invalid --{option} keyval syntax"))?;
    let spec = Spec { freq: FREQ, stop_signal: signal::TERM, ..Spec::default() };
    let mut parsed = Parsed { spec, warnings: Vec::new() };
    for (key, value) in pairs {
        set(&mut parsed.spec, &key, value).map_err(|e| format!("--{option}: {e}"))?;
    }
    let spec = &mut parsed.spec;
    if spec.command.trim().is_empty() {
        return Err(format!("--{option}: you need to specify a 'command' key"));
    }
    if spec.daemonize && spec.pidfile.is_none() {
        return Err(format!("--{option}: 'daemonize' needs a 'pidfile' key to find the daemon by"));
    }
    if spec.control && spec.pidfile.is_some() {
        spec.control = false;
        let text =
            "'control' has no effect on a daemon with a pidfile, which outlives the instance";
        parsed.warnings.push(format!("--{option}: {text}"));
    }
    Ok(parsed)
}

/// Sets what one key says; the option table knows which there are, and warns of others.
fn set(spec: &mut Spec, key: &str, value: String) -> Result<(), String> {
    match key {
        "command" | "cmd" | "exec" => spec.command = value,
        "pidfile" => spec.pidfile = some(value),
        "freq" => spec.freq = number(key, &value, 0, u32::MAX)?,
        "daemonize" | "daemon" => spec.daemonize = true,
        "control" => spec.control = true,
        "touch" => {
            spec.touch = value.split(';').filter(|f| !f.is_empty()).map(str::to_owned).collect();
        }
        "stopsignal" | "stop_signal" => spec.stop_signal = signal_number(key, &value, 1)?,
        "reloadsignal" | "reload_signal" => spec.reload_signal = signal_number(key, &value, 0)?,
        "stdin" => spec.stdin = true,
        "uid" => spec.uid = some(value),
        "gid" => spec.gid = some(value),
        "ns_pid" => spec.ns_pid = true,
        "chdir" => spec.chdir = some(value),
        "max_throttle" => spec.max_throttle = number(key, &value, 0, u32::MAX)?,
        "notifypid" => spec.notify_pid = true,
        "legion" => spec.legion = some(value),
        _ => {}
    }
    Ok(())
}

fn some(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

fn number(key: &str, value: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = value.trim().parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| format!("invalid {key} \"{value}\": a number from {least} is needed"))
}

fn signal_number(key: &str, value: &str, least: i32) -> Result<i32, String> {
    let number = value.trim().parse().ok().filter(|n| (least..=signal::MOST).contains(n));
    let most = signal::MOST;
    let why = || format!("invalid {key} \"{value}\": a number from {least} to {most} is needed");
    number.ok_or_else(why)
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
