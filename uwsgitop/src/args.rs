//! The command line: the two words of uwsgitop 0.12 and the options beside them.
//!
//! Owns the grammar, the texts of usage and help, and the mapping to [`Options`]. Long options
//! may be cut to a unique prefix and take their value after `=` or as the next word, as argparse
//! users expect. Refuses to open anything.

use std::time::Duration;

use crate::address::Address;
use crate::arena::Place;

/// Shortest refresh, and the one of the fast mode and of the arena: ten times a second is as
/// quick as a person reads, and a stats server should not be asked more often.
pub(crate) const FAST: Duration = Duration::from_millis(100);

/// The refresh of a stats address unless `--frequency` says otherwise.
const DEFAULT: Duration = Duration::from_secs(1);

/// Longest accepted refresh; above it a sum of times could overflow.
const SLOWEST_SECONDS: f64 = 86_400.0;

/// The usage lines, printed in front of every complaint.
pub(crate) const USAGE: &str = "\
usage: uwsgitop [-h] [--version] [--frequency SECONDS] [--once] [--json]
                [--color WHEN] (address | --arena PATH | --pid MASTER)";

/// What `--help` prints below the usage.
pub(crate) const HELP: &str = "
positional arguments:
  address              stats address: host:port, /unix/path, @abstract or
                       http://host:port[/path]

options:
  -h, --help           show this help and exit
  --version            show the version and exit
  --frequency SECONDS  seconds between refreshes (default: 1; 0.1 from an arena)
  --arena PATH         map the metrics arena at PATH, read only, instead of asking
  --pid MASTER         map the arena of the master with this process id
  --once               print the screen once, columns separated by tabs, and exit
  --json               print the stats document once and exit
  --color WHEN         never, auto (default) or always

keys: q quit, a cores, f fast refresh, l details, arrows scroll
exit: 0 after quit, 1 when the source cannot be read, 2 on a wrong command line";

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A stats server.
    Address(Address),
    /// The arena in a file, or of a running master.
    Arena(Place),
}

/// What to do with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// The interactive screen.
    Screen,
    /// The screen once, as text.
    Once,
    /// The document once, as JSON.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// Nowhere.
    Never,
    /// On a terminal that wants them.
    Auto,
    /// Everywhere, `--once` included.
    Always,
}

/// A complete, valid command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Source of the numbers.
    pub(crate) origin: Origin,
    /// Time between refreshes, never under [`FAST`].
    pub(crate) interval: Duration,
    /// Kind of output.
    pub(crate) output: Output,
    /// Use of colours.
    pub(crate) color: Color,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Show an instance.
    Run(Options),
    /// `--help`.
    Help,
    /// `--version`.
    Version,
}

/// Option names and whether a value follows.
const NAMES: &[(&str, bool)] = &[
    ("--help", false),
    ("--version", false),
    ("--frequency", true),
    ("--arena", true),
    ("--pid", true),
    ("--once", false),
    ("--json", false),
    ("--color", true),
];

#[derive(Default)]
struct Draft {
    origins: Vec<Origin>,
    interval: Option<Duration>,
    output: Option<Output>,
    color: Option<Color>,
    early: Option<Wish>,
}

/// Parses the words after the program name.
///
/// # Errors
/// The complaint, without the usage; the caller prints both and exits with 2.
pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let mut words = words.into_iter();
    let mut draft = Draft::default();
    let mut only_positional = false;
    while let Some(word) = words.next() {
        if only_positional || !word.starts_with('-') || word == "-" {
            draft.origins.push(Origin::Address(Address::parse(&word)?));
        } else if word == "--" {
            only_positional = true;
        } else {
            option(&mut draft, &word, &mut words)?;
        }
        if let Some(wish) = draft.early.take() {
            return Ok(wish);
        }
    }
    finish(draft)
}

