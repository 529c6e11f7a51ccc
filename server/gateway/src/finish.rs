//! The end of a response: its last bytes, and what becomes of both connections.

use uwsgi_proto::link::End;

use crate::client::State;
use crate::net::{self, Read};
use crate::router::Router;
use crate::slab::Key;

/// How far the client's output got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Clear,
    Full,
    Gone,
}

impl Router<'_> {
    /// Busy -> Flush. The link serves on if both sides are at the same byte of it.
    pub(crate) fn response_ended(&mut self, key: Key, link: Key, end: End, surplus: bool) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let keep = client.keep && end.keep() && client.body.is_done();
        client.surplus = !client.body.is_done();
        client.state = State::Flush { keep };
        client.fire_done(self.settings.index, Some((end.worker, end.core)), 0);
        let body_sent = client.body.is_done() && client.is_sent();
        let usable = !surplus && !end.leaving();
        if body_sent && usable && (!client.had_body || end.body_read()) {
            self.forget_room(link);
            self.links.release(link, end.worker, self.now);
        } else {
            self.links.close(link);
        }
    }

    /// The link goes back to waking for bytes only.
    fn forget_room(&mut self, link: Key) {
        if let Some(conn) = self.links.all.get_mut(link)
            && conn.watches_room
        {
            conn.watches_room = false;
            self.poll.rewatch_link(&conn.fd, link, false);
        }
    }

    /// Sends what the client has not taken yet.
    pub(crate) fn flush_output(&mut self, key: Key) -> Output {
        let Some(client) = self.clients.get_mut(key) else { return Output::Gone };
        if !client.is_full() {
            return Output::Clear;
        }
        if !client.writable {
            return Output::Full;
        }
        match net::write(&client.fd, &client.output[client.output_at..]) {
            Ok((n, full)) => {
                client.output_at += n;
                client.writable = !full;
                self.row.tx.add(n as u64);
                self.touch(key);
                if full { Output::Full } else { Output::Clear }
            }
            Err(_) => {
                self.close(key);
                Output::Gone
            }
        }
    }

    /// Flush: the rest of the response, then the next request or the end.
    pub(crate) fn flush(&mut self, key: Key, keep: bool) -> bool {
        if self.flush_output(key) != Output::Clear {
            return false;
        }
        let Some(client) = self.clients.get_mut(key) else { return false };
        if keep {
            client.reset();
            self.arm(key, self.idle_time());
            return true;
        }
        if client.surplus || client.readable || !client.input.is_empty() {
            net::finish_writing(&client.fd);
            client.state = State::Linger;
            self.arm(key, crate::timers::LINGER);
            return true;
        }
        self.close(key);
        false
    }

    /// Linger: throws input away until the client closes.
    pub(crate) fn linger(&mut self, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        match net::read(&client.fd, &mut self.scratch) {
            Read::Bytes(_) => true,
            Read::Empty => false,
            Read::Eof | Read::Failed(_) => {
                self.close(key);
                false
            }
        }
    }
}
