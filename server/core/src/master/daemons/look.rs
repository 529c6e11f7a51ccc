//! Pidfiles of daemons, and whom they name.
//!
//! A pidfile outlives what wrote it: after a crash, a reboot, a new container its number belongs to
//! nobody or to somebody else. A daemon is believed to live when the process does, is not one of our
//! own, and is not plainly younger than the file and of another name. Nothing here waits: a pidfile
//! that is a pipe or a terminal is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use uwsgi_duties::daemons::Pidfile;
use uwsgi_sys::{process, procfs};

use crate::sockets::plain;

/// Bytes of a pidfile that are looked at; the number stands first in all of them.
const LOOKED_AT: u64 = 64;

/// A process that began so many seconds after its pidfile was written did not write it. Less may be
/// the difference of two clocks.
const YOUNGER: u64 = 10;

/// What the pidfile of the daemon with this command says. `is_ours` knows the pids of our own
/// children that are no daemons.
pub(super) fn pidfile(path: &str, command: &str, is_ours: &dyn Fn(i32) -> bool) -> Pidfile {
    let text = match read(Path::new(path)) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Pidfile::Absent,
        Err(e) => return Pidfile::Unreadable(format!("{path}: {}", plain(&e))),
    };
    // It is being written.
    if text.trim().is_empty() {
        return Pidfile::Absent;
    }
    let Some(pid) = number(&text) else {
        let seen: String = text.lines().next().unwrap_or_default().chars().take(20).collect();
        return Pidfile::Unreadable(format!("{path} holds none: {seen:?}"));
    };
    if pid > 1 && (pid == process::pid() || is_ours(pid)) {
        return Pidfile::Unreadable(format!(
            "{path} names process {pid}, which is the server's own"
        ));
    }
    if pid <= 1 || !process::exists(pid) {
        return Pidfile::Names { pid, alive: false };
    }
    match procfs::life(pid) {
        Some(life) if life.zombie => Pidfile::Names { pid, alive: false },
        Some(life) if is_stranger(&life, age(path), command) => Pidfile::Unreadable(format!(
            "{path} names process {pid}, which is younger than the file: {}",
            life.words.trim().chars().take(60).collect::<String>()
        )),
        // Gone just now, or /proc does not tell.
        _ => Pidfile::Names { pid, alive: process::exists(pid) },
    }
}

/// A regular file only: opening it does not wait for anybody.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("Not a regular file")),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path, OpenOptions::new().read(true))?.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a pidfile.
pub(super) fn write(path: &str, pid: i32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = open(Path::new(path), options.write(true).create(true).truncate(true))?;
    file.write_all(format!("{pid}\n").as_bytes())
}

/// The number at the beginning; what follows on the line behind a blank, and other lines, are the
/// daemon's own business.
fn number(text: &str) -> Option<i32> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Seconds since the file was written.
fn age(path: &str) -> u64 {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    written.and_then(|at| at.elapsed().ok()).map_or(0, |age| age.as_secs())
}

/// Two things must speak against a process, because clocks jump: it began after the file was
/// written, and nothing of what it calls itself is in the command.
fn is_stranger(life: &procfs::Life, file_age_s: u64, command: &str) -> bool {
    let younger = life.age_s.saturating_add(YOUNGER) < file_age_s;
    let words = command.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)));
    younger && !words.filter(|word| word.len() > 2).any(|word| life.words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_sys::procfs::Life;

    fn look(text: &[u8]) -> Pidfile {
        let path = std::env::temp_dir().join(format!("look-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let seen = pidfile(path.to_str().unwrap(), "run", &|pid| pid == 7);
        std::fs::remove_file(&path).unwrap();
        seen
    }

    #[test]
    fn what_files_hold() {
        let parent = process::parent_pid();
        assert_eq!(
            look(format!("{parent}\n").as_bytes()),
            Pidfile::Names { pid: parent, alive: true }
        );
        let first = format!("{parent} /var/lib\n5432\n");
        assert_eq!(look(first.as_bytes()), Pidfile::Names { pid: parent, alive: true });
        assert_eq!(look(b"2147483647"), Pidfile::Names { pid: i32::MAX, alive: false });
        assert_eq!(
            look(b"-5\n"),
            Pidfile::Names { pid: -5, alive: false },
            "the machine refuses it"
        );
        assert_eq!(look(b" \n"), Pidfile::Absent, "not yet written");
        let own = format!("{}", process::pid());
        for text in [&b"abc\n"[..], b"99999999999999", b"\xff\xfe", b"12abc", own.as_bytes(), b"7"]
        {
            assert!(matches!(look(text), Pidfile::Unreadable(_)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        assert_eq!(pidfile("/nonexistent/x", "run", &|_| false), Pidfile::Absent);
        for path in ["/dev/null", "/tmp", "/dev/tty"] {
            assert!(matches!(pidfile(path, "run", &|_| false), Pidfile::Unreadable(_)), "{path}");
        }
        assert!(write("/dev/null", 7).is_err());
    }

    #[test]
    fn only_a_younger_process_of_another_name_is_somebody_else() {
        let life = |age_s, words: &str| Life { zombie: false, age_s, words: words.into() };
        let command = "/usr/bin/redis-server /etc/redis.conf --daemonize yes";
        for (life, file_age, want) in [
            (life(5, "bash -l"), 100, true),
            (life(5, "redis-server *:6379"), 100, false),
            (life(95, "bash -l"), 100, false),
            (life(200, "bash -l"), 100, false),
            (life(5, "bash -l"), 0, false),
        ] {
            assert_eq!(is_stranger(&life, file_age, command), want, "{life:?} {file_age}");
        }
    }
}
