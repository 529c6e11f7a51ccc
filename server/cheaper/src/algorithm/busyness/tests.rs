//! Windows, branches and lines of busyness over hand-made courses.

use super::*;
use crate::algorithm::tests::ask;
use crate::fixture::{at, cheaped, idle, settings};
use crate::{Settings, Slot};

/// A course of workers whose busyness is given per window.
struct Course {
    busy: Busy,
    settings: Settings,
    slots: Vec<Slot>,
    second: u64,
}

impl Course {
    /// `active` of 4 workers, windows of 3 s, multiplier 2.
    fn new(active: usize, options: Busyness) -> Self {
        let busyness = Busyness { multiplier: 2, ..options };
        let settings = Settings { busyness, ..settings("busyness") };
        let mut slots = vec![idle(); active];
        slots.resize(4, cheaped());
        let start = Snapshot { slots: slots.clone(), ..at(0, (0, 0, 0)) };
        Self { busy: Busy::new(&settings, &start), settings, slots, second: 0 }
    }

    fn quiet(active: usize) -> Self {
        Self::new(active, Busyness::default())
    }

    fn verbose(active: usize) -> Self {
        Self::new(active, Busyness { verbose: true, ..Busyness::default() })
    }

    /// A second in which every active worker was busy for that many percent.
    fn second(&mut self, percent: u64, backlog: u64, may: bool) -> (i64, Vec<String>) {
        self.second += 1;
        for slot in self.slots.iter_mut().filter(|slot| slot.active()) {
            slot.running_us += percent * 10_000;
        }
        let slots = self.slots.clone();
        let snapshot = Snapshot { slots, backlog, ..at(self.second, (0, 0, 0)) };
        ask(&mut self.busy, &self.settings, &snapshot, may)
    }

    /// Three such seconds; answers with the last, at which the window ends.
    fn window(&mut self, percent: u64) -> (i64, Vec<String>) {
        for _ in 0..2 {
            assert_eq!(self.second(percent, 0, true).0, 0);
        }
        self.second(percent, 0, true)
    }

    fn activate(&mut self, worker: usize) {
        self.slots[worker - 1] = Slot { cheaped: false, alive: true, ..self.slots[worker - 1] };
    }

    fn cheap(&mut self, worker: usize) {
        self.slots[worker - 1] = Slot { cheaped: true, alive: false, ..self.slots[worker - 1] };
    }
}

fn said(wish: i64, lines: &[&str]) -> (i64, Vec<String>) {
    (wish, lines.iter().map(|line| format!("[busyness] {line}")).collect())
}

#[test]
fn the_start_is_announced() {
    let texts = |metrics| -> Vec<String> {
        banner(&settings("busyness"), metrics).into_iter().map(|line| line.text).collect()
    };
    let (_, want) = said(
        0,
        &[
            "settings: min=25%, max=50%, overload=3, multiplier=10, respawn penalty=2",
            "backlog alert is set to 33 request(s), step is 1",
            "backlog non-zero alert is set to 60 second(s)",
            "metrics registered",
        ],
    );
    assert_eq!(texts(true), want);
    assert_eq!(texts(false), want[..3]);
}

#[test]
fn above_the_maximum_it_starts_workers() {
    let mut course = Course::quiet(2);
    assert_eq!(course.window(50), said(0, &[]), "50 is not above 50");
    assert_eq!(
        course.window(51),
        said(1, &["3s average busyness is at 51%, will spawn 1 new worker(s)"])
    );
    course.settings.step = 5;
    assert_eq!(
        course.window(100),
        said(2, &["3s average busyness is at 100%, will spawn 2 new worker(s)"])
    );
}

#[test]
fn above_the_maximum_without_room_it_says_so() {
    let text = |count| {
        format!(
            "3s average busyness is at 100% but we already started maximum number of workers \
             available with current limits ({count})"
        )
    };
    assert_eq!(Course::quiet(4).window(100), said(0, &[&text(4)]));
    let mut course = Course::quiet(2);
    course.second(100, 0, true);
    course.second(100, 0, true);
    assert_eq!(course.second(100, 0, false), said(0, &[&text(2)]), "memory forbids");
}

