//! Mules in the master: what follows a death, and the limit of their handlers.

use std::time::{Duration, Instant};

use uwsgi_sys::signal;

use super::children::Role;
use super::fate::Shot;
use super::{Master, Phase};
use crate::signals::{self, Receiver};
use crate::{clock, log, logv};

/// A mule that lived no longer than this is not started again at once.
const SHORT_LIFE: u64 = 1;

impl Master<'_> {
    /// A mule has ended.
    pub(super) fn mule_ended(&mut self, at: usize, id: u32, pid: i32) {
        let row = self.instance.arena.mule(id);
        row.pid.set(0);
        if !matches!(self.phase, Phase::Running) {
            log!("mule {id} (pid: {pid}) annihilated");
            return;
        }
        logv!("OOOPS mule {id} (pid: {pid}) crippled...trying respawn...");
        let lived = clock::epoch_s().saturating_sub(row.last_spawn.get());
        let pause = Duration::from_secs(u64::from(lived <= SHORT_LIFE));
        self.children[at].due = Some(Instant::now() + pause);
    }

    /// Kills mules whose handler of a signal has taken longer than `mule-harakiri` seconds.
    pub(super) fn mule_harakiri(&mut self) {
        let limit = self.instance.settings.mule_harakiri;
        if limit == 0 {
            return;
        }
        let now = clock::epoch_us();
        for child in &mut self.children {
            let (Role::Mule(id), Some(pid)) = (child.role, child.pid) else { continue };
            let late = signals::overdue(self.instance, Receiver::Mule(id), now, limit);
            if let Some((_, number)) = late {
                logv!("*** HARAKIRI ON MULE {id} HANDLING SIGNAL {number} (pid: {pid}) ***");
                self.instance.arena.mule(id).harakiri_count.add(1);
                child.shot = Some(Shot::Harakiri);
                child.signal(signal::SIGKILL);
            }
        }
    }
}
