//! Daemons as everybody may see them: their rows in the arena.

use uwsgi_duties::daemons::{Daemons, End, State, Status};
use uwsgi_metrics::DaemonState;

use crate::instance::Instance;
use crate::master::edge;

/// What was written last, and how often each daemon was started before this image.
pub(super) struct Rows {
    before: Vec<u64>,
    shown: Vec<Status>,
}

impl Rows {
    /// The rows belong to the daemons of this configuration from now on.
    pub(super) fn new(instance: &Instance) -> Rows {
        let specs = &instance.settings.policy.daemons.specs;
        let before = (0..).zip(specs).map(|(id, spec)| {
            let row = instance.arena.daemon(id);
            row.assign(&spec.command);
            row.spawns.get()
        });
        Rows { before: before.collect(), shown: Vec::new() }
    }

    /// Writes what has changed.
    pub(super) fn show(&mut self, instance: &Instance, courses: &Daemons) {
        let now: Vec<Status> = courses.status().collect();
        for ((id, before), (at, status)) in (0..).zip(&self.before).zip(now.iter().enumerate()) {
            if self.shown.get(at) == Some(status) {
                continue;
            }
            let row = instance.arena.daemon(id);
            row.state.set(state(status.state) as u64);
            row.pid.set(u64::try_from(status.pid).unwrap_or(0));
            row.spawns.set(before.saturating_add(status.spawns));
            row.throttle_s.set(status.throttle_s);
            row.since.set(match status.up_since_us {
                0 => 0,
                us => edge::now().wall_at(us),
            });
            if let Some(end) = status.last_end {
                row.last_exit.set(1 + exit_status(end));
            }
        }
        self.shown = now;
    }
}

/// As shells count.
fn exit_status(end: End) -> u64 {
    let status = match end {
        End::Code(code) => code,
        End::Signal(signal) => signal.saturating_add(128),
    };
    u64::try_from(status).unwrap_or(0)
}

fn state(state: State) -> DaemonState {
    match state {
        State::Down => DaemonState::Down,
        State::Starting => DaemonState::Starting,
        State::Up => DaemonState::Up,
        State::Adopted => DaemonState::Adopted,
        State::Throttled => DaemonState::Throttled,
        State::Stopping => DaemonState::Stopping,
        State::Gone => DaemonState::Gone,
    }
}
