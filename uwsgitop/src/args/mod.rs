//! The command line: the two words of uwsgitop 0.12 and the options beside them.
//!
//! Owns the grammar, the texts of usage and help, and the mapping to [`Options`]. Long options
//! may be cut to a unique prefix and take their value after `=` or as the next word, as argparse
//! users expect. Refuses to open anything.

mod looks;
mod script;
mod sources;

use std::path::PathBuf;
use std::time::Duration;

use crate::control::Control;
use crate::record::when::When;
use crate::source::access::Access;
use crate::views::Id;
pub(crate) use looks::Looks;
use script::Draft as Script;
pub(crate) use sources::Origin;

/// Shortest refresh, and the one of the fast mode and of the arena: ten times a second is as
/// quick as a person reads, and a stats server should not be asked more often.
pub(crate) const FAST: Duration = Duration::from_millis(100);

/// The refresh of a stats address unless `--frequency` says otherwise.
const DEFAULT: Duration = Duration::from_secs(1);

/// Longest accepted refresh; above it a sum of times could overflow.
const SLOWEST_SECONDS: f64 = 86_400.0;

/// The usage lines, printed in front of every complaint.
pub(crate) const USAGE: &str = "\
usage: uwsgitop [-h] [--version] [--frequency SECONDS] [--view NAME]
                [--once | --json | --csv | --prometheus | --check |
                 --export-hdr FILE]
                [--width N] [--count N] [--duration SECONDS] [--color WHEN]
                [--theme NAME] [--ascii] [--no-mouse]
                [--control] [--fifo PATH] [--record FILE]
                [--no-arena] [--ca FILE | --insecure] [--cert FILE [--key FILE]]
                [--token-file FILE]
                [address | --arena PATH | --pid MASTER] ...
       uwsgitop --replay FILE [--at TIME] ...";

/// What `--help` prints below the usage; the views follow.
pub(crate) const HELP: &str = "
positional arguments:
  address              stats address: host:port, /unix/path, @abstract or
                       http[s]://[user[:password]@]host[:port][/path]; several
                       are shown together; without any source all servers of
                       this machine are found and shown

options:
  -h, --help           show this help and exit
  --version            show the version and exit
  --frequency SECONDS  seconds between refreshes (default: 1; 0.1 for the screen
                       from an arena)
  --arena PATH         map the metrics arena at PATH, read only, instead of asking
  --pid MASTER         map the arena of the master with this process id
  --no-arena           show no more than a stats address tells, even when it is
                       of this machine
  --ca FILE            who signs certificates of https:// servers (PEM), instead
                       of those this system trusts
  --insecure           do not look at their certificates
  --cert FILE          certificate shown to servers that ask for one (PEM)
  --key FILE           its key, when the file of the certificate has none
  --token-file FILE    the first line is sent to web servers as bearer token;
                       also UWSGITOP_TOKEN, and UWSGITOP_PASSWORD for user@host
  --view NAME          the view to begin with, or to print
  --color WHEN         never, auto (default: not with NO_COLOR) or always
  --theme NAME         dark (default), light, contrast or mono; the key t turns
  --ascii              draw with ASCII only, as without a UTF-8 locale
  --no-mouse           leave the mouse to the terminal, to select text with it
  --control            allow the key x: reload, pause, stack of a worker ...
  --fifo PATH          the master-fifo of the server, for what signals cannot
                       ask; implies --control
  --record FILE        keep all that is seen in FILE, or continue it; without a
                       terminal, or with --duration, no screen is shown
  --replay FILE        show what was recorded instead of a source
  --at TIME            the moment of the recording to begin with, or to print:
                       [YYYY-MM-DD ]HH:MM[:SS], or epoch seconds (default: the
                       beginning for the screen, the end for scripts)

