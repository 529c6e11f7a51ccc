//! `log-alarm`: the log on its way, so that the observer can look at each line.
//!
//! Workers and routers, and all they start, write to a pipe of packets instead of the log; the
//! observer reads it, writes the log and looks. Each write stays one packet, so lines of different
//! processes never mix. When the observer dies the pipe keeps what it holds for the next one; what
//! is left at the end the master writes, and while an observer stands still it writes in its place.
//! The master itself and the observer write to the log as ever and send a copy over the wire:
//! nothing they say waits for anybody.
//!
//! Commands that applications have started may live longer than an image of the master, so the
//! pipes are handed to the next one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};
use uwsgi_metrics::LineDesk;

use super::follow::Follow;
use crate::kept::Table;
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
    /// Where is counted what is taken out.
    count: Option<&'static LineDesk>,
}

/// Who uses packets.
pub(crate) trait Taker {
    /// The next packet begins at this byte of the pipe.
    fn before(&mut self, position: u64);
    /// The packet.
    fn packet(&mut self, packet: &[u8]);
}

/// Packets of a pipe that are used first and taken out afterwards, so that a reader that is killed
/// in between leaves them to the next one. What was written by then is written twice; nothing is
/// lost.
#[derive(Debug)]
pub(crate) struct Peek {
    read: OwnedFd,
    write: OwnedFd,
    packet: Vec<u8>,
    taken: Vec<u8>,
}

impl Peek {
    pub(crate) fn new() -> io::Result<Peek> {
        let Pipe { read, write, .. } = Pipe::new(0)?;
        Ok(Peek { read, write, packet: vec![0; 1 << 16], taken: vec![0; 1 << 16] })
    }

    /// Hands each packet that is in `pipe` now to `taker`; how many there were.
    pub(crate) fn each(&mut self, pipe: &Pipe, taker: &mut impl Taker) -> usize {
        let mut work = |packet: &[u8]| {
            taker.before(pipe.position());
            taker.packet(packet);
        };
        let all = rustix::pipe::tee(&pipe.read, &self.write, ROOM, SpliceFlags::NONBLOCK);
        if all.is_err_and(|e| !matches!(e, Errno::AGAIN | Errno::INTR)) {
            // Where the kernel cannot do it they are taken out first.
            return pipe.next(&mut self.taken).map(work).map_or(0, |()| 1);
        }
        let mut count = 0;
        while let Ok(len @ 1..) = rustix::io::read(&self.read, &mut self.packet[..]) {
            count += 1;
            let packet = self.packet.get(..len).unwrap_or_default();
            work(packet);
            match pipe.next(&mut self.taken) {
                Some(taken) if taken == packet => {}
                // Another reader was here, and took what was still to come.
                Some(taken) => {
                    work(taken);
                    self.forget();
                }
                None => self.forget(),
            }
        }
        count
    }

    fn forget(&mut self) {
        while rustix::io::read(&self.read, &mut self.packet[..]).is_ok_and(|len| len > 0) {}
    }
}

/// The pipes of an instance: one, or two where standard output is not the log.
#[derive(Debug)]
pub struct Tap {
    pipes: Mutex<Vec<Pipe>>,
    /// Whether the processes of this instance write to them; otherwise only commands that were
    /// started before a reload do.
    through: bool,
    /// What the master tells of the files.
    follow: Option<Follow>,
    /// Wakes who reads the rings.
    bell: OwnedFd,
}

impl Tap {
    /// The pipes of the image before this one, and what is missing when lines are to be looked at.
    pub(crate) fn open(wanted: bool, kept: &Table) -> io::Result<Option<Tap>> {
        let apart = !same_file(io::stdout().as_fd(), io::stderr().as_fd());
        let mut pipes = Vec::new();
        for target in [2, 1] {
            match Pipe::kept(target, kept) {
                Some(pipe) => pipes.push(pipe),
                None if wanted && (target == 2 || apart) => pipes.push(Pipe::new(target)?),
                None => {}
            }
        }
        let follow = wanted.then(Follow::new).transpose()?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let tap = Tap { pipes: Mutex::new(pipes), through: wanted, follow, bell };
        Ok(Some(tap).filter(|tap| tap.through || tap.pipes.lock().is_ok_and(|p| !p.is_empty())))
    }

    /// Whether lines of this instance go through the pipes.
    pub(crate) fn through(&self) -> bool {
        self.through
    }

    /// What the master tells of the files; nothing where nobody would hear it.
    pub(crate) fn follow(&self) -> Option<&Follow> {
        self.follow.as_ref()
    }

