//! How a screen looks: colours, theme, characters.
//!
//! Owns which of them go together.

use super::{Color, Output};
use crate::theme::{PALETTES, Palette};

/// These options as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    color: Option<Color>,
    theme: Option<Palette>,
    ascii: bool,
    mouseless: bool,
}

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Use of colours.
    pub(crate) color: Color,
    /// The theme asked for.
    pub(crate) theme: Option<Palette>,
    /// No characters but ASCII, whatever the locale says.
    pub(crate) ascii: bool,
    /// The mouse is the screen's, not the terminal's.
    pub(crate) mouse: bool,
}

impl Draft {
    /// Takes one option; false when it is another's.
    ///
    /// # Errors
    /// The complaint.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "--color" => self.color = Some(color(value)?),
            "--theme" => self.theme = Some(theme(value)?),
            "--ascii" => self.ascii = true,
            "--no-mouse" => self.mouseless = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All of them.
    ///
    /// # Errors
    /// The complaint about those that do not go together.
    pub(super) fn finish(self, output: &Output) -> Result<Looks, String> {
        let Self { color, theme, ascii, mouseless } = self;
        if theme.is_some() && *output != Output::Screen {
            return Err("argument --theme: only the screen has one".to_owned());
        }
        if mouseless && *output != Output::Screen {
            return Err("argument --no-mouse: only the screen has one".to_owned());
        }
        if ascii && !matches!(output, Output::Screen | Output::Once) {
            return Err("argument --ascii: only the screen and --once draw anything".to_owned());
        }
        match (color, theme) {
            (Some(Color::Never), Some(other)) if other != Palette::Mono => Err(
                "argument --theme: has colours, --color never wants none; leave one of them out"
                    .to_owned(),
            ),
            (Some(Color::Always), Some(Palette::Mono)) => Err(
                "argument --theme: mono has no colours, --color always wants some; leave one of \
                 them out"
                    .to_owned(),
            ),
            _ => Ok(Looks { color: color.unwrap_or(Color::Auto), theme, ascii, mouse: !mouseless }),
        }
    }
}

fn color(value: &str) -> Result<Color, String> {
    match value {
        "never" => Ok(Color::Never),
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        _ => Err(format!(
            "argument --color: invalid value: \"{value}\", allowed are never, auto, always"
        )),
    }
}

fn theme(value: &str) -> Result<Palette, String> {
    let found = PALETTES.iter().find(|(name, _)| *name == value).map(|(_, palette)| *palette);
    found.ok_or_else(|| {
        let names = PALETTES.map(|(name, _)| name).join(", ");
        format!("argument --theme: invalid value: \"{value}\", allowed are {names}")
    })
}
