//! The child's side of `reload-preflight`: a new configuration, and its applications, tried before
//! the generation that serves is asked to go.
//!
//! The master executes the binary with its own arguments and environment, in the directory it was
//! started in; [`VARIABLE`] makes of that start a trial. It listens nowhere, writes nothing, runs no
//! hook and serves nobody: it reads the configuration as `--check` does, looks whether new addresses
//! are free (`addresses`) and the system has what is asked of it (`system`), then loads what the
//! configuration wants loaded into an instance of its own, with an arena of its own, and ends. What
//! it finds goes to its output, where `uwsgi_duties::preflight` reads it.
//!
//! What an application does while it is imported happens here too. It is alone in a session, and
//! what it leaves behind is ended with it: daemons too, unless the trial dies before its end.

pub(crate) mod addresses;
mod system;

use std::ffi::OsString;

use uwsgi_config::Finding;
use uwsgi_duties::preflight::{LOADED, READ, REASON};
use uwsgi_sys::{process, signal};

use self::addresses::Held;
use crate::boot::{self, Parts};
use crate::kept::Table;
use crate::policy::Preflight;
use crate::settings::Settings;
use crate::source::System;
use crate::{hooks, log, thresholds};

/// Its value is the level. It does not begin with `UWSGI_`, which would make it an option.
pub(crate) const VARIABLE: &str = "_UWSGI_PREFLIGHT";

/// How much more than its share of the processor the trial leaves to those who serve.
const NICE: i32 = 5;

/// How often it is looked for children of those that were ended.
const ROUNDS: u32 = 100;

impl Preflight {
    /// The value of [`VARIABLE`]; nothing where there is no trial.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Config => Some("config"),
            Self::App => Some("app"),
        }
    }
}

/// Whether this process is a trial; commands that it runs are none.
pub(crate) fn asked() -> Option<Preflight> {
    let word = std::env::var(VARIABLE).ok()?;
    uwsgi_sys::env::set(VARIABLE, None);
    [Preflight::Config, Preflight::App].into_iter().find(|level| level.word() == Some(&word))
}

/// Tries it; the exit code.
pub(crate) fn run(
    level: Preflight,
    argv: Vec<OsString>,
    parts: &'static Parts,
    kept: &Table,
) -> i32 {
    give_way();
    let code = try_out(level, argv, parts, kept).unwrap_or_else(|text| {
        log::raw(
            format!("{text}\n{REASON}{}\n", text.lines().next().unwrap_or_default()).as_bytes(),
        );
        1
    });
    end_everybody();
    // Nothing of the application runs at this end.
    process::exit_now(code)
}

/// What the application has started, also what became a daemon in a session of its own. The master
/// kills what is left in ours.
fn end_everybody() {
    for _ in 0..ROUNDS {
        let children = process::children();
        if children.is_empty() {
            return;
        }
        for pid in children {
            let _ = process::kill(pid, signal::SIGKILL);
            // Its own children are ours from then on.
            let _ = process::wait_for(pid);
        }
    }
}

/// Those who serve come first: where memory ends, the kernel takes this process.
fn give_way() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let _ = process::set_priority(NICE);
    let _ = process::adopt_orphans();
    signal::ignore(signal::SIGHUP);
    signal::ignore(signal::SIGPIPE);
}

fn try_out(
    level: Preflight,
    argv: Vec<OsString>,
    parts: &'static Parts,
    kept: &Table,
) -> Result<i32, String> {
    let held = Held::from_env();
    let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let config = uwsgi_config::try_out(&argv, &env, &System { embedded: &parts.embedded, kept });
    let binary = boot::binary_path(&argv);
    let (settings, mut faults) = Settings::from_config(&config, argv);
    faults.extend(thresholds::check(&config, &settings));
    let all: Vec<&Finding> = config.faults().chain(&faults).collect();
    if let Some(first) = all.first() {
        let lines = |finding: &&Finding| finding.lines();
        let text: Vec<String> = all.iter().flat_map(lines).collect();
        let reason: Vec<String> = first.lines().iter().map(|line| line.trim().to_owned()).collect();
        log::raw(format!("{}\n{REASON}{}\n", text.join("\n"), reason.join(" ")).as_bytes());
        return Ok(1);
    }
    system::try_start(&config, &settings)?;
    addresses::try_shared(&settings, &held)?;
    system::try_drop(&settings)?;
    let cwd = std::env::current_dir().unwrap_or_default();
    boot::enter(settings.chdir.as_deref())?;
    addresses::try_out(&settings, &held)?;
    system::try_out(&settings)?;
    log::raw(format!("{READ}\n").as_bytes());
    if level != Preflight::App {
        return Ok(0);
    }
    for (name, value) in &config.environment {
        uwsgi_sys::env::set(name, value.as_deref());
    }
    let lazy = settings.lazy_apps;
    let instance = boot::rehearsed(config, settings, binary, cwd)?;
    if let Err(code) = boot::load_plugins(instance) {
        return Ok(code.max(1));
    }
    hooks::after_request::find(instance)?;
    system::try_apps(&instance.settings, lazy)?;
    if let Err(code) = boot::load_apps(instance) {
        return Ok(code.max(1));
    }
    log::raw(format!("{LOADED}{}\n", instance.apps(1)).as_bytes());
    Ok(0)
}
