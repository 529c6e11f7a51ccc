//! One frame: heading, table, second block, footer, in whatever size the terminal has.
//!
//! Draws a [`View`] and keeps nothing. Heights are decided here: the table comes first, the
//! second block takes what is left, and both get half when both want more.

mod grid;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::details;
use crate::heading;
use crate::human;
use crate::picture::Body;
use crate::state::{Cores, State};
use crate::table::{self, Table};
use crate::theme::Theme;
use grid::Grid;

/// Lines a heading line may break into.
const MOST_PARTS: usize = 2;

/// Smallest second block: a blank line, a title and one fact; a title alone tells nothing.
const LEAST_BLOCK: usize = 3;

/// Everything a frame shows.
pub(crate) struct View<'a> {
    /// Data and modes.
    pub(crate) state: &'a State,
    /// The shown host.
    pub(crate) host: &'a str,
    /// The source, for sentences about it.
    pub(crate) source: &'a str,
    /// Colours.
    pub(crate) theme: Theme,
    /// The terminal shows more than ASCII.
    pub(crate) utf8: bool,
    /// Wall clock and its zone.
    pub(crate) now: Timestamp,
    /// Local zone.
    pub(crate) zone: &'a TimeZone,
    /// The clock of the readings.
    pub(crate) at: Duration,
}

/// Draws the frame.
pub(crate) fn render(frame: &mut Frame<'_>, view: &View<'_>) {
    let area = frame.area();
    let mut page = Page { left: area, foot: Vec::new() };
    let foot = page.take_bottom(1);
    for line in head(view, usize::from(area.width)) {
        page.line(frame, &line, Style::new());
    }
    let block = block(view, usize::from(area.width));
    if let Some(table) = table::of(view.state, view.zone) {
        draw_table(frame, view, &table, &mut page, block.len());
    }
    draw_block(frame, view, &block, &mut page);
    let left = footer(view, &page.foot);
    frame.render_widget(Paragraph::new(left), foot);
}

/// What is left of the screen, taken from the top, and remarks for the footer.
struct Page {
    left: Rect,
    foot: Vec<String>,
}

impl Page {
    fn height(&self) -> usize {
        usize::from(self.left.height)
    }

    fn take_bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        self.left.height -= rows;
        Rect { y: self.left.bottom(), height: rows, ..self.left }
    }

    /// Draws one line at the top of what is left; nothing when nothing is left.
    fn line(&mut self, frame: &mut Frame<'_>, text: &str, style: Style) {
        if self.left.height == 0 {
            return;
        }
        let row = Rect { height: 1, ..self.left };
        frame.render_widget(Paragraph::new(text).style(style), row);
        self.left.y += 1;
        self.left.height -= 1;
    }
}

fn head(view: &View<'_>, width: usize) -> Vec<String> {
    match heading::lines(view.state, view.host, view.now, view.zone) {
        Some(lines) => {
            lines.iter().flat_map(|line| heading::fold(line, width, MOST_PARTS)).collect()
        }
        None => vec![format!("waiting for {}", view.source)],
    }
}

fn block(view: &View<'_>, width: usize) -> Vec<details::Line> {
    let picture = view.state.picture.as_ref().filter(|_| view.state.details);
    match picture.and_then(|picture| picture.details.as_ref()) {
        Some(details) => details::lines(details, width, view.utf8),
        None => Vec::new(),
    }
}

fn draw_table(
    frame: &mut Frame<'_>,
    view: &View<'_>,
    table: &Table,
    page: &mut Page,
    block: usize,
) {
    let grid = Grid::fit(table, usize::from(page.left.width));
    let width = usize::from(page.left.width);
    page.line(frame, &format!("{:<width$}", grid.header()), view.theme.header());
    let count = table.rows.len();
    let room = table_room(count, block, page.height());
    let first = view.state.scroll.min(count.saturating_sub(room));
    let last = (first + room).min(count);
    for row in table.rows.get(first..last).unwrap_or_default() {
        page.line(frame, &grid.line(row), view.theme.row(row.paint));
    }
    if last - first < count {
        page.foot.push(format!("rows {}-{last} of {count}", (first + 1).min(last)));
    }
    if !grid.hidden().is_empty() {
        page.foot.push(format!("hidden: {}", grid.hidden().join(" ")));
    }
}

/// Rows the table may take of `height`: all it needs while the block keeps something to say,
/// half when both want more.
fn table_room(rows: usize, block: usize, height: usize) -> usize {
    // The block keeps a blank line above it.
    let wanted = if block > 0 { block + 1 } else { 0 };
    let short = if rows + wanted.min(LEAST_BLOCK) <= height { rows } else { height / 2 };
    height.saturating_sub(wanted).max(short)
}

fn draw_block(frame: &mut Frame<'_>, view: &View<'_>, block: &[details::Line], page: &mut Page) {
    if block.is_empty() || page.height() < LEAST_BLOCK {
        return;
    }
    page.line(frame, "", Style::new());
    for line in block {
        let style = if line.title { view.theme.title() } else { Style::new() };
        page.line(frame, &line.text, style);
    }
}

fn footer<'a>(view: &View<'a>, remarks: &[String]) -> Line<'a> {
    let state = view.state;
    if let Some((reason, since)) = &state.failure {
        let age = human::duration(view.at.saturating_sub(*since).as_micros() as u64);
        let text = format!("! no answer from {} for {age}: {reason}", view.source);
        return Line::from(Span::styled(text, view.theme.failure()));
    }
    if let Some(remark) = state.picture.as_ref().and_then(|picture| picture.remark.clone()) {
        return Line::from(Span::styled(remark, view.theme.failure()));
    }
    let on = |on: bool| if on { "on" } else { "off" };
    let mut text = format!(" q quit  a cores {}  f fast {}", state.cores.number(), on(state.fast));
    let picture = state.picture.as_ref();
    if picture.is_some_and(|picture| picture.details.is_some()) {
        text.push_str(&format!("  l details {}", on(state.details)));
    }
    if state.cores != Cores::Hidden && picture.is_some_and(|picture| coreless(&picture.body)) {
        text.push_str("  | the source shows no cores");
    }
    for remark in remarks {
        text.push_str(&format!("  | {remark}"));
    }
    Line::from(Span::styled(text, view.theme.hint()))
}

/// Workers without any core: the server leaves them out.
fn coreless(body: &Body) -> bool {
    match body {
        Body::Workers(workers) => workers.iter().all(|worker| worker.cores.is_empty()),
        Body::Emperor(_) | Body::Nothing => false,
    }
}
