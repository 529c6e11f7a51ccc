//! Receivers of metrics, and of lines of the log.
//!
//! Answers: who gets the numbers, how old are those he has, who does not take them, since when and
//! why? Those that fail stand on top.

use super::parts::{age, ago, below, unwanted};
use super::{Context, Id, View, loggers};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Picture, Pusher};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Pushers,
    key: 's',
    name: "pushers",
    answers: "Which receivers get the metrics and the log, how late are they, what is lost?",
    keys: &[],
    absent: "The source pushes no metrics and has no loggers (options \"stats-push\", \"logger\").",
    present: |_, picture| !(picture.pushers.is_empty() && picture.loggers.is_empty()),
    build: page,
};

const COLUMNS: &[Column] = &[
    column("STATE", false, 0),
    column("KIND", false, 0),
    flexible("RECEIVER", 0, 14),
    column("LAST", true, 0),
    column("EVERY", true, 2),
    column("PUSHES", true, 4),
    column("VALUES", true, 5),
    column("BYTES", true, 6),
    column("BYTES/S", true, 3),
    column("TOOK", true, 3),
    column("FAILING", true, 1),
    column("QUEUE", true, 1),
    column("LOST", true, 1),
    column("FAILED", true, 7),
    column("RETRIES", true, 8),
];

/// A receiver is late when it has heard nothing for so many periods.
const LATE: f64 = 3.0;

/// Fewest seconds of lateness: pushes need some time themselves.
const LEAST: f64 = 5.0;

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let mut pushers: Vec<(usize, &Pusher)> = picture.pushers.iter().enumerate().collect();
    pushers.sort_by_key(|(_, pusher)| std::cmp::Reverse((pusher.failing > 0, pusher.failing)));
    let rows = pushers.into_iter().map(|(number, pusher)| row(context, picture, number, pusher));
    let table = Table::new(COLUMNS, rows.collect());
    let lines = loggers::table(picture);
    let (head, table) = match picture.pushers.is_empty() {
        true => (None, lines),
        false => {
            (Some(summary(picture)), Some(Table { more: lines.into_iter().collect(), ..table }))
        }
    };
    let head = head.into_iter().chain(loggers::summary(picture)).collect();
    Page { head, table, ..Page::default() }
}

fn summary(picture: &Picture) -> Line {
    let failing = picture.pushers.iter().filter(|pusher| pusher.failing > 0).count();
    let lost = picture.pushers.iter().map(|pusher| pusher.dropped).fold(0, u64::saturating_add);
    let all = picture.pushers.len();
    let line = match failing {
        0 => Line::of(format!(" all of {all} receivers take what they are sent"), Paint::Good),
        _ => Line::of(format!(" {failing} of {all} receivers FAIL"), Paint::Bad),
    };
    if lost > 0 { line.and(format!("; {lost} pushes lost so far"), Paint::Warn) } else { line }
}

fn row(context: &Context<'_>, picture: &Picture, number: usize, pusher: &Pusher) -> Row {
    let period = period(picture, pusher);
    let (state, paint) = state(picture, pusher, period);
    // Each push is told apart from the next by a period, so rates of a second would jump.
    let each = |total: u64| (pusher.pushes > 0).then(|| total as f64 / pusher.pushes as f64);
    let amount = |value: Option<f64>, text: fn(f64) -> String| {
        value.map_or_else(Cell::none, |value| Cell::number(value, text(value)))
    };
    let size = |bytes: f64| human::size(bytes as u64);
    let cells = vec![
        Cell::text(state).painted(paint),
        Cell::text(pusher.kind.as_str()),
        Cell::text(pusher.target.as_str()),
        ago(picture, pusher.last_push),
        amount(period, |seconds| format!("~{}", human::age(seconds.round() as u64))),
        Cell::count(pusher.pushes),
        amount(each(pusher.values), |values| format!("{values:.0}")),
        amount(each(pusher.bytes), size),
        amount(each(pusher.bytes).zip(period).map(|(bytes, period)| bytes / period), size),
        match pusher.last_send {
            0 => Cell::none(),
            micros => Cell::number(micros as f64, human::duration(micros)),
        },
        unwanted(pusher.failing, Paint::Bad),
        unwanted(pusher.queued, Paint::Warn),
        unwanted(pusher.dropped, Paint::Bad),
        Cell::count(pusher.failures),
        Cell::count(pusher.retries),
    ];
    let mut row = Row::new(format!("{} {} {number}", pusher.kind, pusher.target), cells);
    if !pusher.last_error.is_empty() {
        let text = match pusher.last_failure {
            0 => format!("! {}", pusher.last_error),
            last => format!("! {} ago: {}", human::age(age(picture, last)), pusher.last_error),
        };
        row.below = below(&text, context.width, Paint::Bad);
    }
    row
}

