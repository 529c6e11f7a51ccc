//! Which pictures a jump through a recording needs, so that rates and histories are right after it
//! although most of the pictures before it are never read.
//!
//! The nearer a picture is to where the jump ends, the more of its neighbours are taken: all of the
//! last seconds, then one for each second of the minutes before, and fewer and fewer of the day
//! before. Bounded in bytes, so that a jump takes a moment however large the pictures are. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reader::Place;

const SECOND: u64 = 1_000_000;

/// Up to this age, µs, one picture of a source in each step, µs; a step of 0 means all. Steps stay
/// below what the screen takes for a gap.
const TIERS: [(u64, u64); 4] = [
    (2 * SECOND, 0),
    (300 * SECOND, SECOND),
    (7_200 * SECOND, 10 * SECOND),
    (86_400 * SECOND, 60 * SECOND),
];

/// Bytes read for one jump; half a second's work.
const BUDGET: u64 = 6 << 20;

/// The numbers of the pictures to read, in their order, for a jump to `moment`; `played` are those
/// of the way, and the last one of each source is always among the result.
pub(super) fn chosen(places: &[Place], played: Range<usize>, moment: u64) -> Vec<usize> {
    let way = places.get(played.clone()).unwrap_or_default();
    let last = last_of_each(way);
    let oldest = moment.saturating_sub(TIERS.last().map_or(0, |(age, _)| *age));
    let skipped = way.partition_point(|place| place.moment < oldest);
    let mut steps: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
    let mut wanted = Vec::new();
    for (number, place) in way.iter().enumerate().skip(skipped) {
        let Some(step) = step(moment.saturating_sub(place.moment)) else { continue };
        let now = (step, place.moment.checked_div(step).unwrap_or(0));
        if steps.insert(place.source, now) != Some(now) || step == 0 {
            wanted.push(number);
        }
    }
    let mut kept = within_budget(way, &wanted).to_vec();
    kept.extend(last);
    kept.sort_unstable();
    kept.dedup();
    kept.iter().map(|number| played.start.saturating_add(*number)).collect()
}

fn step(age: u64) -> Option<u64> {
    TIERS.iter().find(|(oldest, _)| age <= *oldest).map(|(_, step)| *step)
}

fn last_of_each(way: &[Place]) -> Vec<usize> {
    let sources = way.iter().map(|place| usize::from(place.source) + 1).max().unwrap_or(0);
    let mut last = vec![None; sources];
    let mut missing = sources;
    for (number, place) in way.iter().enumerate().rev() {
        if let Some(slot @ None) = last.get_mut(usize::from(place.source)) {
            *slot = Some(number);
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    last.into_iter().flatten().collect()
}

/// The newest of them that cost no more than the budget, two at least: less has no rate.
fn within_budget<'a>(way: &[Place], wanted: &'a [usize]) -> &'a [usize] {
    let mut bytes = 0_u64;
    let affordable = |number: &&usize| {
        let length = way.get(**number).map_or(0, |place| u64::from(place.length));
        bytes = bytes.saturating_add(length);
        bytes <= BUDGET
    };
    let count = wanted.iter().rev().take_while(affordable).count().max(2);
    wanted.get(wanted.len().saturating_sub(count)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: u16, moment: u64, length: u32) -> Place {
        Place { body: 0, length, source, moment }
    }

    /// Ten pictures a second for so long, of so many bytes each.
    fn places(seconds: u64, length: u32) -> Vec<Place> {
        (0..=seconds * 10).map(|n| place(0, n * SECOND / 10, length)).collect()
    }

    fn moments(places: &[Place], moment: u64) -> Vec<u64> {
        let numbers = chosen(places, 0..places.len(), moment);
        numbers.iter().map(|number| places[*number].moment / (SECOND / 10)).collect()
    }

    #[test]
    fn the_last_seconds_are_whole_and_the_rest_is_thinned() {
        let places = places(20_000, 100);
        let tenths = moments(&places, 20_000 * SECOND);
        let count = |from: u64, to: u64| {
            tenths.iter().filter(|tenth| (from * 10..to * 10).contains(tenth)).count()
        };
        assert_eq!(tenths.last(), Some(&200_000));
        assert_eq!(count(19_998, 20_000), 20);
        assert_eq!(count(19_800, 19_900), 100);
        assert_eq!(count(14_000, 15_000), 100);
        assert!((15..=17).contains(&count(1_000, 2_000)), "{}", count(1_000, 2_000));
        assert!(tenths.is_sorted());
        let second: Vec<&u64> = tenths.iter().filter(|t| (198_000..199_000).contains(*t)).collect();
        assert!(second.iter().all(|tenth| **tenth % 10 == 0), "the first of each second");
    }

    #[test]
    fn large_pictures_are_fewer_but_never_less_than_two() {
        let few = moments(&places(1_000, 50_000), 1_000 * SECOND).len();
        assert!((100..140).contains(&few), "{few}");
        assert_eq!(moments(&places(10, 60 << 20), 10 * SECOND).len(), 2);
        assert_eq!(moments(&places(0, 60 << 20), 0), [0]);
        assert!(moments(&[], 5).is_empty());
    }

    #[test]
    fn each_source_is_thinned_alone_and_its_last_picture_is_there() {
        let mut all = vec![place(1, 0, 10)];
        all.extend(places(200_000, 10).into_iter().step_by(10));
        let numbers = chosen(&all, 0..all.len(), 200_000 * SECOND);
        assert_eq!(numbers[0], 0, "a day old and silent since");
        let both: Vec<Place> =
            (0..100).flat_map(|n| [place(0, n * SECOND, 1), place(1, n * SECOND, 1)]).collect();
        assert_eq!(chosen(&both, 0..200, 99 * SECOND).len(), 200);
        assert_eq!(chosen(&both, 150..160, 79 * SECOND), (150..160).collect::<Vec<_>>());
    }
}
