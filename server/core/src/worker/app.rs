//! What one request counts for the app that serves it.
//!
//! An app's row belongs to its worker: with one core its thread is the only writer and adds
//! plainly, with more cores each addition is atomic.

use uwsgi_metrics::{AppRow, Counter};

use super::phases::Times;
use super::traffic::Closed;

/// The row of the app of the running request.
#[derive(Clone, Copy)]
pub(crate) struct AppCount {
    row: &'static AppRow,
    shared: bool,
}

impl AppCount {
    /// `shared`: the worker has more than one core.
    pub(crate) fn new(row: &'static AppRow, shared: bool) -> AppCount {
        AppCount { row, shared }
    }

    /// The request was given to the app.
    pub(crate) fn dispatched(self) {
        self.add(&self.row.requests, 1);
    }

    /// The app raised an exception that nobody caught.
    pub(crate) fn exception(self) {
        self.add(&self.row.exceptions, 1);
    }

    /// The response is about to be complete.
    pub(crate) fn answered(self, status: u16) {
        self.add(self.row.response(status), 1);
    }

    /// The request is closed; `tx` bytes of its response are head and body. `timed`: its latency is
    /// wanted.
    pub(super) fn closed(self, of: &Closed, times: &Times, tx: u64, timed: bool) {
        self.add(&self.row.tx, tx);
        self.add(&self.row.rx, of.rx);
        self.add(&self.row.running_time_us, times.whole);
        self.add(&self.row.application_us, times.application);
        self.add(&self.row.write_us, times.write);
        if timed {
            self.add(self.row.latency(times.whole), 1);
        }
        let rare = [
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

    /// The rest of an answer could not be sent; `left`: because the client is gone.
    pub(crate) fn given_up(self, left: bool) {
        self.add(&self.row.write_errors, 1);
        self.add(&self.row.aborted, u64::from(left));
    }

    fn add(self, cell: &Counter, n: u64) {
        if self.shared {
            cell.add_shared(n);
        } else {
            cell.add(n);
        }
    }
}
