//! Variables of `log-format` that plugins bring along.

use crate::plugin::ServerRef;
use crate::{Pair, Str};

/// What is known of a request when its line is written. New fields come at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LogLine {
    /// Size of this struct, by which a plugin sees which fields there are.
    pub size: u32,
    /// Number of the worker, from 1.
    pub worker: u32,
    /// Number of the core, from 0.
    pub core: u32,
    /// Number of the application, -1 without one.
    pub app: i32,
    /// Status of the answer, 0 when there was none.
    pub status: u32,
    /// Nothing yet.
    pub reserved: u32,
    /// Microseconds from the complete head to the end of the answer.
    pub duration_us: u64,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// The request's variables, in packet order.
    pub vars: *const Pair,
    /// How many.
    pub vars_len: usize,
}

/// Writes a value of up to `room` bytes to `out` and returns how many it wrote; 0 is none. Called in
/// the thread of the request, which waits for it.
pub type LogVariable = extern "C" fn(line: *const LogLine, out: *mut u8, room: usize) -> usize;

/// Room for such a value, bytes.
pub const LOG_VALUE_ROOM: usize = 1024;

impl ServerRef {
    /// See [`crate::Server::log_variable`].
    pub fn log_variable(&self, name: &[u8], value: LogVariable) -> bool {
        (self.table().log_variable)(Str::new(name), Some(value)) == 0
    }
}
