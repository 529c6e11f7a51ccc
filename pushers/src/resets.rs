//! `reset_after_push` for several pushers: the cell begins anew once for all of them, and each gets
//! everything that was counted since its own last push.

use std::collections::HashMap;

use uwsgi_metrics::schema::Item;
use uwsgi_metrics::{Kind, MetricRow, Snapshot, View};

/// What is owed to each pusher, by name of the metric.
#[derive(Debug)]
pub struct Resets {
    owed: Vec<HashMap<Vec<u8>, Owed>>,
}

#[derive(Clone, Copy, Debug)]
struct Owed {
    initial: i64,
    since: i64,
}

impl Resets {
    /// For so many pushers of the metric list.
    pub fn new(pushers: usize) -> Resets {
        Resets { owed: vec![HashMap::new(); pushers] }
    }

    /// Takes what was counted since the last time, for all pushers; to be called before the list of
    /// any of them is made, and only when one of them pushes.
    pub fn take(&mut self, view: &View, snapshot: &Snapshot) {
        let resets = |flags: u64| flags & MetricRow::RESET_AFTER_PUSH != 0;
        for metric in snapshot.metrics.iter().filter(|metric| resets(metric.flags)) {
            let Some(row) = view.metric(&metric.name) else { continue };
            let initial = row.initial.get();
            let counted = row.take_for_push().wrapping_sub(initial);
            // What is a level, or set by a collector, does not add up: the last one stands.
            let level =
                metric.kind == Kind::Gauge as u64 || metric.flags & MetricRow::COLLECTED != 0;
            for owed in &mut self.owed {
                let owed = owed.entry(metric.name.clone()).or_insert(Owed { initial, since: 0 });
                owed.since = match level {
                    false => owed.since.wrapping_add(counted),
                    true if counted == 0 => owed.since,
                    true => counted,
                };
            }
        }
    }

    /// Whether the list of a pusher differs from what the cells say.
    pub fn owes(&self, pusher: usize) -> bool {
        self.owed.get(pusher).is_some_and(|owed| !owed.is_empty())
    }

    /// Whether something would be lost if a pusher did not push any more.
    pub fn has_counts(&self, pusher: usize) -> bool {
        self.owed.get(pusher).is_some_and(|owed| owed.values().any(|owed| owed.since != 0))
    }

    /// The list as one pusher sees it.
    pub fn settle(&mut self, pusher: usize, list: &mut [Item]) {
        let Some(owed) = self.owed.get_mut(pusher).filter(|owed| !owed.is_empty()) else { return };
        for item in list {
            if let Some(owed) = owed.remove(&item.name) {
                item.value = owed.initial.wrapping_add(owed.since);
            }
        }
        owed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::schema::{ListOptions, list};
    use uwsgi_metrics::{Arena, Registration, Shape};

    fn pushed(resets: &mut Resets, arena: &Arena, pusher: usize) -> i64 {
        let mut items = list(&arena.snapshot(), ListOptions::default());
        resets.settle(pusher, &mut items);
        items.iter().find(|item| item.name == b"rap").unwrap().value
    }

    #[test]
    fn each_pusher_gets_all_that_was_counted() {
        let arena = Arena::create(&Shape { workers: 1, metrics: 8, ..Shape::default() }).unwrap();
        let made = Registration {
            name: "rap",
            kind: Kind::Counter,
            initial: 7,
            flags: MetricRow::RESET_AFTER_PUSH,
            ..Registration::default()
        };
        assert!(arena.register(&made).is_some());
        let mut resets = Resets::new(2);
        let row = arena.metric(b"rap").unwrap();
        row.inc(3);
        resets.take(&arena, &arena.snapshot());
        assert_eq!(pushed(&mut resets, &arena, 0), 10);
        assert_eq!(row.value.get(), 7);
        row.inc(5);
        resets.take(&arena, &arena.snapshot());
        assert_eq!(pushed(&mut resets, &arena, 0), 12, "since its own last push");
        assert!(resets.has_counts(1) && !resets.has_counts(0));
        assert_eq!(pushed(&mut resets, &arena, 1), 15, "the other one missed nothing");
        assert!(!resets.has_counts(1));
    }

    #[test]
    fn levels_do_not_add_up() {
        for (kind, flags, expected) in
            [(Kind::Gauge, 0, 4), (Kind::Counter, MetricRow::COLLECTED, 4), (Kind::Counter, 0, 9)]
        {
            let arena =
                Arena::create(&Shape { workers: 1, metrics: 8, ..Shape::default() }).unwrap();
            let flags = flags | MetricRow::RESET_AFTER_PUSH;
            let made = Registration { name: "rap", kind, flags, ..Registration::default() };
            assert!(arena.register(&made).is_some());
            let mut resets = Resets::new(1);
            for value in [5, 4, 0] {
                arena.metric(b"rap").unwrap().value.set(value);
                resets.take(&arena, &arena.snapshot());
            }
            assert_eq!(pushed(&mut resets, &arena, 0), expected, "{kind:?} {flags}");
        }
    }
}
