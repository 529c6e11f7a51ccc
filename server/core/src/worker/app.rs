//! What one request counts for the app that serves it.
//!
//! An app's row belongs to its worker: with one core its thread is the only writer and adds
//! plainly, with more cores each addition is atomic.

use uwsgi_metrics::{AppRow, Counter};

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

    /// The request is closed. `timed`: its latency is wanted.
    pub(crate) fn closed(self, us: u64, tx: u64, timed: bool) {
        self.add(&self.row.tx, tx);
        self.add(&self.row.running_time_us, us);
        if timed {
            self.add(self.row.latency(us), 1);
        }
    }

    fn add(self, cell: &Counter, n: u64) {
        if self.shared {
            cell.add_shared(n);
        } else {
            cell.add(n);
        }
    }
}
