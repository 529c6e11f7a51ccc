//! Ways out that need no terminal: text, JSON, CSV, metrics, logs of latencies.
//!
//! Owns the loop over refreshes and sources, and what a script is told when one cannot be read.
//! Each form is a module that turns what was read into bytes. All sources are read at the same
//! time, so that one that hangs costs a refresh no more than its own time-out.

mod check;
mod csv;
pub(crate) mod families;
mod hdr;
mod json;
mod once;
mod recorded;
mod rows;
mod sheet;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{Timestamp, tz::TimeZone};

use crate::args::{Color, Options, Output};
use crate::picture::Picture;
use crate::source::{Fault, Needs, Source};
use crate::state::{App, Feed};
use crate::views::Id;
pub(crate) use recorded::recorded;

/// Columns of text where neither the command line nor `COLUMNS` says.
const WIDTH: usize = 100;

/// Lines a view may fill with what has no natural height: graphs.
const HEIGHT: usize = 24;

/// What the surroundings say.
pub(crate) struct Around {
    /// The reader shows more than ASCII.
    pub(crate) utf8: bool,
    /// Columns there are, where `COLUMNS` says.
    pub(crate) columns: Option<usize>,
    /// Local zone.
    pub(crate) zone: TimeZone,
}

/// What was read of one source.
enum Got {
    Picture(Box<Picture>),
    Document(Vec<u8>),
}

/// What was read of each source: a document, why there is none, or nothing when it is a picture.
type Documents = Vec<Option<Result<Vec<u8>, String>>>;

/// How a script ended, if not by a failure.
enum End {
    /// Everything was printed.
    Done,
    /// The reader has seen enough.
    Left,
}

/// Prints as often as the options say; each source has its feed.
///
/// # Errors
/// Why standard output cannot be written, or why nothing could be read to begin with. Failures
/// of single sources later on are told on standard error and end in exit code 1.
pub(crate) fn run(
    mut sources: Vec<Source>,
    feeds: Vec<Feed>,
    options: &Options,
    around: &Around,
) -> Result<ExitCode, String> {
    let names: Vec<String> = feeds.iter().map(|feed| feed.name.clone()).collect();
    let mut printer = Printer::new(feeds, options, around);
    let began = Instant::now();
    let mut failed = false;
    for round in 0.. {
        let due = options.pace().saturating_mul(round);
        if !printer.goes_on(u64::from(round), due) {
            break;
        }
        thread::sleep(due.saturating_sub(began.elapsed()));
        let readings = read_all(&mut sources, options);
        if round == 0 && readings.iter().all(Result::is_err) {
            return Err(reasons(&names, &readings).join("\nuwsgitop: "));
        }
        for reason in reasons(&names, &readings) {
            failed = true;
            // A closed standard error leaves the exit code to tell.
            let _ = writeln!(io::stderr().lock(), "uwsgitop: {reason}");
        }
        if let End::Left = printer.round(readings, began.elapsed())? {
            break;
        }
    }
    let code = printer.end()?;
    Ok(if failed { ExitCode::FAILURE } else { code })
}

fn read_all(sources: &mut [Source], options: &Options) -> Vec<Result<Got, Fault>> {
    let needs = match options.output {
        // How long it has been so is known from the past that the server keeps.
        Output::Check => Needs { trails: true, ..Needs::default() },
        Output::Hdr(_) => Needs { latencies: true, ..Needs::default() },
        _ => options.view.map(Needs::of).unwrap_or_default(),
    };
    let read = |source: &mut Source| match options.output {
        Output::Json if options.view.is_none() => source.document().map(Got::Document),
        Output::Prometheus => source.exposition().map(Got::Document),
        _ => source.picture(needs).map(|picture| Got::Picture(Box::new(picture))),
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            sources.iter_mut().map(|source| scope.spawn(move || read(source))).collect();
        let ended = threads.into_iter().map(|thread| {
            let broken = || Fault::Unreachable("the reading ended without a result".to_owned());
            thread.join().unwrap_or_else(|_| Err(broken()))
        });
        ended.collect()
    })
}