    /// Written by who has put a line into a ring that its reader does not see.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// From now on bytes that are taken out of the pipe to the log are counted.
    pub(crate) fn count_in(&self, desk: &'static LineDesk) {
        let Ok(mut pipes) = self.pipes.lock() else { return };
        let log = pipes.iter_mut().filter(|pipe| pipe.target == 2);
        log.for_each(|pipe| pipe.count = Some(desk));
    }

    /// In a worker or a router: from now on it writes to the pipe. Answers the one to the log.
    pub(crate) fn enter(&self) -> Option<OwnedFd> {
        let mut pipes = self.pipes.lock().ok()?;
        // The reading ends go: a pipe whose readers are gone must fail, not fill up.
        let pipes = std::mem::take(&mut *pipes);
        if !self.through {
            return None;
        }
        log::enter();
        let both = pipes.iter().all(|pipe| pipe.target != 1);
        for pipe in &pipes {
            // Without it the lines go straight to the log, unseen.
            let _ = pipe.lead_here(both);
        }
        pipes.into_iter().find(|pipe| pipe.target == 2).map(|pipe| pipe.write)
    }

    /// Second descriptors for the observer: reading ends, writing ends and where lines go.
    pub(crate) fn for_observer(&self) -> Vec<Pipe> {
        let Ok(pipes) = self.pipes.lock() else { return Vec::new() };
        pipes.iter().filter_map(|pipe| pipe.copy().ok()).collect()
    }

    /// Second descriptors under their keys in the table of the next image.
    pub(crate) fn for_next_image(&self) -> Vec<(String, OwnedFd)> {
        let pipes = self.for_observer().into_iter();
        let ends = |Pipe { read, write, target, .. }| {
            [(key(target, READ), read), (key(target, WRITE), write)]
        };
        pipes.flat_map(ends).collect()
    }

    /// In a process that only reads: nobody waits for the end of what it never writes.
    pub(crate) fn leave(&self) {
        if let Ok(mut pipes) = self.pipes.lock() {
            pipes.clear();
        }
    }

    /// What nobody has read, and where it was to go. Never waits for more.
    pub(crate) fn left(&self) -> Vec<(i32, Vec<u8>)> {
        let mut left = Vec::new();
        self.empty(|_| true, |target, packet| left.push((target, packet.to_owned())));
        left
    }

    /// While the observer stands still: writes to the log in its place where a full pipe would hold
    /// up everybody, and hands each packet to `seen`. It refuses to wait for the log.
    pub(crate) fn relieve(&self, mut seen: impl FnMut(&[u8])) {
        let room = |pipe: &Pipe| match pipe.target {
            1 => is_ready(io::stdout().as_fd(), PollFlags::OUT),
            _ => is_ready(io::stderr().as_fd(), PollFlags::OUT),
        };
        self.empty(room, |target, packet| {
            write_all(target, packet);
            seen(packet);
        });
    }

    /// Whether somebody waits for room in a pipe.
    pub(crate) fn is_full(&self) -> bool {
        let Ok(pipes) = self.pipes.lock() else { return false };
        pipes.iter().any(|pipe| !is_ready(pipe.write.as_fd(), PollFlags::OUT))
    }

    /// Each pipe is read as often as it was full at most: who writes without end waits his turn.
    fn empty(&self, go_on: impl Fn(&Pipe) -> bool, mut take: impl FnMut(i32, &[u8])) {
        let Ok(pipes) = self.pipes.lock() else { return };
        let mut buffer = vec![0; 1 << 16];
        for pipe in pipes.iter() {
            for _ in 0..2 * ROOM / PAGE {
                if !go_on(pipe) {
                    break;
                }
                let Some(packet) = pipe.next(&mut buffer) else { break };
                if packet != MARK {
                    take(pipe.target, packet);
                }
            }
        }
    }
}

const READ: &str = "read";
const WRITE: &str = "write";

/// A page of the pipe, the longest packet.
const PAGE: usize = 4096;

fn key(target: i32, end: &str) -> String {
    format!("log:{target}:{end}")
}

fn is_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&fd, flags)], Some(&now)).is_ok_and(|ready| ready > 0)
}

