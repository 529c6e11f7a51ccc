//! Why the body of a request cannot be read.

use rustix::io::Errno;

use super::io::Wait;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The client left.
    Closed,
    Errno(Errno),
    /// The client sent nothing for too long.
    Timeout,
    /// The client sent something now and then, too little in all.
    Slow,
    /// What arrives is not coded as it says.
    Coding,
    /// More than `limit-post`.
    TooLarge,
    /// There is no place to store it.
    NoRoom(Errno),
    /// The protocol has no bodies.
    Unknown,
}

impl From<Wait> for Trouble {
    fn from(wait: Wait) -> Trouble {
        match wait {
            Wait::Timeout => Trouble::Timeout,
            Wait::Failed(errno) => Trouble::Errno(errno),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::NoRoom(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}
