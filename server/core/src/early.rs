//! What is said while nobody carries lines to their loggers: while the server starts, and at its end.
//!
//! A process beside the server keeps it: it reads the pipes of the log, to which the outputs lead
//! meanwhile, into memory that both share. When everything is loaded the outputs lead to the log again
//! and the observer carries what was kept. A start that fails, however it ends, finds its lines in the log
//! itself, and they are carried too ([`errand`]); so are those of the end. It owns where descriptors 1 and
//! 2 lead until then.

mod errand;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::MemfdFlags;
use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::{fd, signal};

use self::errand::Errand;
use crate::alarm::Tap;
use crate::alarm::tap::{MARK, Pipe};
use crate::instance::Instance;
use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// While lines are kept.
struct Keeping {
    keeper: i32,
    pipes: Vec<Pipe>,
    /// Where the outputs 1 and 2 lead to in truth.
    outputs: [OwnedFd; 2],
    said: File,
    errand: Errand,
}

static KEEPING: Mutex<Option<Keeping>> = Mutex::new(None);

/// What was said until the master ran.
static SAID: OnceLock<File> = OnceLock::new();

/// From now on what this process and its children say is kept, if it is for loggers.
pub(crate) fn begin(settings: &Settings, tap: Option<&Tap>) -> Result<(), String> {
    let Some(tap) = tap.filter(|_| settings.master && !settings.policy.logging.is_plain()) else {
        return Ok(());
    };
    let errand = Errand::of_start(settings);
    let keeping = keep(tap, errand).map_err(|e| format!("the log of the start: {}", plain(&e)))?;
    *slot() = Some(keeping);
    Ok(())
}

/// The same when the observer has gone for good; false where lines go to the log as they are.
pub(crate) fn begin_again(instance: &'static Instance) -> bool {
    let plain_log = instance.settings.policy.logging.is_plain();
    let Some(tap) = instance.log_tap.as_ref().filter(|tap| tap.through() && !plain_log) else {
        return false;
    };
    let keeping = keep(tap, Errand::of_end(instance));
    let keeping = keeping.inspect_err(|e| log!("the log of the end: {}", plain(e)));
    *slot() = keeping.ok();
    keeps()
}

fn slot() -> std::sync::MutexGuard<'static, Option<Keeping>> {
    KEEPING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(tap: &Tap, errand: Errand) -> io::Result<Keeping> {
    let outputs = [fd::duplicate(1)?, fd::duplicate(2)?];
    let said = File::from(rustix::fs::memfd_create("log", MemfdFlags::CLOEXEC)?);
    let (pipes, parent) = (tap.for_observer(), process::pid());
    let keeper = match process::fork()? {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let pipes = pipes.into_iter().map(Pipe::into_reader).collect();
            tap.leave();
            keeper(pipes, parent, said, &errand)
        }
    };
    for pipe in &pipes {
        pipe.lead_here(pipes.len() == 1)?;
    }
    Ok(Keeping { keeper, pipes, outputs, said, errand })
}

/// The process beside the server. It ends when it is told that this is over, or finds the server gone:
/// then it brings away what it has.
fn keeper(pipes: Vec<OwnedFd>, parent: i32, mut said: File, errand: &Errand) -> ! {
    signal::block_all_in_thread();
    let parent = process::pidfd(parent).ok();
    let mut marks = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let gone = parent.as_ref().is_some_and(is_ready);
        for pipe in &pipes {
            while let Ok(length @ 1..) = rustix::io::read(pipe, &mut buffer[..]) {
                match buffer.get(..length).unwrap_or_default() {
                    MARK => marks += 1,
                    packet => _ = said.write_all(packet),
                }
            }
        }
        if marks >= pipes.len() {
            process::exit_now(0);
        }
        if gone {
            errand.run(&mut said);
            process::exit_now(0);
        }
        let mut all: Vec<_> = pipes.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        all.extend(parent.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        // An interrupted wait is over, like any other.
        let _ = poll(&mut all, None);
    }
}

fn is_ready(fd: &OwnedFd) -> bool {
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
}

/// Where descriptors 1 and 2 lead: numbers that may be led elsewhere.
pub(crate) fn outputs() -> [RawFd; 2] {
    match &*slot() {
        Some(keeping) => keeping.outputs.each_ref().map(AsRawFd::as_raw_fd),
        None => [1, 2],
    }
}

/// Whether lines are kept.
pub(crate) fn keeps() -> bool {
    slot().is_some()
}

/// The outputs lead to the log again, and nothing is on its way any more.
fn end() -> Option<(File, Errand)> {
    let Keeping { keeper, pipes, outputs: [stdout, stderr], said, errand } = slot().take()?;
    let _ = io::stdout().flush();
    for (output, number) in [(&stdout, 1), (&stderr, 2)] {
        // There is no other place for them.
        let _ = fd::redirect(output, number);
    }
    let marked = pipes.iter().all(|pipe| pipe.mark().is_ok());
    if !marked {
        let _ = process::kill(keeper, signal::SIGKILL);
    }
    // Somebody who waits for everybody's end may have seen its.
    let _ = process::wait_for(keeper);
    Some((said, errand))
}

/// The start is over: the observer carries what was said.
pub(crate) fn hand_over() {
    if let Some((mut said, _)) = end()
        && said.rewind().is_ok()
    {
        let _ = SAID.set(said);
    }
}

/// The start has failed, or this is the end: what was said goes where it belongs.
pub(crate) fn give_up() {
    if let Some((mut said, errand)) = end() {
        errand.run(&mut said);
    }
}

/// Lines of the start that nobody has carried yet. How far they are is known to all processes.
pub(crate) fn said() -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(mut said) = SAID.get() {
        let _ = said.read_to_end(&mut text);
    }
    text
}
