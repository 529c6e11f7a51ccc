//! The time bar of a replay: the moment, where in the recording it is, how fast, and the keys.
//!
//! Draws [`Tape`] on one line and says what a click on the bar means. The moment stands first,
//! because it is what a narrow terminal must not lose.

use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::text::{Line as Drawn, Span as Piece};
use ratatui::widgets::Paragraph;

use super::Sheet;
use crate::page::{Paint, columns_of};
use crate::record::when;
use crate::state::Key;
use crate::state::tape::{Tape, Turn};

/// Shortest bar; below it there is none.
const SHORTEST: usize = 8;

/// The bar that is long enough to have the keys beside it.
const LONG: usize = 12;

const KEYS: &str = "  p pause  [ ] step  { } minute  ( ) ends  - + speed";

pub(super) fn draw(sheet: &mut Sheet<'_, '_, '_>, area: Rect, tape: &Tape) {
    let (look, room) = (sheet.look, usize::from(area.width));
    let moment = moment(tape, look.zone, room >= 80);
    let state = state(tape);
    let free = room.saturating_sub(columns_of(&moment) + columns_of(&state));
    let keys = if free >= LONG + KEYS.len() { KEYS } else { "" };
    let length = free.saturating_sub(keys.len());
    let (done, rest) = if look.utf8 { ('\u{2501}', '\u{2500}') } else { ('=', '-') };
    let at = if look.utf8 { '\u{25cf}' } else { '#' };
    let bar: String = match length.checked_sub(1) {
        Some(last) if length >= SHORTEST => {
            let here = place(tape, last);
            let mark = |column: usize| if column < here { done } else { rest };
            (0..length).map(|column| if column == here { at } else { mark(column) }).collect()
        }
        _ => String::new(),
    };
    hits(sheet, area, columns_of(&moment), columns_of(&bar));
    let paint = |text: String, paint| Piece::styled(text, look.theme.paint(paint));
    let standing = if tape.paused || tape.over { Paint::Warn } else { Paint::Plain };
    let pieces = vec![
        paint(moment, Paint::Strong),
        paint(bar, Paint::Hint),
        paint(state, standing),
        paint(keys.to_owned(), Paint::Hint),
    ];
    sheet.frame.render_widget(Paragraph::new(Drawn::from(pieces)), area);
}

fn moment(tape: &Tape, zone: &TimeZone, wide: bool) -> String {
    let shown = when::shown(tape.now, zone);
    let time = shown.split_once(' ').map_or("", |(_, time)| time);
    if wide { format!(" replay {shown} ") } else { format!(" {time} ") }
}

fn state(tape: &Tape) -> String {
    let length = |from: u64, to: u64| clock(to.saturating_sub(from) / 1_000_000);
    let (gone, all) = (length(tape.begin, tape.now), length(tape.begin, tape.end));
    let state = match tape {
        Tape { over: true, .. } => "end",
        Tape { paused: true, .. } => "paused",
        _ => "",
    };
    format!(" {gone}/{all} x{} {state:<6}", tape.speed)
}

/// Hours, minutes and seconds.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        return format!("{minutes}:{seconds:02}");
    }
    format!("{hours}:{minutes:02}:{seconds:02}")
}

/// The column of the moment, of `last + 1`.
fn place(tape: &Tape, last: usize) -> usize {
    let whole = tape.end.saturating_sub(tape.begin).max(1);
    let gone = tape.now.saturating_sub(tape.begin).min(whole);
    let column = u128::from(gone) * last as u128 / u128::from(whole);
    usize::try_from(column).unwrap_or(last)
}

fn hits(sheet: &mut Sheet<'_, '_, '_>, area: Rect, from: usize, length: usize) {
    let last = length.saturating_sub(1).max(1);
    for column in 0..length {
        let share = u16::try_from(column * 10_000 / last).unwrap_or(10_000);
        let x = area.x.saturating_add(u16::try_from(from + column).unwrap_or(u16::MAX));
        let cell = Rect { x, width: 1, ..area }.intersection(area);
        sheet.shown.hits.push((cell, Key::Turn(Turn::Place(share))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screens::{NOW_SECONDS, deep, fed, grid, same_as_file};

    fn tape(gone: u64) -> Tape {
        let begin = NOW_SECONDS * 1_000_000;
        let (end, now) = (begin + 7_200_000_000, begin + gone * 1_000_000);
        Tape { begin, end, now, speed: 1, ..Tape::default() }
    }

    #[test]
    fn the_bar_shows_where_the_replay_is() {
        let last = |tape: Tape, utf8, size: (u16, u16)| {
            let mut app = fed(deep);
            app.tape = Some(tape);
            let screen = grid(&mut app, utf8, size);
            screen.lines().rev().nth(1).unwrap().to_owned()
        };
        let narrow = last(tape(3_600), false, (60, 15));
        let wanted = " 09:16:48 ===========#------------ 1:00:00/2:00:00 x1";
        assert_eq!(narrow.trim_end(), wanted);
        let paused = last(Tape { paused: true, speed: 10, ..tape(0) }, false, (60, 15));
        assert!(
            paused.contains(" #----") && paused.ends_with(" 0:00/2:00:00 x10 paused"),
            "{paused}"
        );
        let end = last(Tape { over: true, ..tape(7_200) }, true, (120, 40));
        assert!(end.starts_with(" replay 2026-11-20 10:16:48 \u{2501}"), "{end}");
        assert!(end.contains("\u{25cf} 2:00:00/2:00:00 x1 end"), "{end}");
        let wide = last(tape(60), true, (200, 60));
        assert!(wide.ends_with(KEYS), "{wide}");
        assert!(last(tape(60), false, (24, 9)).starts_with(" 08:17:48"));
    }

    #[test]
    fn the_whole_screen_of_a_replay() {
        for (width, height) in [(60, 15), (80, 24), (120, 40)] {
            let mut app = fed(deep);
            app.tape = Some(Tape { paused: true, damages: 2, ..tape(2) });
            let seen = grid(&mut app, true, (width, height));
            same_as_file(&format!("replay-{width}x{height}.txt"), &seen);
        }
    }

    #[test]
    fn a_recording_of_one_moment_divides_nothing() {
        let one = Tape { end: 5, begin: 5, now: 5, ..Tape::default() };
        assert_eq!((place(&one, 9), place(&tape(7_200), 9), place(&tape(9_999), 9)), (0, 9, 9));
    }
}
