//! From a wish in numbers to the slots it means.

use crate::Slot;

/// The lowest free slots, as many as are wanted and free.
pub(crate) fn spawn(slots: &[Slot], wanted: u64) -> Vec<usize> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    numbered(slots).filter(|(_, slot)| slot.spawnable()).map(|(id, _)| id).take(wanted).collect()
}

/// The workers without work that were forked first, as many as are wanted and idle.
///
/// Where a share of cores makes a worker busy, those with the fewest requests go first.
pub(crate) fn cheap(slots: &[Slot], busy_cores: u64, wanted: u64) -> Vec<usize> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut idle: Vec<_> = numbered(slots)
        .filter(|(_, slot)| slot.active() && !slot.busy(busy_cores))
        .map(|(id, slot)| (slot.busy_cores, slot.last_spawn, id))
        .collect();
    idle.sort_unstable();
    idle.into_iter().map(|(.., id)| id).take(wanted).collect()
}

fn numbered(slots: &[Slot]) -> impl Iterator<Item = (usize, &Slot)> {
    slots.iter().enumerate().map(|(index, slot)| (index + 1, slot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{busy, cheaped, idle};

    #[test]
    fn free_slots_are_filled_from_the_lowest() {
        let ending = Slot { alive: true, ..cheaped() };
        let slots = [idle(), cheaped(), ending, cheaped(), Slot { alive: false, ..idle() }];
        assert_eq!(spawn(&slots, 1), [2]);
        assert_eq!(spawn(&slots, u64::MAX), [2, 4], "what no slot is left for is dropped");
        assert_eq!(spawn(&slots, 0), []);
    }

    #[test]
    fn the_oldest_idle_worker_goes_first_and_the_lowest_of_equals() {
        let born = |last_spawn, slot: Slot| Slot { last_spawn, ..slot };
        let slots = [born(7, idle()), born(5, idle()), born(1, busy()), born(5, idle()), cheaped()];
        assert_eq!(cheap(&slots, 0, 1), [2]);
        assert_eq!(cheap(&slots, 0, 9), [2, 4, 1], "who serves a request stays");
    }

    #[test]
    fn with_a_share_of_cores_those_with_the_fewest_requests_go_first() {
        let serves = |busy_cores, last_spawn| Slot { cores: 8, busy_cores, last_spawn, ..idle() };
        let slots = [serves(1, 1), serves(0, 9), serves(6, 0)];
        assert_eq!(cheap(&slots, 50, 3), [2, 1]);
        assert_eq!(cheap(&slots, 0, 3), [2], "without one, who serves any request is busy");
    }
}
