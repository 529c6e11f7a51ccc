//! `rrdtool`, `rrdtool-freq`, `rrdtool-rra`, `rrdtool-lib`, and the argument of `stats-push`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use uwsgi_metrics::PusherRow;
use uwsgi_metrics::schema::Item;
use uwsgi_net::plain;

use super::archive::{Archive, USUAL};
use super::cached::{Cached, Daemon};
use super::disk;
use super::encode::{Encode, Values, value};
use super::layout::{Shape, Source, UNKNOWN};
use super::transport::Writer;
use crate::instance::{Fan, Instance, Receiver, Transport};
use crate::kinds::{Fault, Read};
use crate::lane::{Policy, Retry};
use crate::{Facts, Plan, Plans, Work};

/// Seconds of a step in new files.
const STEP: u64 = 300;

/// New files begin so long before now, as rrdtool's do.
const EARLIER: u64 = 10;

/// See the module.
#[derive(Debug)]
struct Rrdtool {
    place: Place,
    every: Duration,
    /// How missing files are made; nothing when they are not.
    made: Option<Made>,
    /// `rrdtool-lib`, when this plan is the one that answers it.
    library: Option<String>,
}

/// Where the files are.
#[derive(Debug)]
enum Place {
    /// As written, and where that is, once that is known.
    Directory(PathBuf, OnceLock<PathBuf>),
    Daemon(Daemon),
}

/// How files are made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) heartbeat: u64,
    pub(super) archives: Vec<Archive>,
}

impl Made {
    pub(super) fn shape(&self, source: Source) -> Shape {
        let archives = self.archives.clone();
        Shape { step: STEP, source, heartbeat: self.heartbeat, min: 0.0, max: UNKNOWN, archives }
    }
}

/// When a file that is made now begins, epoch seconds.
pub(super) fn beginning() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs().saturating_sub(EARLIER)
}

/// Reads `stats-push = rrdtool:PLACE`, which updates files that are there.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let argument = argument.filter(|argument| !argument.is_empty());
    let place = argument.ok_or("invalid rrdtool stats pusher syntax (stats-push = rrdtool:DIR)")?;
    let place = Place::parse(place)?;
    let first = facts.options.all("stats-push").iter().find(|v| v.starts_with("rrdtool")).cloned();
    let answers = facts.options.all("rrdtool").is_empty()
        && first.is_some_and(|first| first.strip_prefix("rrdtool:") == argument);
    let library = answers.then(|| facts.options.last("rrdtool-lib")).flatten();
    Ok(Box::new(Rrdtool { place, every: facts.every, made: None, library }))
}

/// Reads `rrdtool = PLACE`.
pub(crate) fn from_options(facts: &Facts<'_>, plans: &mut Plans) -> Result<(), Fault> {
    let fault = |option, value: &str, text| Fault { option, value: value.to_owned(), text };
    let freq = facts.options.int("rrdtool-freq", 300);
    let freq = if freq < 1 { 300 } else { freq.unsigned_abs() };
    let mut archives = Vec::new();
    for text in facts.options.all("rrdtool-rra") {
        archives.push(Archive::parse(&text).ok_or_else(|| {
            let usage = "RRA:CF:XFF:STEPS:ROWS is wanted, CF one of AVERAGE, MAX, MIN, LAST";
            fault("rrdtool-rra", &text, format!("invalid rrdtool-rra \"{text}\": {usage}"))
        })?);
    }
    if archives.is_empty() {
        archives = USUAL.to_vec();
    }
    let made = Made { heartbeat: freq.saturating_mul(2).max(2 * STEP), archives };
    let mut library = facts.options.last("rrdtool-lib");
    for text in facts.options.all("rrdtool") {
        let place = Place::parse(&text).map_err(|why| fault("rrdtool", &text, why))?;
        let every = Duration::from_secs(freq);
        let (made, library) = (Some(made.clone()), library.take());
        plans.push(std::sync::Arc::new(Rrdtool { place, every, made, library }));
    }
    Ok(())
}

impl Place {
    fn parse(text: &str) -> Result<Place, String> {
        match Daemon::parse(text) {
            Some(daemon) => daemon.map(Place::Daemon),
            None => Ok(Place::Directory(text.into(), OnceLock::new())),
        }
    }
}

