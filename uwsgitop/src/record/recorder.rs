//! The thread that records, so that no disk ever holds up the screen.
//!
//! Owns the writer. Readings that a slow disk cannot take are counted and lost; an error ends the
//! recording and is told, never the screen.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::format::{Entry, Told};
use super::writer::Writer;
use crate::source::transport::Reading;
use crate::state::tape::Taping;

/// Readings that may wait for the disk: some seconds of one source, and little memory.
const WAITING: usize = 16;

/// How long the end of the program waits for the last blocks.
const PATIENCE: Duration = Duration::from_secs(2);

/// The screen's end of the thread.
pub(crate) struct Recorder {
    /// Moments and what was read.
    entries: SyncSender<(u64, Entry)>,
    done: Receiver<()>,
    taping: Arc<Mutex<Taping>>,
}

impl Recorder {
    /// Opens the file and begins to record.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written or no thread can be made.
    pub(crate) fn start(path: &Path) -> Result<Self, String> {
        let writer = Writer::open(path)?;
        let (entries, inbox) = sync_channel(WAITING);
        let (end, done) = channel();
        let taping = Arc::new(Mutex::new(Taping { bytes: writer.size(), ..Taping::default() }));
        let told = Arc::clone(&taping);
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                run(writer, &inbox, &told);
                // Nobody waits where the screen was left in a hurry.
                let _ = end.send(());
            })
            .map_err(|error| format!("cannot start the recording thread: {error}"))?;
        Ok(Self { entries, done, taping })
    }

    /// Records a reading of this source.
    pub(crate) fn put(&self, name: &str, host: &str, reading: &Reading) {
        let Some(told) = Told::of(reading) else { return };
        let entry = Entry { name: name.to_owned(), host: host.to_owned(), told };
        let moment = match reading {
            Ok(picture) if picture.taken > 0 => picture.taken,
            _ => now(),
        };
        match self.entries.try_send((moment, entry)) {
            // A thread that is gone has told why.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                change(&self.taping, |taping| taping.lost = taping.lost.saturating_add(1));
            }
        }
    }

    /// How it goes.
    pub(crate) fn taping(&self) -> Taping {
        self.taping.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the recording when the last blocks are written.
    ///
    /// # Errors
    /// Why it had ended before, or that the disk does not answer.
    pub(crate) fn finish(self) -> Result<Taping, String> {
        drop(self.entries);
        let late = self.done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        let taping = self.taping.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match &taping.ended {
            Some(reason) => Err(format!("the recording ended: {reason}")),
            None if late => Err("the last pictures may be missing: the disk is slow".to_owned()),
            None => Ok(taping),
        }
    }
}

fn run(mut writer: Writer, inbox: &Receiver<(u64, Entry)>, taping: &Mutex<Taping>) {
    for (moment, entry) in inbox {
        match writer.put(moment, entry) {
            Ok(()) => change(taping, |taping| {
                taping.bytes = writer.size();
                taping.readings = taping.readings.saturating_add(1);
            }),
            Err(reason) => return change(taping, |taping| taping.ended = Some(reason)),
        }
    }
}

fn change(taping: &Mutex<Taping>, change: impl FnOnce(&mut Taping)) {
    change(&mut taping.lock().unwrap_or_else(PoisonError::into_inner));
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::record::reader::Recording;
    use crate::record::writer::tests::Folder;
    use crate::source::Fault;

    #[test]
    fn readings_are_in_the_file_when_it_is_finished() {
        let folder = Folder::new("recorder");
        let path = folder.path("r");
        let recorder = Recorder::start(&path).unwrap();
        let picture = |taken| Ok(Picture { taken, ..Picture::default() });
        recorder.put("a", "h", &picture(7));
        recorder.put("a", "h", &Err(Fault::Unreadable("x".into())));
        recorder.put("b", "h", &Err(Fault::Unreachable("gone".into())));
        let taping = recorder.finish().unwrap();
        assert_eq!((taping.readings, taping.lost), (2, 0), "{taping:?}");
        let recording = Recording::open(&path).unwrap();
        let places = recording.places();
        assert_eq!((places.len(), places[0].moment, recording.end()), (2, 7, taping.bytes));
        let failure = recording.read(places[1]).unwrap().told;
        assert_eq!(failure, Told::Failure("gone".into()));
    }

    #[test]
    fn a_disk_that_is_full_ends_it_with_a_reason() {
        let (entries, inbox) = sync_channel(2);
        entries.send((1, Entry::default())).unwrap();
        let taping = Mutex::new(Taping::default());
        run(crate::record::writer::tests::full(), &inbox, &taping);
        let reason = taping.into_inner().unwrap().ended.unwrap();
        assert!(reason.contains("space"), "{reason}");
    }
}
