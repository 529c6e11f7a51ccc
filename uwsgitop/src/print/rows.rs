//! Rows of raw values, for CSV and JSON alike.
//!
//! Owns the names and the order of the columns that programs rely on: of a view its titles, and
//! without one the fields of workers, or of vassals where an emperor answers. Times end in `_us`,
//! sizes are bytes, moments epoch seconds. Names are only ever added at the end.

use std::time::Duration;

use super::{Printer, sheet};
use crate::page::{Raw, Row, Table};
use crate::picture::{Body, Vassal, Worker};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Not known.
    Nothing,
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Real(f64),
    /// Text.
    Text(String),
}

impl From<Raw<'_>> for Value {
    fn from(raw: Raw<'_>) -> Self {
        match raw {
            Raw::Nothing => Self::Nothing,
            Raw::Text(text) => Self::Text(text.to_owned()),
            // Beyond 2^53 a float has no digits behind the point and is its own text.
            Raw::Number(value) if value.fract() == 0.0 => Self::Whole(value as i128),
            Raw::Number(value) => Self::Real(value),
        }
    }
}

/// Rows under their column names.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// Names of the columns.
    pub(super) columns: Vec<&'static str>,
    /// Values by column; a row may be shorter.
    pub(super) rows: Vec<Vec<Value>>,
}

/// The rows that were asked for, of the source that is shown.
///
/// # Errors
/// What would give some.
pub(super) fn of(printer: &Printer<'_>, at: Duration) -> Result<Rows, String> {
    let feed = printer.app.feed();
    let (name, picture) = (&feed.name, feed.state.picture.as_deref());
    if printer.options.view.is_some() {
        let view = printer.app.view.view().name;
        // A part that the instance does not have has no rows, which is no failure.
        let Ok(page) = sheet::page(printer, at) else { return Ok(Rows::default()) };
        let Some(table) = page.table else {
            let reason = format!("{name}: the view \"{view}\" has no table, print it with --once");
            return Err(reason);
        };
        return Ok(of_table(&table));
    }
    match picture.map(|picture| &picture.body) {
        Some(Body::Workers(all)) => {
            let rate = |index| feed.state.past.worker(index).map_or(Value::Nothing, Value::Real);
            Ok(workers(all, rate))
        }
        Some(Body::Emperor(emperor)) => Ok(vassals(&emperor.vassals)),
        _ => Err(format!("{name}: neither workers nor vassals, choose rows with --view")),
    }
}

/// The rows of a table and of those below it. Several tables share what columns they have in
/// common, and each row says by its caption which table it is from.
fn of_table(table: &Table) -> Rows {
    let mut columns: Vec<&'static str> = Vec::new();
    if !table.more.is_empty() {
        columns.push("table");
    }
    let tables: Vec<&Table> = table.all().into_iter().map(|(_, table)| table).collect();
    for column in tables.iter().flat_map(|table| &table.columns) {
        if !columns.contains(&column.title) {
            columns.push(column.title);
        }
    }
    let mut rows = Vec::new();
    for part in tables {
        let caption = part.caption.text().trim().to_owned();
        let value = |row: &Row, title: &&str| {
            let at = part.columns.iter().position(|column| column.title == *title);
            let cell = at.and_then(|at| row.cells.get(at));
            cell.map_or(Value::Nothing, |cell| cell.raw().into())
        };
        for row in &part.rows {
            let mut values: Vec<Value> = columns.iter().map(|title| value(row, title)).collect();
            if let Some(first) = values.first_mut().filter(|_| !table.more.is_empty()) {
                *first = Value::Text(caption.clone());
            }
            rows.push(values);
        }
    }
    Rows { columns, rows }
}

