//! The reactor's draining connections: the request is over, and its client takes the answer slowly.
//! Part of the reactor.
//!
//! Such a connection is parked until it takes bytes; whichever core wakes sends the next of them.
//! Then it goes on as was decided when the request ended. A client that takes nothing for as long as
//! a core would have waited for it is given up, which is a write error of its connection.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::Reactor;
use crate::worker::conn::{Conn, Waiting};
use crate::worker::io;
use crate::worker::outbox::Sent;
use crate::worker::reply::Failure;
use crate::worker::request::Core;

impl Reactor {
    /// Puts a connection away whose client does not take the answer as fast as it came.
    pub(super) fn wait_for_client(&self, mut conn: Box<Conn>, input: Vec<u8>) {
        let timeout_ms = self.instance.settings.policy.sockets.send_timeout_s.saturating_mul(1000);
        conn.input = input;
        conn.waiting = Waiting::Client;
        conn.active_ms = self.now_ms();
        conn.deadline_ms = conn.active_ms.saturating_add(timeout_ms);
        self.park(conn);
    }

    /// Sends what the client takes; answers a connection that may go on with requests.
    pub(super) fn drain(&self, core: &mut Core, mut conn: Box<Conn>) -> Option<Box<Conn>> {
        if conn.drain.is_none() {
            return Some(conn);
        }
        match self.push(&mut conn) {
            Ok(Sent::All) => self.drained(conn),
            Ok(Sent::Some(true)) => {
                let input = std::mem::take(&mut conn.input);
                self.wait_for_client(conn, input);
                None
            }
            Ok(Sent::Some(false)) => {
                self.park(conn);
                None
            }
            Err(errno) => self.give_up(core, &conn, Failure::Error(errno)),
        }
    }

    /// Sends what the client takes, and counts it.
    fn push(&self, conn: &mut Conn) -> Result<Sent, Errno> {
        let Some(drain) = conn.drain.as_mut() else { return Ok(Sent::All) };
        let before = io::moved().1;
        let sent = drain.outbox.send(conn.fd.as_fd());
        self.traffic(conn).sent(io::moved().1 - before);
        sent
    }

    fn drained(&self, mut conn: Box<Conn>) -> Option<Box<Conn>> {
        let keep = conn.drain.take().is_some_and(|drain| drain.keep);
        // A worker that has begun to leave said in no answer that the connection ends; who keeps it
        // is told by its end, as an idle one is.
        if keep {
            conn.waiting = Waiting::Next;
            return Some(conn);
        }
        self.close(&conn);
        // What the client has sent meanwhile must not reset the connection under the answer.
        io::drain(conn.fd.as_fd());
        None
    }

    /// A draining connection whose time is over. While the cores were busy its client may have made
    /// room.
    pub(super) fn overdue_drain(&self, core: &mut Core, mut conn: Box<Conn>) {
        match self.push(&mut conn) {
            Ok(Sent::Some(false)) => {
                self.give_up(core, &conn, Failure::Timeout);
            }
            Ok(Sent::Some(true)) => {
                let input = std::mem::take(&mut conn.input);
                self.wait_for_client(conn, input);
            }
            // The next event finds it writable and goes on.
            Ok(Sent::All) => self.park(conn),
            Err(errno) => {
                self.give_up(core, &conn, Failure::Error(errno));
            }
        }
    }

    fn give_up(&self, core: &mut Core, conn: &Conn, failure: Failure) -> Option<Box<Conn>> {
        self.close(conn);
        core.row.write_errors.add(1);
        let left = matches!(failure, Failure::Error(errno) if io::means_gone(errno));
        self.traffic(conn).given_up(left);
        if let Some(drain) = &conn.drain {
            if let Some(app) = drain.app {
                app.given_up(left);
            }
            core.log_failure(failure, &drain.request.0, &drain.request.1, &conn.peer);
        }
        None
    }
}
