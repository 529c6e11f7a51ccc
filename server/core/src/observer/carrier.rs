//! Where lines of the log go from the observer: to loggers, changed by encoders, or to the log itself.
//!
//! Where there is no observer, at the end of an instance or of a start that failed, somebody else has
//! one for a moment ([`crate::early`]).
//!
//! It owns the lanes of the loggers. It refuses to wait for a receiver, but for files and the like,
//! which get a moment: a line that finds no room is lost there and nowhere else.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uwsgi_logs::Moment;
use uwsgi_logs::encode::Chain;
use uwsgi_logs::logger::{Kind, Spec};
use uwsgi_logs::plan::Fate;
use uwsgi_logs::sink::lane::{Count, Lane, Listener};
use uwsgi_logs::sink::{Facts, sink};

use uwsgi_metrics::{Arena, Counter, Globals, LoggerRow};

use crate::alarm::follow::News;
use crate::alarm::tap;
use crate::instance::Instance;
use crate::policy::Logging;
use crate::{boot, clock, log};

/// Bytes that may wait for a receiver.
const WAITING: usize = 8 << 20;

/// The wait for one that is fast and only has no room at the moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose lines they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Of the server and of applications.
    Main,
    /// Of requests.
    Requests,
}

/// What a line becomes on its way to one destination.
#[derive(Default)]
struct Ways {
    main: Chain,
    requests: Chain,
}

struct Destination {
    lane: Lane,
    patience: Duration,
    ways: Mutex<Ways>,
}

/// See the module.
pub(crate) struct Carrier {
    logging: &'static Logging,
    /// One for each logger; nothing where its lines are wanted by nobody.
    destinations: Vec<Option<Destination>>,
    /// Nothing where the log itself has the lines.
    original: Option<Mutex<Ways>>,
    /// The log, for loggers that write there.
    stdio: Arc<OwnedFd>,
    /// Where it is counted, if it is.
    arena: Option<&'static Arena>,
}

impl Carrier {
    /// Starts a lane for each logger. The error is the line for the log.
    pub(super) fn start(instance: &'static Instance) -> Result<Carrier, String> {
        let policy = &instance.settings.policy;
        Carrier::of(&policy.logging, policy.output.mode, Some(&instance.arena), true)
    }

    /// The same for these loggers. `original` tells whether the log itself gets its share.
    pub(crate) fn of(
        logging: &'static Logging,
        mode: Option<u32>,
        arena: Option<&'static Arena>,
        original: bool,
    ) -> Result<Carrier, String> {
        let stdio = uwsgi_sys::fd::duplicate(2).map_err(|e| format!("dup(): {e}"))?;
        let stdio = Arc::new(stdio);
        let facts = Facts {
            hostname: boot::hostname(),
            version: uwsgi_config::VERSION.to_owned(),
            rsyslog_packet: logging.rsyslog_packet,
            rsyslog_split: logging.rsyslog_split,
            original: Some(Arc::clone(&stdio)),
            duplicate: uwsgi_sys::fd::duplicate,
            mode,
        };
        let start = |(index, spec): (u32, &Spec)| {
            let wanted = original || !matches!(spec.kind, Kind::Stdio | Kind::Fd(1 | 2));
            let ledger = Ledger(arena.map(|arena| arena.logger(index)));
            wanted.then(|| destination(spec, logging, &facts, ledger)).transpose()
        };
        let specs = (0..).zip(&logging.loggers);
        let destinations = specs.map(start).collect::<Result<_, String>>()?;
        let original = original.then(|| Mutex::new(ways(logging, None)));
        Ok(Carrier { logging, destinations, original, stdio, arena })
    }

    /// A message on its way; `target` is where it goes when nobody else wants it. Loggers get it at the
    /// next [`Carrier::send`].
    pub(crate) fn carry(&self, stream: Stream, target: i32, message: &[u8]) {
        let at = Moment(clock::epoch_us());
        if message.len() >= self.logging.longest && !message.ends_with(b"\n") {
            self.count(|globals| &globals.log_pieces);
        }
        let plan = match (stream, &self.logging.requests) {
            (Stream::Requests, Some(plan)) => plan,
            _ => &self.logging.main,
        };
        match plan.decide(message) {
            Fate::Drained | Fate::Filtered => self.count(|globals| &globals.log_drained),
            Fate::Routed(some) => {
                self.count(|globals| &globals.log_routed);
                self.deliver(&some, stream, message, at);
            }
            Fate::Everybody(all) => self.deliver(all, stream, message, at),
            Fate::Original => {
                let Some(ways) = &self.original else { return };
                let mut ways = ways.lock().unwrap_or_else(PoisonError::into_inner);
                tap::write_all(target, self.chain(&mut ways, stream).run(message, at));
            }
        }
    }

