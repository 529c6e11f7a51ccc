//! A table fitted to a width: which columns stay, how wide each is, one line per row.
//!
//! Columns are as wide as their widest cell, so long values never push their neighbours out of
//! line; only flexible ones are cut, where they would. Pure.

use crate::page::{Column, Line, Row, Table, columns_of, cut};

/// A table laid out for one width.
pub(crate) struct Grid<'a> {
    table: &'a Table,
    /// Column number and width of each column that stays.
    kept: Vec<(usize, usize)>,
}

impl<'a> Grid<'a> {
    /// Sheds columns, the least telling first, until the rest fits into `width`.
    pub(crate) fn fit(table: &'a Table, width: usize) -> Self {
        let least = |number: usize| table.columns.get(number).and_then(|column| column.least);
        let all = (0..table.columns.len()).map(|number| (number, widest(table, number)));
        let mut kept: Vec<(usize, usize)> = all
            .map(|(number, widest)| {
                (number, least(number).map_or(widest, |least| widest.min(least)))
            })
            .collect();
        let rank = |number: usize| table.columns.get(number).map_or(0, |column| column.shed);
        // Each column takes one more for the blank in front of it.
        while kept.iter().map(|(_, width)| width + 1).sum::<usize>() > width {
            let worst = kept.iter().enumerate().max_by_key(|(_, (number, _))| rank(*number));
            match worst {
                Some((position, (number, _))) if rank(*number) > 0 => kept.remove(position),
                _ => break,
            };
        }
        let mut free = width.saturating_sub(kept.iter().map(|(_, width)| width + 1).sum());
        for (number, width) in kept.iter_mut().filter(|(number, _)| least(*number).is_some()) {
            let more = widest(table, *number).saturating_sub(*width).min(free);
            *width += more;
            free -= more;
        }
        Self { table, kept }
    }

    /// The titles; the one sorted by is marked with this character.
    pub(crate) fn header(&self, sorted: Option<(usize, char)>) -> String {
        let mut line = String::new();
        for &(number, width) in &self.kept {
            let title = self.table.columns.get(number).map_or("", |column| column.title);
            let mark = sorted.filter(|(column, _)| *column == number).map(|(_, mark)| mark);
            let (before, after) = self.blanks(number, width, title);
            line.push(mark.unwrap_or(' '));
            line.push_str(&format!("{before}{title}{after}"));
        }
        line
    }

    /// One row.
    pub(crate) fn line(&self, row: &Row) -> Line {
        let mut line = Line::default();
        for &(number, width) in &self.kept {
            let cell = row.cells.get(number);
            let text = cut(cell.map_or("", |cell| cell.text.as_str()), width);
            let (before, after) = self.blanks(number, width, &text);
            let paint = cell.map(|cell| cell.paint).unwrap_or_default();
            line = line.and(format!(" {before}{text}{after}"), paint);
        }
        line
    }

    /// Column number, first terminal column and width of each title.
    pub(crate) fn places(&self) -> Vec<(usize, u16, u16)> {
        let mut from = 0;
        let mut places = Vec::new();
        for &(number, width) in &self.kept {
            let width = u16::try_from(width + 1).unwrap_or(u16::MAX);
            places.push((number, from, width));
            from = u16::saturating_add(from, width);
        }
        places
    }

    /// Titles of the columns that were shed.
    pub(crate) fn hidden(&self) -> Vec<&'static str> {
        let kept = |number: usize| self.kept.iter().any(|(column, _)| *column == number);
        let columns = self.table.columns.iter().enumerate();
        columns.filter(|(number, _)| !kept(*number)).map(|(_, column)| column.title).collect()
    }

    /// What stands before and after a text of a column.
    fn blanks(&self, number: usize, width: usize, text: &str) -> (String, String) {
        let blanks = " ".repeat(width.saturating_sub(columns_of(text)));
        let right = self.table.columns.get(number).is_some_and(|column: &Column| column.right);
        if right { (blanks, String::new()) } else { (String::new(), blanks) }
    }
}

fn widest(table: &Table, number: usize) -> usize {
    let title = table.columns.get(number).map_or(0, |column| columns_of(column.title));
    let cells = table.rows.iter().filter_map(|row| row.cells.get(number));
    cells.map(|cell| columns_of(&cell.text)).max().unwrap_or(0).max(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Cell, column, flexible};
    use crate::views::workers::{VASSALS, WORKERS};

    fn workers(cell: &str) -> Table {
        Table::new(WORKERS, vec![Row::new("1", vec![Cell::text(cell); 16])])
    }

    #[test]
    fn a_wide_terminal_shows_every_column() {
        let table = workers("1");
        let grid = Grid::fit(&table, 200);
        assert_eq!(grid.hidden(), [""; 0]);
        let titles: Vec<&str> = WORKERS.iter().map(|column| column.title).collect();
        assert_eq!(grid.header(None).split_whitespace().collect::<Vec<_>>(), titles);
    }

    #[test]
    fn narrow_terminals_shed_the_least_telling_columns_first() {
        let table = workers("1234567");
        assert_eq!(Grid::fit(&table, 16 * 8 + 1).hidden(), [""; 0], "one title is 8 wide");
        assert_eq!(Grid::fit(&table, 16 * 8).hidden(), ["VSZ"]);
        let tiny = Grid::fit(&table, 1);
        assert_eq!(tiny.header(None).split_whitespace().collect::<Vec<_>>(), ["WID", "STATUS"]);
    }

    #[test]
    fn long_values_keep_the_columns_aligned() {
        let row = |id: &str, pid: &str| Row::new(id, vec![Cell::text(id), Cell::text(pid)]);
        let rows = vec![row("a.ini", "1"), row("日本語の名前.ini", "1234567890"), row("b", "-1")];
        let table = Table::new(VASSALS, rows);
        let grid = Grid::fit(&table, 80);
        let ends: Vec<usize> =
            table.rows.iter().map(|row| columns_of(&grid.line(row).text())).collect();
        assert_eq!(ends, [columns_of(&grid.header(None)); 3]);
        assert!(grid.line(&table.rows[2]).text().ends_with(" -1"));
    }

    #[test]
    fn a_flexible_column_takes_what_is_left_and_keeps_its_least() {
        let columns = [column("ID", false, 0), flexible("URI", 0, 8), column("N", true, 1)];
        let row =
            |uri: &str| Row::new(uri, vec![Cell::text("1"), Cell::text(uri), Cell::text("12")]);
        let table = Table::new(&columns, vec![row("/a/very/long/address"), row("/")]);
        let line = |width| Grid::fit(&table, width).line(&table.rows[0]).text();
        assert_eq!(line(200), " 1  /a/very/long/address 12");
        assert_eq!(line(20), " 1  /a/very/lon.. 12");
        assert_eq!(line(14), " 1  /a/very/..", "what is less telling goes before its least");
        assert_eq!(line(3), " 1  /a/ver..", "the edge of the terminal cuts the rest");
    }

    #[test]
    fn a_short_row_leaves_blanks() {
        let mut table = workers("1");
        table.rows[0].cells.truncate(13);
        let grid = Grid::fit(&table, 200);
        assert_eq!(columns_of(&grid.line(&table.rows[0]).text()), columns_of(&grid.header(None)));
    }
}
