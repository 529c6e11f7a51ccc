//! Recording without a screen, for hours nobody looks: until the time is over or a signal comes.
//!
//! Owns its loop. A source that does not answer is recorded as such and waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::recorder::Recorder;
use crate::human;
use crate::session::Opened;

/// Longest wait between two looks at the sources: half of the fastest refresh.
const TICK: Duration = Duration::from_millis(50);

/// Records the sources for `time`, without an end where there is none, and says what was kept.
///
/// # Errors
/// Why the recording ended early.
pub(crate) fn run(
    recorder: Recorder,
    sources: Vec<Opened>,
    time: Option<Duration>,
) -> Result<String, String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| format!("signal handler: {error}"))?;
    }
    let began = Instant::now();
    for source in &sources {
        if let Some(first) = &source.first {
            recorder.put(&source.feed.name, &source.feed.host, first);
        }
    }
    while !stop.load(Ordering::Relaxed) && recorder.taping().ended.is_none() {
        let left = time.map_or(TICK, |time| time.saturating_sub(began.elapsed()));
        if left.is_zero() {
            break;
        }
        thread::sleep(left.min(TICK));
        for source in &sources {
            if let Some(reading) = source.transport.take()? {
                recorder.put(&source.feed.name, &source.feed.host, &reading);
            }
        }
    }
    let taping = recorder.finish()?;
    let lost = match taping.lost {
        0 => String::new(),
        lost => format!(", {lost} lost to a slow disk"),
    };
    Ok(format!("{} readings{lost}, file of {}\n", taping.readings, human::size(taping.bytes)))
}
