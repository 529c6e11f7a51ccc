//! Where pictures come from: a stats address or a mapped arena, behind one door.
//!
//! Owns the difference between "nobody answers" and "the answer is unusable", because the
//! screen treats them differently: the first is told, the second skips one refresh.

use std::fmt;

use crate::address::Address;
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

/// An open source.
pub(crate) enum Source {
    /// Connects once per picture.
    Address(Address),
}

impl Source {
    /// Opens what the command line named.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when an arena cannot be mapped; addresses are tried by the first
    /// read.
    pub(crate) fn open(origin: &Origin) -> Result<Self, Fault> {
        match origin {
            Origin::Address(address) => Ok(Self::Address(address.clone())),
            Origin::Arena(_) | Origin::Pid(_) => Err(Fault::Unreachable("not built".to_owned())),
        }
    }

    /// Takes one picture.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn picture(&mut self) -> Result<Picture, Fault> {
        match self {
            Self::Address(address) => document::parse(&read(address)?).map_err(Fault::Unreadable),
        }
    }

    /// The stats document, for scripts.
    ///
    /// # Errors
    /// See [`Fault`]; what is no document is not passed on.
    pub(crate) fn document(&mut self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Address(address) => {
                let bytes = read(address)?;
                document::parse(&bytes).map_err(Fault::Unreadable)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned().into_bytes())
            }
        }
    }

    /// The host shown on the second row; `None` for this machine.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Address(address) => address.host(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
        }
    }
}

fn read(address: &Address) -> Result<Vec<u8>, Fault> {
    fetch(address).map_err(|error| Fault::Unreachable(error.to_string()))
}