for scripts, without a terminal:
  --once               print the classic screen as text, columns separated by
                       tabs; with --view that view, in aligned columns
  --json               print the stats document; with --view its rows
  --csv                print a header and one row per worker; with --view the
                       rows of that view
  --prometheus         print the metrics as a scraper wants them (text 0.0.4)
  --check              print what is wrong, the worst first, and say it by the
                       exit code, after 3 looks
  --export-hdr FILE    write latencies into FILE, - for standard output, as an
                       HdrHistogram log: all since the start of the server, or
                       with --count or --duration a line per refresh and kind
  --width N            columns of --once (default: COLUMNS, or 100)
  --count N            refresh N times, 0 without end (default: 1)
  --duration SECONDS   refresh, or record, for so long
                       with --replay: readings from the beginning or --at on

exit: 0 after quit or when all is printed, 1 when a source cannot be read,
      2 on a wrong command line; of --check also 3 for a warning and 4 when it
      is critical

views, by key and by name:";

/// The views by name, and the keys, for the end of `--help`.
pub(crate) fn views() -> String {
    let line =
        |view: &crate::views::View| format!("  {}  {:<10} {}\n", view.key, view.name, view.answers);
    let views: String = crate::views::ALL.iter().map(line).collect();
    format!("{views}\nkeys, h on the screen has more:\n{}", crate::draw::help::keys())
}

/// What to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// The interactive screen.
    Screen,
    /// A view as text.
    Once,
    /// The document, or the rows of a view, as JSON.
    Json,
    /// Rows of raw values.
    Csv,
    /// Metrics as a scraper wants them.
    Prometheus,
    /// An HdrHistogram log in this file; `-` is standard output.
    Hdr(PathBuf),
    /// The diagnosis, and an exit code for it.
    Check,
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
    /// Sources of the numbers; those that are found where there are none.
    pub(crate) origins: Vec<Origin>,
    /// How they may be read.
    pub(crate) access: Access,
    /// Time between refreshes that was asked for, never under [`FAST`].
    pub(crate) frequency: Option<Duration>,
    /// Kind of output.
    pub(crate) output: Output,
    /// How it looks.
    pub(crate) looks: Looks,
    /// What may be asked of servers; nothing unless it was allowed.
    pub(crate) control: Option<Control>,
    /// The view asked for.
    pub(crate) view: Option<Id>,
    /// Columns of text, where it was said.
    pub(crate) width: Option<usize>,
    /// Refreshes of a script, 0 without end; nothing was said where there is none.
    pub(crate) count: Option<u64>,
    /// File to record into.
    pub(crate) record: Option<PathBuf>,
    /// How long a script refreshes, or a recording without a screen goes on.
    pub(crate) duration: Option<Duration>,
    /// The recording to show; there are no sources then.
    pub(crate) replay: Option<PathBuf>,
    /// The moment of it that is meant.
    pub(crate) at: Option<When>,
}

impl Options {
    /// Time between refreshes of one of the sources, never under [`FAST`].
    pub(crate) fn interval(&self, origin: &Origin) -> Duration {
        let usual = if matches!(origin, Origin::Address(_)) { DEFAULT } else { FAST };
        self.frequency.unwrap_or(usual)
    }

