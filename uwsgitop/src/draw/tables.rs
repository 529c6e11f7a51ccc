//! The tables of a page: which rows fit, their titles, the row under the cursor.
//!
//! Owns the heights: tables come first, the lines below them take what is left, and both get half
//! when both want more. A table of which no row is seen is not drawn at all, its titles neither.

use ratatui::layout::Rect;

use super::grid::Grid;
use super::{LEAST_TAIL, Sheet};
use crate::page::{Line, Paint, Row, Table, columns_of};
use crate::state::Key;

/// A row of any of the tables, and the lines that must stand above it when it is the first of its
/// table that is seen.
struct Place<'a> {
    row: &'a Row,
    table: usize,
    /// Lines of caption and titles.
    head: usize,
}

impl Sheet<'_, '_, '_> {
    /// Draws a table and those below it; `tail` lines want to stand below them.
    pub(super) fn table(&mut self, table: &Table, tail: usize) {
        let all = table.all();
        self.shown.rows = table.all_rows().map(|row| row.key.clone()).collect();
        self.shown.columns = all.iter().map(|(_, table)| table.columns.len()).sum();
        let grids: Vec<_> = all.iter().map(|(_, table)| Grid::fit(table, self.width())).collect();
        let places = places(&all);
        let wanted = heights(&places, 0).sum();
        let head = places.first().map_or(1, |place| place.head);
        let room = table_room(wanted, head, tail, self.height());
        let cursor = self.look.app.choice().cursor.as_ref();
        let cursor = cursor.and_then(|key| places.iter().position(|place| place.row.key == *key));
        let (first, last) = window(&places, cursor, room);
        let mut drawn = None;
        if places.first().is_none_or(|place| place.table > 0) || first == last {
            self.head(&all, &grids, 0, true);
            drawn = Some(0);
            if table.rows.is_empty() && !table.empty.is_empty() {
                self.line(&Line::of(format!(" {}", table.empty), Paint::Hint));
            }
        }
        for (number, place) in places.iter().enumerate().take(last).skip(first) {
            if drawn != Some(place.table) {
                self.head(&all, &grids, place.table, drawn.is_none());
                drawn = Some(place.table);
            }
            if let Some(grid) = grids.get(place.table) {
                self.row(grid, place.row, number, cursor == Some(number));
            }
        }
        self.remember(&grids, places.len(), (first, last));
    }

    /// Remarks about what is not seen.
    fn remember(&mut self, grids: &[Grid<'_>], count: usize, (first, last): (usize, usize)) {
        if last - first < count {
            self.remarks.push(format!("rows {}-{last} of {count}", (first + 1).min(last)));
        }
        let hidden: Vec<&str> = grids.iter().flat_map(Grid::hidden).collect();
        if !hidden.is_empty() {
            self.remarks.push(format!("hidden: {}", hidden.join(" ")));
        }
    }

    /// A blank line where something stands above, the caption, the titles.
    fn head(&mut self, all: &[(usize, &Table)], grids: &[Grid<'_>], number: usize, topmost: bool) {
        let (Some((from, table)), Some(grid)) = (all.get(number), grids.get(number)) else {
            return;
        };
        if !topmost {
            self.line(&Line::default());
        }
        if !table.caption.spans.is_empty() {
            self.line(&table.caption);
        }
        self.titles(grid, *from);
    }

    /// The titles of a table whose first column has this number.
    fn titles(&mut self, grid: &Grid<'_>, from: usize) {
        let choice = self.look.app.choice();
        let (arrow, width) = (if choice.reverse { '^' } else { 'v' }, self.width());
        let sorted = choice.sort.and_then(|column| Some((column.checked_sub(from)?, arrow)));
        let header = format!("{:<width$}", grid.header(sorted));
        let header_style = self.look.theme.header();
        let Some(area) = self.styled(&Line::plain(header), header_style) else { return };
        for (column, left, width) in grid.places() {
            let place = Rect { x: area.x.saturating_add(left), width, ..area };
            self.shown.hits.push((place.intersection(area), Key::Column(from + column)));
        }
    }

    fn row(&mut self, grid: &Grid<'_>, row: &Row, number: usize, under_cursor: bool) {
        let theme = self.look.theme;
        let style = theme.paint(row.paint);
        let style = if under_cursor { style.patch(theme.cursor()) } else { style };
        let mut line = grid.line(row);
        if under_cursor {
            let blank = self.width().saturating_sub(columns_of(&line.text()));
            line = line.and(" ".repeat(blank), Paint::Plain);
        }
        if let Some(area) = self.styled(&line, style) {
            self.shown.hits.push((area, Key::Row(number)));
        }
        for line in &row.below {
            self.line(line);
        }
    }
}

fn places<'a>(all: &[(usize, &'a Table)]) -> Vec<Place<'a>> {
    let places = |(number, (_, table)): (usize, &(usize, &'a Table))| {
        let head = 1 + usize::from(!table.caption.spans.is_empty());
        table.rows.iter().map(move |row| Place { row, table: number, head }).collect::<Vec<_>>()
    };
    all.iter().enumerate().flat_map(places).collect()
}

/// Lines that each row takes when the rows from `first` on are drawn, titles included.
fn heights<'p>(places: &'p [Place<'_>], first: usize) -> impl Iterator<Item = usize> + 'p {
    let mut above = None;
    places.iter().skip(first).map(move |place| {
        let head = match above {
            Some(table) if table == place.table => 0,
            // A blank line stands between tables.
            Some(_) => place.head + 1,
            None => place.head,
        };
        above = Some(place.table);
        head + 1 + place.row.below.len()
    })
}

/// Lines the tables may take of `height`: all they need while what is below keeps something to
/// say, half of what is below the first `head` lines when both want more.
fn table_room(lines: usize, head: usize, tail: usize, height: usize) -> usize {
    // A blank line stands between them.
    let wanted = if tail > 0 { tail + 1 } else { 0 };
    let half = head + height.saturating_sub(head) / 2;
    let short = if lines + wanted.min(LEAST_TAIL) <= height { lines } else { half };
    height.saturating_sub(wanted).max(short)
}

/// The rows that fit into `room` lines, from and to: from the top, or around the cursor.
fn window(places: &[Place<'_>], cursor: Option<usize>, room: usize) -> (usize, usize) {
    // Not further than to the last full screen.
    let latest = earliest(places, places.len().saturating_sub(1), room);
    let above = |cursor| earliest(places, cursor, room / 2 + 1);
    let first = cursor.map_or(0, above).min(latest);
    let mut used = 0;
    let fits = heights(places, first).take_while(|height| {
        used += height;
        used <= room
    });
    (first, first + fits.count())
}

/// The first row of those that fit into `room` lines and end with `last`, which always does.
fn earliest(places: &[Place<'_>], last: usize, room: usize) -> usize {
    let (mut first, mut below, mut used) = (last, None, 0);
    for (number, place) in places.iter().enumerate().take(last + 1).rev() {
        used += 1 + place.row.below.len();
        used += match below {
            Some(table) if table == place.table => 0,
            Some(_) => place.head + 1,
            None => place.head,
        };
        if used > room && below.is_some() {
            break;
        }
        (first, below) = (number, Some(place.table));
    }
    first
}
