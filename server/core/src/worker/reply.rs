//! The response on its way out: head, framing, body, and the link's frames around them.
//!
//! Owns the order of bytes and the decision when a response is complete. A request is counted
//! just before the system call that completes its response, so that what was answered was
//! counted even if the worker is killed in that call.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use uwsgi_abi::{HEADERS_LIMIT, HEADERS_SENT, OK, WRITE_ERROR};
use uwsgi_metrics::CoreRow;
use uwsgi_proto::{BodyFraming, Exchange, Framing, ResponseHead, chunked, framing};

use super::app::AppCount;
use super::clock::Clock;
use super::frames::{Ending, Frames};
use super::io;
use super::outbox::Outbox;
use super::records;
use super::traffic::Traffic;
use crate::policy::{DrainBounds as Bounds, Pace};

mod page;
mod raw;
mod sending;
mod stage;

pub(crate) use stage::Stage;

/// Bodies up to this size travel in the same buffer and system call as their head.
const COPY_LIMIT: usize = 16 * 1024;

/// Where a response goes.
pub(crate) struct Wire<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) exchange: Exchange,
    /// What is around the bytes of the response.
    pub(crate) frames: Frames,
    /// Data and the end of a connection travel together when the data is held back for a moment;
    /// elsewhere than in TCP that is one system call for nothing.
    pub(crate) tcp: bool,
    /// `HTTP/1.1` of the request, or what stands in for it.
    pub(crate) protocol: &'a [u8],
    /// This worker is about to end: a router is told to come back on another connection.
    pub(crate) retiring: bool,
    pub(crate) add_headers: &'a [(String, String)],
    /// The header that tells the id of the request, and that id.
    pub(crate) id_header: Option<(&'a str, &'a [u8])>,
    pub(crate) timeout_ms: i32,
    /// How slowly the client may take the response as a whole.
    pub(crate) pace: Pace,
    /// How much of a response the reactor may be left with.
    pub(crate) bounds: Bounds,
    pub(crate) row: &'a CoreRow,
    pub(crate) traffic: Traffic,
    pub(crate) clock: &'a Clock,
}

/// Builds and sends one response after the other; its buffers are kept.
pub(crate) struct Reply {
    head: ResponseHead,
    /// What is answered where an application fails: the first file that can be read.
    pages: Vec<String>,
    out: Vec<u8>,
    /// What the client did not take yet.
    pub(crate) outbox: Outbox,
    /// The end of the response is known: what is left of it may be put there.
    near_end: bool,
    framing: Option<Framing>,
    /// Bytes of the head on the wire.
    pub(crate) head_bytes: u64,
    /// The same without the lines that the framing added.
    pub(crate) own_head_bytes: u64,
    pub(crate) body_bytes: u64,
    /// Head is on the wire.
    pub(crate) sent: bool,
    /// Nothing more may follow.
    ended: bool,
    /// The end of the response is held back by the kernel until the connection is shut down, so
    /// that data and end travel as one packet (about a sixth of the cost of a short connection).
    pub(crate) corked: bool,
    /// The last system call was counted as an answer.
    counted: bool,
    /// The app that answers, once it is known.
    pub(crate) app: Option<AppCount>,
    /// A health check: part of no total.
    pub(crate) uncounted: bool,
    /// The connection is useless.
    pub(crate) failed: Option<Failure>,
    /// What was being sent when it became so.
    pub(crate) stage: Stage,
    /// The log has it.
    pub(crate) told: bool,
    /// Status of an answer that was given in its place.
    refusal: Option<u16>,
    /// For how long the client was waited for, milliseconds.
    pub(crate) waited_ms: u64,
    /// Bytes that this thread had sent when the response began.
    moved_at: u64,
    pub(crate) write_errors: u64,
    pub(crate) write_us: u64,
    /// When the system call began that carried the head, by the core's clock.
    pub(crate) first_us: Option<u64>,
    pub(crate) switches: u32,
    /// The body of the request was read, or is buffered, to its end.
    pub(crate) request_body_done: bool,
    /// Bytes went to the client past the response: only closing ends it.
    raw: bool,
    /// How many of them.
    pub(crate) raw_bytes: u64,
}

/// Why sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Timeout,
    /// Each wait was in time, all of them together were too much.
    Slow,
    Error(Errno),
}

