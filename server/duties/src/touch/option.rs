//! What the options of the touch family say about one file.

/// A file, and what its change means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// A file or a directory.
    pub path: String,
    /// What its change means.
    pub deed: Deed,
}

/// What the change of a file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `touch-reload`.
    Reload,
    /// `touch-workers-reload`.
    ReloadWorkers,
    /// `touch-chain-reload`.
    ReloadChain,
    /// `touch-mules-reload`.
    ReloadMules,
    /// `touch-spoolers-reload`.
    ReloadSpoolers,
    /// `touch-logrotate`.
    RotateLog,
    /// `touch-logreopen`.
    ReopenLog,
    /// `touch-exec`: a command for the shell.
    Run(String),
    /// `touch-signal`: number of a uwsgi signal.
    Raise(u8),
    /// `hook-touch`: an action and its argument.
    Hook(String),
    /// The key `touch` of the daemon with this number; no option of this family.
    Daemon(usize),
}

/// Names of the options that [`Watch::parse`] knows.
pub const OPTIONS: &[&str] = &[
    "touch-reload",
    "touch-workers-reload",
    "touch-chain-reload",
    "touch-mules-reload",
    "touch-spoolers-reload",
    "touch-logrotate",
    "touch-logreopen",
    "touch-exec",
    "touch-signal",
    "hook-touch",
];

impl Watch {
    /// Reads the value of `option`, one of [`OPTIONS`]; the error is the line for the log, and the
    /// server must not start with it. The first blank ends the file where more follows.
    pub fn parse(option: &str, value: &str) -> Result<Watch, String> {
        let watch = |path: &str, deed| Watch { path: path.to_owned(), deed };
        let plain = match option {
            "touch-reload" => Deed::Reload,
            "touch-workers-reload" => Deed::ReloadWorkers,
            "touch-chain-reload" => Deed::ReloadChain,
            "touch-mules-reload" => Deed::ReloadMules,
            "touch-spoolers-reload" => Deed::ReloadSpoolers,
            "touch-logrotate" => Deed::RotateLog,
            "touch-logreopen" => Deed::ReopenLog,
            "touch-exec" => {
                let (path, command) = parts(option, value, "command")?;
                return Ok(watch(path, Deed::Run(command.to_owned())));
            }
            "touch-signal" => {
                let (path, number) = parts(option, value, "signal")?;
                let number = number.trim().parse().map_err(|_| {
                    format!("invalid --{option} \"{value}\": a signal from 0 to 255 is needed")
                })?;
                return Ok(watch(path, Deed::Raise(number)));
            }
            "hook-touch" => {
                let (path, action) = parts(option, value, "action:arg")?;
                return Ok(watch(path, Deed::Hook(action.to_owned())));
            }
            _ => return Err(format!("--{option} watches no file")),
        };
        if value.is_empty() {
            return Err(format!("invalid --{option}: a file is needed"));
        }
        Ok(watch(value, plain))
    }
}

fn parts<'a>(option: &str, value: &'a str, what: &str) -> Result<(&'a str, &'a str), String> {
    let parts = value.split_once(' ').map(|(path, rest)| (path, rest.trim_start()));
    parts
        .filter(|(path, rest)| !path.is_empty() && !rest.is_empty())
        .ok_or_else(|| format!("invalid --{option} \"{value}\": must be \"file {what}\""))
}
