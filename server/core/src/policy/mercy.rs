//! `worker-reload-mercy`, `mule-reload-mercy`, `reload-mercy`, in seconds.

use uwsgi_config::Config;
use uwsgi_duties::recycle;

use super::number;

/// What a process that was asked to leave may take, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mercies {
    /// Workers, and everybody without one of their own.
    pub worker_s: u64,
    /// Mules.
    pub mule_s: u64,
    /// `reload-mercy`, for daemons and the Emperor.
    pub general_s: Option<u64>,
}

/// Seconds that routers get at most to finish their sessions before the workers are asked to go.
const DRAIN_S: u64 = 30;

impl Mercies {
    /// What routers may take at a reload, seconds.
    #[must_use]
    pub fn drain_s(&self) -> u64 {
        self.worker_s.min(DRAIN_S)
    }

    pub(super) fn from_config(config: &Config) -> Mercies {
        let general_s = number(config, "reload-mercy");
        let own = number(config, "worker-reload-mercy");
        let (worker_s, _) = recycle::effective(own, general_s);
        let mule_s = number(config, "mule-reload-mercy").unwrap_or(60);
        Mercies { worker_s: worker_s.max(1), mule_s: mule_s.max(1), general_s }
    }
}
