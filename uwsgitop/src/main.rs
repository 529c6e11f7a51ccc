//! uwsgitop: the screen operators leave open.
//!
//! Assembly only: the command line decides between the interactive screen, the screen once and
//! the document once. The parts are apart: `state` and what it uses are data, `transport`,
//! `source` and `fetch` own threads and sockets, `draw` and `theme` only show. Knows the
//! `uwsgi-metrics` crate and no other part of the server.

mod address;
mod arena;
mod args;
mod details;
mod document;
mod draw;
mod fetch;
mod heading;
mod http;
mod human;
mod picture;
mod rates;
mod session;
mod source;
mod spark;
mod state;
mod table;
mod terminal;
mod text;
mod theme;
mod transport;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use args::{Color, Options, Output, Wish};
use session::{Ending, Setting};
use source::{Fault, Source};
use state::State;
use text::Look;
use theme::Theme;
use transport::Transport;

/// Exit code of a wrong command line.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    // A word that is no UTF-8 cannot be an option; as a path it is not found, and is named.
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let result = match args::parse(words) {
        Ok(Wish::Help) => print(&format!("{}\n{}\n", args::USAGE, args::HELP)),
        Ok(Wish::Version) => print(&format!("uwsgitop {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Wish::Run(options)) => run(&options),
        Err(complaint) => {
            complain(&format!("{}\nuwsgitop: error: {complaint}", args::USAGE));
            return ExitCode::from(MISUSED);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            complain(&format!("uwsgitop: {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut source = Source::of(&options.origin);
    let failed = |source: &Source, fault: Fault| format!("{source}: {fault}");
    match options.output {
        Output::Json => {
            let mut document = source.document().map_err(|fault| failed(&source, fault))?;
            document.push(b'\n');
            write(&document)
        }
        Output::Once => {
            let picture = source.picture().map_err(|fault| failed(&source, fault))?;
            let mut state = State::default();
            state.ingest(Ok(picture), Duration::ZERO);
            let look = Look { colored: options.color == Color::Always, utf8: speaks_utf8() };
            let host = shown_host(&source);
            let zone = TimeZone::system();
            print(&text::render(&state, &host, Timestamp::now(), &zone, look))
        }
        Output::Screen => screen(source, options),
    }
}

fn screen(mut source: Source, options: &Options) -> Result<(), String> {
    if !io::stdout().is_terminal() {
        return Err("standard output is no terminal, use \"--once\" or \"--json\"".to_owned());
    }
    let first = match source.picture() {
        Err(fault @ Fault::Unreachable(_)) => return Err(format!("{source}: {fault}")),
        reading => reading,
    };
    let (no_color, term) = (variable("NO_COLOR"), variable("TERM"));
    let setting = Setting {
        host: shown_host(&source),
        source: source.to_string(),
        theme: Theme::choose(options.color, no_color.as_deref(), term.as_deref()),
        utf8: speaks_utf8(),
        interval: options.interval,
    };
    let transport = Transport::start(source, options.interval)
        .map_err(|error| format!("cannot start the reading thread: {error}"))?;
    match session::run(&setting, transport, first)? {
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

fn shown_host(source: &Source) -> String {
    match source.host() {
        Some(host) => host.to_owned(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

fn print(text: &str) -> Result<(), String> {
    write(text.as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| format!("standard output: {error}")),
    }
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
