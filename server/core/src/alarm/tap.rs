//! `log-alarm`: the log on its way, so that the observer can look at each line.
//!
//! Workers and routers, and all they start, write to a pipe of packets instead of the log; the
//! observer reads it, writes the log and looks. Each write stays one packet, so lines of different
//! processes never mix. When the observer dies the pipe keeps what it holds for the next one; what
//! is left at the end the master writes. The master itself and the observer write to the log as
//! ever and send a copy over the wire: nothing they say waits for anybody.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use rustix::pipe::PipeFlags;

use crate::log;

/// Room of the pipe; one page for each packet, so about 256 lines.
const ROOM: usize = 1 << 20;

/// A packet that begins with this is no line: the observer sends it to itself to see how far it
/// is.
pub(crate) const MARK: &[u8] = b"\0uwsgi-alarm mark ";

/// The pipe of one of the standard descriptors.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// Read by the observer; held by the master, so that it outlives every observer.
    pub(crate) read: OwnedFd,
    write: OwnedFd,
    /// Where the lines go: 1 or 2.
    pub(crate) target: i32,
}

/// The pipes of an instance: one, or two where standard output is not the log.
#[derive(Debug)]
pub struct Tap {
    pipes: Mutex<Vec<Pipe>>,
}

impl Tap {
    pub(crate) fn new() -> io::Result<Tap> {
        let mut pipes = vec![Pipe::new(2)?];
        if !same_file(io::stdout().as_fd(), io::stderr().as_fd()) {
            pipes.push(Pipe::new(1)?);
        }
        Ok(Tap { pipes: Mutex::new(pipes) })
    }

    /// In a worker or a router: from now on it writes to the pipe.
    pub(crate) fn enter(&self) {
        log::keep_aside();
        let Ok(mut pipes) = self.pipes.lock() else { return };
        let both = pipes.len() == 1;
        // The reading ends go: a pipe whose readers are gone must fail, not fill up.
        for pipe in pipes.drain(..) {
            let targets: &[i32] = if both { &[1, 2] } else { &[pipe.target] };
            for target in targets {
                // Without it the lines go straight to the log, unseen.
                let _ = uwsgi_sys::fd::redirect(&pipe.write, *target);
            }
        }
    }

    /// Second descriptors for the observer: reading ends, writing ends and where lines go.
    pub(crate) fn for_observer(&self) -> Vec<Pipe> {
        let Ok(pipes) = self.pipes.lock() else { return Vec::new() };
        let copy = |pipe: &Pipe| {
            let (read, write) = (pipe.read.try_clone().ok()?, pipe.write.try_clone().ok()?);
            Some(Pipe { read, write, target: pipe.target })
        };
        pipes.iter().filter_map(copy).collect()
    }

    /// Writes to the log what nobody has read. Never waits for more.
    pub(crate) fn drain(&self) {
        let Ok(pipes) = self.pipes.lock() else { return };
        let mut buffer = vec![0; 1 << 16];
        for pipe in pipes.iter() {
            if rustix::io::ioctl_fionbio(&pipe.read, true).is_err() {
                continue;
            }
            while let Ok(len @ 1..) = rustix::io::read(&pipe.read, &mut buffer[..]) {
                let packet = buffer.get(..len).unwrap_or_default();
                if !packet.starts_with(MARK) {
                    write_all(pipe.target, packet);
                }
            }
        }
    }
}

impl Pipe {
    fn new(target: i32) -> io::Result<Pipe> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT)?;
        // The kernel's own size will do where it allows no more.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, ROOM);
        Ok(Pipe { read, write, target })
    }

    /// Sends a packet that is no line.
    pub(crate) fn mark(&self) -> io::Result<()> {
        rustix::io::write(&self.write, MARK)?;
        Ok(())
    }
}

/// Writes lines to the log as they are; what cannot be written is given up.
pub(crate) fn write_all(target: i32, bytes: &[u8]) {
    use std::io::Write;
    let _ = match target {
        1 => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
        _ => io::stderr().write_all(bytes),
    };
}

fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let place = |fd| rustix::fs::fstat(fd).map(|s| (s.st_dev, s.st_ino));
    place(one).is_ok_and(|one| place(other).is_ok_and(|other| one == other))
}
