//! The main log: whole lines to descriptor 2, one write each.
//!
//! Owns the date prefix. Where descriptor 2 leads is decided at start (`logto`, `daemonize`);
//! a line is never split, never buffered, and losing the log never stops the server.

use std::io::Write;
use std::sync::OnceLock;

use crate::clock;

/// How lines are dated.
#[derive(Clone, Debug, Default)]
pub struct DateStyle {
    /// Date every line, not only the verbose ones.
    pub always: bool,
    /// Format of the date; ctime without one.
    pub format: Option<String>,
}

static STYLE: OnceLock<DateStyle> = OnceLock::new();

/// Sets the date style, once, when the configuration is known.
pub fn set_style(style: DateStyle) {
    let _ = STYLE.set(style);
}

/// Writes one line; the newline is added.
pub fn line(text: impl AsRef<[u8]>) {
    emit(text.as_ref(), false);
}

/// Writes one line that carries the date even without `log-date`.
pub fn verbose(text: impl AsRef<[u8]>) {
    emit(text.as_ref(), true);
}

fn emit(text: &[u8], verbose: bool) {
    let style = STYLE.get();
    let mut out = Vec::with_capacity(text.len() + 32);
    if verbose || style.is_some_and(|s| s.always) {
        let date = match style.and_then(|s| s.format.as_deref()) {
            Some(format) => clock::strftime(format),
            None => clock::ctime(),
        };
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b" - ");
    }
    out.extend_from_slice(text);
    out.push(b'\n');
    raw(&out);
}

/// Writes bytes as they are.
pub fn raw(bytes: &[u8]) {
    // A full or closed log must not stop a server: what cannot be written is given up.
    let _ = std::io::stderr().write_all(bytes);
}

/// Writes a formatted line to the log.
#[macro_export]
macro_rules! log {
    ($($arg:tt)*) => { $crate::log::line(format!($($arg)*)) };
}

/// Writes a formatted line with the date prefix to the log.
#[macro_export]
macro_rules! logv {
    ($($arg:tt)*) => { $crate::log::verbose(format!($($arg)*)) };
}
