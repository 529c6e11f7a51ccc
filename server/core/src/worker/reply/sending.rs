//! How bytes of a response leave: at once, as far as the client takes them; what is left waits in the
//! outbox where the end of the response is known, or the core waits for the client. Part of the reply.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;

use super::{Failure, Reply, Wire};
use crate::worker::io;
use crate::worker::outbox::Sent;

impl Reply {
    /// Sends what is in the buffer.
    pub(super) fn flush(&mut self, wire: &Wire<'_>, more: bool) -> Result<(), Failure> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let sent = self.timed(wire, |reply| reply.put(wire, &out, more));
        self.out = out;
        sent
    }

    /// Sends, and takes the time of it.
    pub(super) fn timed(
        &mut self,
        wire: &Wire<'_>,
        send: impl FnOnce(&mut Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let start = wire.clock.now_us();
        if self.sent {
            self.first_us.get_or_insert(start);
        }
        let sent = send(self);
        self.write_us += wire.clock.now_us().saturating_sub(start);
        sent
    }

    /// Sends bytes behind those in the outbox.
    pub(super) fn put(
        &mut self,
        wire: &Wire<'_>,
        mut data: &[u8],
        more: bool,
    ) -> Result<(), Failure> {
        loop {
            if self.is_clear(wire)? {
                let sent = io::send_some(wire.fd, data, more).map_err(Failure::Error)?;
                data = data.get(sent..).unwrap_or_default();
                if data.is_empty() {
                    return Ok(());
                }
            }
            if self.near_end && self.outbox.hold(data, wire.bounds) {
                return Ok(());
            }
            self.wait(wire)?;
        }
    }

    /// The same of bytes that lie in several places.
    pub(super) fn put_slices(
        &mut self,
        wire: &Wire<'_>,
        mut slices: &mut [IoSlice<'_>],
    ) -> Result<(), Failure> {
        if self.is_clear(wire)? {
            io::send_slices(wire.fd, &mut slices).map_err(Failure::Error)?;
        }
        let mut left = slices.iter().filter(|slice| !slice.is_empty());
        left.try_for_each(|slice| self.put(wire, slice, false))
    }

    /// Sends a part of a file.
    pub(super) fn copy_file(
        &mut self,
        wire: &Wire<'_>,
        file: BorrowedFd<'_>,
        mut offset: u64,
        mut left: u64,
    ) -> Result<(), Failure> {
        while left > 0 {
            if self.is_clear(wire)? {
                let want = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
                let sent = io::sendfile_some(wire.fd, file, &mut offset, want);
                left -= sent.map_err(Failure::Error)? as u64;
            }
            let mut held = || self.outbox.hold_file(file, offset, left, wire.bounds);
            if left == 0 || (self.near_end && held()) {
                break;
            }
            self.wait(wire)?;
        }
        Ok(())
    }

    /// Whether nothing waits in front of the next bytes.
    fn is_clear(&mut self, wire: &Wire<'_>) -> Result<bool, Failure> {
        if self.outbox.is_empty() {
            return Ok(true);
        }
        let sent = self.outbox.send(wire.fd).map_err(Failure::Error)?;
        Ok(sent == Sent::All)
    }

    fn wait(&mut self, wire: &Wire<'_>) -> Result<(), Failure> {
        self.switches += 1;
        let left = wire.pace.allowed_ms(self.gone()).saturating_sub(self.waited_ms);
        let left = i32::try_from(left).unwrap_or(i32::MAX);
        let since = Instant::now();
        let waited = io::writable(wire.fd, left.min(wire.timeout_ms));
        self.waited_ms += since.elapsed().as_millis() as u64;
        waited.map_err(|e: Option<Errno>| match e {
            Some(errno) => Failure::Error(errno),
            None if left < wire.timeout_ms => Failure::Slow,
            None => Failure::Timeout,
        })
    }
}
