//! The rounds of the collectors: which metric is due, and what its value becomes.
//!
//! Pure but for the arena it writes to: time comes as a number of seconds, values from outside are
//! handed in. Metrics are treated in the order of the list, so a metric sees what earlier ones of
//! the same round became and what later ones were a round ago.

use std::cell::Cell;

use uwsgi_metrics::schema::{Selector, select};
use uwsgi_metrics::{MetricRow, Snapshot, View};

use super::{Collector, Combine, Outside};
use crate::plan::Plan;

/// A metric that somebody collects.
#[derive(Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    slot: u32,
    source: Source,
    freq: u64,
    due_at: Cell<u64>,
}

#[derive(Debug)]
enum Source {
    Children(Combine, i64, Vec<Selector>),
    Outside(Outside),
}

/// Everything that is collected.
#[derive(Debug, Default)]
pub struct Tasks {
    list: Vec<Task>,
}

impl Tasks {
    /// The collected metrics of a plan that is registered in this arena.
    pub fn new(plan: &Plan, view: &View) -> Tasks {
        let task = |metric: &crate::definition::Definition| {
            let children = || metric.children.iter();
            let selectors = || children().filter_map(|name| select(view, name.as_bytes()));
            let source = match &metric.collector {
                _ if metric.alias.is_some() && metric.kind == uwsgi_metrics::Kind::Alias => None,
                Collector::Manual => None,
                Collector::Combine(how, argument) => {
                    Some(Source::Children(*how, *argument, selectors().collect()))
                }
                Collector::Outside(outside) => Some(Source::Outside(outside.clone())),
            };
            let slot = view.metric_slot_of(metric.name.as_bytes())?;
            let (name, freq) = (metric.name.clone(), metric.freq);
            Some(Task { name, slot, source: source?, freq, due_at: Cell::new(0) })
        };
        let mut list: Vec<_> = plan.metrics.iter().filter_map(task).collect();
        // Those that took the place of a built-in metric stand in front in the list.
        let replaces = |slot| view.metric_at(slot).flags.get() & MetricRow::REPLACES != 0;
        list.sort_by_key(|task| !replaces(task.slot));
        Tasks { list }
    }

    /// Indices of what is to be collected at second `now`. Each is due once per `freq` seconds,
    /// counted from the first round, however late a round comes.
    pub fn due(&self, now: u64) -> Vec<usize> {
        let due = |(_, task): &(usize, &Task)| {
            let at = task.due_at.get();
            if now < at {
                return false;
            }
            task.due_at.set(at + task.freq * ((now - at) / task.freq + 1));
            true
        };
        self.list.iter().enumerate().filter(due).map(|(index, _)| index).collect()
    }

