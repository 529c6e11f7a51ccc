//! Where pictures come from: a stats address or a mapped arena, behind one door.
//!
//! Owns the difference between "nobody answers" and "the answer is unusable", because the
//! screen treats them differently: the first is told, the second skips one refresh.

use std::fmt;

use uwsgi_metrics::{StatsOptions, stats_json};

use crate::address::Address;
use crate::arena::Arena;
use crate::args::Origin;
use crate::document;
use crate::fetch::fetch;
use crate::picture::Picture;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody answers; the reason.
    Unreachable(String),
    /// An answer came and is no stats document; the reason.
    Unreadable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) | Self::Unreadable(reason) => f.write_str(reason),
        }
    }
}

/// A source; nothing is opened before it is read.
pub(crate) enum Source {
    /// Connects once per picture.
    Address(Address),
    /// Copies shared memory.
    Arena(Box<Arena>),
}

impl Source {
    /// The source the command line named.
    pub(crate) fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Address(address) => Self::Address(address.clone()),
            Origin::Arena(place) => Self::Arena(Box::new(Arena::new(place.clone()))),
        }
    }

    /// Takes one picture.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn picture(&mut self) -> Result<Picture, Fault> {
        match self {
            Self::Address(address) => {
                let bytes = fetch(address).map_err(unreachable)?;
                document::parse(&bytes).map_err(Fault::Unreadable)
            }
            Self::Arena(arena) => arena.picture().map_err(unreachable),
        }
    }

    /// The stats document, for scripts: of the same form whichever the source.
    ///
    /// # Errors
    /// See [`Fault`]; what is no document is not passed on.
    pub(crate) fn document(&mut self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Address(address) => {
                let bytes = fetch(address).map_err(unreachable)?;
                document::parse(&bytes).map_err(Fault::Unreadable)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned().into_bytes())
            }
            Self::Arena(arena) => {
                let snapshot = arena.snapshot().map_err(unreachable)?;
                // Every number that is there; the locks' holders are known to the server alone.
                let options = StatsOptions { metrics_enabled: true, ..StatsOptions::default() };
                Ok(stats_json(&snapshot, &options))
            }
        }
    }

    /// The host shown on the second row; `None` for this machine.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Address(address) => address.host(),
            Self::Arena(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Arena(arena) => arena.fmt(f),
        }
    }
}

fn unreachable(error: std::io::Error) -> Fault {
    Fault::Unreachable(error.to_string())
}
