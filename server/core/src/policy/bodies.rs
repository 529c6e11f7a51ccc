//! Options of request bodies: how they are stored before the application runs, and what clients
//! may take for sending them.

use uwsgi_config::Config;

use super::number;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// `post-buffering`: bodies of this size and larger are stored in a file, smaller ones in
    /// memory; 0: the application reads from the client.
    pub buffering: u64,
    /// Bytes taken from the client at a time while a body is stored.
    pub chunk: usize,
}

/// Read size while a body is stored.
const CHUNK: u64 = 8192;

impl Bodies {
    pub(super) fn from_config(config: &Config) -> Bodies {
        let buffering = number(config, "post-buffering").unwrap_or(0);
        let chunk = number(config, "post-buffering-bufsize").unwrap_or(CHUNK).max(buffering);
        // What one read can bring is far less.
        Bodies { buffering, chunk: chunk.clamp(1, 1 << 20) as usize }
    }
}
