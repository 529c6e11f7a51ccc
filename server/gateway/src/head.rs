//! From bytes of a client to a request that waits for a worker.

use std::os::fd::AsRawFd;

use uwsgi_proto::proxy::{Awaits, Verdict};
use uwsgi_proto::{Head, HttpEnv, Parsed, parse_head};

use crate::client::State;
use crate::drain::Drain;
use crate::net::{self, Read};
use crate::request::{self, Body};
use crate::router::Router;
use crate::slab::Key;

impl Router<'_> {
    /// Reads until a head is complete. True while the client can be moved on.
    pub(crate) fn read_head(&mut self, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        if client.scanned < client.input.len() {
            self.head_in_input(key);
            return true;
        }
        if !client.readable {
            return false;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let got = net::read(&client.fd, &mut scratch);
        let moved = match got {
            Read::Bytes(n) => {
                client.readable = n == scratch.len() || client.ended;
                self.row.rx.add(n as u64);
                self.head_in_scratch(key, &scratch[..n]);
                true
            }
            Read::Empty => {
                client.readable = false;
                false
            }
            Read::Eof | Read::Failed(_) => {
                self.close(key);
                false
            }
        };
        self.scratch = scratch;
        moved
    }

    /// Looks for a head in what the client sent earlier.
    fn head_in_input(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let mut input = std::mem::take(&mut client.input);
        let used = self.try_head(key, &input);
        input.drain(..used);
        let Some(client) = self.clients.get_mut(key) else { return };
        client.scanned = if used == 0 { input.len() } else { 0 };
        client.input = input;
    }

    /// Looks for a head in what was just read; most requests never leave the scratch buffer.
    fn head_in_scratch(&mut self, key: Key, bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !client.input.is_empty() {
            client.input.extend_from_slice(bytes);
            return;
        }
        let used = self.try_head(key, bytes);
        let Some(client) = self.clients.get_mut(key) else { return };
        client.input.extend_from_slice(&bytes[used..]);
        if used == 0 {
            client.scanned = bytes.len();
            let limit = self.settings.headers_timeout;
            self.arm(key, self.grace().map_or(limit, |grace| limit.min(grace)));
        }
    }

    /// Parses a head: how many bytes were used, 0 while it is incomplete.
    fn try_head(&mut self, key: Key, bytes: &[u8]) -> usize {
        let Some(client) = self.clients.get_mut(key) else { return 0 };
        if client.awaits != Awaits::Request {
            return self.proxy_header(key, bytes);
        }
        let settings = self.settings;
        let env = HttpEnv {
            server_name: &settings.server_name,
            server_port: settings.fronts.get(client.front).map_or(b"", |f| f.port()),
            remote_addr: client.addr.as_bytes(),
            remote_port: Some(client.port.as_bytes()),
            extra_router_vars: true,
            keep_slashes: settings.keep_slashes,
            lenient: settings.lenient,
            ..HttpEnv::default()
        };
        let limit = settings.head_limit;
        match parse_head(bytes, client.scanned, &env, limit, &mut self.block) {
            Ok(Parsed::Partial) => 0,
            Ok(Parsed::Done(head)) => self.start_request(key, &head, bytes),
            Err(e) => {
                self.refuse_head(key, e.status(), &e.log_line(limit));
                bytes.len()
            }
        }
    }

    /// Takes what a balancer puts in front of the first request: how many bytes were used.
    fn proxy_header(&mut self, key: Key, bytes: &[u8]) -> usize {
        let Some(client) = self.clients.get_mut(key) else { return 0 };
        match client.awaits.judge(bytes) {
            Verdict::Wait => 0,
            Verdict::Go { skip: 0, origin } => {
                client.name(origin);
                self.try_head(key, bytes)
            }
            Verdict::Go { skip, origin } => {
                client.name(origin);
                client.scanned = 0;
                skip
            }
            Verdict::Refuse(why) => {
                let peer = client.addr.as_bytes().escape_ascii();
                let line = format!("invalid HTTP request: {why} ({peer})");
                self.refuse_head(key, 400, &line);
                bytes.len()
            }
        }
    }

    /// Makes the packet of a request and looks for a worker: how many bytes were used.
    fn start_request(&mut self, key: Key, head: &Head, bytes: &[u8]) -> usize {
        let size = self.block.as_bytes().len();
        if size > self.settings.buffer_size {
            let line = uwsgi_proto::uwsgi::oversize_line(size, self.settings.buffer_size);
            self.refuse_head(key, 431, &line);
            return bytes.len();
        }
        let Some(client) = self.clients.get_mut(key) else { return 0 };
        let may_keep = self.settings.keepalive.is_some() && self.drain == Drain::Open;
        client.keep = head.keep_alive && may_keep;
        let waited = std::mem::take(&mut client.waited_us);
        request::encode(head, client.keep, waited, &self.block, &mut client.packet);
        client.sent = 0;
        client.responded = false;
        client.body = Body::of(head);
        client.had_body = !client.body.is_done();
        let Ok(taken) = client.body.take(&bytes[head.head_len..], &mut client.packet) else {
            self.refuse_head(key, 400, "invalid HTTP request: broken chunk");
            return bytes.len();
        };
        client.expects = head.expect_continue && !client.body.is_done();
        client.state = State::Queued;
        uwsgi_usdt::gateway__request__start(|| {
            let known = self.block.known();
            let remote = client.addr.as_bytes();
            (self.settings.index, client.fd.as_raw_fd(), known.uri(), known.method(), remote)
        });
        self.row.requests.add(1);
        self.arm(key, self.settings.timeout);
        self.dispatch(key);
        head.head_len + taken
    }

    fn refuse_head(&mut self, key: Key, status: u16, line: &str) {
        self.row.bad_requests.add(1);
        (self.settings.log)(line);
        self.refuse(key, status);
    }
}
