//! `harakiri` and its kin, in seconds.

use uwsgi_config::Config;
use uwsgi_duties::harakiri::{self, Deadline};
use uwsgi_metrics::Phase;

use super::number;

/// What is done to a process whose task takes too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harakiri {
    /// `harakiri`: what a request may take; 0 for no limit.
    pub limit_s: u64,
    /// `mule-harakiri`: what a task of a mule may take; 0 for no limit.
    pub mule_s: u64,
    /// `harakiri-no-arh`: what follows the response has no limit.
    pub no_arh: bool,
    /// What the master does to a worker.
    pub course: harakiri::Config,
}

impl Harakiri {
    /// When a request must be done that began at `since_us` and is in this phase; `user_us` is the
    /// application's own deadline, 0 for none.
    pub fn deadline(&self, since_us: u64, phase: Phase, user_us: u64) -> Option<Deadline> {
        let free = self.no_arh && phase == Phase::Closing;
        harakiri::earliest(since_us, self.limit_s, user_us).filter(|_| !free)
    }

    pub(super) fn from_config(config: &Config) -> Harakiri {
        let usual = harakiri::Config::default();
        // There is no signal 0: it stands for the usual one.
        let signal = number(config, "harakiri-graceful-signal").filter(|signal| *signal > 0);
        let signal = signal.and_then(|signal| i32::try_from(signal).ok());
        Harakiri {
            limit_s: number(config, "harakiri").unwrap_or(0),
            mule_s: number(config, "mule-harakiri").unwrap_or(0),
            no_arh: config.flag("harakiri-no-arh"),
            course: harakiri::Config {
                grace_s: number(config, "harakiri-graceful-timeout").unwrap_or(0),
                grace_signal: signal.unwrap_or(usual.grace_signal),
                threshold: number(config, "harakiri-queue-threshold").unwrap_or(0),
                verbose: config.flag("harakiri-verbose"),
                stacks: true,
            },
        }
    }
}
