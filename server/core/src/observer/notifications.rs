//! Notifications in the observer: each datagram of `notify-socket` is a line of the log.
//!
//! Owns nothing. Whoever may write to the socket's path may write lines, so that what they send stays
//! one line each, and a turn takes a few of them, so that a flood keeps nobody else waiting.

use std::os::unix::net::UnixDatagram as Datagrams;

use tokio::net::UnixDatagram;

use super::datagrams::printable;
use crate::datagrams::{Endpoint, Purpose};
use crate::instance::Instance;
use crate::{clock, log};

/// Most bytes of a notification.
const LONGEST: usize = 8192;

/// Notifications taken before others have their turn.
const TURN: usize = 32;

/// Logs what comes until the observer ends.
pub(super) async fn run(instance: &'static Instance) {
    let mut sockets = instance.datagrams.iter();
    if let Some(socket) = sockets.find(|socket| socket.purpose == Purpose::Notify) {
        match receiver(socket) {
            Ok(receiver) => listen(&receiver).await,
            Err(e) => log!("observer: unable to serve {}: {e}", socket.configured),
        }
    }
    std::future::pending::<()>().await;
}

fn receiver(socket: &Endpoint) -> std::io::Result<UnixDatagram> {
    UnixDatagram::from_std(Datagrams::from(socket.fd.try_clone()?))
}

async fn listen(socket: &UnixDatagram) {
    let mut buffer = vec![0; LONGEST];
    while socket.readable().await.is_ok() {
        for _ in 0..TURN {
            let Ok(length) = socket.try_recv(&mut buffer) else { break };
            let text = buffer.get(..length).unwrap_or_default();
            let text = String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(text));
            log!("{} - [notify-socket] {}", clock::ctime(), printable(&text));
        }
        tokio::task::yield_now().await;
    }
}