    /// The same for scripts: only a screen is worth ten looks a second without being asked.
    pub(crate) fn pace(&self) -> Duration {
        self.frequency.unwrap_or(DEFAULT)
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Show an instance.
    Run(Box<Options>),
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
    ("--once", false),
    ("--json", false),
    ("--csv", false),
    ("--prometheus", false),
    ("--check", false),
    ("--export-hdr", true),
    ("--view", true),
    ("--width", true),
    ("--count", true),
    ("--duration", true),
    ("--color", true),
    ("--theme", true),
    ("--ascii", false),
    ("--no-mouse", false),
    ("--control", false),
    ("--fifo", true),
    ("--record", true),
    ("--replay", true),
    ("--at", true),
];

#[derive(Default)]
struct Draft {
    sources: sources::Draft,
    frequency: Option<Duration>,
    script: Script,
    looks: looks::Draft,
    control: Option<Control>,
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
            draft.sources.address(&word)?;
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
    let mut found = NAMES
        .iter()
        .chain(sources::NAMES)
        .filter(|(name, _)| given.len() > 2 && name.starts_with(given));
    match (found.next(), found.next()) {
        (Some(&row), None) => Ok(row),
        // What was unique when there were no more options stays what it was.
        (Some(_), Some(_)) if "--frequency".starts_with(given) => Ok(("--frequency", true)),
        (Some(&row), Some(_)) if row.0 == given => Ok(row),
        (None, _) => Err(format!("unrecognized arguments: {given}")),
        (Some((one, _)), Some((two, _))) => {
            Err(format!("ambiguous option: {given} could match {one}, {two}"))
        }
    }
}

fn set(draft: &mut Draft, name: &str, value: &str) -> Result<(), String> {
    if draft.sources.set(name, value)? || draft.looks.set(name, value)? {
        return Ok(());
    }
    match name {
        "--help" => draft.early = Some(Wish::Help),
        "--version" => draft.early = Some(Wish::Version),
        "--frequency" => draft.frequency = Some(frequency(value)?),
        "--control" => draft.control = draft.control.take().or(Some(Control::default())),
        "--fifo" => draft.control = Some(Control { fifo: Some(value.into()) }),
        _ => draft.script.set(name, value)?,
    }
    Ok(())
}

fn frequency(value: &str) -> Result<Duration, String> {
    Ok(seconds("--frequency", value)?.max(FAST))
}

/// Seconds and parts of them, a day at most.
fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    match value.parse::<f64>() {
        Ok(seconds) if (0.0..=SLOWEST_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!(
            "argument {name}: invalid value: \"{value}\", allowed are seconds from 0 to 86400"
        )),
    }
}

