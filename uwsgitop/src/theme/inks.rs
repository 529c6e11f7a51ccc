//! What each meaning looks like in each theme.
//!
//! One table per theme. Themes but the classic one name colours of the 256, whose shades are the
//! same on every terminal; the classic one leaves them to the terminal, as it always has.

use ratatui::style::{Color, Modifier, Style};

use super::Palette;
use crate::page::Paint;

/// The screen behind everything.
pub(super) fn ground(palette: Palette) -> Style {
    match palette {
        Palette::Contrast => on(231, 16),
        Palette::Dark | Palette::Light | Palette::Mono => Style::new(),
    }
}

/// Text of a meaning.
pub(super) fn of(palette: Palette, paint: Paint) -> Style {
    match palette {
        Palette::Dark => dark(paint),
        Palette::Light => light(paint),
        Palette::Contrast => contrast(paint),
        Palette::Mono => emphasis(paint),
    }
}

fn dark(paint: Paint) -> Style {
    let color = match paint {
        Paint::Plain | Paint::Title | Paint::Hint => return emphasis(paint),
        Paint::Busy | Paint::Good => Color::Green,
        Paint::Cheap => Color::Magenta,
        Paint::Signal => Color::Yellow,
        Paint::Pause => Color::Blue,
        Paint::Strong => return Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Paint::Warn => return Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
        Paint::Bad => return emphasis(paint).fg(Color::Red),
        Paint::Heat(level) => shade([238, 24, 31, 37, 71, 142, 178, 202, 196], level),
    };
    Style::new().fg(color)
}

fn light(paint: Paint) -> Style {
    let color = match paint {
        Paint::Plain | Paint::Title => return emphasis(paint),
        // Dim text is hard to read on white.
        Paint::Hint => Color::Indexed(241),
        Paint::Busy | Paint::Good => Color::Indexed(22),
        Paint::Cheap => Color::Indexed(90),
        Paint::Signal => Color::Indexed(94),
        Paint::Pause => Color::Indexed(19),
        Paint::Strong => return Style::new().fg(Color::Indexed(24)).add_modifier(Modifier::BOLD),
        Paint::Warn => return Style::new().fg(Color::Indexed(94)).add_modifier(Modifier::BOLD),
        Paint::Bad => return emphasis(paint).fg(Color::Indexed(124)),
        Paint::Heat(level) => shade([252, 153, 116, 73, 71, 142, 172, 166, 124], level),
    };
    Style::new().fg(color)
}

fn contrast(paint: Paint) -> Style {
    let color = match paint {
        Paint::Plain | Paint::Title => return emphasis(paint),
        Paint::Hint => Color::Indexed(250),
        Paint::Busy | Paint::Good => Color::Indexed(46),
        Paint::Cheap => Color::Indexed(213),
        Paint::Signal => Color::Indexed(226),
        Paint::Pause => Color::Indexed(117),
        Paint::Strong => return Style::new().fg(Color::Indexed(51)).add_modifier(Modifier::BOLD),
        Paint::Warn => return on(16, 226).add_modifier(Modifier::BOLD),
        Paint::Bad => return on(231, 88).add_modifier(Modifier::BOLD),
        Paint::Heat(level) => shade([244, 39, 45, 51, 46, 154, 226, 214, 203], level),
    };
    Style::new().fg(color)
}

/// What stands out without colours: the worse, the more.
fn emphasis(paint: Paint) -> Style {
    let modifier = match paint {
        Paint::Title | Paint::Strong => Modifier::BOLD,
        Paint::Warn => Modifier::UNDERLINED,
        Paint::Bad => Modifier::BOLD | Modifier::UNDERLINED,
        Paint::Hint => Modifier::DIM,
        _ => Modifier::empty(),
    };
    Style::new().add_modifier(modifier)
}

fn on(fg: u8, bg: u8) -> Style {
    Style::new().fg(Color::Indexed(fg)).bg(Color::Indexed(bg))
}

/// From nothing to the most.
fn shade(ramp: [u8; 9], level: u8) -> Color {
    ramp.get(usize::from(level)).or(ramp.last()).map_or(Color::Reset, |n| Color::Indexed(*n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::PALETTES;

    /// Meanings that stand for different things beside each other.
    const TOLD: [Paint; 6] =
        [Paint::Plain, Paint::Warn, Paint::Bad, Paint::Hint, Paint::Strong, Paint::Good];

    const STATES: [Paint; 5] =
        [Paint::Plain, Paint::Busy, Paint::Cheap, Paint::Signal, Paint::Pause];

    /// Share of light of a colour of the 256, as contrast is reckoned.
    fn luminance(color: Color) -> f64 {
        let Color::Indexed(index) = color else { panic!("{color:?} differs between terminals") };
        let [r, g, b] = match index {
            16..=231 => {
                let n = index - 16;
                [n / 36, n / 6 % 6, n % 6].map(|c| if c == 0 { 0 } else { 55 + 40 * c })
            }
            232.. => [8 + 10 * (index - 232); 3],
            _ => panic!("{index} differs between terminals"),
        };
        let [r, g, b] = [r, g, b].map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn ratio(one: f64, other: f64) -> f64 {
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn meanings_look_different_in_every_theme() {
        let differ = |palette, paints: &[Paint]| {
            for (at, one) in paints.iter().enumerate() {
                for other in &paints[at + 1..] {
                    let seen = (of(palette, *one), of(palette, *other));
                    assert_ne!(seen.0, seen.1, "{one:?} and {other:?} in {palette:?}");
                }
            }
        };
        for (name, palette) in PALETTES {
            // Without colours words alone tell what is well, and the state of a worker.
            let mono = name == "mono";
            differ(palette, if mono { &TOLD[..5] } else { &TOLD });
            differ(palette, if mono { &[] } else { &STATES });
            let levels: Vec<Paint> = (0..9).map(Paint::Heat).collect();
            differ(palette, if mono { &[] } else { &levels });
        }
    }

    #[test]
    fn texts_are_readable_on_their_background() {
        for (palette, ground, least) in [(Palette::Light, 1.0, 5.0), (Palette::Contrast, 0.0, 7.0)]
        {
            for paint in TOLD.into_iter().chain(STATES) {
                let style = of(palette, paint);
                let Some(fg) = style.fg else { continue };
                let bg = style.bg.map_or(ground, luminance);
                let seen = ratio(luminance(fg), bg);
                assert!(seen >= least, "{paint:?} of {palette:?}: {seen:.1} to 1");
            }
        }
    }

    #[test]
    fn the_classic_colours_are_those_of_ever() {
        let colors = STATES.map(|paint| of(Palette::Dark, paint).fg);
        let wanted = [Color::Green, Color::Magenta, Color::Yellow, Color::Blue].map(Some);
        assert_eq!((colors[0], &colors[1..]), (None, &wanted[..]));
        for paint in STATES {
            assert_eq!(of(Palette::Mono, paint), Style::new());
        }
    }

    #[test]
    fn a_theme_without_colours_has_none() {
        let all = TOLD.into_iter().chain(STATES).chain((0..9).map(Paint::Heat));
        for paint in all {
            let style = of(Palette::Mono, paint);
            assert_eq!((style.fg, style.bg), (None, None), "{paint:?}");
        }
    }
}
