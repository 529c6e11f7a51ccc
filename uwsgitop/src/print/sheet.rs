//! A view as text: its lines, its table in aligned columns, its lines below.
//!
//! The same page as the screen shows, without a cursor and without an end of the screen.

use std::time::Duration;

use super::{HEIGHT, Printer};
use crate::draw::grid::Grid;
use crate::draw::heading;
use crate::human;
use crate::page::{Line, Page, Row, Table};
use crate::theme;
use crate::views::{Context, Id, sources};

/// The page of the view that was asked for, about the source that is shown; why there is none
/// otherwise.
pub(super) fn page(printer: &Printer<'_>, at: Duration) -> Result<Page, &'static str> {
    let app = &printer.app;
    let view = app.view.view();
    let context = Context {
        app,
        state: &app.feed().state,
        choice: app.choice(),
        width: printer.width(),
        height: HEIGHT,
        utf8: printer.around.utf8,
        now: printer.now,
        zone: &printer.around.zone,
        at,
    };
    match context.picture() {
        Some(picture) if (view.present)(app, picture) => Ok((view.build)(&context)),
        _ => Err(view.absent),
    }
}

/// The whole text, each line ended.
pub(super) fn render(printer: &Printer<'_>, colored: bool, at: Duration) -> String {
    let feed = printer.app.feed();
    let zone = &printer.around.zone;
    let mut lines: Vec<String> = if printer.app.view == Id::Sources {
        vec![sources::heading(&printer.app, &human::ctime(printer.now, zone))]
    } else {
        let heading = heading::lines(&feed.state, &feed.host, printer.now, zone);
        heading.into_iter().flatten().collect()
    };
    match page(printer, at) {
        Ok(page) => lines.extend(text_of(&page, printer.width(), colored)),
        Err(absent) => lines.push(format!(" {absent}")),
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn text_of(page: &Page, width: usize, colored: bool) -> Vec<String> {
    let mut lines: Vec<String> = page.head.iter().map(Line::text).collect();
    for (number, (_, table)) in page.table.iter().flat_map(Table::all).enumerate() {
        let caption = table.caption.text();
        if number > 0 || !caption.is_empty() {
            lines.push(caption);
        }
        lines.extend(table_lines(table, width, colored));
    }
    if page.table.is_some() && !page.tail.is_empty() {
        lines.push(String::new());
    }
    lines.extend(page.tail.iter().map(Line::text));
    lines
}

fn table_lines(table: &Table, width: usize, colored: bool) -> Vec<String> {
    let grid = Grid::fit(table, width);
    let mut lines = vec![grid.header(None)];
    for row in &table.rows {
        lines.push(painted(&grid, row, colored));
        lines.extend(row.below.iter().map(Line::text));
    }
    if table.rows.is_empty() && !table.empty.is_empty() {
        lines.push(format!(" {}", table.empty));
    }
    if !grid.hidden().is_empty() {
        lines.push(format!(" hidden: {}", grid.hidden().join(" ")));
    }
    lines
}

fn painted(grid: &Grid<'_>, row: &Row, colored: bool) -> String {
    let text = grid.line(row).text();
    match theme::ansi(row.paint) {
        Some(color) if colored => format!("\u{1b}[{color}m{}\u{1b}[0m", text.trim_end()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Cell, Paint, column};

    #[test]
    fn a_page_is_its_lines_in_order_and_says_what_it_hides() {
        let columns = [column("NAME", false, 0), column("N", true, 0), column("MORE", false, 1)];
        let cells = vec![Cell::text("a"), Cell::count(7), Cell::text("x".repeat(9))];
        let mut row = Row::new("a", cells).painted(Paint::Busy);
        row.below.push(Line::plain("  below"));
        let page = Page {
            head: vec![Line::plain("head")],
            table: Some(Table::new(&columns, vec![row])),
            tail: vec![Line::plain("tail")],
        };
        let wide = text_of(&page, 80, false);
        let row = " a    7 xxxxxxxxx";
        assert_eq!(wide, ["head", " NAME N MORE     ", row, "  below", "", "tail"]);
        let narrow = text_of(&page, 10, true);
        assert_eq!(narrow[2], "\u{1b}[32m a    7\u{1b}[0m");
        assert_eq!(narrow[4], " hidden: MORE");
    }

    #[test]
    fn an_empty_table_says_so() {
        let mut table = Table::new(&[column("A", false, 0)], Vec::new());
        table.empty = "none";
        let page = Page { table: Some(table), ..Page::default() };
        assert_eq!(text_of(&page, 80, false), [" A", " none"]);
    }
}
