//! Screens of the view, and what its keys do.

use super::*;
use crate::picture::Socket;
use crate::screens::{self, SIZES, app_of, at_every_size, grid, same_as_file};
use crate::state::ui::Move;
use crate::state::{App, Key};

fn metric(name: &str, oid: &str, kind: u64, value: f64) -> Metric {
    let (name, oid) = (name.to_owned(), oid.to_owned());
    Metric { name, oid, kind, value, ..Metric::default() }
}

/// An instance that lists metrics of all kinds, at this second.
fn picture(second: u64) -> Picture {
    let (at, busy) = (second as f64, [2.0, 3.0, 5.0, 4.0][second as usize % 4]);
    let mut all = vec![
        metric("core.routed_signals", "5.1", 0, 7.0),
        metric("core.busy_workers", "5.3", 1, busy),
        metric("core.overloaded", "5.5", 0, (second / 7 * 3) as f64),
        metric("worker.0.requests", "3.0.1", 0, 100_000.0 + at * 260.0 + (second % 9 * 30) as f64),
    ];
    for worker in 1..=12 {
        let name = |rest: &str| format!("worker.{worker}.{rest}");
        let own = f64::from(worker);
        all.push(metric(&name("requests"), &format!("3.{worker}.1"), 0, own * 1_000.0 + at * own));
        let rss = 34e6 * own + (second % 60) as f64 * 4e4 * (own - 4.0);
        all.push(metric(&name("rss_size"), &format!("3.{worker}.11"), 1, rss));
        all.push(metric(&name("avg_response_time"), &format!("3.{worker}.8"), 1, 1_999.0 * own));
    }
    all.push(metric("core.total_rss", "5.101", 1, 2.4e9));
    all.push(metric("socket.0.listen_queue", "7.0.1", 1, (second % 30) as f64 * 3.0));
    all.push(metric("rss_size", "5.102", 3, 2.4e9));
    all.push(metric("temperature.outside", "", 1, -4.25));
    all.push(Metric {
        help: "Orders that were paid, by shop and by what they were paid with.".into(),
        ..metric("app_orders_total{shop=\"main\",paid=\"card\"}", "", 0, at * 0.4)
    });
    let sockets = vec![Socket { max_queue: 100, ..Socket::default() }];
    Picture { sockets, metrics: all.into(), ..screens::instance(second) }
}

fn long() -> App {
    let mut app = app_of((0..240).map(|second| (second, picture(second))));
    app.press(Key::View(Id::Metrics));
    app
}

fn pin(app: &mut App, names: &[&str]) {
    grid(app, true, (120, 60));
    for name in names {
        let row = app.rows.iter().position(|row| row == name).unwrap();
        app.press(Key::Row(row));
        app.press(Key::Mark);
    }
    app.press(Key::Back);
}

#[test]
fn screens() {
    screens::view(Id::Metrics, picture);
}

#[test]
fn a_list_with_a_past_and_pins() {
    let mut app = long();
    pin(&mut app, &["worker.7.rss_size", "core.busy_workers"]);
    at_every_size("metrics-pinned", &mut app);
    app.press(Key::Filter);
    "w.1".chars().for_each(|c| app.type_filter(Some(c)));
    app.end_filter(true);
    same_as_file("metrics-filter-80x24.txt", &grid(&mut app, true, (80, 24)));
    app.press(Key::Go(Move::First));
    app.press(Key::Mark);
    let seen = grid(&mut app, true, (80, 24));
    assert!(seen.contains("* worker.7.rss_size") && !seen.contains("core.busy"), "{seen}");
}

#[test]
fn bars_of_what_is_pinned_or_usual() {
    let mut app = long();
    app.press(Key::Form);
    same_as_file("metrics-bars-usual-80x24.txt", &grid(&mut app, true, (80, 24)));
    app.press(Key::Form);
    pin(&mut app, &["worker.2.rss_size", "worker.12.requests", "core.busy_workers"]);
    app.press(Key::Form);
    at_every_size("metrics-bars", &mut app);
}

#[test]
fn one_metric_at_every_size() {
    let mut app = long();
    grid(&mut app, true, (120, 60));
    let row = app.rows.iter().position(|row| row == "worker.0.requests").unwrap();
    app.press(Key::Row(row));
    app.press(Key::Open);
    at_every_size("metrics-one", &mut app);
    app.press(Key::Back);
    grid(&mut app, true, (120, 60));
    let row = app.rows.iter().position(|row| row.starts_with("app_orders")).unwrap();
    app.press(Key::Row(row));
    app.press(Key::Open);
    same_as_file("metrics-one-own-80x24.txt", &grid(&mut app, true, (80, 24)));
    for (width, height) in [(1, 1), (9, 4), (30, 9), (300, 14)] {
        assert_eq!(grid(&mut app, true, (width, height)).lines().count(), usize::from(height));
    }
    assert!(SIZES.iter().all(|size| grid(&mut app, false, *size).is_ascii()));
}

#[test]
fn a_metric_that_is_gone_is_told() {
    let mut app = long();
    grid(&mut app, true, (120, 60));
    app.press(Key::Go(Move::First));
    app.press(Key::Open);
    let gone = Picture { metrics: vec![Metric::default()].into(), ..picture(240) };
    app.ingest(0, Ok(gone), std::time::Duration::from_secs(240));
    assert!(grid(&mut app, true, (80, 24)).contains("core.routed_signals is not listed any more"));
}

#[test]
fn without_a_list_the_view_waits_for_it() {
    let waits = Picture { lists_metrics: true, ..screens::instance(0) };
    let mut app = app_of([(0, waits)]);
    app.press(Key::View(Id::Metrics));
    assert!(grid(&mut app, true, (80, 24)).contains("waiting for the list"));
}

#[test]
fn pinned_metrics_are_read_while_other_views_are_shown() {
    let mut app = long();
    app.press(Key::View(Id::Workers));
    assert!(!app.needs().metrics, "nobody wants them");
    app.press(Key::View(Id::Metrics));
    assert!(app.needs().metrics);
    pin(&mut app, &["core.busy_workers"]);
    app.press(Key::View(Id::Workers));
    assert!(app.needs().metrics);
}
