//! Colours and emphasis, and nothing else.
//!
//! Owns the choice of a theme; `inks` has what each of them looks like. Colour is never the only
//! signal: the status column says the same in words, the header is in reverse video and a failure
//! carries an exclamation mark.

mod inks;

use ratatui::style::{Modifier, Style};

use crate::args;
use crate::page::Paint;

/// What a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// The colours of the terminal, on a dark background: as ever.
    Dark,
    /// Dark colours, on a light background.
    Light,
    /// Bright colours on a black background of its own.
    Contrast,
    /// No colours.
    Mono,
}

/// All of them, in the order in which a key goes through them.
pub(crate) const PALETTES: [(&str, Palette); 4] = [
    ("dark", Palette::Dark),
    ("light", Palette::Light),
    ("contrast", Palette::Contrast),
    ("mono", Palette::Mono),
];

/// How a screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Theme {
    palette: Palette,
    /// Colours were forbidden; there is no other theme.
    fixed: bool,
}

impl Theme {
    /// Decides for an interactive screen: what was asked for, else what the environment variables
    /// `NO_COLOR` and `TERM` say.
    pub(crate) fn choose(
        color: args::Color,
        wish: Option<Palette>,
        no_color: Option<&str>,
        term: Option<&str>,
    ) -> Self {
        let colorless = no_color.is_some_and(|value| !value.is_empty()) || term == Some("dumb");
        let palette = match (color, wish) {
            (args::Color::Never, _) => Palette::Mono,
            (_, Some(wish)) => wish,
            (args::Color::Auto, None) if colorless => Palette::Mono,
            (_, None) => Palette::Dark,
        };
        Self { palette, fixed: color == args::Color::Never }
    }

    /// The theme so many steps further.
    pub(crate) fn after(self, steps: usize) -> Self {
        let all = PALETTES.iter().cycle();
        let mut from = all.skip_while(|(_, palette)| *palette != self.palette);
        let next = from.nth(steps % PALETTES.len()).filter(|_| !self.fixed);
        next.map_or(self, |(_, palette)| Self { palette: *palette, ..self })
    }

    /// Its name, and why there is no other.
    pub(crate) fn name(self) -> &'static str {
        let name = PALETTES.iter().find(|(_, palette)| *palette == self.palette);
        if self.fixed { "mono: no colours allowed" } else { name.map_or("", |(name, _)| name) }
    }

    /// What nothing else is said about.
    pub(crate) fn ground(self) -> Style {
        inks::ground(self.palette)
    }

    /// Text of this meaning.
    pub(crate) fn paint(self, paint: Paint) -> Style {
        inks::of(self.palette, paint)
    }

    /// The row under the cursor.
    pub(crate) fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The table header.
    pub(crate) fn header(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Words about the screen itself.
    pub(crate) fn hint(self) -> Style {
        self.paint(Paint::Hint)
    }

    /// The source does not answer.
    pub(crate) fn failure(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        match self.paint(Paint::Bad) {
            // It has a background already, which stands out more than reversed.
            Style { bg: Some(_), .. } => self.paint(Paint::Bad),
            Style { fg: Some(color), .. } => style.fg(color),
            _ => style,
        }
    }
}

/// The classic colour as an escape sequence's number, for plain text.
pub(crate) fn ansi(paint: Paint) -> Option<u8> {
    match paint {
        Paint::Busy => Some(32),
        Paint::Cheap => Some(35),
        Paint::Signal => Some(33),
        Paint::Pause => Some(34),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use args::Color::{Always, Auto, Never};

    #[test]
    fn auto_follows_the_environment_and_options_win() {
        let light = Some(Palette::Light);
        for (color, wish, no_color, term, name) in [
            (Auto, None, None, Some("xterm"), "dark"),
            (Auto, None, Some(""), None, "dark"),
            (Auto, None, Some("1"), Some("xterm"), "mono"),
            (Auto, None, None, Some("dumb"), "mono"),
            (Auto, light, Some("1"), Some("dumb"), "light"),
            (Always, None, Some("1"), Some("dumb"), "dark"),
            (Always, light, None, None, "light"),
            (Never, None, None, Some("xterm"), "mono: no colours allowed"),
        ] {
            let theme = Theme::choose(color, wish, no_color, term);
            assert_eq!(theme.name(), name, "{color:?} {wish:?} {no_color:?} {term:?}");
        }
    }

    #[test]
    fn a_key_goes_round_unless_colours_are_forbidden() {
        let theme = Theme::choose(Auto, Some(Palette::Light), None, None);
        let names: Vec<&str> = (0..5).map(|steps| theme.after(steps).name()).collect();
        assert_eq!(names, ["light", "contrast", "mono", "dark", "light"]);
        let plain = Theme::choose(Never, None, None, None);
        assert_eq!(plain.after(1), plain);
        let asked = Theme::choose(Auto, None, Some("1"), None);
        assert_eq!(asked.after(1).name(), "dark", "a key is a wish, NO_COLOR is a habit");
    }
}
