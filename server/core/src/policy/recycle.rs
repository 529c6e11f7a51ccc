//! When a worker has served, lived or grown enough: `max-requests`, `max-worker-lifetime`,
//! `reload-on-rss` and their kin.

use uwsgi_config::Config;
use uwsgi_duties::recycle::{COLLECTOR, Limits, MIN_LIFETIME};

use super::number;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recycling {
    /// The limits.
    pub limits: Limits,
    /// `mem-collector-freq`: seconds between two looks at the sizes that end a worker at once.
    pub collector_s: u64,
}

impl Recycling {
    pub(super) fn from_config(config: &Config) -> Recycling {
        let number = |name: &str| number(config, name).unwrap_or(0);
        let bytes = |name: &str| config.megabytes(name).unwrap_or(0);
        let least = super::number(config, "min-worker-lifetime").unwrap_or(MIN_LIFETIME);
        let often = super::number(config, "mem-collector-freq").filter(|often| *often > 0);
        Recycling {
            limits: Limits {
                requests: number("max-requests"),
                requests_delta: number("max-requests-delta"),
                min_lifetime_s: least,
                max_lifetime_s: number("max-worker-lifetime"),
                lifetime_delta_s: number("max-worker-lifetime-delta"),
                address_space: bytes("reload-on-as"),
                rss: bytes("reload-on-rss"),
                uss: bytes("reload-on-uss"),
                pss: bytes("reload-on-pss"),
                evil_address_space: bytes("evil-reload-on-as"),
                evil_rss: bytes("evil-reload-on-rss"),
            },
            collector_s: often.unwrap_or(COLLECTOR),
        }
    }
}
