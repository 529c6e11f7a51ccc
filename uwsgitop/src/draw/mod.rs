//! One frame: heading, sources, page, status, menu, in whatever size the terminal has.
//!
//! Draws a [`Look`] and keeps nothing; what was drawn where is returned, for the cursor and the
//! mouse. Heights are decided in `tables`.

pub(crate) mod grid;
pub(crate) mod heading;
pub(crate) mod help;
mod menu;
mod status;
mod tables;
mod tabs;
#[cfg(test)]
mod tests;
mod timebar;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line as Drawn, Span as Piece};
use ratatui::widgets::Paragraph;

use crate::human;
use crate::page::{Line, Page, Paint};
use crate::picture::Picture;
use crate::state::ui::Cores;
use crate::state::{App, Key, Mode};
use crate::theme::Theme;
use crate::views::{self, Context, Id};

/// Lines a heading line may break into.
const MOST_PARTS: usize = 2;

/// Below this height the diagnosis has one line.
const SHORT: usize = 20;

/// Fewest lines below a table: a blank one, a title and one fact; a title alone tells nothing.
const LEAST_TAIL: usize = 3;

/// Everything a frame shows.
pub(crate) struct Look<'a> {
    /// Data and choices.
    pub(crate) app: &'a App,
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

/// What was drawn where.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Keys of all rows of the table in their order, those that did not fit included.
    pub(crate) rows: Vec<String>,
    /// Columns of the table.
    pub(crate) columns: usize,
    /// The first line of the last full screen, where lines are scrolled.
    pub(crate) furthest: usize,
    /// What a click means.
    hits: Vec<(Rect, Key)>,
}

impl Shown {
    /// What a click at this place means.
    pub(crate) fn at(&self, x: u16, y: u16) -> Option<Key> {
        let hit = |(area, _): &&(Rect, Key)| area.contains(Position { x, y });
        self.hits.iter().find(hit).map(|(_, key)| *key)
    }
}

/// Draws the frame.
pub(crate) fn render(frame: &mut Frame<'_>, look: &Look<'_>) -> Shown {
    let area = frame.area();
    frame.buffer_mut().set_style(area, look.theme.ground());
    let mut sheet =
        Sheet { left: frame.area(), frame, look, remarks: Vec::new(), shown: Shown::default() };
    let menu = sheet.take_bottom(1);
    let bar = look.app.tape.as_ref().map(|tape| (sheet.take_bottom(1), tape));
    let most = if sheet.height() < SHORT { 1 } else { 2 };
    let said = status::lines(look, sheet.width(), most);
    let status = sheet.take_bottom(u16::try_from(said.len()).unwrap_or(1));
    tabs::draw(&mut sheet);
    sheet.heading();
    if look.app.mode == Mode::Help {
        sheet.scrolled(&help::lines(look.app.tape.is_some(), sheet.width()), look.app.help);
    } else {
        let page = sheet.page();
        sheet.show(page);
    }
    sheet.status(status, &said);
    if let Some((area, tape)) = bar {
        timebar::draw(&mut sheet, area, tape);
    }
    menu::draw(&mut sheet, menu);
    if !look.utf8 {
        sheet.only_ascii();
    }
    sheet.shown
}

/// What is left of the screen, taken from the top, and what was drawn.
struct Sheet<'f, 'b, 'a> {
    frame: &'f mut Frame<'b>,
    look: &'a Look<'a>,
    left: Rect,
    remarks: Vec<String>,
    shown: Shown,
}

