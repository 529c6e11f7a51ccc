//! What the options of the touch family say about one file.

/// A file, and what its change means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// A file or a directory.
    pub path: String,
    /// What is to be done when it changes.
    pub order: Order,
}

/// What is to be done when a file changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// `touch-reload`: reload the instance, gracefully.
    Reload,
    /// `touch-workers-reload`: reload the workers alone.
    ReloadWorkers,
    /// `touch-chain-reload`: reload one worker after the other.
    ReloadChain,
    /// `touch-mules-reload`: reload the mules.
    ReloadMules,
    /// `touch-spoolers-reload`: reload the spoolers.
    ReloadSpoolers,
    /// `touch-logrotate`: move the log file away and open a new one.
    RotateLog,
    /// `touch-logreopen`: open the log file again.
    ReopenLog,
    /// `touch-exec`: run a command through the shell, without waiting.
    Run(String),
    /// `touch-signal`: raise the uwsgi signal of this number.
    Raise(u8),
    /// `hook-touch`: run an action, given with its argument; its failure ends nothing.
    Hook(String),
    /// The key `touch` of a daemon, no option of this family: end the daemon, so that it starts
    /// again.
    Daemon {
        /// Its number.
        id: usize,
        /// The file.
        file: String,
    },
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
    /// A file of the daemon with this number.
    pub fn of_daemon(id: usize, path: &str) -> Watch {
        let file = path.to_owned();
        Watch { path: path.to_owned(), order: Order::Daemon { id, file } }
    }

    /// Reads the value of `option`, one of [`OPTIONS`]; the error is the line for the log, and the
    /// server must not start with it. The first blank ends the file where more follows.
    pub fn parse(option: &str, value: &str) -> Result<Watch, String> {
        let watch = |path: &str, order| Watch { path: path.to_owned(), order };
        let plain = match option {
            "touch-reload" => Order::Reload,
            "touch-workers-reload" => Order::ReloadWorkers,
            "touch-chain-reload" => Order::ReloadChain,
            "touch-mules-reload" => Order::ReloadMules,
            "touch-spoolers-reload" => Order::ReloadSpoolers,
            "touch-logrotate" => Order::RotateLog,
            "touch-logreopen" => Order::ReopenLog,
            "touch-exec" => {
                let (path, command) = parts(option, value, "command")?;
                return Ok(watch(path, Order::Run(command.to_owned())));
            }
            "touch-signal" => {
                let (path, number) = parts(option, value, "signal")?;
                let number = number.trim().parse().map_err(|_| {
                    format!("invalid --{option} \"{value}\": a signal from 0 to 255 is needed")
                })?;
                return Ok(watch(path, Order::Raise(number)));
            }
            "hook-touch" => {
                let (path, action) = parts(option, value, "action:arg")?;
                return Ok(watch(path, Order::Hook(action.to_owned())));
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