impl Pipe {
    fn new(target: i32) -> io::Result<Pipe> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT)?;
        // The kernel's own size will do where it allows no more.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, ROOM);
        // There may be two readers, and none may wait where the other one was faster.
        rustix::io::ioctl_fionbio(&read, true)?;
        Ok(Pipe { read, write, target, count: None })
    }

    /// That of the image before this one.
    fn kept(target: i32, kept: &Table) -> Option<Pipe> {
        let [read, write] = [READ, WRITE].map(|end| kept.take(&key(target, end)));
        Some(Pipe { read: read?.fd, write: write?.fd, target, count: None })
    }

    fn copy(&self) -> io::Result<Pipe> {
        let (read, write) = (self.read.try_clone()?, self.write.try_clone()?);
        Ok(Pipe { read, write, target: self.target, count: self.count })
    }

    /// The end that is read.
    pub(crate) fn into_reader(self) -> OwnedFd {
        self.read
    }

    /// Leads outputs of this process into it: both where it is the only one.
    pub(crate) fn lead_here(&self, both: bool) -> io::Result<()> {
        let targets: &[i32] = if both { &[1, 2] } else { &[self.target] };
        targets.iter().try_for_each(|target| uwsgi_sys::fd::redirect(&self.write, *target))
    }

    /// Takes the next packet out, if there is one.
    pub(crate) fn next<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        if let Some(count) = self.count {
            count.begin_taking();
        }
        let len = rustix::io::retry_on_intr(|| rustix::io::read(&self.read, &mut buffer[..]));
        let len = len.unwrap_or(0);
        if let Some(count) = self.count {
            count.taken(len as u64);
        }
        buffer.get(..len).filter(|packet| !packet.is_empty())
    }

    /// How many bytes were taken out of it, as far as they are counted.
    pub(crate) fn position(&self) -> u64 {
        self.count.map_or(0, LineDesk::position)
    }

    /// Waits until there is a packet; false when there will never be one.
    pub(crate) fn wait(&self) -> bool {
        self.wait_or(None, None)
    }

    /// The same, but also until `bell` rings or the time is over.
    pub(crate) fn wait_or(&self, bell: Option<BorrowedFd<'_>>, limit: Option<Duration>) -> bool {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let packets = || PollFd::new(&self.read, PollFlags::IN);
        let rings = |bell| [packets(), PollFd::from_borrowed_fd(bell, PollFlags::IN)];
        let mut fds = bell.map_or_else(|| vec![packets()], |bell| rings(bell).into());
        // An interrupted wait is over, like any other.
        let _ = poll(&mut fds, limit.as_ref());
        if let (Some(bell), Some([_, _])) = (bell, fds.get(..2)) {
            // It does not wait.
            let _ = rustix::io::read(bell, &mut [0; 8]);
        }
        let Some(fd) = fds.first() else { return false };
        fd.revents().contains(PollFlags::IN) || !fd.revents().contains(PollFlags::HUP)
    }

    /// Sends a packet that is no line.
    pub(crate) fn mark(&self) -> io::Result<()> {
        rustix::io::write(&self.write, MARK)?;
        Ok(())
    }
}

/// Writes lines to the log as they are; what cannot be written is given up.
pub(crate) fn write_all(target: i32, bytes: &[u8]) {
    log::write(target, bytes);
}

fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let place = |fd| rustix::fs::fstat(fd).map(|s| (s.st_dev, s.st_ino));
    place(one).is_ok_and(|one| place(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct With<F>(F);

    impl<F: FnMut(&[u8])> Taker for With<F> {
        fn before(&mut self, _: u64) {}

        fn packet(&mut self, packet: &[u8]) {
            self.0(packet);
        }
    }

    #[test]
    fn packets_are_looked_at_first_and_none_is_passed_over() {
        let pipe = Pipe::new(2).unwrap();
        let mut peek = Peek::new().unwrap();
        let send = |text: &str| rustix::io::write(&pipe.write, text.as_bytes()).unwrap();
        let long = "x".repeat(PAGE);
        let sent = ["a\n", "b", long.as_str(), "c\n"];
        for text in sent {
            send(text);
        }
        let mut seen = Vec::new();
        let mut first = With(|packet: &[u8]| {
            // Who dies here leaves it to the next one.
            let mut another = Vec::new();
            if seen.len() == 1 {
                let mut second = With(|p: &[u8]| another.push(p.to_owned()));
                Peek::new().unwrap().each(&pipe.copy().unwrap(), &mut second);
                assert_eq!(another, sent[1..].iter().map(|s| s.as_bytes()).collect::<Vec<_>>());
                send("d");
            }
            seen.push(String::from_utf8(packet.to_vec()).unwrap());
        });
        peek.each(&pipe, &mut first);
        // The other reader took all; what came since is not mistaken for it.
        assert_eq!(seen, ["a\n", "b", "d"]);
        assert_eq!(pipe.next(&mut [0; 10]), None);
    }
}
