//! The main log: whole lines to descriptor 2, one write each.
//!
//! Owns the date prefix. Where descriptor 2 leads is decided at start (`logto`, `daemonize`);
//! a line is never split, never buffered, and losing the log never stops the server.

mod out;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use uwsgi_duties::Line;

pub(crate) use self::out::write;
use crate::alarm::{Packet, Wire};
use crate::{clock, structured};

/// How lines are dated.
#[derive(Clone, Debug, Default)]
pub struct DateStyle {
    /// Date every line, not only the verbose ones.
    pub always: bool,
    /// Lines are JSON objects, which have a time of their own.
    pub json: bool,
    /// Format of the date; ctime without one.
    pub format: Option<String>,
}

static STYLE: OnceLock<DateStyle> = OnceLock::new();

/// Sets the date style, once, when the configuration is known.
pub fn set_style(style: DateStyle) {
    if style.json {
        structured::begin();
    }
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

/// Writes a line as whoever decided on it wants it.
pub fn say(line: &Line) {
    emit(line.text.as_bytes(), line.dated);
}

/// Where copies of what this process says go, for `log-alarm`.
static WATCHER: OnceLock<&'static Wire> = OnceLock::new();

/// Whether they do.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Lines go there instead of the log: the observer brings them to where they belong.
static CARRIED: AtomicBool = AtomicBool::new(false);

/// Descriptor 2 is the way through the observer, who looks at what comes along it.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Where the log is.
const LOG: i32 = 2;

/// Bytes of a line that are looked at.
const LOOKED_AT: usize = 8192;

/// From now on copies of lines go to `wire`, in this process and those it forks; where they are
/// `carried`, the lines themselves.
pub(crate) fn watch(wire: &'static Wire, carried: bool) {
    let _ = WATCHER.set(wire);
    CARRIED.store(carried, Ordering::Relaxed);
    WATCHED.store(true, Ordering::Relaxed);
}

/// Not in this process: what it says is seen on its way.
pub(crate) fn unwatch() {
    WATCHED.store(false, Ordering::Relaxed);
    CARRIED.store(false, Ordering::Relaxed);
}

/// From now on descriptor 2 is the way through the observer.
pub(crate) fn enter() {
    ENTERED.store(true, Ordering::Relaxed);
}

/// Writes one line to the log itself, past everybody who carries lines: it tells of one of them.
pub(crate) fn direct(text: &str) {
    let mut out = dated(STYLE.get().is_some_and(|s| s.always));
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
    write(LOG, &out);
}

/// Writes one line of the alarms: no alarm looks at it, or one could raise itself for ever.
pub fn aside(text: &str) {
    unseen(&composed(text.as_bytes(), false));
}

/// The same for bytes that bring their own line end and always carry the date.
pub fn aside_dated(bytes: &[u8]) {
    let whole = bytes.strip_suffix(b"\n");
    let mut out = composed(whole.unwrap_or(bytes), true);
    if whole.is_none() && !structured::is_on() {
        out.pop();
    }
    unseen(&out);
}

fn emit(text: &[u8], verbose: bool) {
    raw(&composed(text, verbose));
}

/// A line of the server with all that belongs to it.
fn composed(text: &[u8], verbose: bool) -> Vec<u8> {
    if structured::is_on() {
        return structured::line(text);
    }
    let mut out = dated(verbose || STYLE.get().is_some_and(|s| s.always));
    out.extend_from_slice(text);
    out.push(b'\n');
    out
}

/// The beginning of a line: the date, or nothing.
fn dated(wanted: bool) -> Vec<u8> {
    if !wanted {
        return Vec::new();
    }
    let mut out = match STYLE.get().and_then(|s| s.format.as_deref()) {
        Some(format) => clock::strftime(format),
        None => clock::ctime(),
    };
    out.push_str(" - ");
    out.into_bytes()
}

/// Writes bytes as they are.
pub fn raw(bytes: &[u8]) {
    let wire = WATCHER.get().filter(|_| WATCHED.load(Ordering::Relaxed));
    if CARRIED.load(Ordering::Relaxed)
        && let Some(wire) = wire
        && wire.send(&Packet::Said(bytes)).is_ok()
    {
        return;
    }
    write(LOG, bytes);
    if let Some(wire) = wire {
        let seen = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        // Nobody waits for being looked at.
        match wire.send(&Packet::Line(seen)) {
            Ok(()) => tell_unseen(),
            Err(_) => unseen_line(),
        }
    }
}

/// Lines of this process that nobody could look at.
static UNSEEN: AtomicU64 = AtomicU64::new(0);

/// A line found no way to those who look.
pub(crate) fn unseen_line() {
    UNSEEN.fetch_add(1, Ordering::Relaxed);
}

/// Tells how many those were, as soon as there is a way again.
pub(crate) fn tell_unseen() {
    if UNSEEN.load(Ordering::Relaxed) > 0 {
        let unseen = UNSEEN.swap(0, Ordering::Relaxed);
        aside(&format!("[uwsgi-alarm] {unseen} lines of the log were not looked at"));
    }
}

/// Over the wire where lines are carried. Its end is as good: what begins like a line of ours raises
/// nothing.
fn unseen(bytes: &[u8]) {
    let far = ENTERED.load(Ordering::Relaxed) || CARRIED.load(Ordering::Relaxed);
    let wire = WATCHER.get().filter(|_| far);
    if wire.is_none_or(|wire| wire.send(&Packet::Aside(bytes)).is_err()) {
        write(LOG, bytes);
    }
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
