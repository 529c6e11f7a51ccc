//! Bytes between a client and the worker that serves it, in both directions, with the slower
//! side setting the pace: of a request nothing is read while what was read before cannot be passed
//! on, of a response no more than a bounded amount.

use std::ops::Range;

use uwsgi_proto::link::{End, FrameReader, FrameStep};

use crate::client::State;
use crate::finish::Output;
use crate::net::{self, Read};
use crate::router::Router;
use crate::slab::Key;

/// Bytes of a response kept for a client that is slow to take them, so that its worker is free as
/// soon as it has said all, and everybody behind it is served.
const AHEAD: usize = 256 * 1024;

/// Reads in a row for one request before others get a turn (1 MiB).
const BURST: usize = 16;

impl Router<'_> {
    /// Busy: passes on what can be. True when the client left that state.
    pub(crate) fn exchange(&mut self, key: Key, link: Key) -> bool {
        if self.flush_output(key) == Output::Gone {
            return false;
        }
        let up = (0..BURST).all(|_| self.send_packet(key, link) && self.read_body(key, link));
        let down = (0..BURST).all(|_| self.relay(key, link));
        if up || down {
            self.unfinished.push(key);
        }
        self.clients.get(key).is_some_and(|c| c.state != State::Busy(link))
    }

    /// Sends the packet. True when all of it is gone.
    fn send_packet(&mut self, key: Key, link: Key) -> bool {
        let (Some(client), Some(conn)) = (self.clients.get_mut(key), self.links.all.get_mut(link))
        else {
            return false;
        };
        if client.is_sent() {
            return true;
        }
        if !conn.writable {
            return false;
        }
        match net::write(&conn.fd, &client.packet[client.sent..]) {
            Ok((n, full)) => {
                client.sent += n;
                if full {
                    self.wait_for_room(link);
                }
                self.touch(key);
                !full
            }
            Err(_) => {
                // The worker may have answered before it hung up: the reading side decides.
                (conn.writable, conn.broken) = (false, true);
                (conn.readable, conn.ended) = (true, true);
                false
            }
        }
    }

    /// The worker takes no more for now.
    fn wait_for_room(&mut self, link: Key) {
        let Some(conn) = self.links.all.get_mut(link) else { return };
        conn.writable = false;
        if !conn.watches_room {
            conn.watches_room = true;
            self.poll.rewatch_link(&conn.fd, link, true);
        }
    }

    /// Reads more of the request's body into the packet. True when there is something to send.
    fn read_body(&mut self, key: Key, link: Key) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        if client.state != State::Busy(link) || client.body.is_done() || !client.readable {
            return false;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let got = net::read(&client.fd, &mut scratch);
        let more = match got {
            Read::Bytes(n) => {
                client.readable = n == scratch.len() || client.ended;
                self.row.rx.add(n as u64);
                self.body_bytes(key, &scratch[..n])
            }
            Read::Empty => {
                client.readable = false;
                false
            }
            Read::Eof | Read::Failed(_) => {
                self.row.errors.add(1);
                self.refuse(key, 400);
                false
            }
        };
        self.scratch = scratch;
        more
    }

    fn body_bytes(&mut self, key: Key, bytes: &[u8]) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        client.packet.clear();
        client.sent = 0;
        let Ok(used) = client.body.take(bytes, &mut client.packet) else {
            self.row.bad_requests.add(1);
            self.refuse(key, 400);
            return false;
        };
        client.input.extend_from_slice(&bytes[used..]);
        self.touch(key);
        true
    }

    /// Passes one read of the response on. True when there may be more.
    fn relay(&mut self, key: Key, link: Key) -> bool {
        let (Some(client), Some(conn)) = (self.clients.get_mut(key), self.links.all.get_mut(link))
        else {
            return false;
        };
        // Of a worker that is gone no more comes than the kernel holds: its place must not stay
        // taken until the client has read all.
        if !conn.readable || (client.pending() >= AHEAD && !conn.ended) {
            return false;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let got = net::read(&conn.fd, &mut scratch);
        let more = match got {
            Read::Bytes(n) => {
                conn.readable = n == scratch.len() || conn.ended;
                let (payload, end) = unframe(&mut conn.reader, &mut scratch[..n]);
                let alive = self.send_payload(key, &scratch[payload]);
                if let (true, Some((end, used))) = (alive, end) {
                    self.response_ended(key, link, end, used < n);
                }
                alive && end.is_none()
            }
            Read::Empty => {
                conn.readable = false;
                false
            }
            Read::Eof => {
                let untouched = conn.broken;
                self.link_lost(key, link, untouched);
                false
            }
            // A UNIX peer that closes with our bytes unread resets the connection.
            Read::Failed(_) => {
                self.link_lost(key, link, true);
                false
            }
        };
        self.scratch = scratch;
        more
    }

    /// Sends response bytes, keeps what the client does not take yet. False when it is gone.
    fn send_payload(&mut self, key: Key, payload: &[u8]) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        if payload.is_empty() {
            return true;
        }
        client.responded = true;
        let mut sent = 0;
        if client.writable && !client.is_full() {
            match net::write(&client.fd, payload) {
                Ok((n, full)) => (sent, client.writable) = (n, !full),
                Err(_) => {
                    self.close(key);
                    return false;
                }
            }
        }
        if sent < payload.len() {
            client.keep_output(&payload[sent..]);
        }
        self.row.tx.add(sent as u64);
        self.touch(key);
        true
    }
}

/// Brings the payload of `bytes` together: where it lies afterwards, and the end of the response
/// with the bytes used up to it. A single frame, the usual case, is not moved.
fn unframe(reader: &mut FrameReader, bytes: &mut [u8]) -> (Range<usize>, Option<(End, usize)>) {
    let (mut start, mut stop, mut at) = (0, 0, 0);
    loop {
        match reader.next(bytes, at) {
            FrameStep::More => return (start..stop, None),
            FrameStep::End(end, used) => return (start..stop, Some((end, used))),
            FrameStep::Data(range) => {
                at = range.end;
                if start == stop {
                    (start, stop) = (range.start, range.end);
                } else {
                    let len = range.len();
                    bytes.copy_within(range, stop);
                    stop += len;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_proto::link::frame;

    #[test]
    fn frames_are_brought_together_and_the_end_is_found() {
        let end = End { flags: 1, worker: 2, core: 3 };
        let parts = [&frame(2)[..], b"ab", &frame(0), &frame(3), b"cde", &end.encode(), b"x"];
        let mut bytes = parts.concat();
        let total = bytes.len();
        let (range, found) = unframe(&mut FrameReader::response(), &mut bytes);
        assert_eq!(&bytes[range], b"abcde");
        assert_eq!(found, Some((end, total - 1)));
    }
}
