//! A mule: a process beside the workers, for work that has no request.
//!
//! It runs the program that its option names, or waits for signals and messages. It holds no
//! listening socket. A plain mule that is asked to go (HUP) finishes what it has in hand; one that
//! runs a program ends by the signal itself, which that program may catch.

mod mail;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use uwsgi_abi::ProcessKind;
use uwsgi_hooks::Phase;
use uwsgi_sys::{process, signal};

use crate::hooks::Who;
use crate::instance::Instance;
use crate::signals::{self, Receiver};
use crate::{hooks, log, sockets};

pub use mail::Mail;
pub use uwsgi_abi::host::Lost;

/// Exit code of a mule that was asked to go.
const END: i32 = 30;
/// Exit code of one whose program is over.
const OVER: i32 = 1;

/// Signals that mean nothing to a mule.
const IGNORED: [i32; 5] =
    [signal::SIGUSR1, signal::SIGUSR2, signal::SIGPIPE, signal::SIGTSTP, signal::SIGALRM];

/// Runs mule `id` in the calling process, which ends with it.
pub(crate) fn run(instance: &'static Instance, id: u32) -> ! {
    instance.mule_id.store(id, std::sync::atomic::Ordering::Relaxed);
    IGNORED.into_iter().for_each(signal::ignore);
    // Hooks of the application run here, and may well be all that this mule does.
    instance.plugins.after_fork_child(ProcessKind::Other, id);
    if let Err(code) = hooks::run(&instance.settings, Who::Child, Phase::AsMule) {
        process::exit_now(code);
    }
    let program = instance.settings.mules.get(id as usize - 1).filter(|p| !p.is_empty());
    if program.is_some_and(|program| instance.plugins.mule(program)) {
        instance.plugins.atexit();
        process::exit_now(OVER);
    }
    let code = match signal::catch(&[signal::SIGHUP, signal::SIGINT, signal::SIGTERM]) {
        Ok(wake) => serve(instance, id, &wake),
        Err(e) => {
            log!("sigaction(): {} [core/mule.c line {}]", sockets::plain(&e), line!());
            OVER
        }
    };
    instance.plugins.atexit();
    process::exit_now(code)
}

/// Handles signals and messages until the mule is asked to go.
fn serve(instance: &'static Instance, id: u32, wake: &OwnedFd) -> i32 {
    instance.plugins.release();
    let mut letter = vec![0; instance.settings.mule_msg_recv_size];
    loop {
        signal::drain_wake();
        let asked = [signal::SIGHUP, signal::SIGINT, signal::SIGTERM];
        if asked.into_iter().any(signal::take_caught) {
            return END;
        }
        let handled = signals::handle_next(instance, Receiver::Mule(id), 0);
        let read = read_letter(instance, id, &mut letter);
        if !handled && !read {
            wait(instance, id, true, &[wake.as_fd()], None);
        }
    }
}

/// Hands one message to whoever wants messages; false when there was none.
fn read_letter(instance: &Instance, id: u32, letter: &mut [u8]) -> bool {
    let mail = instance.mail.as_ref();
    let Some(len) = mail.and_then(|mail| mail.take(&instance.arena, id, letter)) else {
        return false;
    };
    signal::enter_busy();
    if !instance.plugins.mule_msg(letter.get(..len).unwrap_or_default()) {
        log!("*** mule {id} received a {len} bytes message ***");
    }
    signal::leave_busy();
    // A limit that the task has set itself ends with it.
    instance.arena.mule(id).user_deadline_us.set(0);
    true
}

/// Waits until something comes for a mule.
fn wait(
    instance: &Instance,
    id: u32,
    signals: bool,
    others: &[BorrowedFd<'_>],
    limit: Option<Duration>,
) {
    let mail = instance.mail.iter().flat_map(|mail| mail.watched(id));
    let queues = instance.signals.iter().filter(|_| signals);
    let queues = queues.flat_map(|s| s.queues(Receiver::Mule(id))).flatten().map(AsFd::as_fd);
    let watched = mail.chain(queues).chain(others.iter().copied());
    let mut watched: Vec<_> =
        watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    // Interrupted or in vain: the caller looks.
    let _ = poll(&mut watched, limit.as_ref());
}

/// Waits for a message to this mule on behalf of its program; handlers of `signals` run meanwhile.
/// The length, 0 when nothing came in time; nothing outside of mules.
pub(crate) fn receive(
    instance: &Instance,
    buffer: &mut [u8],
    signals: bool,
    limit: Option<Duration>,
) -> Option<usize> {
    let id = Some(instance.mule_id()).filter(|id| *id > 0)?;
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        if let Some(len) = instance.mail.as_ref()?.take(&instance.arena, id, buffer) {
            return Some(len);
        }
        if signals && signals::handle_next(instance, Receiver::Mule(id), 0) {
            continue;
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Some(0);
        }
        wait(instance, id, signals, &[], left);
    }
}

/// Sends a message to a mule, 0 for any; for programs, monitors and alarms.
pub fn post(instance: &Instance, mule: u32, message: &[u8]) -> Result<(), Lost> {
    let mail = instance.mail.as_ref().ok_or(Lost::NoMules)?;
    mail.post(&instance.arena, mule, message)
}
