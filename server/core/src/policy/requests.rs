//! Options of single requests: how chunked bodies are read, which application serves.

use uwsgi_config::Config;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Largest chunk that an application may read as one, bytes.
    pub chunk_limit: usize,
    /// Longest wait for a chunk, milliseconds.
    pub chunk_timeout_ms: i32,
    /// Requests may name applications to load.
    pub dynamic_apps: bool,
    /// `SCRIPT_NAME` chooses no application.
    pub ignore_script_name: bool,
    /// The host of a request is part of the key by which its application is found.
    pub vhost: Option<VHost>,
}

/// Where the host of a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VHost {
    /// The header `Host`, else `SERVER_NAME`.
    Any,
    /// The header `Host` alone.
    Header,
}

impl Requests {
    pub(super) fn from_config(config: &Config) -> Requests {
        let patience = match config.int("chunked-input-timeout", 0) {
            seconds if seconds > 0 => seconds,
            _ => config.int("socket-timeout", 4).max(1),
        };
        Requests {
            chunk_limit: usize::try_from(config.int("chunked-input-limit", 1 << 20))
                .unwrap_or(1 << 20),
            chunk_timeout_ms: milliseconds(patience),
            dynamic_apps: !config.flag("no-dynamic-apps")
                && (config.flag("dynamic-apps") || !config.has("dynamic-apps")),
            ignore_script_name: config.flag("ignore-script-name"),
            vhost: match (config.flag("vhost-host"), config.flag("vhost")) {
                (true, _) => Some(VHost::Header),
                (false, true) => Some(VHost::Any),
                (false, false) => None,
            },
        }
    }
}

/// Seconds as a bound of one wait.
pub(crate) fn milliseconds(seconds: i64) -> i32 {
    i32::try_from(seconds.saturating_mul(1000)).unwrap_or(i32::MAX)
}
