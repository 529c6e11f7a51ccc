//! The table of kinds of requests: application, method and status, with how long they took.
//!
//! Below the applications, and alone for one of them. Sources count kinds only where somebody looks,
//! so the first picture after the view was chosen has none. Pure.

use std::collections::HashMap;

use super::apps::{mean, part};
use super::parts::rate;
use super::{Context, mounts};
use crate::page::{Cell, Column, Line, Paint, Row, Table, column, flexible};
use crate::picture::{Picture, Route};

const COLUMNS: &[Column] = &[
    flexible("APP", 0, 12),
    column("METHOD", false, 0),
    column("CODE", false, 0),
    column("REQ", true, 5),
    column("RPS", true, 0),
    column("SHARE", true, 6),
    column("TIME", true, 2),
    column("AVG", true, 1),
    column("NOW", true, 4),
    column("p50", true, 3),
    column("p99", true, 0),
];

type Name<'a> = (&'a str, &'a str, &'a str);

fn name(route: &Route) -> Name<'_> {
    // What no application served has none.
    (&route.app, &route.method, &route.code)
}

/// The table, those that took the most time first, of all applications or of one; nothing where the
/// source does not tell.
pub(super) fn table(context: &Context<'_>, picture: &Picture, app: Option<&str>) -> Option<Table> {
    let past = &context.state.past;
    let then: HashMap<Name<'_>, &Route> =
        past.then().iter().flat_map(|then| &then.routes).map(|row| (name(row), row)).collect();
    let wanted = |route: &&Route| app.is_none_or(|app| mounts::name(&route.app) == app);
    let mut routes: Vec<&Route> = picture.routes.iter().filter(wanted).collect();
    if routes.is_empty() {
        return None;
    }
    routes.sort_by_key(|route| std::cmp::Reverse(route.sum));
    let total = |of: fn(&Route) -> u64| routes.iter().map(|r| of(r)).fold(0, u64::saturating_add);
    let totals = (total(|route| route.count), total(|route| route.sum));
    let rows = routes.iter().map(|route| {
        let grown = then.get(&name(route)).map(|then| {
            (route.count.saturating_sub(then.count), route.sum.saturating_sub(then.sum))
        });
        row(route, grown.zip(past.seconds()), totals)
    });
    let caption = Line::title(" KINDS OF REQUESTS").and(", the most time first", Paint::Hint);
    Some(Table::new(COLUMNS, rows.collect()).under(caption))
}

fn row(route: &Route, lately: Option<((u64, u64), f64)>, (count, sum): (u64, u64)) -> Row {
    let grown = lately.map(|(grown, _)| grown);
    let failed = route.code.starts_with('5');
    let code = match (failed, grown) {
        (true, Some((1.., _))) => Paint::Bad,
        (true, _) => Paint::Warn,
        _ => Paint::Plain,
    };
    let quantile = |us: u64| mean((route.count > 0).then_some(us));
    let app = if route.app.is_empty() { Cell::none() } else { Cell::text(route.app.as_str()) };
    let cells = vec![
        app,
        Cell::text(route.method.as_str()),
        Cell::text(route.code.as_str()).painted(code),
        Cell::count(route.count),
        rate(lately.map(|((count, _), seconds)| count as f64 / seconds)),
        part(route.count, count),
        part(route.sum, sum),
        mean(route.sum.checked_div(route.count)),
        mean(grown.and_then(|(count, sum)| sum.checked_div(count))),
        quantile(route.p50),
        quantile(route.p99),
    ];
    Row::new(format!("{} {} {}", route.method, route.code, route.app), cells)
}
