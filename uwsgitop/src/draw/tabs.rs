//! The first line where there are several sources: a tab for all together and one for each.
//!
//! An exclamation mark stands before a source that does not answer. Where the line is too narrow it
//! shows the tabs around the one that is chosen.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Drawn, Span as Piece};
use ratatui::widgets::Paragraph;

use super::Sheet;
use crate::page::{Paint, columns_of};
use crate::state::{Feed, Health, Key};
use crate::views::Id;

/// Says that there are more tabs on this side.
const MORE: [&str; 2] = ["<", ">"];

pub(super) fn draw(sheet: &mut Sheet<'_, '_, '_>) {
    let app = sheet.look.app;
    if app.feeds.len() < 2 {
        return;
    }
    let Some(area) = sheet.next() else { return };
    let all = (" all ".to_owned(), Paint::Plain);
    let tabs: Vec<(String, Paint)> = [all].into_iter().chain(app.feeds.iter().map(tab)).collect();
    let chosen = if app.view == Id::Sources { 0 } else { app.current + 1 };
    let widths: Vec<usize> = tabs.iter().map(|(text, _)| columns_of(text)).collect();
    let (first, last) = window(&widths, chosen, usize::from(area.width));
    let theme = sheet.look.theme;
    let mut pieces = Vec::new();
    let mut x = area.x;
    if first > 0 {
        pieces.push(Piece::styled(MORE[0], theme.hint()));
        x += 1;
    }
    for (number, (text, paint)) in tabs.iter().enumerate().take(last).skip(first) {
        let width = u16::try_from(columns_of(text)).unwrap_or(0);
        let place = Rect { x, width, ..area }.intersection(area);
        sheet.shown.hits.push((place, Key::Tab(number.checked_sub(1))));
        x = x.saturating_add(width);
        let style = theme.paint(*paint);
        let shown = Style::new().add_modifier(Modifier::REVERSED);
        let style = if number == chosen { style.patch(shown) } else { style };
        pieces.push(Piece::styled(text.clone(), style));
    }
    if last < tabs.len() {
        pieces.push(Piece::styled(MORE[1], theme.hint()));
    }
    sheet.frame.render_widget(Paragraph::new(Drawn::from(pieces)), area);
}

fn tab(feed: &Feed) -> (String, Paint) {
    let label = feed.label();
    match feed.health() {
        Health::Answers => (format!(" {label} "), Paint::Plain),
        Health::Waiting => (format!(" {label}.. "), Paint::Hint),
        Health::Silent => (format!(" !{label} "), Paint::Bad),
    }
}

/// The tabs that fit into `room`, from and to: from the first as long as the chosen one is among
/// them. A column on each side is kept for the marks.
fn window(widths: &[usize], chosen: usize, room: usize) -> (usize, usize) {
    let fits = |from: usize| {
        let mut used = MORE.len();
        let fitting = widths.iter().skip(from).take_while(|width| {
            used += **width;
            used <= room
        });
        from + fitting.count()
    };
    let mut first = 0;
    while first < chosen && fits(first) <= chosen {
        first += 1;
    }
    (first, fits(first).max(first + 1).min(widths.len()))
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn the_chosen_tab_is_always_seen() {
        let widths = [5, 10, 10, 10];
        assert_eq!(window(&widths, 0, 80), (0, 4));
        assert_eq!(window(&widths, 0, 20), (0, 2));
        assert_eq!(window(&widths, 1, 20), (0, 2));
        assert_eq!(window(&widths, 2, 22), (1, 3));
        assert_eq!(window(&widths, 3, 22), (2, 4));
        for chosen in 0..4 {
            let (first, last) = window(&widths, chosen, 3);
            assert!(first <= chosen && chosen < last, "cut rather than lost: {chosen}");
        }
        assert_eq!(window(&[], 0, 3), (0, 0));
    }
}
