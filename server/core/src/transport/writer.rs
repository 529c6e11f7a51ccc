//! The worker's side: lines into its ring.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use uwsgi_metrics::{Arena, LineRing, WorkerRow};
use uwsgi_sys::forked;

use crate::instance::Instance;
use crate::log;

/// Looks at the pipe until nobody takes out of it meanwhile. Who is taking is done in a moment, unless
/// it was stopped there.
const LOOKS: u32 = 20;

/// Time between two tries to find room.
const PAUSE: Duration = Duration::from_micros(200);

/// See the module.
struct Writer {
    arena: &'static Arena,
    ring: LineRing<'static>,
    row: &'static WorkerRow,
    /// Our end of the pipe, to see how much is in it.
    pipe: OwnedFd,
    bell: BorrowedFd<'static>,
    longest: usize,
    wait: Duration,
    /// Cores take turns. True while the ring is known to be full: nobody waits a second time.
    turn: Mutex<bool>,
}

static WRITER: OnceLock<Writer> = OnceLock::new();

/// In worker `id`, whose log goes through `pipe`: from now on lines of requests go into its ring.
pub(crate) fn enter(instance: &'static Instance, id: u32, pipe: Option<OwnedFd>) {
    let watched = forked::watch();
    let (Some(pipe), Some(tap), Ok(())) = (pipe, &instance.log_tap, watched) else { return };
    let policy = &instance.settings.policy;
    if instance.arena.shape().lines == 0 {
        return;
    }
    let _ = WRITER.set(Writer {
        arena: &instance.arena,
        ring: instance.arena.lines(id),
        row: instance.arena.worker(id),
        pipe,
        bell: tap.bell(),
        longest: policy.transport.longest(&policy.logging),
        wait: policy.transport.wait,
        turn: Mutex::new(false),
    });
}

/// The line of a request, its newline included, on its way. A ring has one writer: what an
/// application has forked inherits it and goes the way of all others.
pub(crate) fn say(line: &[u8]) {
    match WRITER.get().filter(|_| !forked::is_copy()) {
        Some(writer) if line.len() > writer.longest => writer.cut(line),
        Some(writer) => writer.write(line),
        None => log::raw(line),
    }
}

impl Writer {
    /// A line that is too long loses its end, but not its newline.
    fn cut(&self, line: &[u8]) {
        let mut short = line.get(..self.longest.saturating_sub(1)).unwrap_or(line).to_owned();
        short.push(b'\n');
        self.row.log_truncated.add_shared(1);
        self.write(&short);
    }

    fn write(&self, line: &[u8]) {
        let mut full = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.piped();
        if !(self.ring.push(stamp, line) || (!*full && self.push_patiently(stamp, line))) {
            *full = true;
            self.row.log_dropped.add(1);
            return;
        }
        *full = false;
        self.row.log_lines.add(1);
        self.row.log_bytes.add(line.len() as u64);
        drop(full);
        self.wake(self.ring.is_half_full());
    }

    /// Bytes that have gone into the pipe by now.
    fn piped(&self) -> u64 {
        let desk = self.arena.line_desk();
        let waiting = || rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0);
        for _ in 0..LOOKS {
            if let Some(stamp) = desk.put_in(waiting) {
                return stamp;
            }
            std::thread::yield_now();
        }
        desk.position().wrapping_add(waiting())
    }

    fn push_patiently(&self, stamp: u64, line: &[u8]) -> bool {
        let end = Instant::now() + self.wait;
        loop {
            self.wake(true);
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(PAUSE);
            if self.ring.push(stamp, line) {
                return true;
            }
        }
    }

    fn wake(&self, urgent: bool) {
        if self.arena.reader_is_to_be_woken(urgent) {
            // A bell that rings already is heard.
            let _ = rustix::io::write(self.bell, &1u64.to_ne_bytes());
        }
    }
}
