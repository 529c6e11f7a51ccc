//! Names of signals, for labels and keys.

use std::borrow::Cow;

use crate::rows::KillCells;

/// From 1 on, as machines number them that run this server.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// What a signal is called: `other` for 0, which stands for several, a number for those without a
/// name.
pub(crate) fn signal_name(signal: u64) -> Cow<'static, str> {
    match signal.checked_sub(1) {
        None => "other".into(),
        Some(at) => match NAMES.get(at as usize) {
            Some(name) => (*name).into(),
            None => signal.to_string().into(),
        },
    }
}

impl KillCells {
    /// What its signal is called.
    pub fn signal_name(&self) -> Cow<'static, str> {
        signal_name(self.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::signal_name;

    #[test]
    fn signals_have_their_names() {
        let table = [(0, "other"), (1, "SIGHUP"), (9, "SIGKILL"), (31, "SIGSYS"), (34, "34")];
        for (signal, name) in table {
            assert_eq!(signal_name(signal), name);
        }
    }
}