impl Sheet<'_, '_, '_> {
    fn height(&self) -> usize {
        usize::from(self.left.height)
    }

    fn width(&self) -> usize {
        usize::from(self.left.width)
    }

    fn take_bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        self.left.height -= rows;
        Rect { y: self.left.bottom(), height: rows, ..self.left }
    }

    /// The next free line; nothing when none is left.
    fn next(&mut self) -> Option<Rect> {
        let row = Rect { height: 1, ..self.left };
        self.left.height = self.left.height.checked_sub(1)?;
        self.left.y += 1;
        Some(row)
    }

    fn line(&mut self, line: &Line) {
        self.styled(line, Style::new());
    }

    fn styled(&mut self, line: &Line, style: Style) -> Option<Rect> {
        let row = self.next()?;
        let theme = self.look.theme;
        let pieces =
            line.spans.iter().map(|s| Piece::styled(s.text.as_str(), theme.paint(s.paint)));
        let drawn = Drawn::from(pieces.collect::<Vec<_>>());
        self.frame.render_widget(Paragraph::new(drawn).style(style), row);
        Some(row)
    }

    /// Foreign text would be garbage on a terminal without UTF-8, and may be wider than it counts.
    fn only_ascii(&mut self) {
        let cells = self.frame.buffer_mut().content.iter_mut();
        cells.filter(|cell| !cell.symbol().is_ascii()).for_each(|cell| {
            cell.set_symbol("?");
        });
    }

    fn heading(&mut self) {
        let look = self.look;
        let (feed, width) = (look.app.feed(), self.width());
        if look.app.view == Id::Sources {
            let now = human::ctime(look.now, look.zone);
            let line = views::sources::heading(look.app, &now);
            for line in heading::fold(&line, width, MOST_PARTS) {
                self.line(&Line::plain(line));
            }
            return;
        }
        match heading::lines(&feed.state, &feed.host, look.now, look.zone) {
            Some(lines) => {
                for line in lines.iter().flat_map(|line| heading::fold(line, width, MOST_PARTS)) {
                    self.line(&Line::plain(line));
                }
            }
            None => self.line(&Line::plain(format!("waiting for {}", feed.name))),
        }
    }

    /// What the view shows, filtered and sorted as chosen.
    fn page(&mut self) -> Page {
        let look = self.look;
        let (app, view) = (look.app, look.app.view.view());
        let context = Context {
            app,
            state: &app.feed().state,
            choice: app.choice(),
            width: self.width(),
            height: self.height(),
            utf8: look.utf8,
            now: look.now,
            zone: look.zone,
            at: look.at,
        };
        let none = Picture::default();
        let picture = match context.picture() {
            Some(picture) => picture,
            // All sources together are worth a look even when the first of them is silent.
            None if app.view == Id::Sources => &none,
            None => return Page::default(),
        };
        if !(view.present)(app, picture) {
            let line = Line::of(format!(" {}", view.absent), Paint::Hint);
            return Page { head: vec![line], ..Page::default() };
        }
        let mut page = (view.build)(&context);
        if let Some(table) = &mut page.table {
            let all = table.all_rows().count();
            table.keep(&context.choice.filter);
            if let Some(column) = context.choice.sort {
                table.sort(column, context.choice.reverse);
            } else if context.choice.reverse {
                table.reverse();
            }
            if !context.choice.filter.is_empty() {
                let (kept, filter) = (table.all_rows().count(), &context.choice.filter);
                self.remarks.push(format!("filter \"{filter}\": {kept} of {all}"));
            }
        }
        page
    }

    fn show(&mut self, page: Page) {
        for line in &page.head {
            self.line(line);
        }
        match &page.table {
            Some(table) => {
                self.table(table, page.tail.len());
                self.tail(&page.tail);
            }
            None => self.scrolled(&page.tail, self.look.app.choice().scroll),
        }
    }

    fn tail(&mut self, lines: &[Line]) {
        if lines.is_empty() || self.height() < LEAST_TAIL {
            return;
        }
        self.line(&Line::default());
        for line in lines {
            self.line(line);
        }
    }

    /// Lines without a table above them: as many as fit, from where the user scrolled to.
    fn scrolled(&mut self, lines: &[Line], first: usize) {
        let (count, room) = (lines.len(), self.height());
        self.shown.furthest = count.saturating_sub(room);
        let first = first.min(self.shown.furthest);
        for line in lines.iter().skip(first) {
            self.line(line);
        }
        if count > room {
            let last = (first + room).min(count);
            self.remarks.push(format!("lines {}-{last} of {count}", first + 1));
        }
    }

    fn status(&mut self, area: Rect, lines: &[Line]) {
        let theme = self.look.theme;
        let kept = std::mem::replace(&mut self.left, area);
        for line in lines {
            let told = line.spans.first().is_some_and(|span| span.text.starts_with('!'));
            let style = if told { theme.failure() } else { Style::new() };
            self.styled(line, style);
        }
        self.left = kept;
    }
}
