//! All sources together.
//!
//! Answers: does every server answer, which one is in trouble and with what, who carries how much of
//! the load, and how much is it in all? Enter goes to the server under the cursor. What a source
//! does not tell is a dash; totals are over what is told.

use super::parts::below;
use super::{Context, Id, View};
use crate::diagnosis::Level;
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::Body;
use crate::state::{App, Feed, Health};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Sources,
    key: '0',
    name: "sources",
    answers: "Who does not answer, who is in trouble, who has the load?",
    keys: &[("Enter", "go to the server under the cursor"), ("Esc", "forget one that has ended")],
    absent: "Only one source is open.",
    present: |app, _| app.feeds.len() > 1 || !app.remarks.is_empty(),
    build: page,
};

const COLUMNS: &[Column] = &[
    flexible("SOURCE", 0, 12),
    column("STATE", false, 0),
    column("BUSY", true, 0),
    column("REQ/S", true, 0),
    column("P99", true, 2),
    column("QUEUE", true, 1),
    column("ERR/S", true, 3),
    column("OLDEST", true, 4),
    column("RSS", true, 5),
    column("UP", true, 7),
    column("PID", true, 8),
    column("VERSION", false, 9),
    column("HOST", false, 10),
    flexible("WHAT", 6, 24),
];

/// Numbers of one source, or of all: nothing where no source tells it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Numbers {
    busy: Option<(u64, u64)>,
    rate: Option<f64>,
    p99: Option<u64>,
    queue: Option<u64>,
    errors: Option<f64>,
    oldest: Option<u64>,
    rss: Option<u64>,
}

fn page(context: &Context<'_>) -> Page {
    let feeds = &context.app.feeds;
    let all: Vec<Numbers> = feeds.iter().map(numbers).collect();
    let mut rows = vec![total(context.app, &all)];
    rows.extend(feeds.iter().zip(&all).map(|(feed, numbers)| row(context, feed, numbers)));
    let mut page = Page { table: Some(Table::new(COLUMNS, rows)), ..Page::default() };
    if !context.app.remarks.is_empty() {
        page.tail = vec![Line::title(" NOT SHOWN")];
        let remarks = context.app.remarks.iter();
        page.tail.extend(remarks.flat_map(|text| below(text, context.width, Paint::Plain)));
    }
    page
}

/// The facts of the heading, as that of one instance has them.
pub(crate) fn heading(app: &App, now: &str) -> String {
    let all: Vec<Numbers> = app.feeds.iter().map(numbers).collect();
    let sum = sum(&all);
    let silent = app.feeds.iter().filter(|feed| feed.health() == Health::Silent).count();
    let silent = if silent > 0 { format!(" - silent: {silent}") } else { String::new() };
    let queue = sum.queue.map_or_else(String::new, |queue| format!(" - lq: {queue}"));
    let (count, rate) = (app.feeds.len(), human::rate(sum.rate));
    format!("uwsgitop - {now} - sources: {count}{silent} - RPS: {rate}{queue}")
}

fn numbers(feed: &Feed) -> Numbers {
    let Some(picture) = feed.state.picture.as_deref().filter(|_| feed.health() != Health::Silent)
    else {
        return Numbers::default();
    };
    let past = &feed.state.past;
    if !matches!(picture.body, Body::Workers(_)) || picture.workers().is_empty() {
        return Numbers::default();
    }
    let busy = picture.workers().iter().filter(|worker| worker.status == "busy").count() as u64;
    Numbers {
        busy: Some((busy, picture.workers().len() as u64)),
        rate: past.total(),
        p99: feed.state.memory.p99(),
        queue: Some(picture.listen_queue),
        errors: past.rate(|picture| Some(picture.failures())),
        oldest: picture.in_flight.iter().map(|request| request.age).max(),
        rss: Some(picture.sum(|worker| worker.rss)).filter(|rss| *rss > 0),
    }
}

/// Sums; of ages and latencies the largest.
fn sum(all: &[Numbers]) -> Numbers {
    let count = |value: fn(&Numbers) -> Option<u64>| {
        all.iter().filter_map(value).reduce(u64::saturating_add)
    };
    let rate =
        |value: fn(&Numbers) -> Option<f64>| all.iter().filter_map(value).reduce(|a, b| a + b);
    let busy = all.iter().filter_map(|numbers| numbers.busy);
    Numbers {
        busy: busy.reduce(|a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1))),
        rate: rate(|numbers| numbers.rate),
        p99: all.iter().filter_map(|numbers| numbers.p99).max(),
        queue: count(|numbers| numbers.queue),
        errors: rate(|numbers| numbers.errors),
        oldest: all.iter().filter_map(|numbers| numbers.oldest).max(),
        rss: count(|numbers| numbers.rss),
    }
}

