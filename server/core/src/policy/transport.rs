//! The ways of lines through the instance: how much room they have, and who waits for it.

use std::time::Duration;

use uwsgi_config::Config;

use super::{Logging, number};

/// Bytes of a worker's ring.
const RING: u64 = 256 << 10;

/// Milliseconds that a worker waits for room in it.
const WAIT_MS: u64 = 500;

/// See the module.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Bytes of a worker's ring.
    ring: u64,
    /// What a worker waits for room in it, once until there is room again.
    pub wait: Duration,
    /// Messages have any length: those of the server, and those of requests.
    whole: [bool; 2],
}

impl Transport {
    pub(super) fn from_config(config: &Config) -> Transport {
        Transport {
            ring: number(config, "log-ring").unwrap_or(RING),
            wait: Duration::from_millis(number(config, "log-ring-wait").unwrap_or(WAIT_MS)),
            whole: ["log-master-stream", "log-master-req-stream"].map(|name| config.flag(name)),
        }
    }

    /// Words of a worker's ring.
    pub fn ring_words(&self) -> u32 {
        u32::try_from(self.ring / 8).unwrap_or(u32::MAX)
    }

    /// The longest line of a request; what is longer is cut.
    pub fn longest(&self, logging: &Logging) -> usize {
        let [server, requests] = self.whole;
        let whole = if logging.requests.is_some() { requests } else { server };
        let most = usize::try_from(self.ring / 2).unwrap_or(usize::MAX);
        if whole { most } else { logging.longest.min(most) }
    }
}