/// A number of a worker.
type Number = (&'static str, fn(&Worker) -> u64);

const NUMBERS: &[Number] = &[
    ("pid", |w| w.pid),
    ("accepting", |w| w.accepting.into()),
    ("requests", |w| w.requests),
    ("delta_requests", |w| w.delta_requests),
    ("failed_requests", |w| w.failed_requests),
    ("exceptions", |w| w.exceptions),
    ("signals", |w| w.signals),
    ("signal_queue", |w| w.signal_queue),
    ("avg_rt_us", |w| w.avg_rt),
    ("rss", |w| w.rss),
    ("vsz", |w| w.vsz),
    ("uss", |w| w.uss),
    ("pss", |w| w.pss),
    ("swap", |w| w.swap),
    ("tx", |w| w.tx),
    ("rx", |w| w.rx),
    ("respawn_count", |w| w.respawn_count),
    ("harakiri_count", |w| w.harakiri_count),
    ("killed_count", |w| w.killed_count),
    ("running_time_us", |w| w.running_time),
    ("cpu_time_us", |w| w.cpu_time),
    ("open_fds", |w| w.open_fds),
    ("threads", |w| w.threads),
    ("last_spawn", |w| w.last_spawn),
    ("startup_us", |w| w.startup),
    ("cores", |w| w.cores.len() as u64),
    ("cores_in_request", |w| w.cores.iter().filter(|core| core.in_request).count() as u64),
];

fn workers(all: &[Worker], rate: impl Fn(usize) -> Value) -> Rows {
    let names = NUMBERS.iter().map(|(name, _)| *name);
    let columns = ["id", "status", "requests_per_second"].into_iter().chain(names).collect();
    let row = |(index, worker): (usize, &Worker)| {
        let first =
            [Value::Whole(worker.id.into()), Value::Text(worker.status.clone()), rate(index)];
        let numbers = NUMBERS.iter().map(|(_, number)| Value::Whole(number(worker).into()));
        first.into_iter().chain(numbers).collect()
    };
    Rows { columns, rows: all.iter().enumerate().map(row).collect() }
}

fn vassals(all: &[Vassal]) -> Rows {
    let columns = vec![
        "id",
        "pid",
        "born",
        "first_run",
        "last_run",
        "last_heartbeat",
        "loyal",
        "ready",
        "accepting",
        "cursed",
        "respawns",
        "uid",
        "gid",
    ];
    let row = |vassal: &Vassal| {
        let numbers = [
            vassal.born,
            vassal.first_run,
            vassal.last_run,
            vassal.last_heartbeat,
            vassal.loyal.into(),
            vassal.ready.into(),
            vassal.accepting.into(),
            vassal.cursed,
            vassal.respawns,
            vassal.uid,
            vassal.gid,
        ];
        let first = [Value::Text(vassal.id.clone()), Value::Whole(vassal.pid.into())];
        first.into_iter().chain(numbers.map(|number| Value::Whole(number.into()))).collect()
    };
    Rows { columns, rows: all.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Cell, Line, column};

    #[test]
    fn cells_are_numbers_as_they_are_or_their_words() {
        for (cell, value) in [
            (Cell::number(2048.0, "2.0K"), Value::Whole(2048)),
            (Cell::number(0.25, "0.3"), Value::Real(0.25)),
            (Cell::none(), Value::Nothing),
            (Cell::number(f64::NAN, "?"), Value::Nothing),
            (Cell::text(" :1"), Value::Text(":1".into())),
            (Cell::number(-1.0, "-1"), Value::Whole(-1)),
        ] {
            assert_eq!(Value::from(cell.raw()), value, "{cell:?}");
        }
    }

    #[test]
    fn several_tables_are_one_with_the_columns_of_all() {
        let part = |caption: &str, titles: [&'static str; 2], n| {
            let columns = titles.map(|title| column(title, true, 0));
            let row = Row::new("k", vec![Cell::text(caption), Cell::count(n)]);
            Table::new(&columns, vec![row]).under(Line::plain(format!(" {caption} ")))
        };
        let mut table = part("A", ["NAME", "X"], 1);
        assert_eq!(of_table(&table).columns, ["NAME", "X"]);
        table.more = vec![part("B", ["NAME", "Y"], 2)];
        let rows = of_table(&table);
        assert_eq!(rows.columns, ["table", "NAME", "X", "Y"]);
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            rows.rows,
            [
                [text("A"), text("A"), Value::Whole(1), Value::Nothing],
                [text("B"), text("B"), Value::Nothing, Value::Whole(2)],
            ]
        );
    }

    #[test]
    fn every_column_of_a_worker_has_a_name_of_its_own_and_a_value() {
        let worker = Worker { id: 3, requests: u64::MAX, ..Worker::default() };
        let rows = workers(&[worker], |_| Value::Nothing);
        let names: std::collections::BTreeSet<_> = rows.columns.iter().collect();
        assert_eq!((names.len(), rows.rows[0].len()), (rows.columns.len(), rows.columns.len()));
        let at = rows.columns.iter().position(|name| *name == "requests").unwrap();
        assert_eq!(rows.rows[0][at], Value::Whole(u64::MAX.into()), "no digit is lost");
        let vassals = vassals(&[Vassal { id: "a.ini".into(), pid: -1, ..Vassal::default() }]);
        assert_eq!(vassals.rows[0].len(), vassals.columns.len());
        assert_eq!(vassals.rows[0][1], Value::Whole(-1));
    }
}
