//! A recording for scripts: one moment of it, or reading after reading from a moment on.
//!
//! Time is that of the recording, so nothing is waited for.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::{Around, End, Printer, json, write};
use crate::args::{Options, Output};
use crate::record::replay::Replay;
use crate::views::Id;

/// Prints the last moment, or the one of `--at`; with `--count` or `--duration` one reading after
/// the other.
///
/// # Errors
/// Why standard output cannot be written, or that the moment was not recorded.
pub(crate) fn recorded(
    mut replay: Replay,
    options: &Options,
    around: &Around,
) -> Result<ExitCode, String> {
    let mut printer = Printer::new(replay.feeds(), options, around);
    let repeated = options.count.is_some() || options.duration.is_some();
    let usual = if repeated { 0 } else { replay.last() };
    let begin = options.at.map(|when| replay.moment(when, &around.zone)).transpose()?;
    replay.seek(&mut printer.app, begin.unwrap_or(usual));
    let (from, mut failed) = (replay.at(), false);
    let mut read: Vec<usize> = (0..printer.app.feeds.len()).collect();
    for done in 0.. {
        if !printer.goes_on(done, replay.at().saturating_sub(from)) {
            break;
        }
        let (end, failure) = printer.moment(&replay, &read)?;
        failed |= failure;
        match end {
            End::Left => break,
            End::Done => read = replay.next(&mut printer.app),
        }
        if read.is_empty() {
            break;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Printer<'_> {
    /// Prints these sources as they are now; true when one of them did not answer.
    fn moment(&mut self, replay: &Replay, sources: &[usize]) -> Result<(End, bool), String> {
        self.now = replay.wall();
        let (mut out, mut failed) = (Vec::new(), false);
        let at = replay.at();
        // All sources together are one view of their own.
        let all = self.options.view == Some(Id::Sources);
        for source in sources.iter().take(if all { 1 } else { usize::MAX }) {
            self.app.current = *source;
            let state = &self.app.feed().state;
            match state.failure.clone().filter(|_| !all) {
                Some((reason, _)) => {
                    failed = true;
                    self.failure(reason, at, &mut out)?;
                }
                // It was not recorded yet.
                None if state.picture.is_none() && !all => {}
                None => self.one(None, at, &mut out)?,
            }
        }
        let end = write(&out)?;
        self.first = false;
        Ok((end, failed))
    }

    fn failure(&mut self, reason: String, at: Duration, out: &mut Vec<u8>) -> Result<(), String> {
        // A closed standard error leaves the exit code to tell.
        let _ = writeln!(io::stderr().lock(), "uwsgitop: {}: {reason}", self.app.feed().name);
        if self.options.output == Output::Json {
            json::print(self, Some(Err(reason)), at, out)?;
        }
        Ok(())
    }
}