#[test]
fn below_the_minimum_one_goes_when_the_timer_allows() {
    let mut course = Course::verbose(3);
    let wait = |average: u64, line: &str| {
        let worker = |n| format!("worker nr {n} 3s average busyness is at {average}%");
        let mean = format!("3s average busyness of 3 worker(s) is at {average}%");
        [worker(1), worker(2), worker(3), mean, line.to_owned()]
    };
    let lines = wait(24, "need to wait 3 more second(s) to cheap worker");
    assert_eq!(course.window(24), said(0, &lines.each_ref().map(String::as_str)));
    let lines = wait(0, "3s average busyness is at 0%, cheap one of 3 running workers");
    assert_eq!(course.window(0), said(-1, &lines.each_ref().map(String::as_str)));
}

#[test]
fn at_the_floor_nothing_is_said_or_done() {
    let mut course = Course::quiet(2);
    course.settings.cheaper = 2;
    for _ in 0..9 {
        assert_eq!(course.window(0), said(0, &[]));
    }
}

#[test]
fn the_last_worker_is_neither_listed_nor_judged() {
    let mut course = Course::verbose(1);
    for percent in [0, 30, 0] {
        let mean = format!("3s average busyness of 1 worker(s) is at {percent}%");
        assert_eq!(course.window(percent), said(0, &[&mean]));
    }
    assert_eq!(course.busy.tolerance, 0);
}

#[test]
fn between_the_bounds_the_timer_runs_longer_and_then_anew() {
    let mut course = Course::verbose(2);
    let last = |course: &mut Course, percent| course.window(percent).1.pop().unwrap();
    let text = |n, what| {
        format!(
            "[busyness] 3s average busyness is at 25%, {n} non-idle cycle(s), {what} cheaper timer"
        )
    };
    assert_eq!(last(&mut course, 25), text(1, "adjusting"));
    assert_eq!(last(&mut course, 25), text(2, "adjusting"));
    assert_eq!(course.busy.timer.wait(9_000_000), Some(3), "6 s and two windows more");
    assert_eq!(last(&mut course, 25), text(3, "resetting"));
    assert_eq!(last(&mut course, 25), text(4, "resetting"), "the count goes on");
    assert_eq!(course.busy.timer.wait(12_000_000), Some(6));
    assert_eq!(last(&mut course, 0), "[busyness] need to wait 3 more second(s) to cheap worker");
    assert_eq!(last(&mut course, 25), text(1, "adjusting"), "an idle window ends the count");
    course.window(90);
    assert_eq!(last(&mut course, 25), text(1, "adjusting"), "and so does one above the maximum");
}

#[test]
fn too_many_waiting_connections_bring_an_emergency_worker_in_any_cycle() {
    let mut course = Course::quiet(2);
    assert_eq!(course.second(0, 33, true), said(0, &[]), "33 are bearable");
    let want = said(1, &["34 requests in listen queue, spawning 1 emergency worker(s) (1)!"]);
    assert_eq!(course.second(0, 34, true), want);
    course.activate(3);
    let want = said(1, &["50 requests in listen queue, spawning 1 emergency worker(s) (2)!"]);
    assert_eq!(course.second(0, 50, true), want, "at the end of a window too");
    assert_eq!((course.busy.emergency_total(), course.busy.timer.emergency()), (2, 2));
}

#[test]
fn the_step_of_emergencies_is_bounded_by_the_free_slots() {
    let mut course = Course::new(2, Busyness { backlog_step: 8, ..Busyness::default() });
    let want = said(2, &["90 requests in listen queue, spawning 2 emergency worker(s) (2)!"]);
    assert_eq!(course.second(0, 90, true), want);
}

#[test]
fn an_alert_needs_room_and_leave() {
    assert_eq!(Course::quiet(4).second(0, 90, true), said(0, &[]), "everybody runs");
    assert_eq!(Course::quiet(2).second(0, 90, false), said(0, &[]), "memory forbids");
}

#[test]
fn an_alert_while_the_free_slots_still_end_finds_none() {
    let mut course = Course::quiet(3);
    course.slots[3].alive = true;
    let text =
        "90 requests in listen queue but we are already started maximum number of workers (4)";
    assert_eq!(course.second(0, 90, true), said(0, &[text]));
}

