//! The warning message: a text that any process sets and every health check is answered with.
//!
//! It lives in the arena, which allows one writer at a time; this file owns who that is. It
//! refuses to wait for ever: a writer that died on the way is passed over.

use uwsgi_metrics::{Globals, Signed};
use uwsgi_sys::process;

use crate::log;

/// Modifier of health checks.
pub(crate) const PING: u8 = 100;
/// Longest message, bytes.
const LONGEST: usize = 80;
/// How often a writer gives way to another one, which needs less than a microsecond.
const PATIENCE: u32 = 100_000;

/// Sets the message; an empty one is none.
pub(crate) fn set(globals: &Globals, text: &[u8]) {
    if text.len() > LONGEST {
        log!("- warning message must be max {LONGEST} chars, it will be truncated -");
    }
    in_turn(&globals.warning_writer, || globals.warning.set(cut(text)));
}

/// Writes a text that any process may write, when nobody else does; `writer` says who is.
pub(crate) fn in_turn(writer: &Signed, write: impl FnOnce()) {
    let own = i64::from(process::pid());
    // The pid of a dead writer may be somebody else's by now, hence the bound.
    for _ in 0..PATIENCE {
        if writer.update(|seen| is_free(seen).then_some(own)) {
            break;
        }
        std::thread::yield_now();
    }
    write();
    writer.set(0);
}

/// The packet that answers a health check: the message behind its length.
pub(crate) fn pong(globals: &Globals) -> Vec<u8> {
    let text = globals.warning.get();
    let [low, high, ..] = text.len().to_le_bytes();
    [&[PING, low, high, 1], &*text].concat()
}

fn is_free(writer: i64) -> bool {
    let pid = i32::try_from(writer).unwrap_or(0);
    pid <= 0 || !process::exists(pid)
}

/// As much as fits, never half of a character.
fn cut(text: &[u8]) -> &[u8] {
    let Some(kept) = text.get(..LONGEST).filter(|_| text.len() > LONGEST) else { return text };
    match std::str::from_utf8(kept) {
        Err(e) if e.error_len().is_none() => kept.get(..e.valid_up_to()).unwrap_or(kept),
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn a_message_ends_between_characters() {
        for (text, len) in [
            ("x".repeat(80), 80),
            ("x".repeat(81), 80),
            ("é".repeat(45), 80),
            (format!("x{}", "é".repeat(45)), 79),
            (String::new(), 0),
        ] {
            assert_eq!(cut(text.as_bytes()).len(), len, "{text}");
        }
    }

    #[test]
    fn a_dead_writer_is_passed_over_and_empty_clears() {
        let arena = Arena::create(&Shape::default()).unwrap();
        let globals = arena.globals();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        globals.warning_writer.set(i64::from(child.id()));
        child.wait().unwrap();
        set(globals, b"disk almost full");
        assert_eq!(pong(globals), b"\x64\x10\x00\x01disk almost full");
        set(globals, b"");
        assert_eq!(pong(globals), b"\x64\x00\x00\x01");
    }

    #[test]
    fn writers_take_turns() {
        let arena = Arena::create(&Shape::default()).unwrap();
        let globals = arena.globals();
        std::thread::scope(|scope| {
            for letter in [b'a', b'b', b'c'] {
                scope.spawn(move || (0..2000).for_each(|_| set(globals, &[letter; 77])));
            }
            for _ in 0..2000 {
                let text = globals.warning.get();
                assert!(matches!(text.len(), 0 | 77), "{text:?}");
                assert!(text.iter().all(|b| *b == text[0]), "{text:?}");
            }
        });
    }
}
