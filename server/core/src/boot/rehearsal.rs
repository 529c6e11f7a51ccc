//! The instance of a trial (`crate::preflight`): as much of one as applications need to be loaded.

use std::path::PathBuf;

use uwsgi_config::Config;

use super::{Opened, Shared, assemble};
use crate::bound::{self, Bound};
use crate::instance::Instance;
use crate::kept::Table;
use crate::locks::Locks;
use crate::prometheus::Guard;
use crate::settings::Settings;
use crate::{language, limits, mule, signals};

/// An instance that binds nothing and serves nobody: what applications need to be loaded, all of it
/// its own. Those that a worker would load are loaded here too.
pub(crate) fn rehearsed(
    config: Config,
    mut settings: Settings,
    binary: PathBuf,
    cwd: PathBuf,
) -> Result<&'static Instance, String> {
    let (bound, nothing) = (Bound::default(), Table::default());
    (settings.metrics_arena, settings.metrics_dir) = (None, None);
    settings.lazy_apps = true;
    limits::adjust_workers(&mut settings);
    let arena = bound::open_arena(&settings, &bound, &nothing)?;
    bound::fill_arena(&arena, &settings, &bound, 0, &binary);
    let language = language::load(&config, &binary)?;
    let signals = signals::open(&settings, &nothing)?;
    let mail = mule::Mail::open(&settings, &nothing)?;
    let guard = Guard::open(&settings.prometheus, true)?;
    let (alarm_wire, log_tap) = (None, None);
    let locks = Locks::open(&settings)?;
    let fifo = None;
    let shared = Shared { arena, locks, language, alarm_wire, log_tap, signals, mail, fifo, guard };
    let opened = Opened { shared, bound, probes: None, binary, cwd, reloads: 1 };
    let instance = assemble(config, settings, opened)?;
    crate::metrics::start(instance)?;
    Ok(instance)
}
