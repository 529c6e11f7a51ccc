//! What one request, or one refused client, counts for the listening socket it came through.
//!
//! Each worker has a row of its own for each socket, and one for the router's link: with one core
//! its thread is the only writer and adds plainly, with more cores each addition is atomic.

use uwsgi_metrics::{Counter, TrafficRow};

use crate::instance::Instance;

/// The row of this worker for one socket.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    row: &'static TrafficRow,
    shared: bool,
}

/// What a closed request leaves.
pub(super) struct Closed {
    pub(super) rx: u64,
    pub(super) tx: u64,
    pub(super) reused: bool,
    pub(super) aborted: bool,
    pub(super) read_errors: u64,
    pub(super) write_errors: u64,
}

impl Traffic {
    /// Of this worker and a socket by its place, the link behind the last.
    pub(crate) fn of(instance: &'static Instance, worker: u32, listener: u32) -> Traffic {
        let row = instance.arena.traffic(worker, listener);
        Traffic { row, shared: instance.settings.threads > 1 }
    }

    /// Of a worker with one core.
    #[cfg(test)]
    pub(crate) fn plain(row: &'static TrafficRow) -> Traffic {
        Traffic { row, shared: false }
    }

    /// The response is about to be complete.
    pub(crate) fn answered(self, status: u16) {
        self.add(&self.row.requests, 1);
        self.add(self.row.response(status), 1);
    }

    /// The request is over. What is rare costs nothing where it did not happen.
    pub(super) fn closed(self, of: &Closed) {
        self.add(&self.row.rx, of.rx);
        self.add(&self.row.tx, of.tx);
        let rare = [
            (&self.row.keepalive_reuses, u64::from(of.reused)),
            (&self.row.aborted, u64::from(of.aborted)),
            (&self.row.read_errors, of.read_errors),
            (&self.row.write_errors, of.write_errors),
        ];
        for (cell, n) in rare {
            if n > 0 {
                self.add(cell, n);
            }
        }
    }

    /// Bytes of an answer went out after its request was closed.
    pub(crate) fn sent(self, bytes: u64) {
        self.add(&self.row.tx, bytes);
    }

    /// The rest of an answer could not be sent; `left`: because the client is gone.
    pub(crate) fn given_up(self, left: bool) {
        self.add(&self.row.write_errors, 1);
        self.add(&self.row.aborted, u64::from(left));
    }

    /// Bytes came that were no complete request.
    pub(crate) fn in_vain(self, bytes: usize) {
        self.add(&self.row.rx, bytes as u64);
    }

    /// The server itself answered, with so many bytes.
    pub(crate) fn rejected(self, bytes: usize) {
        self.add(&self.row.rejected, 1);
        self.add(&self.row.tx, bytes as u64);
    }

    fn add(self, cell: &Counter, n: u64) {
        if self.shared {
            cell.add_shared(n);
        } else {
            cell.add(n);
        }
    }
}
