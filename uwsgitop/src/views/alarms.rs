//! Alarms and thresholds.
//!
//! Answers: what fires, since when, how far beyond its bound; did the alarm get through, and if
//! not, why? What fires stands on top, whatever the configuration says.

use super::parts::{age, ago, below, unwanted};
use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, bar, column, flexible};
use crate::picture::{Alarm, Picture, Threshold};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Alarms,
    key: 'n',
    name: "alarms",
    answers: "What fires, since when, and did the alarm get through?",
    keys: &[("Enter", "the threshold as it is configured")],
    absent: "The source has neither alarms nor thresholds.",
    present: |_, picture| !(picture.alarms.is_empty() && picture.thresholds.is_empty()),
    build: page,
};

const THRESHOLDS: &[Column] = &[
    column("STATE", false, 0),
    column("FOR", true, 1),
    flexible("METRIC", 0, 16),
    column("VALUE", true, 0),
    column("BOUND", true, 2),
    column("LEVEL", false, 6),
    column("FIRED", true, 4),
    column("ALARM", true, 5),
    flexible("CONFIGURED", 7, 24),
];

const ALARMS: &[Column] = &[
    column("STATE", false, 0),
    flexible("ALARM", 0, 10),
    column("KIND", false, 3),
    column("RAISED", true, 1),
    column("LAST", true, 2),
    column("DELIVERED", true, 2),
    column("LAST", true, 6),
    column("HELD", true, 7),
    column("FAILED", true, 1),
    column("LOST", true, 4),
    column("RETRIES", true, 8),
    column("QUEUE", true, 1),
];

/// Columns of the bar.
const BAR: usize = 10;

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let alarms = Table::new(ALARMS, alarms(context, picture));
    let thresholds = Table::new(THRESHOLDS, thresholds(context, picture));
    let table = if picture.thresholds.is_empty() {
        alarms
    } else if picture.alarms.is_empty() {
        thresholds
    } else {
        Table { more: vec![alarms], ..thresholds }
    };
    Page { head: vec![summary(picture)], table: Some(table), ..Page::default() }
}

/// How it is, in one line, since the tables may be longer than the screen.
fn summary(picture: &Picture) -> Line {
    let count = |state: &str| picture.thresholds.iter().filter(|row| row.state == state).count();
    let (all, firing, pending) = (picture.thresholds.len(), count("firing"), count("pending"));
    let mut line = match firing {
        0 => Line::of(format!(" none of {all} thresholds fires"), Paint::Good),
        _ => Line::of(format!(" {firing} of {all} thresholds FIRING"), Paint::Bad),
    };
    if pending > 0 {
        line = line.and(format!(", {pending} pending"), Paint::Warn);
    }
    let mut failing = picture.alarms.iter().filter(|row| !row.last_error.is_empty());
    if let Some(first) = failing.next() {
        let more = match failing.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        line = line.and(format!("; alarm {}{more} FAILING", first.name), Paint::Bad);
    }
    match picture.alarms.iter().map(|row| row.queued).fold(0, u64::saturating_add) {
        0 => line,
        queued => line.and(format!("; {queued} messages wait"), Paint::Warn),
    }
}

/// Those that fire first, the one that has for the longest on top.
fn thresholds(context: &Context<'_>, picture: &Picture) -> Vec<Row> {
    let mut rows: Vec<_> = picture.thresholds.iter().enumerate().collect();
    rows.sort_by_key(|(_, row)| (std::cmp::Reverse(pressing(row)), row.since * pressing(row)));
    rows.into_iter().map(|(number, row)| threshold(context, picture, number, row)).collect()
}

fn pressing(row: &Threshold) -> u64 {
    match row.state.as_str() {
        "firing" => 2,
        "pending" => 1,
        _ => 0,
    }
}

fn threshold(context: &Context<'_>, picture: &Picture, number: usize, row: &Threshold) -> Row {
    let (state, paint) = match pressing(row) {
        2 => ("FIRING", Paint::Bad),
        1 => ("pending", Paint::Warn),
        _ => ("quiet", Paint::Plain),
    };
    let since = match row.since {
        0 => Cell::none(),
        since => Cell::number(age(picture, since) as f64, human::age(age(picture, since))),
    };
    let amount = amount_of(&row.text);
    let op = setting(&row.text, "op").unwrap_or(">=");
    let cells = vec![
        Cell::text(state).painted(paint),
        since,
        Cell::text(row.key.as_str()),
        Cell::number(row.value, amount(row.value)),
        Cell::number(row.bound, format!("{op} {}", amount(row.bound))),
        level(row, context.utf8).painted(paint),
        Cell::count(row.fired),
        ago(picture, row.last_alarm),
        Cell::text(row.text.as_str()),
    ];
    let mut row_of = Row::new(format!("threshold {} {}", number + 1, row.text), cells);
    if context.choice.open.as_deref() == Some(row_of.key.as_str()) {
        // Breaks at its commas.
        let text = row.text.replace(',', ", ");
        row_of.below = below(&text, context.width, Paint::Strong);
    }
    row_of
}

/// How near the value is to its bound; without a bar where the two have no common zero.
fn level(row: &Threshold, utf8: bool) -> Cell {
    let share = row.value / row.bound;
    if !share.is_finite() || share < 0.0 {
        return Cell::none();
    }
    Cell::number(share, bar(share, BAR, utf8))
}

/// A key of a threshold as configured.
fn setting<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split(',').find_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix('='))
}

