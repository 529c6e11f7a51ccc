//! What each algorithm would have done to a recorded load: `--cheaper-replay`.
//!
//! The load of a trace runs through a simulated pool once per algorithm, with a cycle every
//! `check-interval` seconds. A run goes on after the end of the load until nobody waits; counts of
//! workers are taken up to the end of the load.

mod report;
mod text;

pub use report::{Outcome, Point, Queue, Report};

use report::Timeline;

use crate::sim::Pool;
use crate::trace::{Arrival, Event, Trace, What};
use crate::{Engine, Line, Settings};

/// Microseconds a run may go on after the end of the load: an hour.
const LONGEST_OVERRUN_US: u64 = 3_600_000_000;

/// Lines of a log that are kept per algorithm.
const MOST_LINES: usize = 10_000;

/// Runs a load once per algorithm; `settings` are [`Settings::bounded`].
///
/// An unknown name runs as the instance would run it, with the line that says so in its log.
#[must_use]
pub fn replay(trace: &Trace, settings: &Settings, algorithms: &[&str]) -> Report {
    let arrivals = trace.arrivals();
    let run = |name: &&str| Run::new(trace, settings, name).finish(&arrivals);
    Report {
        requests: arrivals.len() as u64,
        length_us: trace.length_us(),
        processes: settings.processes,
        floor: settings.cheaper,
        cycle_us: settings.cycle_us(),
        outcomes: algorithms.iter().map(run).collect(),
    }
}

/// One algorithm on its way through a trace.
struct Run<'a> {
    trace: &'a Trace,
    name: String,
    pool: Pool,
    engine: Engine,
    cycle_us: u64,
    next_cycle_us: u64,
    fifo: i64,
    timeline: Timeline,
    log: Vec<(u64, Line)>,
    lines_left_out: u64,
    totals: (u64, u64, u64),
}

/// What comes next.
enum Next<'a> {
    Arrival(Arrival),
    Event(&'a Event),
    Cycle,
}

impl<'a> Run<'a> {
    fn new(trace: &'a Trace, settings: &Settings, name: &str) -> Self {
        let up = settings.initial.max(settings.cheaper).min(settings.processes);
        let pool = Pool::new(trace.machine, settings.processes, up);
        let settings = Settings { algo: name.into(), ..settings.clone() };
        let (engine, log) = Engine::new(settings.clone(), &pool.snapshot(0));
        Self {
            trace,
            name: name.into(),
            pool,
            engine,
            cycle_us: settings.cycle_us(),
            next_cycle_us: settings.cycle_us(),
            fifo: 0,
            timeline: Timeline::new(up, trace.length_us()),
            log: log.into_iter().map(|line| (0, line)).collect(),
            lines_left_out: 0,
            totals: (0, 0, 0),
        }
    }

    fn finish(mut self, arrivals: &[Arrival]) -> Outcome {
        let length = self.trace.length_us();
        let mut arrivals = arrivals.iter().copied().peekable();
        let mut events = self.trace.events.iter().filter(|event| is_command(event)).peekable();
        loop {
            let arrival = arrivals.peek().map_or(u64::MAX, |arrival| arrival.at_us);
            let event = events.peek().map_or(u64::MAX, |event| event.at_us);
            let at = arrival.min(event).min(self.next_cycle_us);
            if at > length && self.over(at - length) {
                break;
            }
            let next = match at {
                _ if at == arrival => arrivals.next().map(Next::Arrival),
                _ if at == event => events.next().map(Next::Event),
                _ => Some(Next::Cycle),
            };
            self.pool.advance(at);
            self.take(next.unwrap_or(Next::Cycle));
        }
        self.outcome()
    }

    /// Past the end of the load: nothing is left to do, or it will never be done.
    fn over(&self, overrun_us: u64) -> bool {
        overrun_us > LONGEST_OVERRUN_US || (self.pool.waiting() == 0 && self.pool.serving() == 0)
    }

    fn take(&mut self, next: Next<'_>) {
        match next {
            Next::Arrival(arrival) => self.pool.arrive(arrival.service_us),
            Next::Event(event) => match event.what {
                What::Fifo(delta) => self.fifo = self.fifo.saturating_add(delta),
                What::Rss(bytes) => self.pool.resize(bytes),
                What::Cycle { .. } | What::Request { .. } | What::End => {}
            },
            Next::Cycle => self.cycle(),
        }
    }

    fn cycle(&mut self) {
        self.next_cycle_us = self.next_cycle_us.saturating_add(self.cycle_us);
        let snapshot = self.pool.snapshot(std::mem::take(&mut self.fifo));
        let decision = self.engine.step(&snapshot);
        self.pool.carry_out(&decision);
        self.timeline.set(snapshot.now_us, self.pool.active());
        let gauges = &decision.gauges;
        self.totals = (gauges.spawned_total, gauges.cheaped_total, gauges.emergency_total);
        for line in decision.log {
            match self.log.len() {
                0..MOST_LINES => self.log.push((snapshot.now_us, line)),
                _ => self.lines_left_out += 1,
            }
        }
    }

    fn outcome(self) -> Outcome {
        let (spawned, cheaped, emergency) = self.totals;
        Outcome {
            name: self.name,
            mean_workers: self.timeline.mean(),
            max_workers: self.timeline.most(),
            min_workers: self.timeline.least(),
            spawned,
            cheaped,
            emergency,
            dropped: self.pool.dropped(),
            unserved: self.pool.waiting() as u64,
            queue: Queue::of(self.pool.waits_us()),
            timeline: self.timeline.points,
            log: self.log,
            lines_left_out: self.lines_left_out,
        }
    }
}

fn is_command(event: &Event) -> bool {
    matches!(event.what, What::Fifo(_) | What::Rss(_))
}

#[cfg(test)]
mod tests;
