//! The table of thread ids: which row of `threads` a thread has. A few places for each id, from
//! its own on; programs look until they find it or an empty place (`find_tid`).
//!
//! They do that for every thread of the machine that leaves or gets a processor, so what threads
//! leave behind is given back: a place is only kept from being empty while one behind it needs that.

use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::maps::{TID_TRIES, TIDS};

/// A place that a thread has left while one behind it was taken; no thread has this id.
const LEFT: u64 = u64::MAX << 32;

/// The thread `tid` has the row `row`, counted from 1. False when there is no place.
pub(crate) fn put(places: &[AtomicU64], tid: u64, row: u64) -> bool {
    let mine = |seen: u64| seen == 0 || seen == LEFT || seen >> 32 == tid;
    let taken = places_of(places, tid).position(|place| {
        let entry = tid << 32 | row;
        place.fetch_update(SeqCst, Relaxed, |seen| mine(seen).then_some(entry)).is_ok()
    });
    taken.inspect(|taken| close(places, tid, *taken)).is_some()
}

/// The places for a thread, its own first.
fn places_of(places: &[AtomicU64], tid: u64) -> impl Iterator<Item = &AtomicU64> {
    (0..TID_TRIES).filter_map(move |i| places.get((tid as usize + i) % TIDS))
}

/// The first `count` places of a thread were taken when it came, but one of them may have been given
/// back since: programs would stop there.
fn close(places: &[AtomicU64], tid: u64, count: usize) {
    for place in places_of(places, tid).take(count) {
        let _ = place.compare_exchange(0, LEFT, SeqCst, SeqCst);
    }
}

/// Threads that have these rows, counted from 1, are no more. For the master: two at once could keep
/// a place from being empty until the next one.
pub(crate) fn forget(places: &[AtomicU64], rows: &Range<u64>) {
    for place in places {
        let seen = place.load(Relaxed);
        if seen != 0 && seen != LEFT && rows.contains(&(seen & 0xffff_ffff)) {
            let _ = place.compare_exchange(seen, LEFT, Relaxed, Relaxed);
        }
    }
    for (at, place) in places.iter().enumerate() {
        if place.load(Relaxed) == LEFT && !is_passed(places, at) {
            let _ = place.compare_exchange(LEFT, 0, SeqCst, SeqCst);
            // Whoever came meanwhile either finds it empty and closes it, or is seen here.
            if is_passed(places, at) {
                let _ = place.compare_exchange(0, LEFT, SeqCst, SeqCst);
            }
        }
    }
}

/// Whoever looks for a thread that is there comes past this place.
fn is_passed(places: &[AtomicU64], at: usize) -> bool {
    (1..TID_TRIES).any(|on| {
        let behind = (at + on) % TIDS;
        let seen = places.get(behind).map_or(0, |place| place.load(SeqCst));
        let own = (seen >> 32) as usize % TIDS;
        seen != 0 && seen != LEFT && (behind + TIDS - own) % TIDS >= on
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn table() -> Vec<AtomicU64> {
        (0..TIDS).map(|_| AtomicU64::new(0)).collect()
    }

    /// As programs look.
    fn find(places: &[AtomicU64], tid: u64) -> Option<u64> {
        let of = (0..TID_TRIES).map(|i| places[(tid as usize + i) % TIDS].load(Relaxed));
        let found = of.take_while(|seen| *seen != 0).find(|seen| seen >> 32 == tid);
        found.map(|seen| seen & 0xffff_ffff)
    }

    #[test]
    fn who_came_is_found_until_it_goes_and_nothing_stays_behind() {
        let places = table();
        let mut there: HashMap<u64, u64> = HashMap::new();
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for turn in 0..20_000 {
            let row = next(64) + 1;
            // Few places at the end of the table, so that ids get into each other's way.
            let tid = (TIDS as u64 - 20 + next(24)) + TIDS as u64 * next(4);
            forget(&places, &(row..row + 1));
            there.retain(|_, own| *own != row);
            if !there.contains_key(&tid) && put(&places, tid, row) {
                there.insert(tid, row);
            }
            for (tid, row) in &there {
                assert_eq!(find(&places, *tid), Some(*row), "thread {tid} in turn {turn}");
            }
            let taken = places.iter().filter(|place| place.load(Relaxed) >> 32 != 0).count();
            assert!(taken <= there.len() * TID_TRIES, "{taken} places in turn {turn}");
        }
        assert!(there.len() > 20);
        forget(&places, &(1..65));
        assert!(places.iter().all(|place| place.load(Relaxed) == 0));
    }

    #[test]
    fn who_comes_while_another_goes_is_found() {
        let places = table();
        let (one, other) = (5, 5 + TIDS as u64);
        assert!(put(&places, one, 1) && put(&places, other, 2));
        // What the one had was found empty by nobody: the other is behind it by now.
        forget(&places, &(1..2));
        assert_eq!(find(&places, other), Some(2));
        // It was given back between the other's look at it and its coming.
        places[5].store(0, Relaxed);
        assert_eq!(find(&places, other), None);
        close(&places, other, 1);
        assert_eq!(find(&places, other), Some(2));
        // Nothing that is there is closed.
        assert!(put(&places, one, 1));
        close(&places, other, 1);
        assert_eq!((find(&places, one), find(&places, other)), (Some(1), Some(2)));
    }

    #[test]
    fn a_thread_that_comes_again_has_its_new_row() {
        let places = table();
        assert!(put(&places, 5, 1) && put(&places, 5 + TIDS as u64, 2));
        assert!(put(&places, 5 + TIDS as u64, 3));
        assert_eq!(find(&places, 5 + TIDS as u64), Some(3));
        forget(&places, &(1..2));
        assert_eq!(find(&places, 5 + TIDS as u64), Some(3), "past the place that was left");
        assert!(put(&places, 5 + TIDS as u64, 4));
        assert_eq!(find(&places, 5 + TIDS as u64), Some(4));
    }
}