/// How its numbers are written: as times where its bound is configured as one.
fn amount_of(text: &str) -> fn(f64) -> String {
    let value = setting(text, "value").or_else(|| setting(text, "limit")).unwrap_or_default();
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    match unit {
        "us" | "ms" | "s" | "m" | "h" if setting(text, "objective").is_none() => {
            |micros| human::duration(micros.max(0.0) as u64)
        }
        _ => human::amount,
    }
}

/// Those that do not get through first.
fn alarms(context: &Context<'_>, picture: &Picture) -> Vec<Row> {
    let mut rows: Vec<&Alarm> = picture.alarms.iter().collect();
    rows.sort_by_key(|row| (row.last_error.is_empty(), row.queued == 0));
    rows.into_iter().map(|row| alarm(context, picture, row)).collect()
}

fn alarm(context: &Context<'_>, picture: &Picture, row: &Alarm) -> Row {
    let (state, paint) = if !row.last_error.is_empty() {
        ("FAILING", Paint::Bad)
    } else if row.queued > 0 {
        ("sending", Paint::Warn)
    } else if row.triggered == 0 {
        ("silent", Paint::Plain)
    } else {
        ("ok", Paint::Good)
    };
    let cells = vec![
        Cell::text(state).painted(paint),
        Cell::text(row.name.as_str()),
        Cell::text(row.kind.as_str()),
        Cell::count(row.triggered),
        ago(picture, row.last_run),
        Cell::count(row.delivered),
        ago(picture, row.last_delivered),
        Cell::count(row.suppressed),
        unwanted(row.failed, Paint::Bad),
        unwanted(row.dropped, Paint::Bad),
        Cell::count(row.retries),
        unwanted(row.queued, Paint::Warn),
    ];
    let mut shown = Row::new(format!("alarm {}", row.name), cells);
    if !row.last_error.is_empty() {
        let text = format!("! {}", row.last_error);
        shown.below = below(&text, context.width, Paint::Bad);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screens::{NOW_SECONDS, instance, view};

    fn threshold(text: &str, state: &str, since: u64, value: f64, bound: f64) -> Threshold {
        let key = text.split(['=', ',']).nth(1).unwrap_or_default().to_owned();
        let fired = u64::from(state == "firing") * 3;
        let last_alarm = if fired > 0 { NOW_SECONDS - 25 } else { 0 };
        Threshold {
            text: text.to_owned(),
            key,
            state: state.to_owned(),
            since: NOW_SECONDS - since,
            value,
            bound,
            fired,
            last_alarm,
        }
    }

    fn watched(second: u64) -> Picture {
        let thresholds = vec![
            threshold(
                "key=worker.0.requests,delta=1m,op=<=,value=0,for=5m,alarm=mail",
                "quiet",
                86_400,
                31.5,
                0.0,
            ),
            threshold(
                "key=core.request_duration,percentile=99,window=1m,value=250ms,clear=200ms,for=2m,alarm=pager,recovery=fast again",
                "firing",
                754,
                2_130_000.0,
                250_000.0,
            ),
            threshold(
                "key=core.responses.5xx,per=worker.0.requests,window=1m,min=20,value=0.05,op=>,alarm=pager",
                "pending",
                8,
                0.061,
                0.05,
            ),
            threshold(
                "key=worker.1.rss_size,value=2G,alarm=mail",
                "quiet",
                86_400,
                356_515_840.0,
                2e9,
            ),
            threshold("key=core.backlog,value=50,alarm=pager", "firing", 12, 64.0, 50.0),
        ];
        let alarm = |name: &str, kind: &str, triggered| Alarm {
            name: name.to_owned(),
            kind: kind.to_owned(),
            triggered,
            delivered: triggered,
            last_run: if triggered > 0 { NOW_SECONDS - 25 } else { 0 },
            last_delivered: if triggered > 0 { NOW_SECONDS - 24 } else { 0 },
            ..Alarm::default()
        };
        let failing = Alarm {
            failed: 2,
            queued: 3,
            retries: 9 + second,
            delivered: 1,
            last_delivered: NOW_SECONDS - 7_200,
            last_error: "connect to hooks.example:443: Connection timed out (os error 110)"
                .to_owned(),
            ..alarm("pager", "pagerduty", 6)
        };
        Picture {
            thresholds,
            alarms: vec![alarm("mail", "cmd", 14), failing, alarm("spare", "log", 0)],
            ..instance(second)
        }
    }

    #[test]
    fn what_fires_is_on_top_at_every_size() {
        view(Id::Alarms, watched);
    }

    #[test]
    fn comparisons_are_those_of_the_configuration() {
        assert_eq!(setting("key=a,op=<=,value=3", "op"), Some("<="));
        assert_eq!(setting("key=a,value=3", "op"), None);
        let written = |text: &str| amount_of(text)(2_130_000.0);
        assert_eq!(written("key=a,value=250ms"), "2.1s");
        assert_eq!(written("key=a,value=25"), "2130000");
        assert_eq!(written("key=a,value=2M,delta=1m"), "2130000");
    }

    #[test]
    fn levels_without_a_common_zero_have_no_bar() {
        let of = |value, bound| level(&threshold("key=a", "quiet", 1, value, bound), false).text;
        assert_eq!(
            [of(5.0, 10.0), of(20.0, 10.0), of(-1.0, 10.0), of(1.0, 0.0)],
            ["#####.....", "##########", "-", "-"]
        );
    }
}
