//! Colours and emphasis, and nothing else.
//!
//! Colour is never the only signal: the status column says the same in words, the header is in
//! reverse video and a failure carries an exclamation mark.

use ratatui::style::{Color, Modifier, Style};

use crate::args;
use crate::table::Paint;

/// Whether colours are used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    /// Foreground colours are allowed; emphasis always is.
    pub(crate) colored: bool,
}

impl Theme {
    /// Decides for an interactive screen. `no_color` and `term` are the environment variables
    /// `NO_COLOR` and `TERM`.
    pub(crate) fn choose(wish: args::Color, no_color: Option<&str>, term: Option<&str>) -> Self {
        let colored = match wish {
            args::Color::Always => true,
            args::Color::Never => false,
            args::Color::Auto => {
                no_color.is_none_or(str::is_empty) && !matches!(term, Some("dumb"))
            }
        };
        Self { colored }
    }

    /// A table row.
    pub(crate) fn row(self, paint: Paint) -> Style {
        match color(paint) {
            Some(color) if self.colored => Style::new().fg(color),
            _ => Style::new(),
        }
    }

    /// The table header.
    pub(crate) fn header(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Titles of the second block.
    pub(crate) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Words about the screen itself.
    pub(crate) fn hint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The source does not answer.
    pub(crate) fn failure(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        if self.colored { style.fg(Color::Red) } else { style }
    }
}

/// The colour of a row, `None` for the terminal's own.
fn color(paint: Paint) -> Option<Color> {
    match paint {
        Paint::Plain => None,
        Paint::Busy => Some(Color::Green),
        Paint::Cheap => Some(Color::Magenta),
        Paint::Signal => Some(Color::Yellow),
        Paint::Pause => Some(Color::Blue),
    }
}

/// The same colour as an escape sequence's number, for plain text.
pub(crate) fn ansi(paint: Paint) -> Option<u8> {
    match paint {
        Paint::Plain => None,
        Paint::Busy => Some(32),
        Paint::Cheap => Some(35),
        Paint::Signal => Some(33),
        Paint::Pause => Some(34),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_environment_and_the_option_wins() {
        for (wish, no_color, term, colored) in [
            (args::Color::Auto, None, Some("xterm"), true),
            (args::Color::Auto, Some(""), None, true),
            (args::Color::Auto, Some("1"), Some("xterm"), false),
            (args::Color::Auto, None, Some("dumb"), false),
            (args::Color::Always, Some("1"), Some("dumb"), true),
            (args::Color::Never, None, Some("xterm"), false),
        ] {
            let theme = Theme::choose(wish, no_color, term);
            assert_eq!(theme.colored, colored, "{wish:?} {no_color:?} {term:?}");
        }
    }

    #[test]
    fn without_colours_rows_are_plain() {
        let plain = Theme { colored: false };
        assert_eq!(plain.row(Paint::Busy), Style::new());
        assert_eq!(Theme { colored: true }.row(Paint::Busy).fg, Some(Color::Green));
    }
}
