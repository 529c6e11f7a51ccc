//! Where pictures come from: a stats address or a mapped arena, behind one door.
//!
//! Owns the difference between "nobody answers" and "the answer is unusable", because the
//! screen treats them differently: the first is told, the second skips one refresh.

pub(crate) mod access;
pub(crate) mod address;
mod fetch;
mod http;
mod known;
mod needs;
mod remote;
mod tls;
pub(crate) mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use uwsgi_metrics::{StatsOptions, stats_json};

use crate::arena::Arena;
use crate::args::Origin;
use crate::picture::Picture;
use crate::print::families;
use access::Access;
pub(crate) use needs::Needs;
use remote::Remote;

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
    /// Connects once per picture, or less often where the arena behind it is read.
    Address(Box<Remote>),
    /// Copies shared memory.
    Arena(Box<Arena>),
}

impl Source {
    /// The source the command line named, read as it said.
    pub(crate) fn of(origin: &Origin, access: &Arc<Access>) -> Self {
        match origin {
            Origin::Address(address) => {
                Self::Address(Box::new(Remote::new(address.clone(), Arc::clone(access))))
            }
            Origin::Arena(place) => Self::Arena(Box::new(Arena::new(place.clone()))),
        }
    }

    /// Takes one picture with at least the parts that are needed, where the source tells them.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn picture(&mut self, needs: Needs) -> Result<Picture, Fault> {
        match self {
            Self::Address(remote) => remote.picture(needs),
            Self::Arena(arena) => arena.picture(needs).map_err(unreachable),
        }
    }

    /// The stats document, for scripts: of the same form whichever the source.
    ///
    /// # Errors
    /// See [`Fault`]; what is no document is not passed on.
    pub(crate) fn document(&mut self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Address(remote) => remote.document(),
            Self::Arena(arena) => {
                let snapshot = arena.snapshot().map_err(unreachable)?;
                // Every number that is there; the locks' holders are known to the server alone.
                let options = StatsOptions { metrics_enabled: true, ..StatsOptions::default() };
                Ok(stats_json(&snapshot, &options))
            }
        }
    }

    /// The page for Prometheus: the server's own where its numbers are mapped, and otherwise what
    /// its document knows of it.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn exposition(&mut self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Address(_) => families::render(&self.document()?).map_err(Fault::Unreadable),
            Self::Arena(arena) => arena.exposition().map_err(unreachable),
        }
    }

    /// Whether it is certainly of this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Address(remote) => remote.address.is_local(),
            Self::Arena(_) => true,
        }
    }

    /// The host shown on the second row; `None` for this machine.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Address(remote) => remote.address.host(),
            Self::Arena(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(remote) => remote.address.fmt(f),
            Self::Arena(arena) => arena.fmt(f),
        }
    }
}

/// A document does not say when it was made; it is made when it is asked for.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn unreachable(error: std::io::Error) -> Fault {
    Fault::Unreachable(error.to_string())
}
