//! Parked connections of a worker, found by descriptor number.
//!
//! A connection is either here (nobody works on it) or owned by the core that took it. Slots are
//! allocated in chunks as descriptors grow, so an idle worker holds next to nothing.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use super::conn::Conn;

/// Slots per chunk.
const CHUNK: usize = 1024;
/// Chunks at most: one million descriptors.
const CHUNKS: usize = 1024;

type Slot = Mutex<Option<Box<Conn>>>;

/// See the module.
pub(crate) struct Table {
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
    parked: AtomicUsize,
    /// One above the highest descriptor ever parked.
    highest: AtomicUsize,
}

impl Table {
    pub(crate) fn new() -> Table {
        Table {
            chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
            parked: AtomicUsize::new(0),
            highest: AtomicUsize::new(0),
        }
    }

    fn slot(&self, fd: RawFd) -> Option<&Slot> {
        let fd = usize::try_from(fd).ok()?;
        let chunk = self.chunks.get(fd / CHUNK)?;
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| Mutex::new(None)).collect());
        chunk.get(fd % CHUNK)
    }

    /// Puts a connection away; `arm` runs while nobody else can take it yet. Without a slot, or
    /// when `arm` fails, the connection is closed.
    pub(crate) fn park(&self, conn: Box<Conn>, arm: impl FnOnce(&Conn) -> bool) {
        let fd = conn.fd.as_raw_fd();
        let Some(Ok(mut slot)) = self.slot(fd).map(Mutex::lock) else { return };
        if !arm(&conn) {
            return;
        }
        if slot.replace(conn).is_none() {
            self.parked.fetch_add(1, Ordering::Relaxed);
        }
        self.highest.fetch_max(fd as usize + 1, Ordering::Relaxed);
    }

    /// Takes the connection of a descriptor, if it is parked.
    pub(crate) fn take(&self, fd: RawFd) -> Option<Box<Conn>> {
        let taken = self.slot(fd)?.lock().ok()?.take();
        if taken.is_some() {
            self.parked.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }

    #[allow(clippy::vec_box, reason = "connections stay boxed wherever they go")]
    /// Takes every parked connection for which `over` holds.
    pub(crate) fn take_if(&self, over: impl Fn(&Conn) -> bool) -> Vec<Box<Conn>> {
        let highest = self.highest.load(Ordering::Relaxed);
        let mut out = Vec::new();
        for chunk in self.chunks.iter().take(highest.div_ceil(CHUNK)).filter_map(OnceLock::get) {
            for slot in chunk {
                // A slot in use belongs to a core that is working on it right now.
                let Ok(mut slot) = slot.try_lock() else { continue };
                if slot.as_ref().is_some_and(|c| over(c)) {
                    out.extend(slot.take());
                }
            }
        }
        self.parked.fetch_sub(out.len(), Ordering::Relaxed);
        out
    }

    /// How many are parked.
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Protocol;
    use std::os::unix::net::UnixStream;

    fn conn() -> Box<Conn> {
        let (a, _) = UnixStream::pair().unwrap();
        Box::new(Conn::new(a.into(), Protocol::Http, 0, None))
    }

    #[test]
    fn a_parked_connection_is_taken_once() {
        let table = Table::new();
        let conn = conn();
        let fd = conn.fd.as_raw_fd();
        table.park(conn, |_| true);
        assert_eq!(table.parked(), 1);
        assert!(table.take(fd).is_some());
        assert!(table.take(fd).is_none(), "two cores would serve one connection");
        assert_eq!(table.parked(), 0);
    }

    #[test]
    fn a_connection_that_cannot_be_armed_is_not_kept() {
        let table = Table::new();
        table.park(conn(), |_| false);
        assert_eq!(table.parked(), 0, "nobody would ever wake it");
    }

    #[test]
    fn only_connections_that_are_over_are_swept() {
        let table = Table::new();
        let (mut young, mut old) = (conn(), conn());
        (young.deadline_ms, old.deadline_ms) = (50, 5);
        table.park(young, |_| true);
        table.park(old, |_| true);
        assert_eq!(table.take_if(|c| c.deadline_ms < 10).len(), 1);
        assert_eq!(table.parked(), 1);
    }
}
