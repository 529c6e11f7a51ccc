//! What a process used of the machine, counted on over deaths, respawns and reloads.
//!
//! The kernel counts from the birth of a process. The figures here go on over all lives of its slot:
//! whoever looks stores what was used by former lives plus what the present one used, so looking
//! twice, or by a new observer, counts nothing twice. Two processes look: the observer at those that
//! live, the master at one it is about to bury. Totals are only ever raised, so that of two looks
//! the later one wins whatever the order of their stores.

use crate::cells::{Cell, Counter, Gauge};

/// Figures of one life.
const FIGURES: usize = 6;

/// What the kernel says a process used since its birth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsedCells {
    /// Processor time in user mode, microseconds.
    pub user_us: u64,
    /// Processor time in the kernel, microseconds.
    pub system_us: u64,
    /// Times it gave the processor away.
    pub voluntary: u64,
    /// Times the processor was taken from it.
    pub involuntary: u64,
    /// Page faults that needed no input.
    pub minor_faults: u64,
    /// Page faults that waited for input.
    pub major_faults: u64,
}

impl UsedCells {
    /// Processor time, microseconds.
    pub fn cpu_us(&self) -> u64 {
        self.user_us + self.system_us
    }

    fn figures(&self) -> [u64; FIGURES] {
        let UsedCells { user_us, system_us, voluntary, involuntary, minor_faults, major_faults } =
            *self;
        [user_us, system_us, voluntary, involuntary, minor_faults, major_faults]
    }
}

/// See the module.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Used {
    /// Over all lives, in the order of [`UsedCells`].
    total: [Counter; FIGURES],
    /// What former lives used.
    base: [Counter; FIGURES],
    /// The process `base` stands before; 0 when it ended.
    life: Gauge,
}

impl Used {
    /// A look at the living process `pid`.
    pub fn look(&self, pid: u64, now: &UsedCells) {
        if self.life.get() != pid {
            for (base, total) in self.base.iter().zip(&self.total) {
                base.set(total.get());
            }
            self.life.set(pid);
        }
        self.raise(&self.base, now);
    }

    /// The last look, at a process that has ended.
    pub fn end(&self, pid: u64, now: &UsedCells) {
        let before = if self.life.get() == pid { &self.base } else { &self.total };
        self.raise(before, now);
        self.life.set(0);
    }

    fn raise(&self, before: &[Counter; FIGURES], now: &UsedCells) {
        for ((total, before), now) in self.total.iter().zip(before).zip(now.figures()) {
            total.raise_shared(before.get().saturating_add(now));
        }
    }
}

impl Cell for Used {
    type Plain = UsedCells;

    fn plain(&self) -> UsedCells {
        let [user_us, system_us, voluntary, involuntary, minor_faults, major_faults] =
            self.total.plain();
        UsedCells { user_us, system_us, voluntary, involuntary, minor_faults, major_faults }
    }

    fn carry(&self, from: &Used) {
        self.total.carry(&from.total);
        self.base.carry(&from.base);
        self.life.carry(&from.life);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cpu(us: u64) -> UsedCells {
        UsedCells { user_us: us, minor_faults: us / 2, ..UsedCells::default() }
    }

    #[test]
    fn lives_add_up_and_looks_do_not() {
        let used = Used::default();
        used.look(7, &cpu(100));
        used.look(7, &cpu(100));
        used.look(7, &cpu(250));
        assert_eq!(used.plain().user_us, 250, "a second look counts only what came since");
        used.end(7, &cpu(300));
        assert_eq!(used.plain().user_us, 300, "the last look tells what nobody saw");
        used.look(8, &cpu(40));
        assert_eq!(used.plain().user_us, 340);
        // A reload brings a new observer; the cells are what they were.
        let adopted = Used::default();
        adopted.carry(&used);
        adopted.look(8, &cpu(60));
        assert_eq!(adopted.plain().user_us, 360);
    }

    #[test]
    fn a_life_nobody_saw_counts_and_one_nobody_buried_too() {
        let used = Used::default();
        used.end(7, &cpu(30));
        assert_eq!(used.plain().user_us, 30);
        used.look(8, &cpu(5));
        used.look(9, &cpu(1));
        assert_eq!(used.plain().user_us, 36, "8 ended unseen: its last look stands");
    }

    #[test]
    fn the_same_pid_again_is_another_life() {
        let used = Used::default();
        used.look(7, &cpu(100));
        used.end(7, &cpu(100));
        used.look(7, &cpu(1));
        assert_eq!(used.plain().user_us, 101);
    }

    #[test]
    fn a_look_that_was_overtaken_takes_nothing_back() {
        let used = Used::default();
        used.look(7, &cpu(100));
        used.end(7, &cpu(180));
        // The observer read the file before the end, and stores after it.
        used.raise(&used.base, &cpu(150));
        assert_eq!(used.plain().user_us, 180);
    }

    proptest! {
        /// Any number of lives, each looked at any number of times: the total never falls and ends
        /// as the sum of what all lives used.
        #[test]
        fn the_total_is_the_sum_of_the_lives(lives in prop::collection::vec(
            prop::collection::vec(0u64..1000, 0..5), 0..8))
        {
            let (used, mut sum, mut seen) = (Used::default(), 0, 0);
            for (pid, steps) in (1..).zip(&lives) {
                let mut own = 0;
                for step in steps {
                    own += step;
                    used.look(pid, &cpu(own));
                    prop_assert!(used.plain().user_us >= seen);
                    seen = used.plain().user_us;
                }
                used.end(pid, &cpu(own + 1));
                sum += own + 1;
            }
            prop_assert_eq!(used.plain().user_us, sum);
        }
    }
}