impl Reply {
    pub(crate) fn new(limit: usize) -> Reply {
        Reply {
            head: ResponseHead::new(limit),
            pages: Vec::new(),
            out: Vec::with_capacity(COPY_LIMIT + 1024),
            outbox: Outbox::default(),
            near_end: false,
            framing: None,
            head_bytes: 0,
            own_head_bytes: 0,
            body_bytes: 0,
            sent: false,
            ended: false,
            corked: false,
            counted: false,
            app: None,
            uncounted: false,
            failed: None,
            stage: Stage::default(),
            told: false,
            refusal: None,
            waited_ms: 0,
            moved_at: 0,
            write_errors: 0,
            write_us: 0,
            first_us: None,
            switches: 0,
            request_body_done: true,
            raw: false,
            raw_bytes: 0,
        }
    }

    /// Forgets the last response.
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        self.out.clear();
        self.near_end = false;
        self.framing = None;
        self.head_bytes = 0;
        self.own_head_bytes = 0;
        self.body_bytes = 0;
        self.sent = false;
        self.ended = false;
        self.corked = false;
        self.counted = false;
        self.app = None;
        self.uncounted = false;
        self.failed = None;
        (self.told, self.waited_ms, self.moved_at) = (false, 0, io::moved().1);
        self.refusal = None;
        self.write_errors = 0;
        self.write_us = 0;
        self.first_us = None;
        self.switches = 1;
        self.request_body_done = true;
        (self.raw, self.raw_bytes) = (false, 0);
    }

    /// A plugin has the connection for itself: nothing of ours goes out on it.
    pub(crate) fn give_away(&mut self) {
        self.sent = true;
    }

    /// Status code, 0 before one is set.
    pub(crate) fn status(&self) -> u16 {
        self.head.facts().status
    }

    /// Status code as it is counted: an app that said nothing has failed.
    pub(crate) fn outcome(&self) -> u16 {
        if self.app.is_some() && !self.has_head() { 500 } else { self.status() }
    }

    /// Header lines, without the status line.
    pub(crate) fn headers(&self) -> u32 {
        self.head.facts().headers
    }

    pub(crate) fn has_head(&self) -> bool {
        self.head.is_started()
    }

    /// Sets status and headers; see `Server::head` of the ABI.
    pub(crate) fn set_head<'k, 'v>(
        &mut self,
        wire: &Wire<'_>,
        status: &[u8],
        headers: impl Iterator<Item = (&'k [u8], &'v [u8])>,
    ) -> i32 {
        if self.sent {
            return HEADERS_SENT;
        }
        let build = |head: &mut ResponseHead| {
            head.start(wire.protocol, status)?;
            let mut id_header = wire.id_header;
            for (name, value) in headers {
                // An application that tells an id itself knows better.
                id_header = id_header.filter(|(id, _)| !name.eq_ignore_ascii_case(id.as_bytes()));
                head.header(name, value)?;
            }
            for (name, value) in wire.add_headers {
                head.header(name.as_bytes(), value.as_bytes())?;
            }
            id_header.map_or(Ok(()), |(name, id)| head.header(name.as_bytes(), id))
        };
        match build(&mut self.head) {
            Ok(()) => OK,
            Err(e) => {
                crate::log!("response refused: {e}");
                // Half a head is none.
                self.head.clear();
                HEADERS_LIMIT
            }
        }
    }

    /// Sends body bytes, the head in front of the first; `last` when nothing follows.
    pub(crate) fn write(&mut self, wire: &Wire<'_>, data: &[u8], last: bool) -> i32 {
        if self.failed.is_some() {
            self.write_errors += 1;
            return WRITE_ERROR;
        }
        if self.ended || !(self.head.is_started() || self.raw) {
            return OK;
        }
        self.begin_frame(wire);
        self.stage_body(data.is_empty());
        let framing = self.take_head(wire, last.then_some(data.len() as u64));
        let body = self.visible(&framing, data);
        let chunk = framing.body == BodyFraming::Chunked && !body.is_empty();
        let complete = last || self.completes(&framing, body.len() as u64);
        self.near_end = complete || self.ends_within(&framing, wire.bounds);
        if chunk {
            let mut line = [0; 18];
            self.out.extend_from_slice(chunked::chunk_line(body.len(), &mut line));
        }
        self.body_bytes += body.len() as u64;
        if complete {
            self.count(wire);
        }
        let sent = if body.len() <= COPY_LIMIT {
            self.out.extend_from_slice(body);
            self.tail(wire, chunk, complete, &framing, 0);
            self.corked = wire.tcp && complete && !framing.keep && !wire.frames.outlive();
            self.flush(wire, self.corked)
        } else {
            self.send_large(wire, body, chunk, complete, &framing)
        };
        self.result(sent)
    }

    /// Sends a body where it lies, with what stands around it in one call.
    fn send_large(
        &mut self,
        wire: &Wire<'_>,
        body: &[u8],
        chunk: bool,
        complete: bool,
        framing: &Framing,
    ) -> Result<(), Failure> {
        let tail_of_frame = if chunk { chunked::CRLF.len() } else { 0 }
            + if complete && framing.body == BodyFraming::Chunked {
                chunked::LAST.len()
            } else {
                0
            };
        if let Frames::Records { id, .. } = wire.frames {
            wire.frames.close(&mut self.out, 0);
            self.flush(wire, true)?;
            self.timed(wire, |reply| {
                records::each(id, body, |slices| reply.put_slices(wire, slices))
            })?;
            self.out.clear();
            self.tail_bytes(chunk, complete, framing);
            self.end_frames(wire, complete, framing);
            return self.flush(wire, false);
        }
        wire.frames.close(&mut self.out, body.len() + tail_of_frame);
        let in_front = self.out.len();
        self.tail_bytes(chunk, complete, framing);
        self.end_frames(wire, complete, framing);
        let out = std::mem::take(&mut self.out);
        let (head, tail) = out.split_at(in_front);
        let sent = self.timed(wire, |reply| match (head, tail) {
            ([], []) => reply.put(wire, body, false),
            _ => reply.put_slices(wire, &mut [head, body, tail].map(IoSlice::new)),
        });
        self.out = out;
        sent
    }

    /// Leaves room for the header of a frame.
    fn begin_frame(&mut self, wire: &Wire<'_>) {
        self.out.clear();
        wire.frames.open(&mut self.out);
    }

    /// Decides the framing with the first bytes and puts the head in front of them.
    fn take_head(&mut self, wire: &Wire<'_>, known: Option<u64>) -> Framing {
        if let Some(framing) = self.framing {
            return framing;
        }
        if self.raw && !self.head.is_started() {
            let decided = Reply::after_raw();
            (self.framing, self.sent) = (Some(decided), true);
            return decided;
        }
        let mut exchange = wire.exchange;
        exchange.server_close |= !self.request_body_done || self.raw;
        let mut decided = framing(&exchange, self.head.facts(), known);
        if let (BodyFraming::Length(promised), Some(len)) = (decided.body, known)
            && len < promised
        {
            // Only the end of the connection tells that no more comes.
            exchange.server_close = true;
            decided = framing(&exchange, self.head.facts(), known);
        }
        self.own_head_bytes = self.head.byte_len() as u64 + 2;
        let head = self.head.finish(&decided);
        self.head_bytes = head.len() as u64;
        self.out.extend_from_slice(head);
        self.framing = Some(decided);
        self.sent = true;
        decided
    }

    /// The part of `data` that belongs on the wire.
    fn visible<'d>(&self, framing: &Framing, data: &'d [u8]) -> &'d [u8] {
        match framing.body {
            BodyFraming::NoBody => &[],
            BodyFraming::Length(n) => {
                let left = n.saturating_sub(self.body_bytes);
                &data[..data.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
            }
            _ => data,
        }
    }

    fn completes(&self, framing: &Framing, more: u64) -> bool {
        match framing.body {
            BodyFraming::NoBody => true,
            BodyFraming::Length(n) => self.body_bytes + more >= n,
            _ => false,
        }
    }

    /// Whether what is left of a promised length could be put into the outbox. An endless response
    /// never is: what it says is worth something only now.
    fn ends_within(&self, framing: &Framing, bounds: Bounds) -> bool {
        match framing.body {
            BodyFraming::Length(n) => n.saturating_sub(self.body_bytes) <= bounds.connection as u64,
            _ => false,
        }
    }

    fn tail(
        &mut self,
        wire: &Wire<'_>,
        chunk: bool,
        complete: bool,
        framing: &Framing,
        extra: usize,
    ) {
        self.tail_bytes(chunk, complete, framing);
        wire.frames.close(&mut self.out, extra);
        self.end_frames(wire, complete, framing);
    }

    fn tail_bytes(&mut self, chunk: bool, complete: bool, framing: &Framing) {
        if chunk {
            self.out.extend_from_slice(chunked::CRLF);
        }
        if complete && framing.body == BodyFraming::Chunked {
            self.out.extend_from_slice(chunked::LAST);
        }
        self.ended |= complete;
    }

    fn end_frames(&mut self, wire: &Wire<'_>, complete: bool, framing: &Framing) {
        if complete {
            let (keep, body_read) = (framing.keep, self.request_body_done);
            wire.frames.end(&mut self.out, Ending { keep, body_read, leave: wire.retiring });
        }
    }

    fn count(&mut self, wire: &Wire<'_>) {
        if !self.counted && !self.uncounted {
            self.counted = true;
            wire.row.requests.add(1);
            let status = self.outcome();
            wire.row.count_response(status);
            wire.traffic.answered(status);
            if let Some(app) = self.app {
                app.answered(status);
            }
        }
    }

    fn result(&mut self, sent: Result<(), Failure>) -> i32 {
        match sent {
            Ok(()) => OK,
            Err(failure) => {
                self.settle_stage();
                self.failed = Some(failure);
                self.write_errors += 1;
                WRITE_ERROR
            }
        }
    }

    /// Sends `len` bytes of a file from `offset`.
    pub(crate) fn sendfile(
        &mut self,
        wire: &Wire<'_>,
        file: BorrowedFd<'_>,
        offset: u64,
        len: u64,
    ) -> i32 {
        if self.failed.is_some() {
            self.write_errors += 1;
            return WRITE_ERROR;
        }
        if self.ended || !self.head.is_started() {
            return OK;
        }
        self.begin_frame(wire);
        self.stage_file();
        let framing = self.take_head(wire, Some(len));
        let len = match framing.body {
            BodyFraming::NoBody => 0,
            BodyFraming::Length(n) => len.min(n.saturating_sub(self.body_bytes)),
            _ => len,
        };
        let sent = self.send_file(wire, file, offset, len, &framing);
        self.result(sent)
    }

    fn send_file(
        &mut self,
        wire: &Wire<'_>,
        file: BorrowedFd<'_>,
        offset: u64,
        len: u64,
        framing: &Framing,
    ) -> Result<(), Failure> {
        let (mut at, end) = (offset, offset + len);
        loop {
            let part = (end - at).min(wire.frames.most());
            let chunk = framing.body == BodyFraming::Chunked && part > 0;
            if chunk {
                let mut line = [0; 18];
                self.out.extend_from_slice(chunked::chunk_line(part as usize, &mut line));
            }
            let crlf = if chunk { chunked::CRLF.len() } else { 0 };
            wire.frames.close(&mut self.out, part as usize + crlf);
            self.flush(wire, true)?;
            self.stage_file();
            self.body_bytes += part;
            let complete = at + part == end && self.completes(framing, 0);
            if complete {
                self.count(wire);
            }
            self.near_end = complete;
            self.timed(wire, |reply| reply.copy_file(wire, file, at, part))?;
            at += part;
            self.out.clear();
            self.tail_bytes(chunk, complete, framing);
            self.end_frames(wire, complete, framing);
            self.flush(wire, false)?;
            if at == end {
                return Ok(());
            }
            self.begin_frame(wire);
        }
    }

    /// The app is done: sends what is still owed. True when the connection may live on.
    /// `broken`: an exception ended the app.
    pub(crate) fn finish(
        &mut self,
        wire: &Wire<'_>,
        page_without_head: bool,
        broken: bool,
    ) -> bool {
        if self.failed.is_none() && !self.sent {
            if self.head.is_started() || self.raw {
                self.write(wire, b"", true);
            } else if page_without_head {
                self.error_page(wire);
            } else if let Frames::Records { .. } = wire.frames {
                self.end_empty(wire);
            }
        } else if self.failed.is_none() && !self.ended {
            self.finish_body(wire, broken);
        }
        self.count(wire);
        let complete = self.ended && self.failed.is_none() && self.request_body_done;
        // The router's connection outlives those of its clients.
        let kept = wire.frames.outlive() || self.framing.is_some_and(|f| f.keep);
        complete && kept && !wire.retiring
    }

    /// A body whose length was not known, or that is shorter than promised: of such a one, and of
    /// one that an exception cut off, only closing tells the client.
    fn finish_body(&mut self, wire: &Wire<'_>, broken: bool) {
        let Some(mut framing) = self.framing else { return };
        let short = broken || matches!(framing.body, BodyFraming::Length(_));
        if short && !wire.frames.is_link() {
            return;
        }
        if short {
            // The router closes; the link lives on.
            (framing.keep, framing.body) = (false, BodyFraming::Close);
        }
        self.count(wire);
        (self.near_end, self.stage) = (true, Stage::Body);
        self.begin_frame(wire);
        self.tail(wire, false, true, &framing, 0);
        let sent = self.flush(wire, false);
        self.result(sent);
    }

    /// The end of a response that never began, where the peer waits for one.
    fn end_empty(&mut self, wire: &Wire<'_>) {
        self.out.clear();
        wire.frames.end(&mut self.out, Ending::default());
        let sent = self.flush(wire, false);
        self.result(sent);
    }
}

#[cfg(test)]
#[path = "reply_test.rs"]
mod tests;
