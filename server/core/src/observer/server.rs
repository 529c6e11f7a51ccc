//! Clients of the stats: accepted, answered, dropped when they take too long.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::answer;
use crate::instance::Instance;
use crate::log;
use crate::sockets::Listener;

/// Clients served at the same time; one more is refused, never queued.
const MAX_CLIENTS: usize = 512;

/// Time a client may take to accept a whole document.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// Longest request that is read in HTTP mode.
const MAX_REQUEST: usize = 8192;

/// What all clients share.
#[derive(Clone)]
pub(crate) struct State {
    instance: &'static Instance,
    room: Arc<Semaphore>,
}

impl State {
    pub(crate) fn new(instance: &'static Instance) -> State {
        State { instance, room: Arc::new(Semaphore::new(MAX_CLIENTS)) }
    }
}

/// Serves a stats socket from now on.
pub(crate) fn start(state: &State, listener: &'static Listener) {
    let name = &listener.name;
    for fd in [Some(&listener.fd), listener.alias.as_ref()].into_iter().flatten() {
        let Ok(fd) = fd.as_fd().try_clone_to_owned() else {
            log!("observer: unable to serve {name}: no descriptor left");
            continue;
        };
        let state = state.clone();
        if listener.tcp {
            let listener: std::net::TcpListener = fd.into();
            match TcpListener::from_std(listener) {
                Ok(listener) => drop(tokio::spawn(tcp(state, listener))),
                Err(e) => log!("observer: unable to serve {name}: {e}"),
            }
        } else {
            let listener: std::os::unix::net::UnixListener = fd.into();
            match UnixListener::from_std(listener) {
                Ok(listener) => drop(tokio::spawn(unix(state, listener))),
                Err(e) => log!("observer: unable to serve {name}: {e}"),
            }
        }
    }
}

async fn tcp(state: State, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&state, stream),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn unix(state: State, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&state, stream),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn admit<S>(state: &State, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let globals = state.instance.arena.globals();
    let Ok(permit) = Arc::clone(&state.room).try_acquire_owned() else {
        globals.stats_dropped.add(1);
        return;
    };
    let state = state.clone();
    globals.stats_clients.add_shared(1);
    tokio::spawn(async move {
        if !serve(&state, stream).await {
            globals.stats_dropped.add(1);
        }
        globals.stats_clients.sub_shared(1);
        drop(permit);
    });
}

/// True when the client got its answer.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(state: &State, mut stream: S) -> bool {
    let instance = state.instance;
    let (document, scrape) = if instance.settings.stats_http {
        let limit = Duration::from_secs(instance.settings.socket_timeout);
        let Ok(Some(bytes)) = timeout(limit, read_request(&mut stream)).await else { return false };
        let request = answer::understand(&bytes);
        answer::http(instance, &request)
    } else {
        (answer::stats(instance), None)
    };
    let written = timeout(WRITE_LIMIT, async {
        stream.write_all(&document).await?;
        stream.shutdown().await
    });
    let done = matches!(written.await, Ok(Ok(())));
    if let Some(scrape) = scrape {
        scrape.done(done);
    }
    if done {
        instance.arena.globals().stats_served.add(1);
    }
    done
}

/// The head of a request, or what there is of it when the client stops sending; `None` when it
/// said nothing.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let n = stream.read_buf(&mut bytes).await.ok()?;
        let complete = bytes.windows(4).any(|w| w == b"\r\n\r\n");
        // The original answers after a single read, so clients exist that send half a request.
        let bare = !bytes.windows(5).any(|w| w == b"HTTP/");
        if complete || (bare && !bytes.is_empty()) || bytes.len() >= MAX_REQUEST {
            return Some(bytes);
        }
        if n == 0 {
            return (!bytes.is_empty()).then_some(bytes);
        }
    }
}
