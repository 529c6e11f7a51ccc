//! Lines of the server as JSON objects (`log-json`).
//!
//! Owns the fields of such a line and who this process is in it; [`level`] says how bad a line is by how
//! the server begins its lines. Lines of requests are `worker/structured.rs`, what applications print
//! stays as it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use uwsgi_logs::object::Object;

use crate::clock;
use crate::procname::Role;

/// Lines are objects.
static ON: AtomicBool = AtomicBool::new(false);

/// What this process is: index in [`ROLES`] above its number.
static ROLE: AtomicU64 = AtomicU64::new(0);

const ROLES: [&str; 7] = ["main", "master", "worker", "mule", "observer", "helper", "gateway"];

/// From now on lines of this process and those it forks are objects.
pub(crate) fn begin() {
    ON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Who says the lines of this process.
pub(crate) fn speak_as(role: Role<'_>) {
    let (index, number) = match role {
        Role::Master => (1, 0),
        Role::Worker(n) => (2, n),
        Role::Mule(n) => (3, n),
        Role::Observer => (4, 0),
        Role::Helper => (5, 0),
        Role::Gateway(_, n) => (6, n),
    };
    ROLE.store(index << 32 | u64::from(number), Ordering::Relaxed);
}

/// A line of the server as an object, with its end.
pub(crate) fn line(message: &[u8]) -> Vec<u8> {
    let role = ROLE.load(Ordering::Relaxed);
    let (name, number) = (ROLES.get((role >> 32) as usize), role & u64::from(u32::MAX));
    let mut out = Vec::with_capacity(message.len() + 128);
    let mut object = Object::new(&mut out);
    object.text("time", &clock::rfc3339(clock::epoch_us()));
    object.text("level", level(message).as_bytes());
    object.text("kind", b"server");
    object.number("pid", uwsgi_sys::process::pid().unsigned_abs().into());
    let name = name.copied().unwrap_or_default();
    object.text("role", name.as_bytes());
    if number > 0 {
        object.number(name, number);
    }
    object.text("message", message);
    object.end();
    out.push(b'\n');
    out
}

/// Beginnings of lines, and what they mean.
const BEGINNINGS: &[(&str, &str)] = &[
    ("*** WARNING", "warning"),
    ("!!!", "warning"),
    ("[WARNING]", "warning"),
    ("WARNING", "warning"),
    ("[ERROR]", "error"),
    ("ERROR", "error"),
    ("DAMN", "error"),
    ("unable to", "error"),
    ("invalid", "error"),
    ("error", "error"),
    ("failed", "error"),
    ("SIGPIPE", "warning"),
    ("worker respawning too fast", "error"),
];

/// Words behind the beginning, and what they mean.
const INSIDE: &[(&str, &str)] = &[
    ("!!!", "warning"),
    ("HARAKIRI", "error"),
    (" failed", "error"),
    ("[core/", "error"),
    ("TIMEOUT", "warning"),
];

/// How bad it is what a line says.
pub(crate) fn level(message: &[u8]) -> &'static str {
    let begins = BEGINNINGS.iter().find(|(text, _)| message.starts_with(text.as_bytes()));
    let holds = |text: &str| message.windows(text.len()).any(|part| part == text.as_bytes());
    let found = begins.or_else(|| INSIDE.iter().find(|(text, _)| holds(text)));
    found.map_or("info", |(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_bad_it_is() {
        for (line, expected) in [
            ("spawned uWSGI worker 1 (pid: 7, cores: 1)", "info"),
            ("*** Operational MODE: single process ***", "info"),
            ("*** WARNING: you are running uWSGI as root !!!", "warning"),
            ("DAMN ! worker 1 (pid: 7) died, killed by signal 9 :( trying respawn ...", "error"),
            ("open(\"/x\"): No such file or directory [core/logging.c line 1]", "error"),
            ("unable to load app 0 (mountpoint='')", "error"),
            ("", "info"),
        ] {
            assert_eq!(level(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn an_object_says_who_and_when() {
        speak_as(Role::Worker(3));
        let text = String::from_utf8(line(b"two\nlines \xff")).unwrap();
        let pid = std::process::id();
        let end = format!(
            "\",\"level\":\"info\",\"kind\":\"server\",\"pid\":{pid},\"role\":\"worker\",\"worker\":3,\"message\":\"two\\nlines \u{fffd}\"}}\n"
        );
        assert!(text.starts_with("{\"time\":\"20") && text.ends_with(&end), "{text}");
        assert_eq!(text.len(), "{\"time\":\"".len() + 27 + end.len());
    }
}
