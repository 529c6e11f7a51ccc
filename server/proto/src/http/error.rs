//! Why a head was refused: the status for the client and the line for the log.

use std::fmt;

use crate::vars::VarError;

/// A refused head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// Not HTTP/1.x, or ambiguous.
    BadRequest,
    /// The head does not fit `buffer-size`.
    HeadTooLarge,
    /// The request line alone does not fit `buffer-size`.
    LineTooLarge,
    /// The decoded path does not fit next to the head.
    UriTooLong,
    /// A variable does not fit the block: its name and value.
    VarTooBig(String, String),
    /// More variables than `max-vars` allows.
    TooManyVars,
    /// A transfer coding in front of chunked.
    UnknownCoding,
    /// A method nobody knows, or one that makes a tunnel of the connection.
    UnknownMethod,
    /// A protocol version other than 1.x.
    VersionNotSupported,
}

impl HttpError {
    /// The status to answer with; see [`crate::error_response`].
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::UriTooLong | Self::LineTooLarge => 414,
            Self::HeadTooLarge | Self::VarTooBig(..) | Self::TooManyVars => 431,
            Self::UnknownCoding | Self::UnknownMethod => 501,
            Self::VersionNotSupported => 505,
        }
    }

    /// The line for the log; `buffer_size` is the limit that was in force.
    pub fn log_line(&self, buffer_size: usize) -> String {
        match self {
            Self::HeadTooLarge | Self::LineTooLarge => {
                format!("invalid HTTP request size (max {buffer_size})...skip")
            }
            other => other.to_string(),
        }
    }

    /// Wraps what the block said about one variable.
    pub(crate) fn from_var(error: VarError, key: &[u8], val: &[u8]) -> Self {
        match error {
            VarError::TooMany => Self::TooManyVars,
            VarError::Full => Self::VarTooBig(shown(key), shown(val)),
            VarError::NullKey | VarError::Overrun(_) => Self::BadRequest,
        }
    }
}

/// Text of untrusted bytes, short enough for a log line.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 256;
    bytes[..bytes.len().min(MOST)].escape_ascii().to_string()
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest => f.write_str("invalid HTTP request"),
            Self::HeadTooLarge | Self::LineTooLarge => f.write_str("invalid HTTP request size"),
            Self::UriTooLong => f.write_str(
                "not enough space in wsgi_req http proto_parser_buf to decode PATH_INFO, \
                 consider tuning it with --buffer-size",
            ),
            Self::VarTooBig(key, val) => write!(
                f,
                "[WARNING] unable to add {key}={val} to uwsgi packet, consider increasing buffer size"
            ),
            Self::TooManyVars => VarError::TooMany.fmt(f),
            Self::UnknownCoding => f.write_str("invalid HTTP request: unknown transfer coding"),
            Self::UnknownMethod => f.write_str("invalid HTTP request: unsupported method"),
            Self::VersionNotSupported => {
                f.write_str("invalid HTTP request: unsupported protocol version")
            }
        }
    }
}

impl std::error::Error for HttpError {}