    /// What was carried sets out.
    pub(crate) fn send(&self) {
        self.destinations.iter().flatten().for_each(|destination| destination.lane.wake());
    }

    fn count(&self, which: impl Fn(&Globals) -> &Counter) {
        if let Some(arena) = self.arena {
            which(arena.globals()).add_shared(1);
        }
    }

    fn deliver(&self, indices: &[usize], stream: Stream, message: &[u8], at: Moment) {
        let wanted = indices.iter().filter_map(|index| self.destinations.get(*index)?.as_ref());
        for destination in wanted {
            let mut ways = destination.ways.lock().unwrap_or_else(PoisonError::into_inner);
            let text = self.chain(&mut ways, stream).run(message, at);
            destination.lane.offer(at, text, destination.patience);
        }
    }

    /// Lines of requests that are lines like all others are changed like these.
    fn chain<'a>(&self, ways: &'a mut Ways, stream: Stream) -> &'a mut Chain {
        match stream {
            Stream::Requests if self.logging.requests.is_some() => &mut ways.requests,
            _ => &mut ways.main,
        }
    }

    /// The master has moved the log, or somebody wants files opened again.
    pub(super) fn files_changed(&self, news: News, log: Option<&OwnedFd>) {
        if let Some(log) = log {
            // Its number stays, so that nobody who writes there has to know.
            let _ = uwsgi_sys::fd::redirect(log, self.stdio.as_raw_fd());
        }
        let files = self.logging.loggers.iter().zip(&self.destinations);
        let files = files.filter(|(spec, _)| matches!(spec.kind, Kind::File { .. }));
        for destination in files.filter_map(|(_, destination)| destination.as_ref()) {
            match news {
                News::Reopened => destination.lane.reopen(),
                News::Rotated => destination.lane.rotate(Moment(clock::epoch_us())),
            }
        }
    }

    /// Bytes of a message that is handed on as one.
    pub(super) fn longest(&self) -> usize {
        self.logging.longest
    }

    /// No further lines: waits until everything is delivered, at most until `deadline`.
    pub(crate) fn end(&self, deadline: Instant) {
        let lanes = || self.destinations.iter().flatten().map(|destination| &destination.lane);
        lanes().for_each(|lane| lane.hurry(deadline));
        lanes().for_each(|lane| lane.end(deadline));
    }
}

fn destination(
    spec: &Spec,
    logging: &Logging,
    facts: &Facts,
    ledger: Ledger,
) -> Result<Destination, String> {
    let name = spec.name.clone().unwrap_or_else(|| spec.kind.to_string());
    let sink = sink(&spec.kind, facts)?;
    let lane = Lane::start(&name, sink, WAITING, Box::new(ledger));
    let lane = lane.map_err(|e| format!("pthread_create(): {e}"))?;
    let local = matches!(spec.kind, Kind::File { .. } | Kind::Fd(_) | Kind::Stdio | Kind::Pipe(_));
    let patience = if local { PATIENCE } else { Duration::ZERO };
    let ways = Mutex::new(ways(logging, spec.name.as_deref()));
    Ok(Destination { lane, patience, ways })
}

fn ways(logging: &Logging, logger: Option<&str>) -> Ways {
    Ways {
        main: Chain::of(&logging.encoders, logger),
        requests: Chain::of(&logging.request_encoders, logger),
    }
}

/// What a lane counts and tells.
struct Ledger(Option<&'static LoggerRow>);

impl Listener for Ledger {
    fn count(&self, what: Count, n: u64) {
        let Ledger(Some(row)) = self else { return };
        match what {
            Count::Delivered => row.messages.add(n),
            Count::Bytes => row.bytes.add(n),
            // Whoever offers counts these, and there may be several.
            Count::Dropped => row.dropped.add_shared(n),
            Count::Failed => row.errors.add(n),
            Count::Recovered => row.reconnects.add(n),
            Count::Rotated => row.rotations.add(n),
        }
    }

    fn waiting(&self, n: u64) {
        if let Ledger(Some(row)) = self {
            row.queued.set(n);
        }
    }

    fn tell(&self, text: &str) {
        log::direct(text);
    }
}