/// Seconds from one push to the next, as far as what happened since the start tells.
fn period(picture: &Picture, pusher: &Pusher) -> Option<f64> {
    let pushes = pusher.pushes.saturating_add(pusher.dropped).saturating_add(pusher.queued);
    let seconds = age(picture, picture.started_at);
    (pushes > 1 && picture.started_at > 0 && seconds > 0).then(|| seconds as f64 / pushes as f64)
}

fn state(picture: &Picture, pusher: &Pusher, period: Option<f64>) -> (&'static str, Paint) {
    let silence = age(picture, pusher.last_push) as f64;
    if pusher.failing > 0 {
        ("FAILING", Paint::Bad)
    } else if pusher.last_push == 0 {
        ("waiting", Paint::Plain)
    } else if period.is_some_and(|period| silence > (period * LATE).max(LEAST)) {
        ("late", Paint::Warn)
    } else {
        ("ok", Paint::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Logger;
    use crate::screens::{NOW_SECONDS, at_every_size, fed, grid, instance, same_as_file, view};
    use crate::state::Key;

    fn pushing(second: u64) -> Picture {
        let pusher = |kind: &str, target: &str, every: u64| Pusher {
            kind: kind.to_owned(),
            target: target.to_owned(),
            pushes: 86_400 / every + second,
            values: 40 * (86_400 / every + second),
            bytes: 2_900 * (86_400 / every + second),
            last_push: NOW_SECONDS,
            last_send: 1_250,
            ..Pusher::default()
        };
        let dead = Pusher {
            pushes: 3_100,
            failures: 2_044,
            failing: 212,
            queued: 16,
            dropped: 1_204,
            retries: 900,
            last_push: NOW_SECONDS - 5_400,
            last_failure: NOW_SECONDS - 4,
            last_send: 5_000_000,
            last_error: "connect: Connection timed out (os error 110)".to_owned(),
            ..pusher("carbon", "graphite1.example:2003", 20)
        };
        let late = Pusher {
            last_push: NOW_SECONDS - 600,
            ..pusher("otlp", "https://otel.example:4318/v1/metrics", 60)
        };
        let new = Pusher {
            kind: "file".to_owned(),
            target: "/var/log/metrics".to_owned(),
            ..Pusher::default()
        };
        Picture {
            pushers: vec![pusher("statsd", "127.0.0.1:8125", 3), dead, late, new],
            started_at: NOW_SECONDS - 86_400,
            ..instance(second)
        }
    }

    #[test]
    fn receivers_that_fail_are_on_top_at_every_size() {
        view(Id::Pushers, pushing);
    }

    #[test]
    fn receivers_of_lines_are_below_or_alone() {
        let logger = |name: &str, target: &str, dropped, queued, errors| Logger {
            name: name.to_owned(),
            target: target.to_owned(),
            messages: 48_211,
            bytes: 6_000_000,
            dropped,
            queued,
            errors,
            ..Logger::default()
        };
        let picture = |second, pushers| Picture {
            loggers: vec![
                logger("file", "file /var/log/app/main.log", 0, 0, 0),
                logger("errors", "rsyslog logs.example.org:514", 0, 31, 4),
                logger("far", "redislog 10.0.0.9:6379", 1_204, 8_000, 212),
                logger("old", "pipe", 17, 0, 1),
                Logger { name: "stdio".to_owned(), ..Logger::default() },
            ],
            pushers,
            ..instance(second)
        };
        let mut both = fed(|second| picture(second, pushing(second).pushers));
        both.press(Key::View(Id::Pushers));
        for (width, height) in [(60, 15), (80, 24), (120, 40)] {
            let name = format!("pushers-lines-below-{width}x{height}.txt");
            same_as_file(&name, &grid(&mut both, true, (width, height)));
        }
        let mut alone = fed(|second| picture(second, Vec::new()));
        alone.press(Key::View(Id::Pushers));
        at_every_size("pushers-lines-alone", &mut alone);
        assert!(loggers::table(&instance(0)).is_none() && loggers::summary(&instance(0)).is_none());
    }

    #[test]
    fn a_period_is_told_once_there_were_two() {
        let picture = Picture { taken: 100_000_000, started_at: 70, ..Picture::default() };
        let of = |pushes| period(&picture, &Pusher { pushes, ..Pusher::default() });
        assert_eq!([of(0), of(1), of(10)], [None, None, Some(3.0)]);
    }
}