fn total(app: &App, all: &[Numbers]) -> Row {
    let silent = app.feeds.iter().filter(|feed| feed.health() == Health::Silent).count();
    let waiting = app.feeds.iter().filter(|feed| feed.health() == Health::Waiting).count();
    let state = match silent {
        0 if waiting > 0 => Cell::text(format!("{waiting} waiting")),
        0 => Cell::text("ok"),
        count => Cell::text(format!("! {count} silent")).painted(Paint::Bad),
    };
    let mut cells = vec![Cell::text(format!("all {}", app.feeds.len())), state];
    cells.extend(figures(&sum(all)));
    Row { pinned: true, ..Row::new("", cells) }.painted(Paint::Strong)
}

fn row(context: &Context<'_>, feed: &Feed, numbers: &Numbers) -> Row {
    let mut cells = vec![Cell::text(feed.label()), state(context, feed)];
    cells.extend(figures(numbers));
    let picture = feed.state.picture.as_deref();
    let up = picture.filter(|p| p.started_at > 0 && feed.health() != Health::Silent);
    let now = u64::try_from(context.now.as_second()).unwrap_or(0);
    cells.push(up.map_or_else(Cell::none, |picture| {
        let seconds = now.saturating_sub(picture.started_at);
        Cell::number(seconds as f64, human::age(seconds))
    }));
    cells.push(picture.and_then(|picture| picture.pid).map_or_else(Cell::none, Cell::count));
    cells.push(Cell::text(picture.map_or("-", |picture| picture.version.as_str())));
    cells.push(Cell::text(feed.host.as_str()));
    cells.push(what(feed));
    Row::new(feed.name.as_str(), cells)
}

/// Whether it answers, and if so what the diagnosis says of it.
fn state(context: &Context<'_>, feed: &Feed) -> Cell {
    let since = feed.state.failure.as_ref().map(|(_, since)| *since);
    let age = since.map(|since| context.at.saturating_sub(since).as_micros() as u64);
    let level = feed.state.findings.first().map(|finding| finding.level);
    match (feed.health(), level) {
        (Health::Silent, _) => {
            let age = age.map_or_else(String::new, |age| format!(" {}", human::silence(age)));
            Cell::text(format!("! silent{age}")).painted(Paint::Bad)
        }
        (Health::Waiting, _) => Cell::text("waiting").painted(Paint::Hint),
        (Health::Answers, Some(Level::Critical)) => Cell::text("critical").painted(Paint::Bad),
        (Health::Answers, Some(Level::Warning)) => Cell::text("warning").painted(Paint::Warn),
        (Health::Answers, _) => Cell::text("ok").painted(Paint::Good),
    }
}

/// Why it is silent, or the first finding about it.
fn what(feed: &Feed) -> Cell {
    let remark = feed.state.picture.as_ref().and_then(|picture| picture.remark.clone());
    let failure = feed.state.failure.as_ref().map(|(reason, _)| reason.clone());
    let finding = feed.state.findings.first().filter(|finding| finding.level > Level::Fine);
    let finding = finding.map(|finding| finding.what.clone());
    Cell::text(failure.or(remark).or(finding).unwrap_or_default())
}