fn option(
    draft: &mut Draft,
    word: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<(), String> {
    let (given, inline) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let (name, takes_value) = full_name(given)?;
    if !takes_value {
        return match inline {
            Some(value) => Err(format!("argument {name}: takes no value, got \"{value}\"")),
            None => set(draft, name, ""),
        };
    }
    match inline.or_else(|| rest.next()) {
        Some(value) => set(draft, name, &value),
        None => Err(format!("argument {name}: expected one argument")),
    }
}

fn full_name(given: &str) -> Result<(&'static str, bool), String> {
    if given == "-h" {
        return Ok(("--help", false));
    }
    let mut found = NAMES.iter().filter(|(name, _)| given.len() > 2 && name.starts_with(given));
    match (found.next(), found.next()) {
        (Some(&row), None) => Ok(row),
        (None, _) => Err(format!("unrecognized arguments: {given}")),
        (Some((one, _)), Some((two, _))) => {
            Err(format!("ambiguous option: {given} could match {one}, {two}"))
        }
    }
}

fn set(draft: &mut Draft, name: &str, value: &str) -> Result<(), String> {
    match name {
        "--help" => draft.early = Some(Wish::Help),
        "--version" => draft.early = Some(Wish::Version),
        "--once" => draft.output = draft.output.or(Some(Output::Once)),
        "--json" => draft.output = Some(Output::Json),
        "--frequency" => draft.interval = Some(frequency(value)?),
        "--arena" => draft.origins.push(Origin::Arena(Place::File(value.into()))),
        "--pid" => draft.origins.push(Origin::Arena(Place::Process(pid(value)?))),
        _ => draft.color = Some(color(value)?),
    }
    Ok(())
}

fn frequency(value: &str) -> Result<Duration, String> {
    match value.parse::<f64>() {
        Ok(seconds) if (0.0..=SLOWEST_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds).max(FAST))
        }
        _ => Err(format!(
            "argument --frequency: invalid value: \"{value}\", allowed are seconds from 0 to 86400"
        )),
    }
}

fn pid(value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(0) | Err(_) => {
            Err(format!("argument --pid: invalid value: \"{value}\", allowed is a process id"))
        }
        Ok(pid) => Ok(pid),
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

fn finish(draft: Draft) -> Result<Wish, String> {
    let mut origins = draft.origins.into_iter();
    let origin = match (origins.next(), origins.next()) {
        (Some(origin), None) => origin,
        (None, _) => return Err("the following arguments are required: address".to_owned()),
        (Some(_), Some(_)) => {
            return Err("one source only: an address, \"--arena\" or \"--pid\"".to_owned());
        }
    };
    let usual = if matches!(origin, Origin::Address(_)) { DEFAULT } else { FAST };
    Ok(Wish::Run(Options {
        origin,
        interval: draft.interval.unwrap_or(usual),
        output: draft.output.unwrap_or(Output::Screen),
        color: draft.color.unwrap_or(Color::Auto),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn run(line: &str) -> Options {
        match parse(words(line)) {
            Ok(Wish::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_old_command_line_still_works() {
        let options = run("127.0.0.1:1717");
        assert_eq!(options.interval, Duration::from_secs(1));
        assert_eq!(options.output, Output::Screen);
        for line in [
            "--frequency 3 /s",
            "--frequency=3 /s",
            "/s --frequency 3",
            "--freq 3 /s",
            "--frequency 3 -- /s",
        ] {
            let options = run(line);
            assert_eq!(options.interval, Duration::from_secs(3), "{line}");
            assert_eq!(options.origin, Origin::Address(Address::Unix("/s".into())), "{line}");
        }
    }

    #[test]
    fn new_options_choose_source_and_output() {
        assert_eq!(
            run("--arena /run/a --once").origin,
            Origin::Arena(Place::File("/run/a".into()))
        );
        assert_eq!(run("--arena /run/a").interval, FAST);
        assert_eq!(run("--arena /run/a --frequency 2").interval, Duration::from_secs(2));
        assert_eq!(run("--pid 42").origin, Origin::Arena(Place::Process(42)));
        assert_eq!(run("/s --once").output, Output::Once);
        assert_eq!(run("/s --json --once").output, Output::Json, "JSON wins over text");
        assert_eq!(run("/s --color never").color, Color::Never);
        assert_eq!(run("--frequency 0 /s").interval, FAST, "0 is as fast as allowed");
        assert_eq!(parse(words("--version")), Ok(Wish::Version));
        assert_eq!(parse(words("-h")), Ok(Wish::Help));
    }

    #[test]
    fn every_complaint_names_the_word() {
        for (line, part) in [
            ("", "required: address"),
            ("--once", "required: address"),
            ("/a /b", "one source"),
            ("/a --pid 3", "one source"),
            ("--pid x", "\"x\""),
            ("--pid 0", "\"0\""),
            ("--frequency", "expected one argument"),
            ("--frequency x /s", "\"x\""),
            ("--frequency -1 /s", "\"-1\""),
            ("--frequency nan /s", "\"nan\""),
            ("--color red /s", "never, auto, always"),
            ("--once=1 /s", "takes no value"),
            ("--nonsense /s", "--nonsense"),
            ("-x /s", "-x"),
            ("h:p", "port \"p\""),
        ] {
            let error = parse(words(line)).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
