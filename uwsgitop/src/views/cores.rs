//! Cores and their requests.
//!
//! Answers: which request hangs, since when, where is it, who sent it, what does it wait for, how
//! long until harakiri ends it; is any core free? Requests in flight stand on top, the oldest first;
//! `m` leaves the idle cores away; Enter shows one request whole. Pure.

use std::collections::HashMap;

use super::{Context, Id, View, request};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Core, InFlight, Picture, Waits, Worker};
use crate::state::past::Past;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Cores,
    key: '2',
    name: "cores",
    answers: "Which request runs where, since when, waiting for what?",
    keys: &[
        ("m", "every core, or only requests in flight"),
        ("Enter", "the request of a core: its variables, waits and deadline"),
    ],
    absent: "The source shows no cores (stats-no-cores?).",
    present: |_, picture| picture.workers().iter().any(|worker| !worker.cores.is_empty()),
    build: page,
};

/// What a source without depth cannot say has no column, so that the rest fits.
const PLAIN: &[Column] = &[
    column("CORE", false, 0),
    column("PID", true, 10),
    column("STATUS", false, 4),
    column("AGE", true, 0),
    column("REQ", true, 8),
    column("RPS", true, 7),
    column("ERR", true, 11),
    flexible("REMOTE", 6, 9),
    column("METHOD", false, 1),
    flexible("HOST", 9, 12),
    flexible("URI", 0, 20),
];

const DEEP: &[Column] = &[
    column("CORE", false, 0),
    column("PID", true, 10),
    column("STATUS", false, 7),
    column("AGE", true, 0),
    column("KILL IN", true, 5),
    column("PHASE", false, 2),
    column("WAITS FOR", false, 3),
    column("REQ", true, 9),
    column("RPS", true, 8),
    column("ERR", true, 12),
    flexible("REMOTE", 6, 9),
    column("METHOD", false, 1),
    flexible("HOST", 11, 12),
    flexible("URI", 0, 20),
];

/// One core and the request it is in.
struct Seat<'a> {
    key: String,
    worker: &'a Worker,
    core: &'a Core,
    rate: Option<f64>,
    request: Option<&'a InFlight>,
}

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let mut seats = seats(picture, &context.state.past);
    if let Some(open) = &context.choice.open
        && let Some(seat) = seats.iter().find(|seat| seat.key == *open)
    {
        let lines = request::lines(context, picture, seat.worker, seat.core, seat.request);
        return Page { tail: lines, ..Page::default() };
    }
    // The sort is stable: idle cores stay in the order of their workers.
    seats.sort_by_key(|seat| std::cmp::Reverse(seat.request.map(|r| (true, r.age))));
    let head = summary(&seats, context.choice.form);
    let only_busy = context.choice.form % 2 == 1;
    let shown = seats.iter().filter(|seat| !only_busy || seat.request.is_some());
    let rows = shown.map(|seat| row(picture, seat)).collect();
    let mut table = Table::new(if picture.deep { DEEP } else { PLAIN }, rows);
    table.empty = "No request is running.";
    Page { head: vec![head], table: Some(table), tail: Vec::new() }
}

fn seats<'a>(picture: &'a Picture, past: &Past) -> Vec<Seat<'a>> {
    let running: HashMap<(u64, u64), &InFlight> =
        picture.in_flight.iter().map(|request| ((request.worker, request.core), request)).collect();
    let workers = picture.workers().iter().enumerate();
    let cores = workers.flat_map(|(index, worker)| {
        let cores = worker.cores.iter().enumerate();
        cores.map(move |(place, core)| (index, worker, place, core))
    });
    cores
        .map(|(index, worker, place, core)| {
            // A worker that was never spawned has no number of its own yet.
            let id = if worker.id == 0 { index as u64 + 1 } else { worker.id };
            Seat {
                key: format!("{id}:{}", core.id),
                worker,
                core,
                rate: past.core(index, place),
                request: running.get(&(id, core.id)).copied(),
            }
        })
        .collect()
}

