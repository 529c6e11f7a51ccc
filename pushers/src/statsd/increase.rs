//! What a counter gained since the push before.
//!
//! A counter that fell gained nothing and goes on from there: what it lost was told already, and
//! statsd cannot take it back.

use std::collections::HashMap;

use uwsgi_metrics::schema::Item;
use uwsgi_metrics::{Kind, MetricRow, Snapshot};

/// See the module.
#[derive(Debug)]
pub(super) struct Increase {
    before: HashMap<Vec<u8>, i64>,
    /// Counts that nobody saw begin are as old as the instance.
    from_zero: bool,
}

/// What has to be known of user metrics beside the list.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The initial values of those that begin anew with each push.
    anew: HashMap<&'a [u8], i64>,
    /// The kinds of aliases: those of their targets.
    aliases: HashMap<&'a [u8], Kind>,
}

impl<'a> Known<'a> {
    /// Looks at the list and what is behind it.
    pub(super) fn of(list: &[Item], snapshot: &'a Snapshot) -> Known<'a> {
        let mut known = Known { anew: HashMap::new(), aliases: HashMap::new() };
        let mut kinds: HashMap<&[u8], Kind> = HashMap::new();
        if snapshot.metrics.iter().any(|metric| !metric.target.is_empty()) {
            kinds = list.iter().map(|item| (&*item.name, item.kind)).collect();
        }
        for metric in &snapshot.metrics {
            if metric.flags & MetricRow::RESET_AFTER_PUSH != 0 {
                known.anew.insert(&metric.name, metric.initial);
            }
            if !metric.target.is_empty() {
                let kind = kinds.get(&*metric.target).copied().unwrap_or(Kind::Gauge);
                known.aliases.insert(&metric.name, kind);
            }
        }
        known
    }

    /// Whether a metric goes up and down; the aliases of the server stand for sizes.
    pub(super) fn is_gauge(&self, item: &Item) -> bool {
        let alias = || self.aliases.get(&*item.name).copied().unwrap_or(Kind::Gauge);
        let kind = if item.kind == Kind::Alias { alias() } else { item.kind };
        matches!(kind, Kind::Gauge | Kind::Alias)
    }
}

impl Increase {
    /// `all_is_new` when nothing was ever pushed; otherwise the process before this one did, and
    /// the first values are where counting begins.
    pub(super) fn new(all_is_new: bool) -> Increase {
        Increase { before: HashMap::new(), from_zero: all_is_new }
    }

    /// Goes on from these values; what is not among them began at zero.
    pub(super) fn after(told: HashMap<Vec<u8>, i64>) -> Increase {
        Increase { before: told, from_zero: true }
    }

    /// The increase of one counter.
    pub(super) fn of(&mut self, item: &Item, known: &Known<'_>) -> i64 {
        if let Some(initial) = known.anew.get(&*item.name) {
            return item.value.wrapping_sub(*initial).max(0);
        }
        let before = match self.before.get_mut(&item.name) {
            Some(before) => std::mem::replace(before, item.value),
            None => {
                self.before.insert(item.name.clone(), item.value);
                if self.from_zero { 0 } else { item.value }
            }
        };
        item.value.wrapping_sub(before).max(0)
    }

    /// The first push is made: what appears from now on began at zero.
    pub(super) fn pushed(&mut self) {
        self.from_zero = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::MetricCells;

    fn item(name: &str, kind: Kind, value: i64) -> Item {
        Item { name: name.into(), oid: Vec::new(), kind, value }
    }

    #[test]
    fn counters_gain_from_push_to_push() {
        let snapshot = Snapshot::default();
        for (all_is_new, wanted) in [(true, [5, 2, 0, 1]), (false, [0, 2, 0, 1])] {
            let mut increase = Increase::new(all_is_new);
            let gained = [5, 7, 3, 4].map(|value| {
                let item = item("a", Kind::Counter, value);
                let known = Known::of(&[], &snapshot);
                let gained = increase.of(&item, &known);
                increase.pushed();
                gained
            });
            assert_eq!(gained, wanted);
            let late = item("late", Kind::Counter, 9);
            assert_eq!(increase.of(&late, &Known::of(&[], &snapshot)), 9, "a new metric");
        }
    }

    #[test]
    fn counting_goes_on_where_an_earlier_image_ended() {
        let (snapshot, told) = (Snapshot::default(), HashMap::from([(b"a".to_vec(), 5)]));
        let mut increase = Increase::after(told);
        let known = Known::of(&[], &snapshot);
        assert_eq!(increase.of(&item("a", Kind::Counter, 8), &known), 3);
        assert_eq!(increase.of(&item("b", Kind::Counter, 2), &known), 2);
    }

    #[test]
    fn aliases_are_what_they_stand_for_and_resets_begin_anew() {
        let metric = |name: &str, target: &str, flags, initial| MetricCells {
            name: name.into(),
            target: target.into(),
            flags,
            initial,
            ..MetricCells::default()
        };
        let metrics = vec![
            metric("of_counter", "c", 0, 0),
            metric("of_gauge", "g", 0, 0),
            metric("rap", "", MetricRow::RESET_AFTER_PUSH, 7),
        ];
        let snapshot = Snapshot { metrics, ..Snapshot::default() };
        let list = [item("c", Kind::Counter, 1), item("g", Kind::Gauge, 1)];
        let known = Known::of(&list, &snapshot);
        for (name, kind, gauge) in [
            ("of_counter", Kind::Alias, false),
            ("of_gauge", Kind::Alias, true),
            ("rss_size", Kind::Alias, true),
            ("c", Kind::Counter, false),
            ("a", Kind::Absolute, false),
        ] {
            assert_eq!(known.is_gauge(&item(name, kind, 0)), gauge, "{name}");
        }
        let mut increase = Increase::new(true);
        for value in [10, 10, 7] {
            assert_eq!(increase.of(&item("rap", Kind::Counter, value), &known), value - 7);
        }
    }
}
