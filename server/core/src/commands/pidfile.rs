//! `reload`, `stop`, `pause` and their kin: a signal to the instance that a pidfile names.
//!
//! Owns the care that the signal reaches an instance and nobody else: the process is looked at and
//! signalled through one descriptor, so that a pid which changes hands in between harms nobody.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use uwsgi_sys::process;

use crate::log;
use crate::sockets::plain;

/// Exit code when the signal did not go out.
const FAILED: i32 = 255;

/// Sends `signal` to `pid`, which `path` held; the answer is the exit code.
pub(crate) fn signal_pid(path: &str, pid: i32, signal: i32) -> i32 {
    match deliver(path, pid, signal) {
        Ok(None) => 0,
        Ok(Some(text)) => {
            log!("{text}");
            FAILED
        }
        Err(e) => {
            log!("signal_pidfile()/kill(): {} [core/uwsgi.c line {}]", plain(&e), line!());
            if let Some(hint) = hint(path, pid, &e) {
                log!("{hint}");
            }
            FAILED
        }
    }
}

/// The text, if there is one, says why nothing was sent.
fn deliver(path: &str, pid: i32, signal: i32) -> io::Result<Option<String>> {
    let handle = process::pidfd(pid)?;
    if let Some(stranger) = stranger(pid) {
        let text = format!(
            "pidfile {path} is stale: process {pid} is \"{stranger}\", no instance of uWSGI; nothing was sent"
        );
        return Ok(Some(text));
    }
    process::signal_through(handle.as_fd(), signal)?;
    Ok(None)
}

fn hint(path: &str, pid: i32, error: &io::Error) -> Option<String> {
    match error.raw_os_error()? {
        libc_errno::ESRCH => Some(format!("pidfile {path} is stale: there is no process {pid}")),
        libc_errno::EPERM => {
            Some(format!("process {pid} of pidfile {path} belongs to another user"))
        }
        _ => None,
    }
}

/// Numbers of the two errors that say something about the pidfile.
mod libc_errno {
    pub(super) const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();
    pub(super) const ESRCH: i32 = rustix::io::Errno::SRCH.raw_os_error();
}

/// The program that runs as `pid`, if it is nothing like this one: a copy of this binary or of uWSGI
/// under whatever name, or a program called by such a name. What cannot be looked at at all is for
/// the kernel to judge, but never process 1, which is some other init then.
fn stranger(pid: i32) -> Option<String> {
    let read = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).ok();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    let Some(name) = read("comm").map(text) else {
        return (pid == 1).then(|| "init".to_owned());
    };
    // Not always readable, also for root.
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let program = program.and_then(|path| file_name(&path)).unwrap_or_else(|| name.clone());
    let line = text(read("cmdline").unwrap_or_default());
    let called = [&program, &name, &line];
    let own = std::env::current_exe().ok().and_then(|path| file_name(&path));
    let kin = called.iter().any(|text| text.to_lowercase().contains("uwsgi"))
        || own.is_some_and(|own| program.starts_with(&own) || own.get(..15) == Some(&name));
    (!kin).then_some(program)
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_known_and_gets_nothing() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        // The child may not have become the other program yet.
        while stranger(pid).is_none() {
            std::thread::yield_now();
        }
        assert_eq!(stranger(pid).as_deref(), Some("sleep"));
        assert_eq!(signal_pid("x.pid", pid, 2), FAILED);
        assert!(child.try_wait().unwrap().is_none(), "it still sleeps");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(signal_pid("x.pid", pid, 2), FAILED, "gone");
        assert_eq!(stranger(std::process::id().try_into().unwrap()), None, "we are none");
    }
}
