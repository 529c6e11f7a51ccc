//! The screen once, as text for scripts: one line per row, columns separated by one tab.
//!
//! Owns the byte form, which is that of the screen's rows as other tools know them. Needs no
//! terminal.

use jiff::{Timestamp, tz::TimeZone};

use crate::details;
use crate::heading;
use crate::state::State;
use crate::table::{self, Row, Table};
use crate::theme;

/// Columns of the second block, as there is no terminal to measure.
const WIDTH: usize = 100;

/// How the text may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Paint the worker rows.
    pub(crate) colored: bool,
    /// The reader shows more than ASCII.
    pub(crate) utf8: bool,
}

/// The whole text, each line ended.
pub(crate) fn render(
    state: &State,
    host: &str,
    now: Timestamp,
    zone: &TimeZone,
    look: Look,
) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(heading::lines(state, host, now, zone).into_iter().flatten());
    if let Some(table) = table::of(state, zone) {
        lines.extend(table_lines(&table, look.colored));
    }
    if let Some(details) = state.picture.as_ref().and_then(|picture| picture.details.as_ref()) {
        lines.push(String::new());
        let block = details::lines(details, WIDTH, look.utf8);
        lines.extend(block.into_iter().map(|line| line.text.trim_end().to_owned()));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn table_lines(table: &Table, colored: bool) -> Vec<String> {
    if table.columns == table::VASSALS {
        return vassal_lines(table);
    }
    let titles: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
    let mut lines = vec![format!(" {}", titles.join("\t"))];
    lines.extend(table.rows.iter().map(|row| painted(row, colored)));
    lines
}

fn painted(row: &Row, colored: bool) -> String {
    let text = format!(" {}", row.cells.join("\t"));
    match theme::ansi(row.paint) {
        Some(color) if colored => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
        _ => text,
    }
}

/// Ids are padded to the longest, so that one tab is enough.
fn vassal_lines(table: &Table) -> Vec<String> {
    let ids = table.rows.iter().filter_map(|row| row.cells.first());
    let width = ids.map(|id| id.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!(" {:<width$}\tPID\t", "VASSAL")];
    for row in &table.rows {
        if let [id, pid] = row.cells.as_slice() {
            lines.push(format!(" {id:<width$}\t{pid}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Emperor, Picture, Worker};
    use std::time::Duration;

    fn shown(body: Body, colored: bool) -> Vec<String> {
        let mut state = State::default();
        state.ingest(Ok(Picture { body, ..Picture::default() }), Duration::ZERO);
        let look = Look { colored, utf8: true };
        let text = render(&state, "h", Timestamp::UNIX_EPOCH, &TimeZone::UTC, look);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_header_and_rows_are_separated_by_tabs() {
        let worker = Worker { id: 1, status: "busy".into(), ..Worker::default() };
        let lines = shown(Body::Workers(vec![worker.clone()]), false);
        let header = " WID\t%\tPID\tREQ\tRPS\tEXC\tSIG\tSTATUS\tAVG\tRSS\tVSZ\tTX\tReSpwn\tHC\tRunT\t\
                      LastSpwn";
        assert_eq!(lines[2], header);
        let row = " 1\t0.0\t0\t0\t\t0\t0\tbusy\t0ms\t0\t0\t0\t0\t0\t0.0\t--:--:--";
        assert_eq!(lines[3], row, "the first rate is blank");
        let lines = shown(Body::Workers(vec![worker]), true);
        assert_eq!(lines[3], format!("\u{1b}[32m{row}\u{1b}[0m"));
    }

    #[test]
    fn vassals_are_padded_to_the_longest() {
        let vassals = vec![("a.ini".to_owned(), 5), ("longer.ini".to_owned(), -1)];
        let lines = shown(Body::Emperor(Emperor { vassals, ..Emperor::default() }), false);
        assert_eq!(lines[2..], [" VASSAL    \tPID\t", " a.ini     \t5", " longer.ini\t-1"]);
    }

    #[test]
    fn without_workers_only_the_heading_stands() {
        assert_eq!(shown(Body::Nothing, false).len(), 2);
        assert_eq!(shown(Body::Workers(vec![]), false).len(), 3);
        assert_eq!(shown(Body::Emperor(Emperor::default()), false).len(), 2);
    }
}
