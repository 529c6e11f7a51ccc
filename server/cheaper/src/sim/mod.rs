//! A pool of workers before a bounded queue, in simulated time.
//!
//! It owns what the decisions act on: workers that take time to start, serve as many requests at
//! once as they have cores, and end only when they are done; connections that wait in order; and
//! connections that are dropped when too many wait. It refuses to model what a trace does not tell:
//! requests take as long as recorded however many run beside them, and nobody retries.

mod worker;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use worker::Worker;

use crate::trace::{Arrival, Machine};
use crate::{Decision, Snapshot};

/// The pool.
#[derive(Debug)]
pub struct Pool {
    machine: Machine,
    workers: Vec<Worker>,
    queue: VecDeque<Arrival>,
    /// When a request ends or a worker is ready, and at which index.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    now_us: u64,
    waits_us: Vec<u64>,
    dropped: u64,
}

impl Pool {
    /// `slots` workers at most, the first `up` of them ready at time 0.
    #[must_use]
    pub fn new(machine: Machine, slots: usize, up: usize) -> Self {
        Self {
            machine,
            workers: (0..slots).map(|index| Worker::new(index < up)).collect(),
            queue: VecDeque::new(),
            due: BinaryHeap::new(),
            now_us: 0,
            waits_us: Vec::new(),
            dropped: 0,
        }
    }

    /// Lets time pass until `now_us`; time never goes back.
    pub fn advance(&mut self, now_us: u64) {
        while let Some(Reverse((at, index))) = self.due.peek().copied() {
            if at > now_us {
                break;
            }
            self.due.pop();
            self.now_us = self.now_us.max(at);
            if let Some(worker) = self.workers.get_mut(index) {
                worker.settle(self.now_us);
            }
            self.dispatch();
        }
        self.now_us = self.now_us.max(now_us);
    }

    /// A request arrives now. It is served, waits, or is dropped where too many wait.
    pub fn arrive(&mut self, service_us: u64) {
        let arrival = Arrival { at_us: self.now_us, service_us };
        if self.free().is_none() && self.queue.len() as u64 >= self.machine.listen {
            self.dropped += 1;
            return;
        }
        self.queue.push_back(arrival);
        self.dispatch();
    }

    /// Forks and stops what a cycle decided. Panics never; a decision for another pool does nothing.
    pub fn carry_out(&mut self, decision: &Decision) {
        for worker in &decision.spawn {
            let slot = worker.checked_sub(1).and_then(|index| self.workers.get_mut(index));
            let ready = slot.and_then(|slot| slot.spawn(self.now_us, self.machine.start_up_us));
            self.due.extend(ready.map(|at| Reverse((at, worker - 1))));
        }
        for worker in &decision.cheap {
            if let Some(slot) = worker.checked_sub(1).and_then(|index| self.workers.get_mut(index))
            {
                slot.cheap();
            }
        }
        self.advance(self.now_us);
    }

    /// What a cycle would see now.
    #[must_use]
    pub fn snapshot(&self, fifo: i64) -> Snapshot {
        let slots = self.workers.iter().map(|worker| worker.slot(self.now_us, &self.machine));
        let backlog = self.queue.len() as u64;
        Snapshot { slots: slots.collect(), backlog, now_us: self.now_us, fifo }
    }

