//! The body of a running request: received before the application runs where `post-buffering` says
//! so, read by the application, and what is said when that fails. Part of the request.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use uwsgi_abi::OK;

use super::{Core, Live, REFUSED};
use crate::settings::Protocol;
use crate::sockets;
use crate::worker::body::Body;
use crate::worker::conn::Conn;
use crate::worker::io;
use crate::worker::progress::Progress;
use crate::worker::stored::Plan;
use crate::worker::trouble::Trouble;
use crate::worker::wire::Meta;
use crate::{log, logv};

impl Live<'_> {
    /// Receives the whole body, where it is to be stored. False: that failed, and the request is
    /// over.
    pub(super) fn store_body(&mut self, plan: &Plan, meta: &Meta) -> bool {
        if (meta.post_file && self.take_post_file()) || plan.threshold == 0 {
            return true;
        }
        if !self.body.is_here() {
            self.invite_body();
        }
        let fd: BorrowedFd<'_> = self.wire.fd;
        let (instance, core, clock) = (self.instance, self.core, self.wire.clock);
        let mut progress = self.begin_progress(plan);
        // The time that a body takes is not the application's.
        let mut each = |received: u64| {
            if let Some(progress) = &mut progress {
                progress.note(received);
            }
            if instance.settings.inflight {
                let record = instance.arena.inflight(core.0, core.1);
                record.postpone(clock.shared_us(clock.now_us()));
            }
        };
        let stored = match self.body.is_here() {
            true => self.body.store(fd, plan, &mut each),
            false => self.phases.reading(clock, || self.body.store(fd, plan, &mut each)),
        };
        let Err((trouble, wanted)) = stored else { return true };
        self.body.errors += 1;
        self.body.trouble = trouble;
        self.log_trouble(trouble, wanted, 0);
        self.refuse_body(trouble, self.protocol);
        false
    }

    /// Puts the file that the web server has stored the body in (`UWSGI_POSTFILE`) in its place. False:
    /// it cannot be opened, and the body is what comes on the connection.
    fn take_post_file(&mut self) -> bool {
        let known = self.vars.known();
        let path = Path::new(OsStr::from_bytes(known.post_file()));
        // What is no file does not hold up the core.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(CWD, path, flags, Mode::empty()) {
            Ok(fd) => {
                self.body.stand_in(fd.into(), known.content_length());
                self.note_body();
                true
            }
            Err(errno) => {
                let (text, line) = (sockets::plain(&errno.into()), line!());
                log!("open(\"{}\"): {text} [core/protocol.c line {line}]", path.display());
                false
            }
        }
    }

    /// Where an upload that goes to a file tells how far it has come.
    fn begin_progress(&self, plan: &Plan) -> Option<Progress> {
        let (directory, known) = (plan.progress.as_ref()?, self.vars.known());
        let size = known.content_length();
        (size >= plan.threshold).then(|| Progress::begin(directory, known.uri(), size)).flatten()
    }

    /// A client that waits for it hears that its body is wanted.
    pub(super) fn invite_body(&mut self) {
        if std::mem::take(&mut self.continue_first) {
            let mut switches = 0;
            let text = b"HTTP/1.1 100 Continue\r\n\r\n";
            // A client that left is noticed by the read that follows.
            let _ = io::send_all(self.wire.fd, text, false, self.wire.timeout_ms, &mut switches);
        }
    }

    /// The request ends before an application saw it.
    fn refuse_body(&mut self, trouble: Trouble, protocol: Protocol) {
        self.app = REFUSED;
        let silent = self.instance.settings.policy.clients.silent;
        let hears = !silent && (protocol.is_http() || protocol == Protocol::Link);
        let status: &[u8] = match trouble {
            _ if !hears => return,
            Trouble::Closed | Trouble::Errno(_) | Trouble::Unknown => return,
            Trouble::Timeout | Trouble::Slow => b"408 Request Timeout",
            Trouble::Coding => b"400 Bad Request",
            Trouble::TooLarge => b"413 Request Entity Too Large",
            Trouble::NoRoom(_) => return self.reply.error_page(&self.wire),
        };
        let headers: [(&[u8], &[u8]); 2] =
            [(b"Connection", b"close"), (b"Content-Type", b"text/plain")];
        if self.reply.set_head(&self.wire, status, headers.into_iter()) == OK {
            self.reply.write(&self.wire, &status[4..], true);
        }
    }

    /// One read of the application failed.
    pub(super) fn log_read_error(&self, wanted: usize) {
        self.log_trouble(self.body.trouble, wanted as u64, self.body.consumed);
    }

    fn log_trouble(&self, trouble: Trouble, wanted: u64, consumed: u64) {
        let total = self.vars.known().content_length();
        let left = total.saturating_sub(consumed);
        let text = match trouble {
            Trouble::Timeout | Trouble::Slow => {
                log!(
                    "[uwsgi-body-read] Timeout reading {wanted} bytes. Content-Length: {total} consumed: {consumed} left: {left}"
                );
                return;
            }
            Trouble::NoRoom(errno) => {
                let known = self.vars.known();
                let (method, uri) = (known.method().escape_ascii(), known.uri().escape_ascii());
                log!(
                    "[uwsgi-body-store] unable to store the body of {method} {uri}: {}",
                    sockets::plain(&errno.into())
                );
                return;
            }
            Trouble::Unknown => {
                logv!("!!! the current protocol does not support request body !!!");
                "no bodies in this protocol".to_owned()
            }
            Trouble::Closed => "Client closed connection".to_owned(),
            Trouble::Coding => "invalid coding of the body".to_owned(),
            Trouble::TooLarge => "larger than limit-post".to_owned(),
            Trouble::Errno(errno) => sockets::plain(&errno.into()),
        };
        log!(
            "[uwsgi-body-read] Error reading {wanted} bytes. Content-Length: {total} consumed: {consumed} left: {left} message: {text}"
        );
    }
}

impl Core {
    /// Counts a body that a limit of the socket ended.
    pub(super) fn note_trouble(&self, conn: &Conn, body: &Body) {
        if body.errors == 0 {
            return;
        }
        if body.trouble == Trouble::Slow {
            let known = self.vars.known();
            let remote = match known.remote_addr() {
                b"" => conn.peer.as_bytes(),
                address => address,
            };
            let (method, uri) = (known.method().escape_ascii(), known.uri().escape_ascii());
            log!(
                "[uwsgi-slow] the body of {method} {uri} from {} was given up: {} bytes in {} ms of waiting",
                remote.escape_ascii(),
                body.consumed,
                body.waited_ms
            );
        }
        // The router's link is not listed.
        if conn.listener as usize >= self.instance.sockets.len() {
            return;
        }
        let row = self.instance.arena.socket(conn.listener);
        match body.trouble {
            Trouble::Slow => row.slow_body.add_shared(1),
            Trouble::TooLarge => row.limit_post.add_shared(1),
            _ => {}
        }
    }
}