fn reasons(names: &[String], readings: &[Result<Got, Fault>]) -> Vec<String> {
    let failed = names.iter().zip(readings);
    failed
        .filter_map(|(name, reading)| {
            Some(format!("{name}: {}", crate::human::clean(&reading.as_ref().err()?.to_string())))
        })
        .collect()
}

/// What is kept between refreshes.
struct Printer<'a> {
    options: &'a Options,
    around: &'a Around,
    app: App,
    now: Timestamp,
    /// Nothing was printed yet.
    first: bool,
    /// Where it goes, if not to standard output.
    file: Option<File>,
    log: hdr::Log,
}

impl<'a> Printer<'a> {
    fn new(feeds: Vec<Feed>, options: &'a Options, around: &'a Around) -> Self {
        let app = App::new(feeds, options.view.unwrap_or(Id::Workers));
        let (now, log) = (Timestamp::UNIX_EPOCH, hdr::Log::default());
        Self { options, around, app, now, first: true, file: None, log }
    }

    /// Whether another refresh, due then, is wanted after `done`.
    fn goes_on(&self, done: u64, due: Duration) -> bool {
        let usual = if self.options.output == Output::Check { check::LOOKS } else { 1 };
        // An interval lies between two looks.
        let done = match self.options.output {
            Output::Hdr(_) if self.is_repeated_in_time() => done.saturating_sub(1),
            _ => done,
        };
        match (self.options.count, self.options.duration) {
            (Some(0), None) => true,
            (Some(count), None) => done < count,
            (None | Some(0), Some(duration)) => due <= duration,
            (Some(count), Some(duration)) => done < count && due <= duration,
            (None, None) => done < usual,
        }
    }

    /// It is, or may become, one of several outputs: each says where and when it is from.
    fn is_repeated(&self) -> bool {
        self.app.feeds.len() > 1 || self.is_repeated_in_time()
    }

    /// A number of refreshes was asked for.
    fn is_repeated_in_time(&self) -> bool {
        self.options.count.is_some() || self.options.duration.is_some()
    }

    fn round(&mut self, readings: Vec<Result<Got, Fault>>, at: Duration) -> Result<End, String> {
        self.now = Timestamp::now();
        let mut documents = Vec::new();
        for (feed, reading) in readings.into_iter().enumerate() {
            documents.push(match reading {
                Ok(Got::Document(bytes)) => Some(Ok(bytes)),
                Ok(Got::Picture(picture)) => {
                    self.app.ingest(feed, Ok(*picture), at);
                    None
                }
                Err(fault) => {
                    let reason = fault.to_string();
                    self.app.ingest(feed, Err(Fault::Unreachable(reason.clone())), at);
                    Some(Err(reason))
                }
            });
        }
        let mut out = Vec::new();
        if self.options.output == Output::Prometheus {
            documents = self.one_page(documents);
        }
        // All sources together are one view of their own.
        let feeds = if self.options.view == Some(Id::Sources) { 1 } else { documents.len() };
        for (feed, document) in documents.into_iter().enumerate().take(feeds) {
            self.app.current = feed;
            self.one(document, at, &mut out)?;
        }
        let end = self.write(&out)?;
        self.first = false;
        Ok(end)
    }

    /// Pages of several sources as one, in the place of the first.
    fn one_page(&self, pages: Documents) -> Documents {
        if let [_] = pages.as_slice() {
            return pages;
        }
        let names = self.app.feeds.iter().map(|feed| feed.name.as_str());
        let good = names.zip(pages).filter_map(|(name, page)| Some((name, page?.ok()?)));
        vec![Some(Ok(families::merge(&good.collect::<Vec<_>>())))]
    }