    /// Workers are that large from now on, in bytes.
    pub fn resize(&mut self, rss: u64) {
        self.machine.rss = rss;
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Workers that are meant to run.
    #[must_use]
    pub fn active(&self) -> usize {
        self.workers.iter().filter(|worker| worker.active()).count()
    }

    /// Requests in progress.
    #[must_use]
    pub fn serving(&self) -> usize {
        self.workers.iter().map(Worker::serves).sum()
    }

    /// Connections that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Connections that were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Microseconds each request waited that was taken so far, in the order they were taken.
    #[must_use]
    pub fn waits_us(&self) -> &[u64] {
        &self.waits_us
    }

    /// Hands waiting requests to workers with room.
    fn dispatch(&mut self) {
        while let (false, Some(index)) = (self.queue.is_empty(), self.free()) {
            let Some(worker) = self.workers.get_mut(index) else { return };
            let Some(arrival) = self.queue.pop_front() else { return };
            let ends = worker.serve(self.now_us, arrival.service_us);
            self.due.push(Reverse((ends, index)));
            self.waits_us.push(self.now_us - arrival.at_us);
        }
    }

    /// The worker with the fewest requests that has room, the lowest of equals.
    fn free(&self) -> Option<usize> {
        let rooms = self.workers.iter().enumerate();
        let rooms = rooms.filter_map(|(index, worker)| {
            worker.room(self.machine.cores).map(|serves| (serves, index))
        });
        rooms.min().map(|(_, index)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(slots: usize, up: usize) -> Pool {
        let machine = Machine { listen: 3, start_up_us: 500, rss: 7, ..Machine::default() };
        Pool::new(machine, slots, up)
    }

    fn spawn(worker: usize) -> Decision {
        Decision { spawn: vec![worker], ..Decision::default() }
    }

    fn cheap(worker: usize) -> Decision {
        Decision { cheap: vec![worker], ..Decision::default() }
    }

    #[test]
    fn requests_are_served_wait_in_order_or_are_dropped() {
        let mut pool = pool(1, 1);
        for service in [100, 50, 30, 20, 10] {
            pool.arrive(service);
        }
        assert_eq!((pool.serving(), pool.waiting(), pool.dropped()), (1, 3, 1));
        pool.advance(149);
        assert_eq!((pool.serving(), pool.waiting()), (1, 2));
        pool.advance(1_000);
        assert_eq!(
            (pool.serving(), pool.waiting(), pool.waits_us()),
            (0, 0, &[0, 100, 150, 180][..])
        );
    }

    #[test]
    fn a_worker_serves_nothing_before_it_is_ready() {
        let mut pool = pool(2, 1);
        pool.arrive(10_000);
        pool.arrive(10_000);
        pool.carry_out(&spawn(2));
        pool.advance(499);
        assert_eq!((pool.active(), pool.waiting()), (2, 1));
        let slot = pool.snapshot(0).slots[1];
        assert!(slot.active() && !slot.busy(0), "one that starts is idle to everybody");
        pool.advance(500);
        assert_eq!((pool.waiting(), pool.waits_us()), (0, &[0, 500][..]));
    }

    #[test]
    fn a_worker_that_is_stopped_ends_after_its_requests_and_takes_no_more() {
        let mut pool = pool(2, 2);
        pool.arrive(100);
        pool.carry_out(&cheap(1));
        let slot = pool.snapshot(0).slots[0];
        assert!(slot.alive && slot.cheaped && !slot.spawnable());
        assert_eq!(slot.rss, 0);
        pool.arrive(100);
        pool.arrive(100);
        assert_eq!((pool.serving(), pool.waiting()), (2, 1), "the third waits for worker 2");
        pool.advance(100);
        assert!(pool.snapshot(0).slots[0].spawnable());
        assert_eq!(pool.snapshot(0).slots[0].running_us, 100);
    }

    #[test]
    fn one_that_starts_may_be_stopped_and_started_again() {
        let mut pool = pool(1, 0);
        pool.carry_out(&spawn(1));
        pool.advance(100);
        pool.carry_out(&cheap(1));
        pool.advance(200);
        pool.carry_out(&spawn(1));
        pool.arrive(1);
        pool.advance(699);
        assert_eq!(pool.serving(), 0, "the due time of its first life means nothing");
        pool.advance(700);
        assert_eq!(pool.serving(), 1);
    }

    #[test]
    fn requests_spread_over_cores_with_the_fewest_first() {
        let machine = Machine { cores: 2, ..Machine::default() };
        let mut pool = Pool::new(machine, 2, 2);
        (0..3).for_each(|_| pool.arrive(1_000));
        pool.advance(400);
        let slots = pool.snapshot(5).slots;
        let seen: Vec<_> = slots.iter().map(|slot| (slot.busy_cores, slot.in_request_us)).collect();
        assert_eq!(seen, [(2, Some(800)), (1, Some(400))]);
        assert_eq!(pool.snapshot(5).fifo, 5);
    }

    #[test]
    fn decisions_for_slots_that_are_not_there_do_nothing() {
        let mut pool = pool(1, 1);
        for worker in [0, 1, 9] {
            pool.carry_out(&spawn(worker));
        }
        for worker in [0, 9] {
            pool.carry_out(&cheap(worker));
        }
        assert_eq!(pool.active(), 1);
        pool.resize(9);
        assert_eq!(pool.snapshot(0).slots[0].rss, 9);
    }
}
