//! A table fitted to a width: which columns stay, how wide each is, one line per row.
//!
//! Columns are as wide as their widest cell, so long values never push their neighbours out of
//! line. Pure.

use ratatui::text::Span;

use crate::table::{Column, Row, Table};

/// A table laid out for one width.
pub(crate) struct Grid<'a> {
    table: &'a Table,
    /// Column number and width of each column that stays.
    kept: Vec<(usize, usize)>,
}

impl<'a> Grid<'a> {
    /// Sheds columns, the least telling first, until the rest fits into `width`.
    pub(crate) fn fit(table: &'a Table, width: usize) -> Self {
        let mut kept: Vec<(usize, usize)> =
            (0..table.columns.len()).map(|number| (number, widest(table, number))).collect();
        let rank = |number: usize| table.columns.get(number).map_or(0, |column| column.shed);
        // Each column takes one more for the blank in front of it.
        while kept.iter().map(|(_, width)| width + 1).sum::<usize>() > width {
            let worst = kept.iter().enumerate().max_by_key(|(_, (number, _))| rank(*number));
            match worst {
                Some((position, (number, _))) if rank(*number) > 0 => kept.remove(position),
                _ => break,
            };
        }
        Self { table, kept }
    }

    /// The titles.
    pub(crate) fn header(&self) -> String {
        let title = |number: usize| self.table.columns.get(number).map_or("", |c| c.title);
        self.join(title)
    }

    /// One row.
    pub(crate) fn line(&self, row: &Row) -> String {
        self.join(|number| row.cells.get(number).map_or("", String::as_str))
    }

    /// Titles of the columns that were shed.
    pub(crate) fn hidden(&self) -> Vec<&'static str> {
        let kept = |number: usize| self.kept.iter().any(|(column, _)| *column == number);
        let columns = self.table.columns.iter().enumerate();
        columns.filter(|(number, _)| !kept(*number)).map(|(_, column)| column.title).collect()
    }

    fn join<'b>(&'b self, cell: impl Fn(usize) -> &'b str) -> String {
        let mut line = String::new();
        for &(number, width) in &self.kept {
            let text = cell(number);
            let blanks = " ".repeat(width.saturating_sub(columns_of(text)));
            let right = self.table.columns.get(number).is_some_and(|column: &Column| column.right);
            let (before, after) =
                if right { (blanks, String::new()) } else { (String::new(), blanks) };
            line.push_str(&format!(" {before}{text}{after}"));
        }
        line
    }
}

fn widest(table: &Table, number: usize) -> usize {
    let title = table.columns.get(number).map_or(0, |column| columns_of(column.title));
    let cells = table.rows.iter().filter_map(|row| row.cells.get(number));
    cells.map(|cell| columns_of(cell)).max().unwrap_or(0).max(title)
}

/// Terminal columns a text takes.
fn columns_of(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Paint, VASSALS, WORKERS};

    fn workers(cell: &str) -> Table {
        let row = Row { cells: vec![cell.to_owned(); 16], paint: Paint::Plain };
        Table { columns: WORKERS, rows: vec![row] }
    }

    #[test]
    fn a_wide_terminal_shows_every_column() {
        let table = workers("1");
        let grid = Grid::fit(&table, 200);
        assert_eq!(grid.hidden(), [""; 0]);
        let titles: Vec<&str> = WORKERS.iter().map(|column| column.title).collect();
        assert_eq!(grid.header().split_whitespace().collect::<Vec<_>>(), titles);
    }

    #[test]
    fn narrow_terminals_shed_the_least_telling_columns_first() {
        let table = workers("1234567");
        assert_eq!(Grid::fit(&table, 16 * 8 + 1).hidden(), [""; 0], "one title is 8 wide");
        assert_eq!(Grid::fit(&table, 16 * 8).hidden(), ["VSZ"]);
        let tiny = Grid::fit(&table, 1);
        assert_eq!(tiny.header().split_whitespace().collect::<Vec<_>>(), ["WID", "STATUS"]);
    }

    #[test]
    fn long_values_keep_the_columns_aligned() {
        let row = |id: &str, pid: &str| Row {
            cells: vec![id.to_owned(), pid.to_owned()],
            paint: Paint::Plain,
        };
        let rows = vec![row("a.ini", "1"), row("日本語の名前.ini", "1234567890"), row("b", "-1")];
        let table = Table { columns: VASSALS, rows };
        let grid = Grid::fit(&table, 80);
        let ends: Vec<usize> = table.rows.iter().map(|row| columns_of(&grid.line(row))).collect();
        assert_eq!(ends, [columns_of(&grid.header()); 3]);
        assert!(grid.line(&table.rows[2]).ends_with(" -1"));
    }

    #[test]
    fn a_short_row_leaves_blanks() {
        let mut table = workers("1");
        table.rows[0].cells.truncate(13);
        let grid = Grid::fit(&table, 200);
        assert_eq!(columns_of(&grid.line(&table.rows[0])), columns_of(&grid.header()));
    }
}
