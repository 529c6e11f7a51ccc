//! The reactor's draining connections: the request is over, and its client takes the answer slowly.
//! Part of the reactor.
//!
//! Such a connection is parked until it takes bytes; whichever core wakes sends the next of them.
//! Then it goes on as was decided when the request ended. A client that takes nothing for as long as
//! a core would have waited for it, or too little in all the time it was waited for, is given up, which
//! is a write error of its connection.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::Reactor;
use crate::worker::conn::{Conn, Waiting};
use crate::worker::io;
use crate::worker::outbox::Sent;
use crate::worker::reply::Failure;
use crate::worker::request::{Core, Lost, count_slow};

impl Reactor {
    /// Puts a connection away whose client does not take the answer as fast as it came.
    pub(super) fn wait_for_client(&self, mut conn: Box<Conn>, input: Vec<u8>) {
        let sockets = &self.instance.settings.policy.sockets;
        let timeout_ms = self.send_timeout_ms();
        let left_ms = conn.drain.as_ref().map_or(u64::MAX, |drain| {
            sockets.taking.allowed_ms(drain.sent).saturating_sub(drain.waited_ms)
        });
        conn.input = input;
        conn.waiting = Waiting::Client;
        conn.active_ms = self.now_ms();
        conn.limit_ms = conn.active_ms.saturating_add(left_ms);
        conn.deadline_ms = conn.active_ms.saturating_add(timeout_ms).min(conn.limit_ms);
        self.park(conn);
    }

    /// Longest wait for a client to take something.
    fn send_timeout_ms(&self) -> u64 {
        self.instance.settings.policy.sockets.send_timeout_s.saturating_mul(1000)
    }

    /// Sends what the client takes; answers a connection that may go on with requests.
    pub(super) fn drain(&self, core: &mut Core, mut conn: Box<Conn>) -> Option<Box<Conn>> {
        if conn.drain.is_none() {
            return Some(conn);
        }
        match self.push(&mut conn) {
            Ok(Sent::All) => return self.drained(conn),
            Ok(Sent::Some(true)) => self.go_on(core, conn),
            Ok(Sent::Some(false)) => self.park(conn),
            Err(errno) => self.give_up(core, &conn, Failure::Error(errno)),
        }
        None
    }

    /// The client has taken some bytes: it is waited for again, if it took enough of them so far.
    fn go_on(&self, core: &mut Core, mut conn: Box<Conn>) {
        // Busy cores are not the client's fault: one wait costs it no more than it may take.
        let waited_ms = self.now_ms().saturating_sub(conn.active_ms).min(self.send_timeout_ms());
        let pace = self.instance.settings.policy.sockets.taking;
        let slow = conn.drain.as_mut().is_some_and(|drain| {
            drain.waited_ms = drain.waited_ms.saturating_add(waited_ms);
            drain.waited_ms >= pace.allowed_ms(drain.sent)
        });
        if slow {
            return self.give_up(core, &conn, Failure::Slow);
        }
        let input = std::mem::take(&mut conn.input);
        self.wait_for_client(conn, input);
    }

    /// Sends what the client takes, and counts it.
    fn push(&self, conn: &mut Conn) -> Result<Sent, Errno> {
        let Some(drain) = conn.drain.as_mut() else { return Ok(Sent::All) };
        let before = io::moved().1;
        let sent = drain.outbox.send(conn.fd.as_fd());
        let bytes = io::moved().1 - before;
        drain.sent += bytes;
        self.traffic(conn).sent(bytes);
        sent
    }

    fn drained(&self, mut conn: Box<Conn>) -> Option<Box<Conn>> {
        let keep = conn.drain.take().is_some_and(|drain| drain.keep);
        // A worker that has begun to leave said in no answer that the connection ends; who keeps it
        // is told by its end, as an idle one is.
        if keep {
            (conn.waiting, conn.limit_ms) = (Waiting::Next, u64::MAX);
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
                let slow = conn.limit_ms <= conn.deadline_ms;
                if let Some(drain) = conn.drain.as_mut() {
                    drain.waited_ms += conn.deadline_ms.saturating_sub(conn.active_ms);
                }
                let failure = if slow { Failure::Slow } else { Failure::Timeout };
                self.give_up(core, &conn, failure);
            }
            Ok(Sent::Some(true)) => self.go_on(core, conn),
            // The next event finds it writable and goes on.
            Ok(Sent::All) => self.park(conn),
            Err(errno) => self.give_up(core, &conn, Failure::Error(errno)),
        }
    }

    fn give_up(&self, core: &mut Core, conn: &Conn, failure: Failure) {
        self.close(conn);
        core.row.write_errors.add(1);
        let left = matches!(failure, Failure::Error(errno) if io::means_gone(errno));
        self.traffic(conn).given_up(left);
        count_slow(self.instance, conn, failure);
        if let Some(drain) = &conn.drain {
            if let Some(app) = drain.app {
                app.given_up(left);
            }
            let (stage, bytes, waited_ms) = (drain.outbox.stage(), drain.sent, drain.waited_ms);
            Lost { failure, stage, bytes, waited_ms }.log(self.instance, &drain.asker);
        }
    }
}
