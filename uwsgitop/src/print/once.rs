//! The screen once, as text for scripts: one line per row, columns separated by one tab.
//!
//! Owns the byte form, which is that of the screen's rows as other tools know them. Needs no
//! terminal.

use jiff::{Timestamp, tz::TimeZone};

use crate::draw::heading;
use crate::page::{Row, Table};
use crate::state::State;
use crate::state::ui::Cores;
use crate::theme;
use crate::views::{detail_lines, workers};

/// How the text may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Paint the worker rows.
    pub(crate) colored: bool,
    /// The reader shows more than ASCII.
    pub(crate) utf8: bool,
    /// Columns of the second block, as there is no terminal to measure.
    pub(crate) width: usize,
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
    if let Some(table) = workers::of(state, Cores::Hidden, zone) {
        lines.extend(table_lines(&table, look.colored));
    }
    if let Some(picture) = state.picture.as_ref().filter(|picture| picture.deep) {
        lines.push(String::new());
        let block = detail_lines(picture, look.width, look.utf8);
        lines.extend(block.iter().map(|line| line.text().trim_end().to_owned()));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn table_lines(table: &Table, colored: bool) -> Vec<String> {
    if table.columns == workers::VASSALS {
        return vassal_lines(table);
    }
    let titles: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
    let mut lines = vec![format!(" {}", titles.join("\t"))];
    lines.extend(table.rows.iter().map(|row| painted(row, colored)));
    lines
}

fn texts(row: &Row) -> Vec<&str> {
    row.cells.iter().map(|cell| cell.text.as_str()).collect()
}

fn painted(row: &Row, colored: bool) -> String {
    let text = format!(" {}", texts(row).join("\t"));
    match theme::ansi(row.paint) {
        Some(color) if colored => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
        _ => text,
    }
}

/// Ids are padded to the longest, so that one tab is enough.
fn vassal_lines(table: &Table) -> Vec<String> {
    let ids = table.rows.iter().filter_map(|row| texts(row).first().copied());
    let width = ids.map(|id| id.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!(" {:<width$}\tPID\t", "VASSAL")];
    for row in &table.rows {
        if let [id, pid] = texts(row).as_slice() {
            lines.push(format!(" {id:<width$}\t{pid}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Emperor, Picture, Vassal, Worker};
    use std::time::Duration;

    fn shown(body: Body, colored: bool) -> Vec<String> {
        let mut state = State::default();
        state.ingest(Ok(Picture { body, ..Picture::default() }), Duration::ZERO);
        let look = Look { colored, utf8: true, width: 100 };
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

    fn vassal(id: &str, pid: i64) -> Vassal {
        Vassal { id: id.to_owned(), pid, ..Vassal::default() }
    }

    #[test]
    fn vassals_are_padded_to_the_longest() {
        let vassals = vec![vassal("a.ini", 5), vassal("longer.ini", -1)];
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
