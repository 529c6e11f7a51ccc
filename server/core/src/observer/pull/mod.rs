//! Clients that pull metrics over HTTP/1.1: Prometheus, and whoever asks for health.
//!
//! The endpoint keeps connections, answers what was sent ahead in order, and bounds everything: how
//! many clients there are, how long a head may take, how large it may be, how long an answer may
//! wait to be read. `uwsgi_proto::scrape` reads requests and knows no socket; `page` makes documents and knows no
//! HTTP; `serve` is between them. Who may not read is told so, counted, and named in the log once in
//! a while.

mod connection;
pub(super) mod page;
mod refusal;

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::instance::Instance;
use crate::log;
use crate::sockets::Listener;
use refusal::{Reason, Refusals};

/// Clients served at the same time; one more is refused, never queued.
const MAX_CLIENTS: usize = 256;

/// Places that those who are being served keep for others: who is only waiting is sent away before.
const SPARE: usize = MAX_CLIENTS / 4;

/// A handshake takes a few round trips.
#[cfg(feature = "tls")]
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What all clients share.
#[derive(Clone)]
pub(super) struct Site {
    instance: &'static Instance,
    room: Arc<Semaphore>,
    refusals: Arc<Refusals>,
}

impl Site {
    pub(super) fn new(instance: &'static Instance) -> Site {
        let (room, refusals) = (Arc::new(Semaphore::new(MAX_CLIENTS)), Arc::default());
        Site { instance, room, refusals }
    }

    /// Serves a socket from now on.
    pub(super) fn start(&self, listener: &'static Listener) {
        for fd in [Some(&listener.fd), listener.alias.as_ref()].into_iter().flatten() {
            if let Err(e) = self.accept_on(listener, fd) {
                log!("observer: unable to serve {}: {e}", listener.name);
            }
        }
    }

    fn accept_on(&self, listener: &Listener, fd: &std::os::fd::OwnedFd) -> std::io::Result<()> {
        let (fd, site) = (fd.as_fd().try_clone_to_owned()?, self.clone());
        if listener.tcp {
            let listener = TcpListener::from_std(fd.into())?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => site.admit(stream, Some(peer.ip())),
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                }
            });
        } else {
            let listener = UnixListener::from_std(fd.into())?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => site.admit(stream, None),
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                }
            });
        }
        Ok(())
    }

    /// Who comes over a UNIX socket was admitted by its mode.
    fn admit<S>(&self, stream: S, peer: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let allow = &self.instance.settings.prometheus.allow;
        let stranger = |ip: IpAddr| !allow.is_empty() && !allow.iter().any(|net| net.contains(ip));
        if peer.is_some_and(stranger) {
            return self.refuse(Reason::Address, peer);
        }
        if self.instance.guard.shut {
            let encrypted = self.instance.settings.prometheus.tls.is_some();
            let reason = if encrypted { Reason::Tls } else { Reason::Credentials };
            return self.refuse(reason, peer);
        }
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            return self.refuse(Reason::Room, peer);
        };
        let site = self.clone();
        tokio::spawn(async move {
            site.serve(stream, peer).await;
            drop(permit);
        });
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, peer: Option<IpAddr>) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.instance.guard.tls {
            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => connection::serve(self, stream, peer).await,
                _ => self.refuse(Reason::Tls, peer),
            }
            return;
        }
        connection::serve(self, stream, peer).await;
    }

    /// Whether a client may stay after its answer.
    fn may_keep(&self) -> bool {
        self.room.available_permits() >= SPARE
    }

    fn refuse(&self, reason: Reason, peer: Option<IpAddr>) {
        self.refusals.note(self.instance, reason, peer);
    }
}
