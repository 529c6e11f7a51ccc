//! uwsgitop: the screen operators leave open.
//!
//! Assembly only: the command line decides between the interactive screen, the screen once and
//! the document once. The parts are apart: `state` and what it uses are data, `transport`,
//! `source` and `fetch` own threads and sockets, `draw` and `theme` only show. Knows the
//! `uwsgi-metrics` crate and no other part of the server.

mod arena;
mod args;
mod control;
mod diagnosis;
mod discovery;
mod document;
mod draw;
#[cfg(test)]
mod hostile;
mod human;
mod opening;
mod page;
mod picture;
mod print;
mod procfs;
mod record;
mod rings;
#[cfg(test)]
mod screens;
mod secret;
mod session;
mod source;
mod state;
mod terminal;
mod theme;
mod vassal;
mod views;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::tz::TimeZone;

use args::{Options, Output, Wish};
use print::Around;
use record::headless;
use record::recorder::Recorder;
use record::replay::Replay;
use session::hunt::Hunt;
use session::{Ending, Setting};
use source::access::Access;
use source::{Needs, Source};
use theme::Theme;

/// Exit code of a wrong command line.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    // A word that is no UTF-8 cannot be an option; as a path it is not found, and is named.
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let done = |()| ExitCode::SUCCESS;
    let result = match args::parse(words) {
        Ok(Wish::Help) => {
            let (usage, help, views) = (args::USAGE, args::HELP, args::views());
            print::say(&format!("{usage}\n{help}\n{views}")).map(done)
        }
        Ok(Wish::Version) => {
            print::say(&format!("uwsgitop {}\n", env!("CARGO_PKG_VERSION"))).map(done)
        }
        Ok(Wish::Run(options)) => with_sources(*options),
        Err(complaint) => Ok(misused(&complaint)),
    };
    result.unwrap_or_else(|reason| {
        complain(&format!("uwsgitop: {reason}"));
        ExitCode::FAILURE
    })
}

fn misused(complaint: &str) -> ExitCode {
    complain(&format!("{}\nuwsgitop: error: {complaint}", args::USAGE));
    ExitCode::from(MISUSED)
}

/// Finds the servers of this machine where no source is named.
fn with_sources(mut options: Options) -> Result<ExitCode, String> {
    options.access = options.access.with_environment(variable);
    if !options.origins.is_empty() || options.replay.is_some() {
        return run(&options, None);
    }
    if options.output == Output::Screen && options.record.is_none() && !io::stdout().is_terminal() {
        return Ok(misused(
            "the following arguments are required without a terminal: address, or one of --once, \
             --json, --csv, --prometheus, --check",
        ));
    }
    let seen = discovery::look();
    if seen.masters.is_empty() {
        let remarks: String = seen.remarks.iter().map(|line| format!("\n  {line}")).collect();
        return Ok(misused(&format!(
            "no server to show was found on this machine: give a stats address, --arena PATH or \
             --pid MASTER{remarks}"
        )));
    }
    options.origins = seen.masters.iter().copied().map(opening::found).collect();
    run(&options, Some(seen))
}

fn run(options: &Options, seen: Option<discovery::Seen>) -> Result<ExitCode, String> {
    if options.output == Output::Screen {
        return screen(options, seen).map(|()| ExitCode::SUCCESS);
    }
    for remark in seen.iter().flat_map(|seen| &seen.remarks) {
        complain(&format!("uwsgitop: {remark}"));
    }
    // What is known as the classic text, and the document, are what the address tells.
    let told = matches!(options.output, Output::Once | Output::Json | Output::Csv);
    let no_arena = options.access.no_arena || (told && options.view.is_none());
    let access = Arc::new(Access { no_arena, ..options.access.clone() });
    let columns = variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let around =
        Around { utf8: speaks_utf8() && !options.looks.ascii, columns, zone: TimeZone::system() };
    if let Some(file) = &options.replay {
        return print::recorded(Replay::open(file)?, options, &around);
    }
    let sources: Vec<Source> =
        options.origins.iter().map(|origin| Source::of(origin, &access)).collect();
    let feeds = sources.iter().map(opening::feed).collect();
    print::run(sources, feeds, options, &around)
}

fn screen(options: &Options, seen: Option<discovery::Seen>) -> Result<(), String> {
    let headless =
        options.record.is_some() && (options.duration.is_some() || !io::stdout().is_terminal());
    if !headless && !io::stdout().is_terminal() {
        let ways = "\"--once\", \"--json\", \"--csv\", \"--check\" or \"--record\"";
        return Err(format!("standard output is no terminal, use {ways}"));
    }
    let looks = options.looks;
    let (no_color, term) = (variable("NO_COLOR"), variable("TERM"));
    let replay = options.replay.as_deref().map(Replay::open).transpose()?;
    let recorded = replay.as_ref().map(|replay| replay.feeds().len());
    // Many at a glance, one at once.
    let many = recorded.unwrap_or(options.origins.len()) > 1;
    let usual = if many { views::Id::Sources } else { views::Id::Workers };
    let setting = Setting {
        theme: Theme::choose(looks.color, looks.theme, no_color.as_deref(), term.as_deref()),
        utf8: speaks_utf8() && !looks.ascii,
        mouse: looks.mouse,
        control: options.control.clone(),
        view: options.view.unwrap_or(usual),
        options: options.clone(),
    };
    if let Some(replay) = replay {
        let begin = options.at.map(|when| replay.moment(when, &TimeZone::system())).transpose()?;
        return end(session::replay(&setting, replay, begin.unwrap_or(0))?);
    }
    // Who looks at a recording later may want any view.
    let all = options.record.is_some();
    let needs = if all { Needs::ALL } else { Needs::of(setting.view) };
    let sources = opening::open(options, needs)?;
    // Opened last of what can fail: a recording is begun when there is something to record.
    let recorder = match options.record.as_deref().map(Recorder::start).transpose()? {
        Some(recorder) if headless => {
            return print::say(&headless::run(recorder, sources, options.duration)?);
        }
        recorder => recorder,
    };
    let watch = seen.map(|seen| Hunt::start(seen, options)).transpose()?;
    end(session::run(&setting, sources, recorder, watch)?)
}

fn end(ending: Ending) -> Result<(), String> {
    match ending {
        Ending::Quit => Ok(()),
        // The terminal is restored: now end as whoever sent the signal expects.
        Ending::Signal(signal) => signal_hook::low_level::emulate_default_handler(signal)
            .map_err(|error| format!("signal {signal}: {error}")),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn speaks_utf8() -> bool {
    locale_is_utf8(["LC_ALL", "LC_CTYPE", "LANG"].map(variable))
}

/// The first locale variable that is set and not empty decides, as in the C library.
fn locale_is_utf8(variables: [Option<String>; 3]) -> bool {
    let locale = variables.into_iter().flatten().find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn complain(text: &str) {
    // A closed standard error leaves the exit code to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::locale_is_utf8;

    #[test]
    fn the_first_locale_variable_decides() {
        let set = |values: [&str; 3]| locale_is_utf8(values.map(|value| Some(value.to_owned())));
        assert!(set(["", "", "en_US.UTF-8"]));
        assert!(set(["C.utf8", "C", "C"]));
        assert!(!set(["C", "en_US.UTF-8", "en_US.UTF-8"]));
        assert!(!locale_is_utf8([None, None, None]));
    }
}
