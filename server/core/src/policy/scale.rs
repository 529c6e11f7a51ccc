//! `cheaper*`, `cheap`, `idle`, `die-on-idle`, `die-on-no-workers`.

use uwsgi_cheaper::{Busyness, Settings};
use uwsgi_config::Config;
use uwsgi_duties::idle;

use super::number;

/// How the number of workers follows the load.
#[derive(Clone, Debug)]
pub struct Scale {
    /// `cheaper*`, where a floor is given that leaves room.
    pub cheaper: Option<Settings>,
    /// Life without workers.
    pub idle: idle::Config,
    /// `die-on-no-workers`.
    pub die_on_no_workers: bool,
    /// `cheaper-trace`: where the load is written down.
    pub trace: Option<String>,
}

impl Scale {
    pub(super) fn from_config(config: &Config) -> Scale {
        let settings = settings(config);
        let cheaper = settings.clone().bounded();
        let floor = cheaper.as_ref().map_or(0, |settings| settings.cheaper);
        Scale {
            idle: idle::Config {
                cheap: config.flag("cheap"),
                idle_s: number(config, "idle").unwrap_or(0),
                die: config.flag("die-on-idle"),
                governed: false,
                cheaper: u32::try_from(floor).unwrap_or(u32::MAX),
                processes: u32::try_from(settings.processes).unwrap_or(u32::MAX),
            },
            cheaper,
            die_on_no_workers: config.flag("die-on-no-workers"),
            trace: config.last("cheaper-trace").map(str::to_owned),
        }
    }
}

/// The options of cheaper as they are written.
pub(crate) fn settings(config: &Config) -> Settings {
    let usual = Settings::default();
    let or = |name: &str, default: u64| number(config, name).unwrap_or(default);
    let size = |name: &str, default: u64| usize::try_from(or(name, default)).unwrap_or(usize::MAX);
    let cycle_ms = or("check-interval", 1).max(1).saturating_mul(1_000);
    Settings {
        processes: size("processes", 1).max(1),
        cheaper: size("cheaper", 0),
        initial: size("cheaper-initial", 0),
        algo: config.last("cheaper-algo").unwrap_or(&usual.algo).to_owned(),
        step: or("cheaper-step", usual.step),
        overload: or("cheaper-overload", usual.overload),
        idle: or("cheaper-idle", usual.idle),
        rss_soft: or("cheaper-rss-limit-soft", 0),
        rss_hard: or("cheaper-rss-limit-hard", 0),
        busy_cores: or("cheaper-busy-cores", 0),
        cycle_ms: or("cheaper-cycle", cycle_ms).max(MIN_CYCLE_MS),
        busyness: busyness(config),
    }
}

/// The master has other things to do.
const MIN_CYCLE_MS: u64 = 10;

fn busyness(config: &Config) -> Busyness {
    let of = |name: &str| number(config, &format!("cheaper-busyness-{name}")).unwrap_or(0);
    let asked = Busyness {
        max: of("max"),
        min: of("min"),
        multiplier: of("multiplier"),
        penalty: of("penalty"),
        verbose: config.flag("cheaper-busyness-verbose"),
        backlog_alert: of("backlog-alert"),
        backlog_multiplier: of("backlog-multiplier"),
        backlog_step: of("backlog-step"),
        backlog_nonzero: of("backlog-nonzero"),
    };
    asked.effective()
}