/// `3 of 10 cores busy, 2 for over 1s, 1 for over 10s`.
fn summary(seats: &[Seat<'_>], form: usize) -> Line {
    let older = |age: u64| seats.iter().filter(|s| s.request.is_some_and(|r| r.age >= age)).count();
    let busy = seats.iter().filter(|seat| seat.request.is_some()).count();
    // What was put away or suspended takes no requests.
    let away = |seat: &&Seat<'_>| matches!(seat.worker.status.as_str(), "cheap" | "pause");
    let all = seats.len() - seats.iter().filter(away).count();
    let paint = if busy >= all { Paint::Warn } else { Paint::Strong };
    let mut line = Line::of(format!(" {busy} of {all} cores busy"), paint);
    for (age, name, paint) in [(1_000_000, "1s", Paint::Warn), (10_000_000, "10s", Paint::Bad)] {
        let count = older(age);
        if count > 0 {
            line = line.and(format!(", {count} for over {name}"), paint);
        }
    }
    line.and(if form % 2 == 1 { "  (m: every core)" } else { "  (m: only these)" }, Paint::Hint)
}

fn row(picture: &Picture, seat: &Seat<'_>) -> Row {
    let (worker, core) = (seat.worker, seat.core);
    let status = match (seat.request, worker.status.as_str()) {
        (Some(_), _) => "busy",
        // Another core of it is.
        (None, "busy") => "idle",
        (None, other) => other,
    };
    let errors = core.read_errors.saturating_add(core.write_errors);
    let rate = seat.rate.unwrap_or(f64::NEG_INFINITY);
    let of = |text: fn(&InFlight) -> &str| match seat.request.map(text) {
        Some(text) if !text.is_empty() => Cell::text(text),
        _ => Cell::none(),
    };
    let deep = if picture.deep {
        let waits = seat.request.and_then(|request| request.waits.as_ref());
        vec![
            deadline(picture, worker, seat.request),
            // What is idle says so where there is no room for the status.
            Cell::text(seat.request.map_or(status, |request| request.phase.as_str())),
            waits.and_then(waiting).map_or_else(Cell::none, Cell::text),
        ]
    } else {
        Vec::new()
    };
    let mut cells = vec![
        Cell::text(seat.key.as_str()),
        Cell::count(worker.pid),
        Cell::text(status),
        seat.request.map_or_else(Cell::none, age),
    ];
    cells.extend(deep);
    cells.extend([
        Cell::count(core.requests),
        Cell::number(rate, human::rate(seat.rate)),
        Cell::count(errors).painted(if errors > 0 { Paint::Warn } else { Paint::Plain }),
        of(|request| &request.remote),
        of(|request| &request.method),
        of(|request| &request.host),
        of(|request| &request.uri),
    ]);
    Row::new(seat.key.as_str(), cells).painted(Paint::of(status))
}

/// How long a request has been running, with as many digits as are known.
pub(super) fn age_text(request: &InFlight) -> String {
    match request.age {
        0 if request.start == 0 && request.coarse => "-".to_owned(),
        0..1_000_000 if request.coarse => "<1s".to_owned(),
        age @ 0..100_000_000 if request.coarse => format!("{}s", age / 1_000_000),
        age => human::duration(age),
    }
}

/// The meaning of an age.
pub(super) fn age_paint(age: u64) -> Paint {
    match age {
        0..1_000_000 => Paint::Plain,
        1_000_000..10_000_000 => Paint::Warn,
        _ => Paint::Bad,
    }
}

fn age(request: &InFlight) -> Cell {
    Cell::number(request.age as f64, age_text(request)).painted(age_paint(request.age))
}

/// Microseconds until harakiri ends the worker; nothing without a deadline.
pub(super) fn left(picture: &Picture, worker: &Worker) -> Option<u64> {
    let deadline =
        worker.harakiri_pending.checked_mul(1_000_000).filter(|deadline| *deadline > 0)?;
    Some(deadline.saturating_sub(picture.taken))
}

fn deadline(picture: &Picture, worker: &Worker, request: Option<&InFlight>) -> Cell {
    match request.and_then(|_| left(picture, worker)) {
        Some(left) => {
            let paint = if left < 5_000_000 { Paint::Bad } else { Paint::Plain };
            // The deadline is known to the second.
            Cell::number(-(left as f64), format!("{}s", left / 1_000_000)).painted(paint)
        }
        None => Cell::none(),
    }
}

/// What a request waits for, in a word or two.
pub(super) fn waiting(waits: &Waits) -> Option<String> {
    match (&waits.now, &waits.call) {
        // Any call says less than the one it is.
        (Some(now), Some((call, _))) if now == "system_call" => Some(format!("in {call}")),
        (Some(now), _) => Some(now.replace('_', " ")),
        (None, Some((call, _))) => Some(format!("in {call}")),
        (None, None) => (!waits.parts.is_empty()).then(|| "runs".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::columns_of;
    use crate::screens;
    use crate::state::Key;
    use crate::state::ui::Move;

    fn busy(second: u64) -> Picture {
        let mut picture = screens::deep(second);
        let mut waits = Waits { now: Some("network".into()), ..Waits::default() };
        waits.parts = vec![("run_queue".into(), 2_000), ("network".into(), 11_900_000)];
        waits.call = Some(("recvfrom".into(), 11_800_000));
        waits.slowest = Some(("openat".into(), 4_000));
        for request in &mut picture.in_flight {
            request.waits = Some(waits.clone());
            request.start = picture.taken - request.age;
            request.app = "/".into();
            request.proto = "HTTP/1.1".into();
            let pairs = [("REQUEST_METHOD", "GET"), ("HTTP_COOKIE", "..."), ("EMPTY", "")];
            request.vars = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
            request.vars.push(("HTTP_USER_AGENT".into(), "Mozilla/5.0 (X11; Linux) ".repeat(5)));
        }
        if let crate::picture::Body::Workers(workers) = &mut picture.body {
            workers[1].harakiri_pending = picture.taken / 1_000_000 + 48;
            workers[0].cores[1].write_errors = 3;
        }
        picture
    }

    #[test]
    fn screens_of_the_view() {
        screens::view(Id::Cores, busy);
    }

    #[test]
    fn a_document_of_the_c_server_has_ages_in_seconds_and_no_empty_columns() {
        let mut app = screens::fed(|second| {
            let mut picture = busy(second);
            picture.deep = false;
            for request in &mut picture.in_flight {
                (request.coarse, request.waits, request.phase) = (true, None, String::new());
            }
            picture
        });
        app.press(Key::View(Id::Cores));
        screens::same_as_file("cores-plain-80x24.txt", &screens::grid(&mut app, true, (80, 24)));
        app.press(Key::Form);
        let only = screens::grid(&mut app, true, (80, 24));
        assert!(only.contains("12s") && only.contains("<1s") && !only.contains("idle"), "{only}");
    }

    #[test]
    fn enter_opens_a_request_and_escape_closes_it() {
        let mut app = screens::fed(busy);
        app.press(Key::View(Id::Cores));
        screens::grid(&mut app, true, (80, 24));
        app.press(Key::Go(Move::First));
        app.press(Key::Open);
        screens::at_every_size("cores-open", &mut app);
        app.press(Key::Back);
        screens::grid(&mut app, true, (80, 24));
        app.press(Key::Go(Move::Last));
        app.press(Key::Open);
        let idle = screens::grid(&mut app, true, (80, 24));
        assert!(idle.contains("no request"), "{idle}");
    }

    #[test]
    fn a_wait_is_named_as_closely_as_it_is_known() {
        let waits = |now: Option<&str>, call: Option<&str>, parts: &[(&str, u64)]| Waits {
            now: now.map(str::to_owned),
            call: call.map(|call| (call.to_owned(), 5)),
            parts: parts.iter().map(|(name, us)| ((*name).to_owned(), *us)).collect(),
            ..Waits::default()
        };
        for (waits, text) in [
            (waits(Some("run_queue"), Some("read"), &[]), Some("run queue")),
            (waits(Some("system_call"), Some("openat"), &[]), Some("in openat")),
            (waits(Some("system_call"), None, &[]), Some("system call")),
            (waits(None, Some("openat"), &[]), Some("in openat")),
            (waits(None, None, &[("network", 0)]), Some("runs")),
            (waits(None, None, &[]), None),
        ] {
            assert_eq!(waiting(&waits).as_deref(), text, "{waits:?}");
        }
    }

    #[test]
    fn ages_have_the_digits_that_are_known() {
        let request = |age, start, coarse| InFlight { age, start, coarse, ..InFlight::default() };
        for (row, text) in [
            (request(12_345_678, 1, false), "12.3s"),
            (request(850, 1, false), "850us"),
            (request(12_000_000, 1, true), "12s"),
            (request(125_000_000, 1, true), "2m05s"),
            (request(0, 1, true), "<1s"),
            (request(0, 0, true), "-"),
        ] {
            assert_eq!(age_text(&row), text);
            assert!(columns_of(text) < 7);
        }
    }
}