    fn write(&mut self, bytes: &[u8]) -> Result<End, String> {
        let Output::Hdr(path) = &self.options.output else { return write(bytes) };
        if path.as_os_str() == "-" {
            return write(bytes);
        }
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        // Begun only when there is something to write: a source that does not answer costs no log.
        let file = match self.file.take() {
            Some(file) => file,
            None => File::create(path).map_err(failed)?,
        };
        self.file.insert(file).write_all(bytes).map_err(failed)?;
        Ok(End::Done)
    }

    /// What is said at the end, and how.
    fn end(&self) -> Result<ExitCode, String> {
        if self.options.output != Output::Check {
            return Ok(ExitCode::SUCCESS);
        }
        let (text, level) = check::text(&self.app.feeds);
        say(&text)?;
        Ok(check::code(level))
    }

    /// Adds what one source gives to this refresh.
    fn one(
        &mut self,
        document: Option<Result<Vec<u8>, String>>,
        at: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        match (&self.options.output, document) {
            (Output::Json, document) => json::print(self, document, at, out)?,
            (Output::Prometheus, Some(Ok(page))) => out.extend_from_slice(&page),
            (_, Some(_)) => {}
            (Output::Csv, None) => csv::print(self, at, out)?,
            (Output::Hdr(_), None) => hdr::print(self, out)?,
            (Output::Check, None) => {}
            _ => self.text(at, out),
        }
        Ok(())
    }

    fn text(&mut self, at: Duration, out: &mut Vec<u8>) {
        if !self.first || !out.is_empty() {
            out.push(b'\n');
        }
        let colored = self.options.looks.color == Color::Always;
        let feed = self.app.feed();
        let text = match self.options.view {
            Some(_) => sheet::render(self, colored, at),
            None => {
                let look = once::Look { colored, utf8: self.around.utf8, width: self.width() };
                once::render(&feed.state, &feed.host, self.now, &self.around.zone, look)
            }
        };
        if self.app.feeds.len() > 1 && self.options.view != Some(Id::Sources) {
            out.extend_from_slice(format!("source: {}\n", self.app.feed().name).as_bytes());
        }
        out.extend_from_slice(text.as_bytes());
    }

    fn width(&self) -> usize {
        self.options.width.or(self.around.columns).unwrap_or(WIDTH)
    }
}

/// Writes to standard output.
///
/// # Errors
/// A sentence, for everything but a reader that is gone.
fn write(bytes: &[u8]) -> Result<End, String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(End::Done),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::Left),
        Err(error) => Err(format!("standard output: {error}")),
    }
}

/// Prints one text and is done; a reader that is gone is no failure.
///
/// # Errors
/// Why standard output cannot be written.
pub(crate) fn say(text: &str) -> Result<(), String> {
    write(text.as_bytes()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{self, Wish};

    fn options(line: &str) -> Options {
        match args::parse(line.split_whitespace().map(str::to_owned)) {
            Ok(Wish::Run(options)) => *options,
            other => panic!("{other:?}"),
        }
    }

    fn rounds(line: &str) -> u64 {
        let options = options(&format!("/s --once --frequency 1 {line}"));
        let around = Around { utf8: true, columns: None, zone: TimeZone::UTC };
        let printer = Printer::new(Vec::new(), &options, &around);
        (0..100).take_while(|n| printer.goes_on(*n, Duration::from_secs(*n))).count() as u64
    }

    #[test]
    fn count_and_duration_end_it_whichever_comes_first() {
        for (line, wanted) in [
            ("", 1),
            ("--count 1", 1),
            ("--count 7", 7),
            ("--count 0", 100),
            ("--duration 3", 4),
            ("--duration 0", 1),
            ("--count 0 --duration 3", 4),
            ("--count 2 --duration 3", 2),
            ("--count 9 --duration 3", 4),
            ("--check", 3),
            ("--check --count 1", 1),
            ("--export-hdr -", 1),
            ("--export-hdr - --count 2", 3),
            ("--export-hdr - --duration 3", 4),
        ] {
            assert_eq!(rounds(line), wanted, "{line}");
        }
    }
}
