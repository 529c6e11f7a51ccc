//! Trampolines of the calls about mules. Part of the server's side.

use std::time::Duration;

use super::{bytes, with_host};
use crate::{MULE_DROPPED, MULE_INVALID, MULE_NONE, Str};

/// Why a message to a mule did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There are no mules.
    NoMules,
    /// There is no mule of that number.
    NoSuchMule,
    /// No room, or too large: the log says which.
    Dropped,
}

pub(super) extern "C" fn mule_msg(mule: u32, message: Str) -> i32 {
    with_host(MULE_DROPPED, |h| match h.mule_msg(mule, bytes(message)) {
        Ok(()) => 0,
        Err(Lost::Dropped) => MULE_DROPPED,
        Err(Lost::NoMules) => MULE_NONE,
        Err(Lost::NoSuchMule) => MULE_INVALID,
    })
}

pub(super) extern "C" fn mule_receive(
    buffer: *mut u8,
    len: usize,
    signals: u32,
    milliseconds: i64,
) -> isize {
    if buffer.is_null() || len == 0 {
        return -1;
    }
    // SAFETY: `len` writable bytes for the length of the call, by contract.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, len) };
    let limit = u64::try_from(milliseconds).ok().map(Duration::from_millis);
    with_host(-1, |h| {
        let have = h.mule_receive(buffer, signals != 0, limit);
        have.and_then(|have| isize::try_from(have).ok()).unwrap_or(-1)
    })
}