/// The cells that a row and the total have in common.
fn figures(numbers: &Numbers) -> Vec<Cell> {
    let busy = numbers.busy.map_or_else(Cell::none, |(busy, all)| {
        let full = all > 0 && busy == all;
        let cell = Cell::number(busy as f64, format!("{busy}/{all}"));
        cell.painted(if full { Paint::Warn } else { Paint::Plain })
    });
    let duration = |value: Option<u64>| {
        value.map_or_else(Cell::none, |us| Cell::number(us as f64, human::duration(us)))
    };
    let rate = |value: Option<f64>| {
        value.map_or_else(Cell::none, |rate| Cell::number(rate, human::rate(Some(rate))))
    };
    let errors = numbers.errors.map_or_else(Cell::none, |errors| {
        let shown = if errors > 0.0 { format!("{errors:.1}") } else { "0".to_owned() };
        let cell = Cell::number(errors, shown);
        cell.painted(if errors > 0.0 { Paint::Warn } else { Paint::Plain })
    });
    let size = |bytes: u64| Cell::number(bytes as f64, human::size(bytes));
    vec![
        busy,
        rate(numbers.rate),
        duration(numbers.p99),
        numbers.queue.map_or_else(Cell::none, Cell::count),
        errors,
        duration(numbers.oldest),
        numbers.rss.map_or_else(Cell::none, size),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::picture::Picture;
    use crate::picture::{Emperor, Latency};
    use crate::screens::{at_every_size, deep, grid, instance, same_as_file, worker};
    use crate::source::Fault;
    use crate::state::Key;
    use crate::state::ui::Move;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    /// A small instance in trouble: all of its workers are in requests.
    fn crowded(second: u64) -> Picture {
        let workers = (1..=4).map(|id| worker(id, 900 + 20 * second, "busy")).collect();
        let slow = vec![(90_000, 500 + 30 * second), (2_100_000, 40 + 9 * second)];
        let latency = Latency {
            name: "request".into(),
            count: 540 + 39 * second,
            cells: slow,
            ..Latency::default()
        };
        let body = Body::Workers(workers);
        Picture {
            body,
            listen_queue: 37,
            latencies: vec![latency],
            pid: Some(71_003),
            ..deep(second)
        }
    }

    /// Five sources: one of each kind of luck.
    fn fleet() -> App {
        let names = [
            "process 3999",
            "web2:1717",
            "https://web3.example.org:8443/stats",
            "/run/uwsgi/emperor.stats",
            "web9:1717",
        ];
        let host = |name: &str| {
            if name.contains("web") {
                name.split(':').next().unwrap_or_default().to_owned()
            } else {
                "web1".to_owned()
            }
        };
        let feeds = names.iter().map(|name| Feed::new(*name, host(name), false)).collect();
        let mut app = App::new(feeds, Id::Sources);
        for second in [0, 2] {
            app.ingest(0, Ok(deep(second)), at(second));
            app.ingest(1, Ok(instance(second)), at(second));
            app.ingest(2, Ok(crowded(second)), at(second));
            let body = Body::Emperor(Emperor::default());
            app.ingest(
                3,
                Ok(Picture { body, pid: Some(7), version: "2.0.31".into(), ..Picture::default() }),
                at(second),
            );
        }
        let refused = Fault::Unreachable("Connection refused (os error 111)".to_owned());
        app.ingest(1, Err(refused), at(2));
        app
    }

    #[test]
    fn sources_fit_every_size() {
        at_every_size("sources", &mut fleet());
    }

    #[test]
    fn sources_are_sorted_below_their_total_and_left_with_enter() {
        let mut app = fleet();
        let order = |app: &mut App| -> Vec<String> {
            let seen = grid(app, true, (120, 40));
            let rows = seen.lines().skip(3).take_while(|row| !row.trim().is_empty());
            rows.map(|row| row.split_whitespace().next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(order(&mut app).first().map(String::as_str), Some("all"));
        app.press(Key::Column(3));
        let sorted = order(&mut app);
        assert_eq!(sorted[..2], ["all", "app"], "{sorted:?}");
        assert!(sorted[2].starts_with("web3."), "{sorted:?}");
        app.press(Key::Column(3));
        let sorted = order(&mut app);
        assert_eq!((sorted[0].as_str(), sorted.last().map(String::as_str)), ("all", Some("app")));
        app.press(Key::Go(Move::Last));
        same_as_file("sources-cursor-80x24.txt", &grid(&mut app, true, (80, 24)));
        app.press(Key::Open);
        let seen = grid(&mut app, true, (120, 40));
        assert!(seen.contains("masterpid: 3999") && seen.contains("WID"), "{seen}");
    }

    #[test]
    fn what_no_source_tells_is_a_dash_and_not_a_zero() {
        let feeds = vec![Feed::new("a", "h", true), Feed::new("b", "h", true)];
        let mut app = App::new(feeds, Id::Sources);
        same_as_file("sources-waiting-80x24.txt", &grid(&mut app, true, (80, 24)));
        assert_eq!(sum(&[]), Numbers::default());
        app.ingest(0, Ok(instance(0)), at(0));
        let numbers: Vec<Numbers> = app.feeds.iter().map(numbers).collect();
        assert_eq!((numbers[0].busy, numbers[1].busy), (Some((1, 5)), None));
        assert_eq!(numbers[0].rate, None, "the first look has no rates");
        assert_eq!(sum(&numbers).busy, Some((1, 5)));
    }

    #[test]
    fn servers_that_cannot_be_shown_are_named_with_what_would_help() {
        let mut app = fleet();
        app.remarks = vec![
            "process 812: a uWSGI server without an arena; try its stats address: uwsgitop \
             /run/uwsgi/old.stats"
                .to_owned(),
            "process 4096: it belongs to somebody else; run uwsgitop as root".to_owned(),
        ];
        same_as_file("sources-remarks-80x24.txt", &grid(&mut app, true, (80, 24)));
        let feeds = vec![Feed::new("a", "h", true)];
        let mut one = App::new(feeds, Id::Sources);
        let picture = instance(0);
        assert!(!(VIEW.present)(&one, &picture), "one source has nothing to be compared with");
        one.remarks.clone_from(&app.remarks);
        assert!((VIEW.present)(&one, &picture));
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let huge =
            Numbers { queue: Some(u64::MAX), busy: Some((u64::MAX, 1)), ..Numbers::default() };
        let sum = sum(&[huge.clone(), huge]);
        assert_eq!((sum.queue, sum.busy), (Some(u64::MAX), Some((u64::MAX, 2))));
    }
}
