//! Lines that no observer carries: those of a start that failed, and the last ones of an instance.
//!
//! Whoever has kept them brings them to their loggers and waits a moment for those. It starts threads, so
//! it is the last thing that its process does. Who would make files of another user than the one that is
//! configured leaves them to the log.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::{Duration, Instant};

use uwsgi_logs::logger::Kind;
use uwsgi_sys::user;

use crate::instance::Instance;
use crate::observer::carrier::{Carrier, Stream};
use crate::policy::Logging;
use crate::settings::Settings;
use crate::transport;

/// What loggers get to take the lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines go that nobody wants.
const LOG: i32 = 2;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Errand {
    logging: &'static Logging,
    mode: Option<u32>,
    /// The process becomes somebody else, or has.
    drops: bool,
    /// That of an end.
    instance: Option<&'static Instance>,
}

impl Errand {
    /// For a start that fails: its lines are in the log as well.
    pub(super) fn of_start(settings: &Settings) -> Errand {
        let place = std::env::current_dir().unwrap_or_default();
        let place = settings.chdir.as_ref().map_or(place.clone(), |dir| place.join(dir));
        Errand {
            logging: absolute(&settings.policy.logging, &place),
            mode: settings.policy.output.mode,
            drops: settings.uid.is_some(),
            instance: None,
        }
    }

    /// For an instance that ends.
    pub(super) fn of_end(instance: &'static Instance) -> Errand {
        let settings = &instance.settings;
        let place = std::env::current_dir().unwrap_or_default();
        let logging = absolute(&settings.policy.logging, &place);
        Errand { logging, instance: Some(instance), ..Errand::of_start(settings) }
    }

    /// Brings away what was said.
    pub(super) fn run(&self, said: &mut File) {
        let arena = self.instance.map(|instance| &instance.arena);
        let carrier = match self.drops && user::effective().0 == 0 {
            true => None,
            false => Carrier::of(self.logging, self.mode, arena, arena.is_some()).ok(),
        };
        if carrier.is_none() || arena.is_none() {
            pour(said);
        }
        match (carrier, arena) {
            (Some(carrier), arena) => {
                if let Some(arena) = arena {
                    transport::drain_to(arena, |line| carrier.carry(Stream::Requests, LOG, line));
                }
                carry(&carrier, said);
                carrier.end(Instant::now() + PATIENCE);
            }
            (None, Some(arena)) => transport::drain(arena),
            (None, None) => {}
        }
    }
}

/// Everything to the log itself.
fn pour(said: &mut File) {
    if said.rewind().is_ok() {
        let _ = io::copy(said, &mut io::stderr());
    }
}

fn carry(carrier: &Carrier, said: &mut File) {
    let mut text = Vec::new();
    if said.rewind().and_then(|()| said.read_to_end(&mut text)).is_ok() {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.for_each(|line| carrier.carry(Stream::Main, LOG, line));
    }
}

/// The same loggers, wherever the process stands when they are opened.
fn absolute(logging: &Logging, place: &Path) -> &'static Logging {
    let mut logging = logging.clone();
    for spec in &mut logging.loggers {
        if let Kind::File { path, backup, .. } = &mut spec.kind {
            for path in [Some(path), backup.as_mut()].into_iter().flatten() {
                *path = place.join(&path).display().to_string();
            }
        }
    }
    Box::leak(Box::new(logging))
}
