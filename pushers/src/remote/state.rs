//! The series of the push before, so that those that are no longer there can be told as gone: a
//! receiver would show the last value for minutes.

use std::collections::HashMap;

use super::hash::Quick;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: HashMap<Box<[u8]>, Seen, Quick>,
    push: u64,
}

#[derive(Debug)]
struct Seen {
    push: u64,
    native: bool,
}

impl Known {
    /// Another push begins.
    pub(super) fn begin(&mut self) {
        self.push += 1;
    }

    /// A series is there. False when it is there for the second time in this push.
    pub(super) fn see(&mut self, key: &[u8], native: bool) -> bool {
        let push = self.push;
        match self.series.get_mut(key) {
            Some(seen) => std::mem::replace(&mut seen.push, push) != push,
            None => {
                self.series.insert(key.into(), Seen { push, native });
                true
            }
        }
    }

    /// Those that were not there this time, and whether they were native histograms.
    pub(super) fn gone(&mut self) -> Vec<(Box<[u8]>, bool)> {
        let push = self.push;
        let gone = self.series.extract_if(|_, seen| seen.push != push);
        gone.map(|(key, seen)| (key, seen.native)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_told_as_gone_once() {
        let mut known = Known::default();
        known.begin();
        assert!(known.see(b"a", false) && known.see(b"b", true));
        assert!(!known.see(b"a", false), "twice in one push");
        assert!(known.gone().is_empty());
        known.begin();
        assert!(known.see(b"a", false));
        assert_eq!(known.gone(), [(Box::from(&b"b"[..]), true)]);
        known.begin();
        assert!(known.see(b"a", false));
        assert!(known.gone().is_empty());
    }
}
