//! The process in front of an instance that will leave the terminal (`daemonize2`).
//!
//! It waits until the instance says that it has started, and ends with 0, or until the instance
//! ends, and ends with its code: whoever called it, a shell or a service manager, learns whether
//! the start went well. It owns the pipe between the two and does nothing else.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use uwsgi_sys::process::{self, Ended, Fork};
use uwsgi_sys::signal;

use crate::sockets::plain;

/// The instance's end of the pipe, until it has let go.
static WAITING: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Forks: this process waits in front and never comes back, its child goes on as the instance.
pub(crate) fn stay() -> Result<(), String> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| format!("pipe(): {e}"))?;
    match process::fork().map_err(|e| format!("fork(): {}", plain(&e)))? {
        Fork::Parent(pid) => {
            drop(write);
            process::exit_now(wait(&read, pid))
        }
        Fork::Child => {
            if let Ok(mut waiting) = WAITING.lock() {
                *waiting = Some(write);
            }
            Ok(())
        }
    }
}

/// The start went well: nobody waits any more.
pub(crate) fn let_go() {
    let end = WAITING.lock().ok().and_then(|mut waiting| waiting.take());
    if let Some(end) = end {
        // Who waited may have been ended; that is no business of the instance.
        let _ = rustix::io::write(&end, b"1");
    }
}

/// The exit code for whoever called. Signals to end mean this process only, as they always do.
fn wait(started: &OwnedFd, pid: i32) -> i32 {
    signal::reset(&[signal::SIGHUP, signal::SIGINT, signal::SIGQUIT, signal::SIGTERM]);
    let ended = process::pidfd(pid).ok();
    loop {
        let mut both = vec![PollFd::new(started, PollFlags::IN)];
        both.extend(ended.as_ref().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        // Interrupted or not: what is there is looked at.
        let _ = poll(&mut both, None);
        let events = |at: usize| both.get(at).map_or(PollFlags::empty(), PollFd::revents);
        if events(0).contains(PollFlags::IN) {
            return 0;
        }
        if !events(0).is_empty() || !events(1).is_empty() {
            return code(pid);
        }
    }
}

/// Waits for the instance, which ends or has become another program.
fn code(pid: i32) -> i32 {
    match process::wait_for(pid) {
        Ok(Ended::Code(code)) => code,
        Ok(Ended::Signal(signal)) => 128 + signal,
        Err(_) => 1,
    }
}
