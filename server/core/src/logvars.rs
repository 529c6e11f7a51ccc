//! Variables of `log-format` that plugins bring along.
//!
//! Owns the list of them, one for the process and those it forks. Refuses names that the server itself
//! has, so that no plugin changes what a known name means.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use uwsgi_abi::logline::{LOG_VALUE_ROOM, LogLine, LogVariable};
use uwsgi_logs::request::table;

/// Longest name, bytes.
const LONGEST: usize = 255;

static LIST: RwLock<Vec<(Vec<u8>, LogVariable)>> = RwLock::new(Vec::new());

/// There are some: requests do not look otherwise.
static ANY: AtomicBool = AtomicBool::new(false);

/// Takes one; false for a name that is empty, too long or taken.
pub(crate) fn register(name: &[u8], value: LogVariable) -> bool {
    let known = std::str::from_utf8(name).map(|name| table::variable(name).is_some());
    if name.is_empty() || name.len() > LONGEST || known != Ok(false) {
        return false;
    }
    let Ok(mut list) = LIST.write() else { return false };
    if list.iter().any(|(taken, _)| taken == name) {
        return false;
    }
    list.push((name.to_vec(), value));
    ANY.store(true, Ordering::Release);
    true
}

/// Gives the value of that name to `show`, if a plugin has one; whether it has.
pub(crate) fn show(name: &[u8], line: impl Fn() -> LogLine, show: impl FnOnce(&[u8])) -> bool {
    if !ANY.load(Ordering::Acquire) {
        return false;
    }
    let found = LIST
        .read()
        .ok()
        .and_then(|list| list.iter().find(|(known, _)| known == name).map(|(_, value)| *value));
    let Some(value) = found else { return false };
    let mut room = [0; LOG_VALUE_ROOM];
    let length = value(&line(), room.as_mut_ptr(), room.len());
    show(room.get(..length).unwrap_or(&room));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C" fn too_much(_: *const LogLine, _: *mut u8, room: usize) -> usize {
        room + 1
    }

    fn line() -> LogLine {
        LogLine {
            size: size_of::<LogLine>() as u32,
            worker: 1,
            core: 0,
            app: 0,
            status: 200,
            reserved: 0,
            duration_us: 0,
            body_bytes: 0,
            vars: std::ptr::null(),
            vars_len: 0,
        }
    }

    #[test]
    fn names_are_taken_once_and_never_those_of_the_server() {
        for name in [&b""[..], b"uri", b"request_id", b"\xff", &[b'x'; 256]] {
            assert!(!register(name, too_much), "{name:?}");
        }
        assert!(register(b"of_a_plugin", too_much) && !register(b"of_a_plugin", too_much));
        assert!(!show(b"of_nobody", line, |_| unreachable!()));
        let mut shown = 0;
        assert!(show(b"of_a_plugin", line, |value| shown = value.len()));
        assert_eq!(shown, LOG_VALUE_ROOM, "a plugin that says too much is cut");
    }
}
