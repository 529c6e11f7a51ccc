//! Signals while the server starts. Part of the start-up.

use uwsgi_sys::signal;

use crate::settings::Settings;
use crate::sockets;

/// Until the master runs, requests for a reload or a report wait; INT, and TERM where it means the
/// end, act at once: an application that hangs while it loads must not be in the way.
pub(super) fn hold_signals(settings: &Settings) -> Result<(), String> {
    let mut held = vec![signal::SIGHUP, signal::SIGUSR1, signal::SIGUSR2, signal::SIGALRM];
    let (mut end, brutal) = (vec![signal::SIGINT], [signal::SIGQUIT, signal::SIGTERM]);
    for signal in brutal {
        let stops = settings.die_on_term == (signal == signal::SIGTERM) || !settings.master;
        if stops { end.push(signal) } else { held.push(signal) }
    }
    let failed = |e: std::io::Error| format!("sigaction(): {}", sockets::plain(&e));
    signal::hold(&held).map_err(failed)?;
    // Also where a shell that starts us in the background passes an ignored INT on.
    signal::end_at(&end, "SIGINT/SIGTERM received while starting...\ngoodbye to uWSGI.\n")
        .map_err(failed)
}
