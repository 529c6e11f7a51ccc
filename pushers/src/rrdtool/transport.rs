//! Writes to the files of a directory in a thread, because a disk may be slow and a file system
//! may hang.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uwsgi_net::Failure;

use super::disk::{self, Refused};
use super::encode::{Value, Values};
use crate::instance::{Sending, Transport};

/// Files that somebody else has locked are tried again so often, with this pause.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A directory, for the one thread that may write to it: the lock of a file holds among processes
/// only, and a thread that hangs must not get company with every push.
type Place = Arc<Mutex<()>>;

static PLACES: Mutex<Option<HashMap<PathBuf, Place>>> = Mutex::new(None);

/// See the module.
pub(super) struct Writer {
    directory: PathBuf,
    place: Place,
    told: Told,
}

/// What was last said about a file. The line names a value, and the same trouble with another
/// value is nothing new.
#[derive(Debug, Default)]
struct Told {
    about: Option<(String, String)>,
    line: String,
}

impl Writer {
    pub(super) fn new(directory: PathBuf) -> Writer {
        let named = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        let place = Arc::clone(places().get_or_insert_default().entry(named).or_default());
        Writer { directory, place, told: Told::default() }
    }
}

fn places() -> MutexGuard<'static, Option<HashMap<PathBuf, Place>>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transport<Values> for Writer {
    fn send<'a>(&'a mut self, values: &'a Values) -> Sending<'a> {
        Box::pin(async move {
            let jobs: Vec<(PathBuf, i64)> =
                values.of.iter().map(|v| (self.directory.join(&v.file), v.value)).collect();
            let (place, at_us) = (Arc::clone(&self.place), values.at_us);
            let work = move || {
                let Ok(_alone) = place.try_lock() else { return None };
                Some(write_all(&jobs, at_us))
            };
            let done = tokio::task::spawn_blocking(work).await;
            let name = self.directory.display();
            let failures =
                done.map_err(|_| Failure::passing(format!("[rrdtool] {name}: ended")))?;
            let failures = failures.ok_or_else(|| {
                Failure::passing(format!("[rrdtool] {name} is still being written to"))
            })?;
            match failures.first() {
                None => Ok(()),
                Some((number, why)) => Err(self.told.failure(
                    &self.directory,
                    &values.of[*number],
                    why,
                    failures.len(),
                )),
            }
        })
    }
}

impl Told {
    fn failure(&mut self, directory: &Path, value: &Value, why: &str, failed: usize) -> Failure {
        let about = (value.file.clone(), format!("{why}{failed}"));
        if self.about.as_ref() != Some(&about) {
            let path = directory.join(&value.file);
            let more = match failed - 1 {
                0 => String::new(),
                1 => " (and another file)".to_owned(),
                more => format!(" (and {more} more files)"),
            };
            let n = value.value;
            self.line =
                format!("ERROR: rrd_update(\"{}\", \"N:{n}\"): {why}{more}", path.display());
            self.about = Some(about);
        }
        Failure::passing(self.line.clone())
    }
}

/// Updates every file; those that failed by their number, and why.
fn write_all(jobs: &[(PathBuf, i64)], at_us: u64) -> Vec<(usize, String)> {
    let mut failures = Vec::new();
    let mut left: Vec<usize> = (0..jobs.len()).collect();
    for attempt in 1.. {
        left.retain(|number| {
            let (path, value) = &jobs[*number];
            match disk::write(path, at_us, *value) {
                Ok(()) => false,
                Err(Refused::Locked) => true,
                Err(Refused::Other(why)) => {
                    failures.push((*number, why));
                    false
                }
            }
        });
        if left.is_empty() || attempt == ATTEMPTS {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    failures.extend(left.into_iter().map(|number| (number, "could not lock RRD".to_owned())));
    failures.sort_unstable();
    failures
}

#[cfg(test)]
mod tests {
    use super::super::layout::Source;
    use super::*;

    #[test]
    fn the_same_trouble_is_said_in_the_same_words() {
        let mut told = Told::default();
        let value = |value| Value { file: "a.rrd".into(), source: Source::Gauge, value };
        let dir = Path::new("/d");
        let first = told.failure(dir, &value(1), "No such file or directory", 1).text;
        assert_eq!(first, "ERROR: rrd_update(\"/d/a.rrd\", \"N:1\"): No such file or directory");
        assert_eq!(told.failure(dir, &value(2), "No such file or directory", 1).text, first);
        let more = told.failure(dir, &value(3), "No such file or directory", 3).text;
        assert_eq!(
            more,
            "ERROR: rrd_update(\"/d/a.rrd\", \"N:3\"): No such file or directory (and 2 more files)"
        );
    }

    #[test]
    fn one_directory_has_one_writer_at_a_time() {
        let (one, two) = (Writer::new("/tmp".into()), Writer::new("/tmp/".into()));
        let _held = one.place.lock().unwrap();
        assert!(two.place.try_lock().is_err());
        assert!(Writer::new("/".into()).place.try_lock().is_ok());
    }
}
