//! USR2: what this worker is doing at this moment.
//!
//! It is told from within the signal's handler, in the middle of the request of the first core:
//! nothing here takes memory or a lock. Owns the lines users know.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use uwsgi_metrics::Brief;
use uwsgi_sys::{fault, process, signal};

use crate::clock;
use crate::instance::Instance;

static WORKER: OnceLock<(&'static Instance, u32)> = OnceLock::new();
static OFFSET: AtomicI64 = AtomicI64::new(0);

/// From now on this process, which is worker `id`, tells it.
pub(super) fn tell_at_usr2(instance: &'static Instance, id: u32) -> std::io::Result<()> {
    OFFSET.store(clock::local_offset(), Ordering::Relaxed);
    let _ = WORKER.set((instance, id));
    signal::report_at(signal::SIGUSR2, tell)
}

fn tell() {
    let Some((instance, id)) = WORKER.get() else { return };
    fault::tell_stack();
    let cores = instance.settings.threads;
    let mut busy = false;
    for core in 0..cores {
        if let Some(request) = instance.arena.inflight(*id, core).brief() {
            busy = true;
            line(
                *id,
                Some(core).filter(|_| cores > 1),
                &request,
                instance.settings.policy.harakiri.limit_s,
            );
        }
    }
    if !busy {
        let mut text = Text::default();
        text.put(b"SIGUSR2: --- uWSGI worker ");
        text.number(u64::from(*id));
        text.put(b" (pid: ");
        text.number(process::pid().unsigned_abs().into());
        text.put(b") is idle ---\n");
        text.say();
    }
    // Whoever waits for this may go on; applications' stacks are told before it.
    instance.arena.worker(*id).told_stacks.add_shared(1);
}

fn line(id: u32, core: Option<u32>, request: &Brief, limit: u64) {
    // A body that is stored takes time that is not the application's.
    let due_us = request.since_us.saturating_add(limit.saturating_mul(1_000_000));
    let late = limit > 0 && clock::monotonic_us() >= due_us;
    let mut text = Text::default();
    text.put(if late { b"HARAKIRI" } else { b"SIGUSR2" });
    text.put(b": --- uWSGI worker ");
    text.number(u64::from(id));
    if let Some(core) = core {
        text.put(b" core ");
        text.number(u64::from(core));
    }
    text.put(b" (pid: ");
    text.number(process::pid().unsigned_abs().into());
    text.put(if late { b") WAS managing request " } else { b") is managing request " });
    request.uri().iter().for_each(|byte| text.put(&[printable(*byte)]));
    text.put(b" since ");
    text.put(&clock::ctime_of(request.start_us / 1_000_000, OFFSET.load(Ordering::Relaxed)));
    text.put(b" ---\n");
    text.say();
}

/// One line stays one line, whatever a client sent.
fn printable(byte: u8) -> u8 {
    if byte.is_ascii_control() { b'?' } else { byte }
}

/// A line in the making; what does not fit is left out.
struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; 512], len: 0 }
    }
}

impl Text {
    fn put(&mut self, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *place = *byte;
        }
        self.len = (self.len + bytes.len()).min(self.bytes.len());
    }

    fn number(&mut self, value: u64) {
        let mut digits = [0; 20];
        let mut rest = value;
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            used += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(digits.len() - used..).unwrap_or_default());
    }

    fn say(&self) {
        signal::say(self.bytes.get(..self.len).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_without_memory_and_never_overflows() {
        let mut text = Text::default();
        for value in [0, 7, 10, u64::MAX] {
            text.number(value);
            text.put(b" ");
        }
        assert_eq!(&text.bytes[..text.len], b"0 7 10 18446744073709551615 ");
        text.put(&[b'x'; 600]);
        text.put(b"y");
        assert_eq!(text.len, 512);
    }
}
