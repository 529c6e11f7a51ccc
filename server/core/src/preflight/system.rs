//! What a new configuration expects of the system: users and groups, directories, files, limits. Part
//! of the trial.
//!
//! Each of these ends a start with one line. The next image would find out when this one has gone,
//! so the trial looks for all of them; it makes and locks nothing. It becomes the user for whom
//! applications are loaded, as the next image does.

use std::fs::OpenOptions;

use uwsgi_config::Config;

use crate::policy::Point;
use crate::settings::Settings;
use crate::sockets::plain;
use crate::{fifo, limits, master, metrics, privileges};

/// Options that name a file to lock.
const LOCKS: [&str; 4] = ["flock", "flock-wait", "flock2", "flock-wait2"];

/// Before anything is opened. The error is the text for the log, as the next image would write it.
pub(crate) fn try_start(config: &Config, settings: &Settings) -> Result<(), String> {
    LOCKS.iter().flat_map(|name| config.all(name)).try_for_each(|entry| lockable(entry.text()))?;
    limits::address_space(config);
    privileges::rehearse(settings)
}

/// When what is shared has been looked at.
pub(crate) fn try_drop(settings: &Settings) -> Result<(), String> {
    become_user(settings, settings.policy.privileges.point == Point::Start)
}

/// In the directory of the instance, before plugins are loaded.
pub(crate) fn try_out(settings: &Settings) -> Result<(), String> {
    master::people(settings)?;
    fifo::try_out(settings)?;
    metrics::try_out(settings)
}

/// Before applications are loaded; `lazy`: by workers.
pub(crate) fn try_apps(settings: &Settings, lazy: bool) -> Result<(), String> {
    let now = match settings.policy.privileges.point {
        Point::Start | Point::Apps => false,
        Point::Sockets | Point::Plugins => true,
        Point::Child => lazy,
    };
    become_user(settings, now)
}

fn become_user(settings: &Settings, now: bool) -> Result<(), String> {
    if now { privileges::rehearse_drop(settings) } else { Ok(()) }
}

/// Whether the file could be locked if nobody else has it.
fn lockable(path: &str) -> Result<(), String> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map(drop).map_err(|e| format!("open(\"{path}\"): {}", plain(&e)))
}
