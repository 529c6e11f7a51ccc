//! Options of request bodies: how they are stored before the application runs; and what clients may
//! take for sending a request.

use std::path::PathBuf;

use uwsgi_config::Config;

use super::number;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// `post-buffering`: bodies of this size and larger are stored in a file, smaller ones in
    /// memory; 0: the application reads from the client.
    pub buffering: u64,
    /// Bytes taken from the client at a time while a body is stored.
    pub chunk: usize,
    /// `upload-progress`: the directory where the progress of uploads is told that go to a file.
    pub progress: Option<PathBuf>,
    /// `socket-header-timeout`: what the head of a request may take, milliseconds.
    pub head_ms: u64,
    /// What a client may make the server wait for a body.
    pub sending: Pace,
}

/// Read size while a body is stored.
const CHUNK: u64 = 8192;
/// Seconds that a client may keep the server waiting, where no option says otherwise.
pub(super) const PATIENCE_S: u64 = 60;
/// Bytes that earn a client another second, where no option says otherwise.
pub(super) const RATE: u64 = 100;

impl Bodies {
    pub(super) fn from_config(config: &Config) -> Bodies {
        let value = |name, default| number(config, name).unwrap_or(default);
        let buffering = value("post-buffering", 0);
        let chunk = value("post-buffering-bufsize", CHUNK).max(buffering);
        Bodies {
            buffering,
            // What one read can bring is far less.
            chunk: chunk.clamp(1, 1 << 20) as usize,
            progress: config.last("upload-progress").map(PathBuf::from),
            head_ms: milliseconds(value("socket-header-timeout", PATIENCE_S)),
            sending: Pace::new(
                value("socket-body-timeout", PATIENCE_S),
                value("socket-body-min-rate", RATE),
            ),
        }
    }
}

/// An option's seconds; 0 is no limit.
fn milliseconds(seconds: u64) -> u64 {
    if seconds == 0 { u64::MAX } else { seconds.saturating_mul(1000) }
}

/// How slow a client may be: it may be waited for so long, and longer for what it has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Milliseconds for nothing; `u64::MAX` is no limit.
    timeout_ms: u64,
    /// Bytes that are worth another second; 0: nothing is.
    rate: u64,
}

/// Without any limit.
impl Default for Pace {
    fn default() -> Pace {
        Pace::new(0, 0)
    }
}

impl Pace {
    /// `timeout_s` 0 is no limit, `rate` 0 a limit that does not grow.
    pub fn new(timeout_s: u64, rate: u64) -> Pace {
        Pace { timeout_ms: milliseconds(timeout_s), rate }
    }

    /// What a client may be waited for that has moved so many bytes, milliseconds.
    pub fn allowed_ms(self, bytes: u64) -> u64 {
        let earned = match self.rate {
            0 => 0,
            rate => bytes.saturating_mul(1000) / rate,
        };
        self.timeout_ms.saturating_add(earned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moves_bytes_is_waited_for_longer() {
        let pace = Pace::new(60, 100);
        assert_eq!(
            [0, 99, 100, 1 << 20].map(|n| pace.allowed_ms(n)),
            [60_000, 60_990, 61_000, 10_545_760]
        );
        assert_eq!(Pace::new(60, 0).allowed_ms(1 << 40), 60_000);
        assert_eq!(Pace::new(0, 100).allowed_ms(u64::MAX), u64::MAX);
    }
}