impl Plan for Rrdtool {
    fn kind(&self) -> &'static str {
        "rrdtool"
    }

    fn receivers(&self) -> Vec<String> {
        vec![match &self.place {
            Place::Directory(path, _) => path.display().to_string(),
            Place::Daemon(daemon) => daemon.to_string(),
        }]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn lines(&self) -> Vec<String> {
        let line = |library: &String| {
            format!("rrdtool-lib = {library}: not loaded, RRD files are written without a library")
        };
        self.library.iter().map(line).collect()
    }

    fn prepare(&self, list: &[Item], _: &[&PusherRow]) -> Result<Vec<String>, String> {
        let (Place::Directory(path, known), Some(made)) = (&self.place, &self.made) else {
            return Ok(Vec::new());
        };
        let real = path
            .canonicalize()
            .map_err(|e| format!("realpath() of {} failed: {}", path.display(), plain(&e)))?;
        let count = create_missing(&real, made, list)?;
        let line = format!("created {count} new rrd files in {}", real.display());
        let _ = known.set(real);
        Ok(if count > 0 { vec![line] } else { Vec::new() })
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport: Box<dyn Transport<Values>> = match &self.place {
            Place::Directory(path, known) => {
                Box::new(Writer::new(known.get().unwrap_or(path).clone()))
            }
            Place::Daemon(daemon) => Box::new(Cached::new(daemon.clone(), self.made.clone())),
        };
        // A directory of ten thousand files on a slow disk takes its time.
        let deadline = self.every.clamp(Duration::from_secs(10), Duration::from_secs(60));
        let policy = Policy { pushes: 2, bytes: 32 << 20, retry: Retry::Never, deadline };
        Box::new(Fan::start("rrdtool", Encode, vec![Receiver { transport, policy }], work))
    }
}

/// Makes the files of all metrics that have none; returns how many.
fn create_missing(directory: &Path, made: &Made, list: &[Item]) -> Result<usize, String> {
    let mut count = 0;
    for item in list {
        let value = value(item);
        let path = directory.join(&value.file);
        let new = disk::create(&path, &made.shape(value.source), beginning()).map_err(|e| {
            let name = String::from_utf8_lossy(&item.name);
            let (path, why) = (path.display(), plain(&e));
            format!("unable to create rrd file for metric \"{name}\": {path}: {why}")
        })?;
        count += usize::from(new);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn plans(options: &[(&str, &str)]) -> (Plans, Vec<Fault>) {
        crate::plans(&Given::of(options).facts())
    }

    #[test]
    fn options_become_plans() {
        let (plans, faults) = plans(&[
            ("rrdtool", "/one"),
            ("rrdtool", "unix:/run/rrdcached.sock"),
            ("rrdtool-freq", "0"),
            ("rrdtool-lib", "librrd.so.8"),
            ("stats-push", "rrdtool:two"),
        ]);
        assert_eq!(faults, []);
        let shown: Vec<_> = plans.iter().map(|p| (p.receivers(), p.every().as_secs())).collect();
        assert_eq!(
            shown,
            [
                (vec!["two".to_owned()], 3),
                (vec!["/one".to_owned()], 300),
                (vec!["unix:/run/rrdcached.sock".to_owned()], 300)
            ]
        );
        let lines: Vec<String> = plans.iter().flat_map(|plan| plan.lines()).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (option, value, text) in [
            ("stats-push", "rrdtool", "invalid rrdtool stats pusher syntax"),
            ("stats-push", "rrdtool:", "invalid rrdtool stats pusher syntax"),
            ("stats-push", "rrdtool:unix:", "invalid rrdcached address unix:"),
            ("rrdtool", "tcp:localhost", "invalid rrdcached address tcp:localhost"),
            ("rrdtool-rra", "RRA:MEAN:0.5:1:1", "invalid rrdtool-rra \"RRA:MEAN:0.5:1:1\": RRA:CF"),
        ] {
            let (_, faults) = plans(&[(option, value)]);
            let [fault] = &faults[..] else { panic!("{value}: {faults:?}") };
            assert!(fault.text.starts_with(text), "{}", fault.text);
            assert_eq!(fault.option, option);
        }
    }

    #[test]
    fn the_heartbeat_follows_the_frequency() {
        let made = |freq: u64| freq.saturating_mul(2).max(2 * STEP);
        assert_eq!([made(2), made(300), made(3600)], [600, 600, 7200]);
    }
}