    /// A task by its index.
    pub fn get(&self, index: usize) -> Option<&Task> {
        self.list.get(index)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True when nothing is collected.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Task {
    /// What must be read from outside, if that is where the value comes from.
    pub fn outside(&self) -> Option<&Outside> {
        match &self.source {
            Source::Outside(outside) => Some(outside),
            Source::Children(..) => None,
        }
    }

    /// Gives the metric its new value. `seen` is what came from outside; without it a metric from
    /// outside stays what it is.
    pub fn store(&self, view: &View, snapshot: &Snapshot, seen: Option<i64>) {
        let row = view.metric_at(self.slot);
        let collected = match &self.source {
            Source::Outside(_) => seen,
            Source::Children(how, argument, children) => {
                let values: Vec<_> = children.iter().map(|c| c.read(view, snapshot)).collect();
                Some(how.of(&values, *argument, row.value.get()))
            }
        };
        if let Some(collected) = collected {
            let base = row.initial.get().wrapping_add(row.base.get());
            row.value.set(base.wrapping_add(collected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Registration, Shape};

    fn arena(plan: &Plan) -> Arena {
        let shape = Shape { workers: 1, cores: 1, metrics: 16, vars: 128, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        for metric in &plan.metrics {
            let (name, initial) = (metric.name.as_str(), metric.initial);
            let builtin = uwsgi_metrics::schema::is_builtin(&shape, name.as_bytes());
            let flags = if builtin { MetricRow::REPLACES } else { 0 };
            arena.register(&Registration { name, initial, flags, ..Default::default() }).unwrap();
        }
        arena
    }

    fn plan(options: &[&str]) -> Plan {
        let (plan, wrong) = Plan::read(options.iter().copied(), |_| true);
        assert!(wrong.is_empty(), "{wrong:?}");
        plan
    }

    /// Values after each of `rounds` rounds, one second apart.
    fn play(options: &[&str], rounds: u64, watched: &str) -> Vec<i64> {
        let plan = plan(options);
        let arena = arena(&plan);
        arena.core(1, 0).requests.add(7);
        let tasks = Tasks::new(&plan, &arena);
        let round = |now| {
            let snapshot = arena.snapshot();
            for index in tasks.due(now) {
                tasks.get(index).unwrap().store(&arena, &snapshot, None);
            }
            arena.metric(watched.as_bytes()).unwrap().value.get()
        };
        (0..rounds).map(round).collect()
    }

    #[test]
    fn values_follow_the_order_of_the_list() {
        let table: [(&[&str], &[i64], &str); 6] = [
            (&["name=s,collector=sum,children=worker.1.requests;worker.0.requests"], &[14; 3], "s"),
            (
                &[
                    "name=one,initial_value=1",
                    "name=s,collector=accumulator,children=one,initial_value=10",
                ],
                &[21, 32, 43],
                "s",
            ),
            // What stands later is seen as it was a round ago.
            (
                &[
                    "late",
                    "name=s,collector=sum,children=late",
                    "name=late,collector=adder,arg1n=5",
                ],
                &[5, 5, 5],
                "s",
            ),
            (
                &[
                    "name=late",
                    "name=s,collector=sum,children=other",
                    "name=other,collector=adder,arg1n=5",
                ],
                &[0, 5, 5],
                "s",
            ),
            // In the place of a built-in metric it stands before all others.
            (
                &[
                    "name=s,collector=sum,children=worker.1.requests",
                    "name=worker.1.requests,collector=adder,arg1n=5",
                ],
                &[5, 5],
                "s",
            ),
            (&["name=s,collector=sum,children=worker.1.requests,freq=2"], &[7, 7, 7], "s"),
        ];
        for (options, expected, watched) in table {
            assert_eq!(play(options, expected.len() as u64, watched), expected, "{options:?}");
        }
    }

    #[test]
    fn due_times_do_not_drift() {
        let plan = plan(&["name=a,collector=sum", "name=b,collector=sum,freq=3"]);
        let tasks = Tasks::new(&plan, &arena(&plan));
        let table: [(u64, &[usize]); 9] = [
            (0, &[0, 1]),
            (0, &[]),
            (1, &[0]),
            (2, &[0]),
            (4, &[0, 1]),
            (5, &[0]),
            (6, &[0, 1]),
            (3600, &[0, 1]),
            (3601, &[0]),
        ];
        for (now, expected) in table {
            assert_eq!(tasks.due(now), expected, "at {now}");
        }
    }

    #[test]
    fn what_did_not_come_from_outside_changes_nothing() {
        let plan = plan(&["name=f,collector=file,arg1=x,initial_value=100"]);
        let arena = arena(&plan);
        let (tasks, row) = (Tasks::new(&plan, &arena), arena.metric(b"f").unwrap());
        let store = |seen| tasks.get(0).unwrap().store(&arena, &arena.snapshot(), seen);
        store(Some(5));
        assert_eq!(row.value.get(), 105, "the initial value is added");
        store(None);
        assert_eq!(row.value.get(), 105);
        row.base.set(1000);
        store(Some(6));
        assert_eq!(row.value.get(), 1106, "so is what was restored");
    }
}