fn finish(draft: Draft) -> Result<Wish, String> {
    let (origins, access) = draft.sources.finish()?;
    if draft.control.as_ref().is_some_and(|c| c.fifo.is_some()) && origins.len() != 1 {
        return Err("argument --fifo: the FIFO is that of one server, name that one alone".into());
    }
    let script = draft.script.finish()?;
    let live = [
        (!origins.is_empty(), "a source"),
        (draft.frequency.is_some(), "argument --frequency"),
        (draft.control.is_some(), "argument --control"),
    ];
    if let Some((_, name)) = live.iter().find(|(given, _)| *given && script.replay.is_some()) {
        return Err(format!("argument --replay: not allowed with {name}"));
    }
    if draft.control.is_some() && script.output != Output::Screen {
        return Err("argument --control: only the screen asks servers for something".to_owned());
    }
    Ok(Wish::Run(Box::new(Options {
        origins,
        access,
        frequency: draft.frequency,
        looks: draft.looks.finish(&script.output)?,
        control: draft.control,
        output: script.output,
        view: script.view,
        width: script.width,
        count: script.count,
        record: script.record,
        duration: script.duration,
        replay: script.replay,
        at: script.at,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Place;
    use crate::source::address::Address;
    use crate::theme::Palette;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn run(line: &str) -> Options {
        match parse(words(line)) {
            Ok(Wish::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn interval(options: &Options) -> Duration {
        options.interval(&options.origins[0])
    }

    #[test]
    fn several_sources_keep_their_order_and_their_usual_refresh() {
        let options = run("h:1 --arena /a --pid 7 --no-arena @b");
        let intervals: Vec<u128> =
            options.origins.iter().map(|o| options.interval(o).as_millis()).collect();
        assert_eq!(intervals, [1000, 100, 100, 1000]);
        assert!(options.access.no_arena && !run("h:1").access.no_arena);
    }

    #[test]
    fn the_old_command_line_still_works() {
        let options = run("127.0.0.1:1717");
        assert_eq!(interval(&options), Duration::from_secs(1));
        assert_eq!(options.output, Output::Screen);
        for line in [
            "--frequency 3 /s",
            "--frequency=3 /s",
            "/s --frequency 3",
            "--freq 3 /s",
            "--f 3 /s",
            "--frequency 3 -- /s",
        ] {
            let options = run(line);
            assert_eq!(interval(&options), Duration::from_secs(3), "{line}");
            assert_eq!(options.origins, [Origin::Address(Address::Unix("/s".into()))], "{line}");
        }
    }

    #[test]
    fn new_options_choose_source_and_output() {
        let file = || Origin::Arena(Place::File("/run/a".into()));
        assert_eq!(run("--arena /run/a --once").origins, [file()]);
        assert_eq!(interval(&run("--arena /run/a")), FAST);
        assert_eq!(interval(&run("--arena /run/a --frequency 2")), Duration::from_secs(2));
        assert_eq!(run("--pid 42").origins, [Origin::Arena(Place::Process(42))]);
        let options = run("/s --record f --duration 0.5");
        assert_eq!(options.record, Some("f".into()));
        assert_eq!(options.duration, Some(Duration::from_millis(500)));
        assert_eq!(run("/s --color never").looks.color, Color::Never);
        let looks = run("/s --theme light --ascii").looks;
        assert_eq!((looks.theme, looks.ascii, looks.mouse), (Some(Palette::Light), true, true));
        assert!(!run("/s --no-mouse").looks.mouse);
        assert!(run("/s --once --ascii").looks.ascii);
        let options = run("--replay f --at 1795162608");
        assert_eq!((options.replay, options.origins.len()), (Some("f".into()), 0));
        assert_eq!(options.at, Some(When::Moment(1_795_162_608_000_000)));
        assert_eq!(interval(&run("--frequency 0 /s")), FAST, "0 is as fast as allowed");
        assert_eq!(parse(words("--version")), Ok(Wish::Version));
        assert_eq!(parse(words("-h")), Ok(Wish::Help));
    }

    #[test]
    fn every_complaint_names_the_word() {
        for (line, part) in [
            ("/a /b /a", "\"/a\" is named twice"),
            ("--pid 3 /a --pid 3", "\"3\" is named twice"),
            ("--pid x", "\"x\""),
            ("--pid 0", "\"0\""),
            ("--frequency", "expected one argument"),
            ("--frequency x /s", "\"x\""),
            ("--frequency -1 /s", "\"-1\""),
            ("--frequency nan /s", "\"nan\""),
            ("--color red /s", "never, auto, always"),
            ("--theme blue /s", "\"blue\", allowed are dark, light, contrast, mono"),
            ("--theme dark --once /s", "only the screen"),
            ("--theme dark --color never /s", "--color never wants none"),
            ("--theme mono --color always /s", "--color always wants some"),
            ("--ascii --json /s", "--ascii: only"),
            ("--no-mouse --once /s", "--no-mouse: only"),
            ("--once=1 /s", "takes no value"),
            ("--nonsense /s", "--nonsense"),
            ("-x /s", "-x"),
            ("h:p", "port \"p\""),
            ("/s --record=", "--record: the file has no name"),
            ("/s --control --once", "only the screen asks"),
            ("/s --record f --once", "only the screen is recorded"),
            ("/s --duration 3", "no end of its own"),
            ("/s --record f --count 3", "no end of its own"),
            ("/s --record f --duration 1e99", "\"1e99\""),
            ("/s --replay f", "--replay: not allowed with a source"),
            ("--replay f --frequency 1", "--replay: not allowed with argument --frequency"),
            ("--replay f --control", "--replay: not allowed with argument --control"),
            ("--replay f --no-arena", "no source is a stats address"),
            ("--replay f --record g", "--replay: not allowed with argument --record"),
            ("--replay f --prometheus", "--prometheus: a recording"),
            ("--replay f --at noon", "\"noon\""),
            ("--replay f --count 3", "no end of its own"),
            ("--replay=", "--replay: the file has no name"),
            ("/s --at 08:00", "--at: only a recording"),
        ] {
            let error = parse(words(line)).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
