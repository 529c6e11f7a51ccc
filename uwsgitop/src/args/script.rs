//! The options of scripts: the form of what is printed, and how often.
//!
//! Owns which of them go together; what would be accepted and change nothing is refused.

use std::path::PathBuf;
use std::time::Duration;

use super::{Output, seconds};
use crate::record::when::When;
use crate::views::{self, Id};

/// Widest text; a typing error should not fill a disk with blanks.
const WIDEST: usize = 1000;

/// These options as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    once: bool,
    form: Option<(&'static str, Output)>,
    view: Option<Id>,
    width: Option<usize>,
    count: Option<u64>,
    duration: Option<Duration>,
    record: Option<PathBuf>,
    replay: Option<PathBuf>,
    at: Option<When>,
}

/// All of them, fitting together.
pub(super) struct Script {
    pub(super) output: Output,
    pub(super) view: Option<Id>,
    pub(super) width: Option<usize>,
    pub(super) count: Option<u64>,
    pub(super) duration: Option<Duration>,
    pub(super) record: Option<PathBuf>,
    pub(super) replay: Option<PathBuf>,
    pub(super) at: Option<When>,
}

impl Draft {
    /// Takes one option.
    ///
    /// # Errors
    /// The complaint.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--once" => self.once = true,
            "--json" => self.choose("--json", Output::Json)?,
            "--csv" => self.choose("--csv", Output::Csv)?,
            "--prometheus" => self.choose("--prometheus", Output::Prometheus)?,
            "--check" => self.choose("--check", Output::Check)?,
            "--export-hdr" => self.choose("--export-hdr", Output::Hdr(file(name, value)?))?,
            "--view" => self.view = Some(view(value)?),
            "--width" => self.width = Some(width(value)?),
            "--record" => self.record = Some(file(name, value)?),
            "--replay" => self.replay = Some(file(name, value)?),
            "--at" => self.at = Some(when(value)?),
            "--count" => self.count = Some(count(value)?),
            _ => self.duration = Some(seconds(name, value)?),
        }
        Ok(())
    }

    fn choose(&mut self, name: &'static str, form: Output) -> Result<(), String> {
        match &self.form {
            Some((other, _)) if *other != name => {
                Err(format!("argument {name}: not allowed with argument {other}"))
            }
            _ => {
                self.form = Some((name, form));
                Ok(())
            }
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// The complaint about those that do not go together.
    pub(super) fn finish(self) -> Result<Script, String> {
        let chosen = self.form.as_ref().map(|(name, _)| *name);
        let output = match self.form {
            Some((_, form)) => form,
            None if self.once => Output::Once,
            None => Output::Screen,
        };
        let repeated = self.count.is_some() || self.duration.is_some();
        // A recording has no count: how many pictures there are depends on keys.
        let recorded = self.record.is_some() && self.count.is_none();
        if output == Output::Screen && repeated && !recorded {
            let name = if self.count.is_some() { "--count" } else { "--duration" };
            return Err(format!(
                "argument {name}: the screen has no end of its own, add one of --once, --json, \
                 --csv, --check, --export-hdr"
            ));
        }
        if output != Output::Screen && self.record.is_some() {
            return Err("argument --record: only the screen is recorded".to_owned());
        }
        if output == Output::Prometheus && repeated {
            return Err("argument --prometheus: one page is printed, without --count and \
                        --duration"
                .to_owned());
        }
        if self.width.is_some() && output != Output::Once {
            return Err("argument --width: only the text of --once has a width".to_owned());
        }
        let viewless = matches!(output, Output::Prometheus | Output::Hdr(_) | Output::Check);
        if self.view.is_some() && viewless {
            return Err("argument --view: allowed with --once, --json and --csv only".to_owned());
        }
        if self.replay.is_some() && self.record.is_some() {
            return Err("argument --replay: not allowed with argument --record".to_owned());
        }
        if self.replay.is_none() && self.at.is_some() {
            return Err("argument --at: only a recording has moments, add --replay".to_owned());
        }
        if let Some(name) = chosen.filter(|_| self.replay.is_some() && viewless) {
            return Err(format!(
                "argument {name}: a recording is printed with --once, --json or --csv"
            ));
        }
        let (view, width, duration) = (self.view, self.width, self.duration);
        let (count, record, replay, at) = (self.count, self.record, self.replay, self.at);
        Ok(Script { output, view, width, count, duration, record, replay, at })
    }
}

fn file(name: &str, value: &str) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err(format!("argument {name}: the file has no name"));
    }
    Ok(value.into())
}

fn view(value: &str) -> Result<Id, String> {
    let found = views::ALL.iter().find(|view| view.name == value).map(|view| view.id);
    found.ok_or_else(|| {
        let names: Vec<&str> = views::ALL.iter().map(|view| view.name).collect();
        format!("argument --view: invalid choice: \"{value}\", choose from {}", names.join(", "))
    })
}

fn when(value: &str) -> Result<When, String> {
    When::parse(value).ok_or_else(|| {
        format!(
            "argument --at: invalid value: \"{value}\", allowed are [YYYY-MM-DD ]HH:MM[:SS] and \
             epoch seconds"
        )
    })
}

fn width(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(width @ 1..=WIDEST) => Ok(width),
        _ => Err(format!(
            "argument --width: invalid value: \"{value}\", allowed are columns from 1 to {WIDEST}"
        )),
    }
}

fn count(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| {
        format!(
            "argument --count: invalid value: \"{value}\", allowed is a number of refreshes, 0 for \
             no end"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(words: &str) -> Result<Script, String> {
        let mut draft = Draft::default();
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            draft.set(name, value)?;
        }
        draft.finish()
    }

    #[test]
    fn one_form_is_chosen_and_once_adds_nothing_to_it() {
        for (words, output) in [
            ("", Output::Screen),
            ("--once", Output::Once),
            ("--json --once", Output::Json),
            ("--once --csv", Output::Csv),
            ("--prometheus --prometheus", Output::Prometheus),
            ("--export-hdr=-", Output::Hdr("-".into())),
        ] {
            assert_eq!(script(words).unwrap().output, output, "{words}");
        }
        let all = script("--once --view=workers --width=80 --count=3 --duration=1.5").unwrap();
        assert_eq!((all.view, all.width, all.count), (Some(Id::Workers), Some(80), Some(3)));
        assert_eq!(all.duration, Some(Duration::from_millis(1500)));
        assert_eq!(script("--view=sockets").unwrap().output, Output::Screen);
    }

    #[test]
    fn what_would_change_nothing_is_refused() {
        for (words, part) in [
            ("--json --csv", "not allowed with argument --json"),
            ("--count=3", "the screen has no end"),
            ("--duration=3", "--duration: the screen has no end"),
            ("--json --width=80", "--width"),
            ("--prometheus --count=2", "one page"),
            ("--prometheus --view=workers", "--view"),
            ("--export-hdr=f --view=workers", "--view"),
            ("--check --view=workers", "--view"),
            ("--check --csv", "not allowed with argument --check"),
            ("--view=nothing", "choose from sources, overview, workers"),
            ("--once --width=0", "\"0\""),
            ("--once --count=-1", "\"-1\""),
            ("--once --duration=x", "\"x\""),
            ("--export-hdr=", "no name"),
        ] {
            let error = script(words).err().unwrap_or_default();
            assert!(error.contains(part), "{words}: {error}");
        }
    }
}
