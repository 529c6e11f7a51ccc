//! Mules in the master: what follows a death.

use std::time::{Duration, Instant};

use super::{Master, Phase};
use crate::{clock, log};

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
        if self.children[at].retiring {
            self.children[at].due = Some(Instant::now());
            return;
        }
        log!("OOOPS mule {id} (pid: {pid}) crippled...trying respawn...");
        let lived = clock::epoch_s().saturating_sub(row.last_spawn.get());
        let pause = Duration::from_secs(u64::from(lived <= SHORT_LIFE));
        self.children[at].due = Some(Instant::now() + pause);
    }
}
