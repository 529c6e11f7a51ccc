//! Trampolines of the calls about signals. Part of the server's side.

use std::time::Duration;

use super::{bytes, with_host};
use crate::Str;

/// 0 for done, -1 for not.
fn status(done: bool) -> i32 {
    if done { 0 } else { -1 }
}

pub(super) extern "C" fn register_signal(number: u32, target: Str, modifier1: u32) -> i32 {
    let (Ok(number), Ok(modifier1)) = (u8::try_from(number), u8::try_from(modifier1)) else {
        return -1;
    };
    with_host(-1, |h| status(h.register_signal(number, bytes(target), modifier1)))
}

pub(super) extern "C" fn signal(number: u32) -> i32 {
    let Ok(number) = u8::try_from(number) else { return -1 };
    with_host(-1, |h| status(h.signal(number)))
}

pub(super) extern "C" fn signal_registered(number: u32) -> i32 {
    let Ok(number) = u8::try_from(number) else { return 0 };
    with_host(0, |h| h.signal_registered(number).into())
}

pub(super) extern "C" fn signal_wait(core: u32, number: i32) -> i32 {
    let wanted = if number < 0 { None } else { u8::try_from(number).ok() };
    if number >= 0 && wanted.is_none() {
        return -1;
    }
    with_host(-1, |h| h.signal_wait(core, wanted).map_or(-1, i32::from))
}

pub(super) extern "C" fn signal_to(node: Str, number: u32) -> i32 {
    let Ok(number) = u8::try_from(number) else { return -1 };
    with_host(-1, |h| match h.signal_to(bytes(node), number) {
        Some(true) => 0,
        Some(false) => -2,
        None => -1,
    })
}

pub(super) extern "C" fn add_timer(number: u32, milliseconds: u64, rounds: u64) -> i32 {
    let Ok(number) = u8::try_from(number) else { return -1 };
    with_host(-1, |h| status(h.add_timer(number, Duration::from_millis(milliseconds), rounds)))
}