#[test]
fn connections_that_wait_for_a_minute_bring_one_too() {
    let mut course = Course::verbose(2);
    let own = |(wish, lines): (i64, Vec<String>)| {
        let lines: Vec<_> = lines.into_iter().filter(|line| line.contains("backlog")).collect();
        (wish, lines)
    };
    assert_eq!(own(course.second(30, 4, true)), said(0, &["backlog is starting to fill (4)"]));
    // The ends of windows, every third second, do not look at it.
    for second in 2..=61 {
        let got = own(course.second(30, 1, true));
        let line = "backlog was non-zero for 60 second(s), spawning new worker(s)";
        let want = if second == 61 { said(1, &[line]) } else { said(0, &[]) };
        assert_eq!(got, want, "second {second}");
    }
    assert_eq!(own(course.second(30, 0, true)), said(0, &["backlog is now empty"]));
    course.second(30, 0, true);
    assert_eq!(own(course.second(30, 0, true)), said(0, &[]));
}

#[test]
fn a_minute_of_waiting_counts_from_the_last_worker_it_brought() {
    let options = Busyness { backlog_nonzero: 4, ..Busyness::default() };
    let mut course = Course::new(2, options);
    let at: Vec<_> = (1..=14).filter(|_| course.second(30, 1, true).0 > 0).collect();
    assert_eq!(at, [5, 10, 14], "second 9 ends a window, so that one waits until 10");
}

#[test]
fn without_leave_to_grow_a_long_wait_is_kept() {
    let mut course = Course::new(2, Busyness { backlog_nonzero: 2, ..Busyness::default() });
    for _ in 0..7 {
        assert_eq!(course.second(30, 1, false).0, 0);
    }
    assert_eq!(course.second(30, 1, true).0, 1);
}

#[test]
fn a_start_soon_after_a_stop_makes_the_next_stop_wait() {
    let mut course = Course::quiet(3);
    course.window(0);
    assert_eq!(course.window(0).0, -1);
    course.cheap(3);
    let (wish, lines) = course.window(90);
    assert_eq!(wish, 1);
    assert_eq!(
        lines,
        said(
            0,
            &[
                "worker(s) respawned to fast, increasing cheaper multiplier to 4 (+2)",
                "3s average busyness is at 90%, will spawn 1 new worker(s)"
            ]
        )
        .1
    );
    course.activate(3);
    let waits = (1..20).take_while(|_| course.window(0).0 == 0).count();
    assert_eq!(waits, 3, "four windows instead of two");
}

#[test]
fn a_worker_is_full_when_nobody_knows_its_time_and_it_ended_nothing() {
    let mut course = Course::verbose(2);
    course.slots[0].in_request_us = None;
    course.slots[0].busy_cores = 1;
    let (wish, lines) = course.window(0);
    let guess = "worker 1 was busy 3 time(s) in last cycle but no request was completed during this \
                 time, marking as 100% busy";
    assert_eq!((wish, lines[0].as_str()), (0, format!("[busyness] {guess}").as_str()));
    assert_eq!(lines[1], "[busyness] worker nr 1 3s average busyness is at 100%");
}

#[test]
fn gauges_follow_the_windows() {
    let mut course = Course::quiet(2);
    course.window(40);
    let gauges = course.busy.gauges().unwrap();
    assert_eq!((gauges.workers, gauges.average), (vec![40, 40, 0, 0], 40));
    assert_eq!((gauges.multiplier, gauges.emergency), (2, 0));
}

#[test]
fn a_pause_is_part_of_no_window() {
    let mut course = Course::quiet(2);
    course.second(100, 9, true);
    course.second += 3_600;
    let slots = course.slots.clone();
    course.busy.resume(&Snapshot { slots, ..at(course.second, (0, 0, 0)) });
    assert_eq!(course.busy.gauges().unwrap().average, 0);
    let want = said(1, &["3s average busyness is at 100%, will spawn 1 new worker(s)"]);
    assert_eq!(course.window(100), want);
}

#[test]
fn no_worker_at_all_is_no_reason_to_divide_by_zero() {
    let mut course = Course::quiet(0);
    assert_eq!(course.window(0), said(0, &[]));
}
