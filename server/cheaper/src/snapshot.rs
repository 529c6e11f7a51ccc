//! What one cycle sees: the workers, the queue, the time and the wishes of the operator.
//!
//! Plain values that the master copies out of the arena. Nothing here refers to a process.

/// One worker's slot as the master sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slot {
    /// The slot has a process.
    pub alive: bool,
    /// The slot is without a worker on purpose; a process that still lives here is ending.
    pub cheaped: bool,
    /// Cores that serve a request.
    pub busy_cores: u32,
    /// Cores of the worker.
    pub cores: u32,
    /// A handler of a signal runs.
    pub sig: bool,
    /// Seconds of the epoch at which it was forked last.
    pub last_spawn: u64,
    /// Microseconds spent in requests that ended, over all cores and all lives of the slot.
    pub running_us: u64,
    /// Microseconds that requests in progress have taken so far, over all cores; `None` where
    /// nobody knows when they began.
    pub in_request_us: Option<u64>,
    /// Resident memory in bytes.
    pub rss: u64,
}

impl Slot {
    /// A worker that is meant to run and does.
    #[must_use]
    pub fn active(&self) -> bool {
        self.alive && !self.cheaped
    }

    /// A slot in which a worker may be started.
    #[must_use]
    pub fn spawnable(&self) -> bool {
        self.cheaped && !self.alive
    }

    /// An active worker at work: it handles a signal, or enough of its cores are in a request.
    ///
    /// `percent` is the share of cores that counts as enough; 0 means that one core is.
    #[must_use]
    pub fn busy(&self, percent: u64) -> bool {
        let at_work = match percent {
            0 => self.busy_cores > 0,
            _ => {
                let (busy, cores) = (u64::from(self.busy_cores), u64::from(self.cores.max(1)));
                busy > 0 && busy * 100 >= percent.min(100) * cores
            }
        };
        self.active() && (self.sig || at_work)
    }
}

/// Everything one cycle looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Workers 1 to `processes`, in order.
    pub slots: Vec<Slot>,
    /// Connections that wait in the fullest accept queue.
    pub backlog: u64,
    /// Microseconds of a clock that never goes back.
    pub now_us: u64,
    /// `+` minus `-` that came through the master FIFO since the last cycle.
    pub fifo: i64,
}

/// The slots, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Workers that run and are meant to.
    pub active: u64,
    /// Those of them that are at work.
    pub busy: u64,
    /// Slots in which a worker may be started.
    pub spawnable: u64,
}

impl Census {
    /// Counts; `percent` as for [`Slot::busy`].
    #[must_use]
    pub fn of(slots: &[Slot], percent: u64) -> Self {
        let count =
            |is: &dyn Fn(&Slot) -> bool| slots.iter().filter(|slot| is(slot)).count() as u64;
        Self {
            active: count(&Slot::active),
            busy: count(&|slot| slot.busy(percent)),
            spawnable: count(&Slot::spawnable),
        }
    }

    /// Active workers without work.
    #[must_use]
    pub fn idle(&self) -> u64 {
        self.active - self.busy.min(self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{busy, cheaped, idle};

    #[test]
    fn one_busy_core_of_forty_makes_a_worker_busy() {
        let slot = Slot { cores: 40, busy_cores: 1, ..idle() };
        assert!(slot.busy(0));
    }

    #[test]
    fn a_share_of_cores_may_be_asked_for() {
        let cases = [(9, false), (10, true), (40, true), (0, false)];
        for (busy_cores, want) in cases {
            let slot = Slot { cores: 40, busy_cores, ..idle() };
            assert_eq!(slot.busy(25), want, "{busy_cores} of 40 at 25 %");
        }
        let all = Slot { cores: 2, busy_cores: 2, ..idle() };
        assert!(all.busy(900), "a share beyond all cores means all cores");
    }

    #[test]
    fn a_signal_handler_is_work_at_any_share() {
        assert!(Slot { sig: true, ..idle() }.busy(0));
        assert!(Slot { sig: true, ..idle() }.busy(100));
    }

    #[test]
    fn who_is_ending_is_neither_active_nor_busy_nor_free() {
        let ending = Slot { cheaped: true, ..busy() };
        assert!(!ending.active() && !ending.busy(0) && !ending.spawnable());
        let dead = Slot { alive: false, ..idle() };
        assert!(!dead.active() && !dead.spawnable(), "the master brings it back, not cheaper");
        assert!(cheaped().spawnable());
    }

    #[test]
    fn four_workers_with_one_in_a_request_are_one_busy_and_three_idle() {
        let census = Census::of(&[busy(), idle(), idle(), idle()], 0);
        assert_eq!((census.active, census.busy, census.idle()), (4, 1, 3));
    }
}
