//! What a closed request adds to the rows of its core, its socket and its application. Part of the
//! request.

use crate::worker::body::Body;
use crate::worker::conn::Conn;
use crate::worker::io;
use crate::worker::phases::{self, Times};
use crate::worker::tally::Done;
use crate::worker::traffic::{Closed, Traffic};

use super::Core;

impl Core {
    /// What the request came to for its client. Of a response that broke off, only what was sent is
    /// its size. Of the bytes that were here at the beginning and those received since, `left` belong
    /// to the next request.
    pub(super) fn closed(
        &mut self,
        conn: &Conn,
        moved: (u64, u64),
        (received, left): (u64, u64),
        body: &Body,
    ) -> Closed {
        let now = io::moved();
        let (reply, tx) = (&mut self.reply, now.1 - moved.1);
        if reply.failed.is_some() {
            reply.head_bytes = reply.head_bytes.min(tx);
            reply.own_head_bytes = reply.own_head_bytes.min(reply.head_bytes);
            reply.body_bytes = reply.body_bytes.min(tx - reply.head_bytes);
            let rest = tx - reply.head_bytes - reply.body_bytes;
            reply.raw_bytes = reply.raw_bytes.min(rest);
        }
        Closed {
            rx: (received + (now.0 - moved.0)).saturating_sub(left),
            tx,
            reused: conn.served > 0,
            aborted: phases::is_aborted(reply, body),
            read_errors: body.errors,
            write_errors: reply.write_errors,
        }
    }

    /// Counts what the request came to; `raised`: the application ended in an exception. A health
    /// check is part of no count and no mean.
    pub(super) fn account(&mut self, conn: &Conn, times: Times, closed: &Closed, raised: bool) {
        let row = self.row;
        let reply = &self.reply;
        let duration = if reply.uncounted { 0 } else { times.whole };
        if self.instance.settings.inflight {
            let record = self.instance.arena.inflight(self.worker, self.id);
            record.close(|| row.running_time_us.add(duration));
        } else {
            row.running_time_us.add(duration);
        }
        if reply.uncounted {
            return;
        }
        let tx = reply.head_bytes + reply.body_bytes + reply.raw_bytes;
        row.tx.add(tx);
        Traffic::of(self.instance, self.worker, conn.listener).closed(closed);
        if let Some(app) = reply.app {
            app.closed(closed, &times, tx, self.instance.settings.request_metrics);
        }
        row.rx.add(closed.rx);
        row.write_errors.add(closed.write_errors);
        row.read_errors.add(closed.read_errors);
        if reply.status() >= 500 || !reply.sent || raised {
            row.failed_requests.add(1);
        }
        let arena = &self.instance.arena;
        arena.worker(self.worker).note_response_time(duration);
        if self.instance.settings.request_metrics {
            self.tally.times(&times);
        }
    }

    /// Adds it to the numbers of requests like it.
    pub(super) fn tally(
        &mut self,
        app: i32,
        duration_us: u64,
        start_us: u64,
        accept_us: Option<u64>,
        body: &Body,
    ) {
        if self.reply.uncounted || !self.instance.settings.request_metrics {
            return;
        }
        let known = self.vars.known();
        self.tally.add(&Done {
            app: u32::try_from(app).ok(),
            method: known.method(),
            status: self.reply.outcome(),
            start_us,
            duration_us,
            request_body: body.consumed,
            response_body: self.reply.body_bytes,
            traceparent: known.traceparent(),
            queued: known.x_request_start(),
            accept_us,
        });
    }
}
