//! Thresholds at work: once per second every number that one of them names is compared.
//!
//! Where they stand lies in their rows, so that an observer that takes over neither pages again nor
//! forgets what fires. It owns the way from the snapshot to the crossing; raising the alarm is
//! another's.

use std::time::Instant;

use uwsgi_alarm::{Detail, Event};
use uwsgi_metrics::schema::{Selector, select};
use uwsgi_metrics::{Latency, LatencySnap, Snapshot, ThresholdState, View};
use uwsgi_watch::threshold::{Crossing, Moment, Past, Reset, Samples, Thresholds};

use crate::instance::Instance;
use crate::thresholds::{bind, milli};
use crate::{clock, log};

/// The thresholds of this observer.
pub(super) struct Watch {
    all: Thresholds,
    /// The metrics they name, resolved once.
    selectors: Vec<Option<Selector>>,
    start: Instant,
}

/// The numbers of one look.
struct Look<'a> {
    view: &'a View,
    selectors: &'a [Option<Selector>],
    snapshot: &'a Snapshot,
}

impl Samples for Look<'_> {
    fn number(&self, source: usize) -> Option<i64> {
        let selector = self.selectors.get(source)?.as_ref()?;
        Some(selector.read(self.view, self.snapshot))
    }

    fn latency(&self, what: Latency) -> &LatencySnap {
        self.snapshot.latency(what)
    }
}

impl Watch {
    /// Goes on where the observer before this one stopped; nothing without thresholds.
    pub(super) fn new(instance: &Instance) -> Option<Watch> {
        if instance.settings.thresholds.is_empty() {
            return None;
        }
        let bound = bind(instance).inspect_err(|refusal| log!("observer: {}", refusal.text));
        let mut all = bound.ok()?;
        let arena = &instance.arena;
        let selectors = all.sources().map(|key| select(arena, key.as_bytes())).collect();
        let start = Instant::now();
        let now = Moment { steady_s: 0, epoch_s: clock::epoch_s() };
        for index in 0..instance.settings.thresholds.len() {
            let row = arena.threshold(index as u32);
            let past = Past {
                state: ThresholdState::from_code(row.state.get()),
                since: row.since.get(),
                last_alarm: row.last_alarm.get(),
                fired: row.fired.get(),
            };
            all.adopt(index, past, now);
        }
        Some(Watch { all, selectors, start })
    }

    /// One look; hands each crossing to `raise`.
    pub(super) fn tick(
        &mut self,
        instance: &Instance,
        snapshot: &Snapshot,
        mut raise: impl FnMut(Event),
    ) {
        let view = &instance.arena;
        // Looks come once per second, give or take: the nearest second keeps them apart.
        let steady_s = self.start.elapsed().as_secs_f64().round() as i64;
        let now = Moment { steady_s, epoch_s: clock::epoch_s() };
        let look = Look { view, selectors: &self.selectors, snapshot };
        let tick = self.all.tick(now, &look);
        self.store(instance);
        tick.resets.iter().for_each(|reset| self.reset(view, *reset));
        tick.crossings.into_iter().map(event).for_each(&mut raise);
    }

    /// Where each stands, for readers and for the next observer.
    fn store(&self, instance: &Instance) {
        for (index, (_, standing)) in (0..).zip(self.all.standings()) {
            let row = instance.arena.threshold(index);
            row.state.set(standing.past.state as u64);
            row.since.set(standing.past.since);
            row.fired.set(standing.past.fired);
            row.last_alarm.set(standing.past.last_alarm);
            row.value_milli.set(milli(standing.value));
            row.bound_milli.set(milli(standing.bound));
        }
    }

    /// Also a collected value is set back, until it is collected again.
    fn reset(&self, view: &View, reset: Reset) {
        if let Some(Some(Selector::Registered(slot))) = self.selectors.get(reset.source) {
            view.metric_at(*slot).value.set(reset.value);
        }
    }
}

fn event(crossing: Crossing) -> Event {
    let Crossing { alarm, message, resolved, key, value, bound, since, .. } = crossing;
    Event {
        alarm,
        text: message.into_bytes(),
        at_us: clock::epoch_us(),
        detail: Some(Detail { key, value, bound, since, resolved }),
    }
}
