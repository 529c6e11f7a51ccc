//! A response that did not arrive: its lines in the log, and who counts one that was taken too slowly.
//! Part of the request.

use rustix::io::Errno;
use uwsgi_proto::Known;

use super::{Core, Live};
use crate::instance::Instance;
use crate::worker::conn::Conn;
use crate::worker::reply::{Failure, Reply, Stage};
use crate::{log, logv, sockets};

/// A request as log lines name it.
pub(crate) struct Asker {
    method: String,
    uri: String,
    /// Address of the client, whoever brought the request.
    remote: String,
}

impl Asker {
    /// `peer` stands in where no variable names the client.
    pub(super) fn of(known: Known<'_>, peer: &str) -> Asker {
        let remote = match known.remote_addr() {
            b"" => peer.to_owned(),
            address => address.escape_ascii().to_string(),
        };
        Asker {
            method: known.method().escape_ascii().to_string(),
            uri: known.uri().escape_ascii().to_string(),
            remote,
        }
    }
}

/// How far a response came.
#[derive(Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) failure: Failure,
    pub(crate) stage: Stage,
    /// Bytes that went out.
    pub(crate) bytes: u64,
    /// For how long the client was waited for.
    pub(crate) waited_ms: u64,
}

impl Lost {
    /// What there is to tell of a response that has failed and was not told of.
    fn of(reply: &mut Reply) -> Option<Lost> {
        let failure = reply.failed.filter(|_| !std::mem::replace(&mut reply.told, true))?;
        let (stage, waited_ms) = (reply.stage, reply.waited_ms);
        Some(Lost { failure, stage, bytes: reply.gone(), waited_ms })
    }

    /// The lines about it.
    pub(crate) fn log(&self, instance: &Instance, asker: &Asker) {
        let Asker { method, uri, remote } = asker;
        let function = self.stage.function();
        match self.failure {
            Failure::Timeout => log!("{function} TIMEOUT !!!"),
            Failure::Slow => log!(
                "[uwsgi-slow] the response to {method} {uri} for {remote} was given up: {} bytes in {} ms of waiting",
                self.bytes,
                self.waited_ms
            ),
            Failure::Error(errno) => {
                log_sigpipe(instance, errno, asker);
                if !instance.settings.ignore_write_errors {
                    let (text, line) = (sockets::plain(&errno.into()), line!());
                    logv!(
                        "{function}: {text} [core/writer.c line {line}] during {method} {uri} ({remote})"
                    );
                }
            }
        }
    }
}

/// The line that tells of the signal in servers that let it come: with threads nobody knows whose it is.
fn log_sigpipe(instance: &Instance, errno: Errno, asker: &Asker) {
    if errno != Errno::PIPE || instance.settings.ignore_sigpipe {
        return;
    }
    let text = "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected)";
    match instance.settings.threads {
        1 => logv!("{text} on request {} (ip {}) !!!", asker.uri, asker.remote),
        _ => logv!("{text} !!!"),
    }
}

impl Live<'_> {
    /// Tells of a response that has just failed, before the application hears of it.
    pub(super) fn tell_failure(&mut self) {
        if let Some(lost) = Lost::of(self.reply) {
            lost.log(self.instance, &Asker::of(self.vars.known(), self.peer));
        }
    }
}

impl Core {
    /// The end of a request whose response has failed.
    pub(super) fn note_failure(&mut self, conn: &Conn) {
        let Some(failure) = self.reply.failed else { return };
        if let Some(lost) = Lost::of(&mut self.reply) {
            lost.log(self.instance, &Asker::of(self.vars.known(), &conn.peer));
        }
        count_slow(self.instance, conn, failure);
    }
}

/// Counts a client that took a response too slowly, for the socket it came through.
pub(crate) fn count_slow(instance: &Instance, conn: &Conn, failure: Failure) {
    // The router's link is not listed.
    if failure == Failure::Slow && (conn.listener as usize) < instance.sockets.len() {
        instance.arena.socket(conn.listener).slow_reader.add_shared(1);
    }
}
