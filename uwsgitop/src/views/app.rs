//! One application alone: the workers that have it, its kinds of requests, answers and durations.
//!
//! Answers: is it slow or failing in all workers or in one, and are a few requests slow or all? The
//! page that Enter opens in the view of applications. Pure.

use super::apps::{Sums, cores, failing, mean, part};
use super::mounts::{self, CLASSES, Lately, Mount, class};
use super::parts::rate;
use super::{Context, kinds};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, bar, column};
use crate::picture::{App, Picture, Worker};

/// Columns of a bar.
const BAR: usize = 20;

const PLAIN: &[Column] = &[
    column("WID", true, 0),
    column("PID", true, 3),
    column("STATUS", false, 1),
    column("REQ", true, 0),
    column("RPS", true, 0),
    column("SHARE", true, 2),
    column("EXC", true, 0),
    column("LOAD", true, 4),
];

const DEEP: &[Column] = &[
    column("WID", true, 0),
    column("PID", true, 6),
    column("STATUS", false, 3),
    column("REQ", true, 5),
    column("RPS", true, 0),
    column("SHARE", true, 4),
    column("CORES", true, 2),
    column("4xx", true, 7),
    column("5xx", true, 0),
    column("EXC", true, 1),
    column("AVG", true, 0),
    column("NOW", true, 1),
    column("LOAD", true, 8),
];

/// The page.
pub(super) fn page(
    context: &Context<'_>,
    picture: &Picture,
    sums: &Sums,
    (name, mount): (&str, &Mount),
) -> Page {
    let past = &context.state.past;
    let workers = picture.workers().iter().enumerate();
    let rows = workers.filter_map(|(at, worker)| {
        let app = mounts::of_worker(worker).remove(name)?;
        let then = past.then().and_then(|then| then.workers().get(at));
        let then = then.and_then(|then| mounts::of_worker(then).remove(name));
        let lately =
            then.zip(past.seconds()).map(|(t, seconds)| Lately::between(&t, &app, seconds));
        Some(row((at, worker), &app, lately.as_ref(), (mount, sums.deep)))
    });
    let mut table = Table::new(if sums.deep { DEEP } else { PLAIN }, rows.collect());
    table.more.extend(kinds::table(context, picture, Some(name)));
    let tail = answers(&mount.app, context.utf8).into_iter();
    let tail = tail.chain(durations(&mount.app, context.utf8)).collect();
    Page { head: title(sums, name, mount), table: Some(table), tail }
}

fn title(sums: &Sums, name: &str, mount: &Mount) -> Vec<Line> {
    let mut text = format!(" in {} of {} workers", mount.workers, sums.workers);
    if mount.app.startup_time > 0 {
        text.push_str(&format!(", loaded in {}", human::age(mount.app.startup_time)));
    }
    if !mount.app.chdir.is_empty() {
        text.push_str(&format!(", runs in {}", mount.app.chdir));
    }
    vec![
        Line::title(format!(" APPLICATION {name}")).and("   Esc: back to the table", Paint::Hint),
        Line::plain(text),
    ]
}

fn row(
    (at, worker): (usize, &Worker),
    app: &App,
    lately: Option<&Lately>,
    (mount, deep): (&Mount, bool),
) -> Row {
    // Those that were never spawned have no number yet.
    let id = if worker.id == 0 { at as u64 + 1 } else { worker.id };
    let mut cells = vec![
        Cell::count(id),
        Cell::count(worker.pid),
        Cell::text(worker.status.as_str()),
        Cell::count(app.requests),
        rate(lately.map(|lately| lately.rate(lately.requests))),
        part(app.requests, mount.app.requests),
    ];
    let exceptions = failing(app.exceptions, lately.map(|lately| lately.exceptions));
    let load = Cell::number(app.startup_time as f64, human::age(app.startup_time));
    if deep {
        cells.extend([
            cores(lately),
            Cell::count(class(app, 3)),
            failing(class(app, 4), lately.map(|lately| lately.failed)),
            exceptions,
            mean(mounts::mean(app)),
            mean(lately.and_then(Lately::mean)),
            load,
        ]);
    } else {
        cells.extend([exceptions, load]);
    }
    Row::new(format!("worker {id}"), cells).painted(Paint::of(&worker.status))
}

/// Its answers by class; nothing where the source does not tell.
fn answers(app: &App, utf8: bool) -> Vec<Line> {
    let named = CLASSES.iter().zip(&app.responses);
    bars(" ANSWERS", named.map(|(name, count)| ((*name).to_owned(), *count)).collect(), utf8)
}

/// Its requests by duration; nothing where the source does not tell.
fn durations(app: &App, utf8: bool) -> Vec<Line> {
    let mut lower = 0;
    let mut named = Vec::new();
    for (upper, count) in &app.buckets {
        let name = match *upper {
            u64::MAX => format!("> {}", human::duration(lower)),
            upper => format!("< {}", human::duration(upper)),
        };
        named.push((name, *count));
        lower = *upper;
    }
    bars(" DURATIONS", named, utf8)
}

/// A bar for each count above zero.
fn bars(title: &str, named: Vec<(String, u64)>, utf8: bool) -> Vec<Line> {
    let total = named.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    let line = |(name, count): (String, u64)| {
        let share = count as f64 / total.max(1) as f64;
        let text = format!(" {name:>9} {count:>12} {:>6} ", human::share(share));
        Line::plain(text).and(bar(share, BAR, utf8), Paint::Strong)
    };
    let lines: Vec<Line> = named.into_iter().filter(|(_, count)| *count > 0).map(line).collect();
    match lines.is_empty() {
        true => lines,
        false => [Line::title(title)].into_iter().chain(lines).collect(),
    }
}
