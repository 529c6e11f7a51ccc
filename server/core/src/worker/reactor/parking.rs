//! The reactor's parked connections: put away, armed, swept when they are overdue. Part of the
//! reactor.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;

use rustix::event::epoll;
use uwsgi_proto::link;

use super::{CONN, LINGER_MS, Reactor};
use crate::settings::Protocol;
use crate::worker::conn::{Conn, Waiting};
use crate::worker::io;
use crate::worker::request::Core;

/// So much of a request is copied out of a core's buffer, which is far larger.
const SMALL_INPUT: usize = 4096;

impl Reactor {
    pub(super) fn wait_for_rest(&self, core: &mut Core, mut conn: Box<Conn>, input: Vec<u8>) {
        let timeout = self.instance.settings.socket_timeout * 1000;
        if conn.served > 0 && input.is_empty() {
            return self.wait_for_next(core, conn, input);
        }
        conn.waiting = Waiting::Request;
        conn.active_ms = self.now_ms();
        conn.deadline_ms = conn.limit_ms.min(conn.active_ms + timeout);
        conn.input = match input.len() {
            // A buffer is the core's; a client that says little at a time holds what it has said.
            len if len <= SMALL_INPUT => {
                let said = input.as_slice().into();
                self.give_back(core, input);
                said
            }
            _ => input,
        };
        self.park(conn);
    }

    pub(super) fn wait_for_next(&self, core: &mut Core, mut conn: Box<Conn>, input: Vec<u8>) {
        let settings = &self.instance.settings;
        let idle = match conn.protocol {
            Protocol::Link => u64::MAX / 2,
            _ => settings.socket_timeout * 1000,
        };
        self.give_back(core, input);
        conn.waiting = Waiting::Next;
        conn.active_ms = self.now_ms();
        conn.deadline_ms = conn.active_ms.saturating_add(idle);
        self.park(conn);
    }

    pub(super) fn park(&self, mut conn: Box<Conn>) {
        let out = conn.drain.is_some();
        let mut flags = match out {
            // What the client says meanwhile waits, its end too.
            true => epoll::EventFlags::OUT,
            false => epoll::EventFlags::IN | epoll::EventFlags::RDHUP,
        };
        if !self.single {
            flags |= epoll::EventFlags::ONESHOT;
        }
        let known = std::mem::replace(&mut conn.registered, true);
        let same = std::mem::replace(&mut conn.armed_out, out) == out;
        // Armed while its slot is locked: the event may come at once, on another core.
        self.table.park(conn, |conn| {
            let data = epoll::EventData::new_u64(CONN | conn.fd.as_raw_fd() as u64);
            match (known, self.single) {
                (true, true) if same => true, // still armed
                (true, _) => epoll::modify(&self.poll, &conn.fd, data, flags).is_ok(),
                (false, _) => epoll::add(&self.poll, &conn.fd, data, flags).is_ok(),
            }
        });
    }

    /// Closes what is overdue; one core does it, about once per second.
    pub(super) fn sweep(&self, core: &mut Core) {
        if self.table.parked() == 0 {
            return;
        }
        let now = self.now_ms();
        let due = self.sweep_at.load(Ordering::Relaxed);
        let next = now + if self.retiring() { 20 } else { 1000 };
        if now < due
            || self
                .sweep_at
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let retiring = self.retiring();
        if retiring {
            self.say_goodbye();
        }
        // A client that sends a byte at a time cannot hold up the end of this worker.
        let patience = self.instance.settings.socket_timeout * 1000;
        let late = retiring && now >= self.retired_ms.load(Ordering::Relaxed) + patience;
        let over = |c: &Conn| {
            let idle = c.waiting == Waiting::Next && c.protocol != Protocol::Link;
            let lingered = idle && now >= c.active_ms + LINGER_MS;
            // Who takes an answer takes as long as it would have held a core.
            let late = late && c.waiting != Waiting::Client;
            now >= c.deadline_ms || late || (retiring && lingered)
        };
        for mut conn in self.table.take_if(over) {
            if conn.drain.is_some() {
                self.overdue_drain(core, conn);
                continue;
            }
            // While the cores were busy the deadline passed, and perhaps the client spoke in time.
            if !late && io::has_input(conn.fd.as_fd()) {
                self.park(conn);
                continue;
            }
            if conn.waiting == Waiting::Request {
                // A head without all of its body is the application's.
                conn.ended = Some(self.lateness(&conn));
                self.pump(core, conn);
            } else {
                self.close(&conn);
            }
        }
    }

    /// Tells routers to use their idle links to this worker no more. They close them; a request that
    /// was on its way is served before.
    fn say_goodbye(&self) {
        let idle = |c: &Conn| c.protocol == Protocol::Link && c.waiting == Waiting::Next;
        for mut conn in self.table.take_if(|c| idle(c) && !c.leaving) {
            conn.leaving = true;
            let mut switches = 0;
            // A router that is gone has closed the link.
            let _ = io::send_all(conn.fd.as_fd(), &link::frame(0), false, 0, &mut switches);
            self.park(conn);
        }
    }
}
