//! What is remembered of the past: series of three resolutions that grow by what is new.
//!
//! A source fills them with what the server keeps, the screen with what it saw itself; both speak
//! in [`Trail`]s, whole ones at first and short ones afterwards. Bounded: as many values as the
//! rings of the server hold. A clock that went back a little is waited for, one that jumped starts
//! a series anew. Pure.

use crate::picture::Trail;

/// The resolutions: seconds from one value to the next, and how many are kept.
pub(crate) const RINGS: [(u64, usize); 3] = [(1, 300), (10, 720), (60, 1440)];

/// Series kept at most: those of a server of ours are less than a hundred in each resolution.
const SERIES: usize = 1_000;

/// Values kept of this resolution.
fn most(step: u64) -> usize {
    RINGS.iter().find(|(known, _)| *known == step).map_or(300, |(_, most)| *most)
}

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Rings {
    trails: Vec<Trail>,
}

impl Rings {
    /// All of it.
    pub(crate) fn trails(&self) -> &[Trail] {
        &self.trails
    }

    /// The series of this name and resolution.
    pub(crate) fn get(&self, name: &str, step: u64) -> Option<&Trail> {
        self.trails.iter().find(|trail| trail.step == step && trail.name == name)
    }

    /// The first moment of this resolution that every known series lacks; 0 when none is known.
    pub(crate) fn wanted(&self, step: u64) -> u64 {
        let known =
            self.trails.iter().filter(|trail| trail.step == step && !trail.values.is_empty());
        known.map(|trail| trail.end.saturating_add(step)).min().unwrap_or(0)
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.trails.clear();
    }

    /// Adds what is told; moments that are known already take the new value.
    pub(crate) fn merge(&mut self, told: Trail) {
        if told.step == 0 || told.values.is_empty() {
            return;
        }
        let same = |trail: &&mut Trail| trail.step == told.step && trail.name == told.name;
        let is_full = self.trails.len() >= SERIES;
        match self.trails.iter_mut().find(same) {
            Some(known) => join(known, told),
            None if !is_full => self.trails.push(cut(told)),
            None => {}
        }
    }
}

fn cut(mut trail: Trail) -> Trail {
    let beyond = trail.values.len().saturating_sub(most(trail.step));
    trail.values.drain(..beyond);
    trail
}

fn join(known: &mut Trail, told: Trail) {
    let (step, most) = (told.step, most(told.step));
    let reach = step.saturating_mul(most as u64);
    let (back, on) = (known.end.saturating_sub(told.end), told.end.saturating_sub(known.end));
    if back > reach || on > reach {
        *known = cut(told);
        return;
    }
    if back > 0 {
        return;
    }
    let new = usize::try_from(on / step).unwrap_or(most);
    known.values.resize(known.values.len() + new, 0);
    known.end = told.end;
    let ahead = told.values.len().saturating_sub(known.values.len());
    known.values.splice(0..0, told.values.iter().take(ahead).copied());
    let begin = known.values.len() - told.values.len();
    let slots = known.values.iter_mut().skip(begin);
    slots.zip(told.values).for_each(|(slot, value)| *slot = value);
    let beyond = known.values.len().saturating_sub(most);
    known.values.drain(..beyond);
}

/// Spreads (time, value) pairs in ascending order over the moments between the first and the last;
/// a moment without a pair is zero.
pub(crate) fn dense(pairs: &[(u64, u64)], step: u64) -> Vec<u64> {
    let (Some((first, _)), Some((last, _))) = (pairs.first(), pairs.last()) else {
        return Vec::new();
    };
    let place = |time: &u64| usize::try_from(time.saturating_sub(*first) / step.max(1));
    let length = place(last).unwrap_or(usize::MAX).saturating_add(1).min(most(step));
    let mut values = vec![0; length];
    for (time, value) in pairs {
        if let Some(slot) = place(time).ok().and_then(|place| values.get_mut(place)) {
            *slot = *value;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(end: u64, values: &[u64]) -> Trail {
        let values = values.to_vec();
        Trail { name: "requests".into(), step: 1, end, scale: 1000, values }
    }

    fn after(trails: &[Trail]) -> (u64, Vec<u64>) {
        let mut rings = Rings::default();
        trails.iter().cloned().for_each(|trail| rings.merge(trail));
        let known = rings.get("requests", 1).unwrap();
        (known.end, known.values.clone())
    }

    #[test]
    fn what_is_new_is_added_and_what_is_missing_is_zero() {
        assert_eq!(after(&[told(10, &[1, 2]), told(11, &[3])]), (11, vec![1, 2, 3]));
        assert_eq!(after(&[told(10, &[1, 2]), told(13, &[5])]), (13, vec![1, 2, 0, 0, 5]));
        assert_eq!(after(&[told(10, &[1, 2]), told(11, &[9, 3])]), (11, vec![1, 9, 3]));
        assert_eq!(after(&[told(10, &[2]), told(10, &[7, 8, 9])]), (10, vec![7, 8, 9]));
    }

    #[test]
    fn a_clock_that_jumps_starts_anew() {
        assert_eq!(after(&[told(1000, &[1, 2]), told(10, &[3])]), (10, vec![3]));
        assert_eq!(after(&[told(1000, &[1, 2]), told(999, &[3])]), (1000, vec![1, 2]));
        assert_eq!(after(&[told(10, &[1, 2]), told(u64::MAX, &[3])]), (u64::MAX, vec![3]));
    }

    #[test]
    fn no_more_is_kept_than_the_server_keeps() {
        let long: Vec<u64> = (0..400).collect();
        assert_eq!(after(&[told(400, &long)]).1.len(), 300);
        let (end, values) = after(&[told(400, &long), told(401, &[400])]);
        assert_eq!((end, values.len(), values.last()), (401, 300, Some(&400)));
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut rings = Rings::default();
        (0..5_000).for_each(|n| rings.merge(Trail { name: n.to_string(), ..told(1, &[1]) }));
        assert_eq!(rings.trails().len(), SERIES);
        rings.merge(Trail { name: "7".into(), ..told(2, &[5]) });
        assert_eq!(rings.get("7", 1).unwrap().values, [1, 5], "those that are known go on");
    }

    #[test]
    fn what_is_wanted_next_follows_what_is_known() {
        let mut rings = Rings::default();
        assert_eq!(rings.wanted(1), 0);
        rings.merge(told(10, &[1]));
        rings.merge(Trail { name: "p99".into(), ..told(9, &[1]) });
        rings.merge(Trail { step: 0, ..told(9, &[1]) });
        assert_eq!((rings.wanted(1), rings.wanted(10)), (10, 0));
    }

    #[test]
    fn moments_nobody_recorded_are_zero() {
        assert!(dense(&[], 1).is_empty());
        assert_eq!(dense(&[(10, 5), (11, 6), (14, 7)], 1), [5, 6, 0, 0, 7]);
        assert_eq!(dense(&[(60, 5), (180, 6)], 60), [5, 0, 6]);
        assert_eq!(dense(&[(0, 1), (u64::MAX, 2)], 1).len(), 300, "a clock that jumped");
    }
}
