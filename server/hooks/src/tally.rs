//! Counts of what ran, per phase, for the arena.

use crate::Phase;

/// Counts of one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Items that ran, failed ones too.
    pub run: u64,
    /// Items that failed, whether that was fatal or not.
    pub failed: u64,
    /// How long the last item took, in microseconds.
    pub last_us: u64,
}

/// Counts of all phases. A process that forks gives its child a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally([Count; Phase::ALL.len()]);

impl Tally {
    /// One item ended after `us` microseconds.
    pub fn add(&mut self, phase: Phase, ok: bool, us: u64) {
        if let Some(count) = self.0.get_mut(phase as usize) {
            count.run = count.run.saturating_add(1);
            count.failed = count.failed.saturating_add(u64::from(!ok));
            count.last_us = us;
        }
    }

    /// Adds what ran elsewhere, after what is counted here.
    pub fn merge(&mut self, later: &Tally) {
        for (count, later) in self.0.iter_mut().zip(later.0).filter(|(_, later)| later.run > 0) {
            count.run = count.run.saturating_add(later.run);
            count.failed = count.failed.saturating_add(later.failed);
            count.last_us = later.last_us;
        }
    }

    /// Counts of a phase.
    pub fn of(&self, phase: Phase) -> Count {
        self.0.get(phase as usize).copied().unwrap_or_default()
    }

    /// Phases where something ran, in the order of [`Phase::ALL`].
    pub fn ran(&self) -> impl Iterator<Item = (Phase, Count)> {
        Phase::ALL.into_iter().zip(self.0).filter(|(_, count)| count.run > 0)
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally([Count::default(); Phase::ALL.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_counts_for_itself() {
        let mut tally = Tally::default();
        tally.add(Phase::Touch, true, 5);
        tally.add(Phase::Touch, false, 7);
        tally.add(Phase::Asap, true, 1);
        assert_eq!(tally.of(Phase::Touch), Count { run: 2, failed: 1, last_us: 7 });
        assert_eq!(tally.of(Phase::AsMule), Count::default());
        let mut both = tally.clone();
        both.merge(&tally);
        assert_eq!(both.of(Phase::Touch), Count { run: 4, failed: 2, last_us: 7 });
        let ran: Vec<_> = tally.ran().map(|(phase, count)| (phase, count.run)).collect();
        assert_eq!(ran, [(Phase::Asap, 1), (Phase::Touch, 2)]);
    }
}
