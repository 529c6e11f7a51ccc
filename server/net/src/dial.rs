//! A stream to a host: resolving, connecting, and TLS where a target begins with it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Failure;
use super::target::Target;
use super::{Limits, Trust, plain, tls};

/// Anything that carries bytes both ways.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A stream in the clear or over TLS.
pub type Stream = Box<dyn Wire>;

/// A stream to a target, encrypted where its scheme says so.
pub async fn open(target: &Target, limits: Limits, trust: Trust) -> Result<Stream, Failure> {
    open_for(target, limits, trust, &[]).await
}

/// The same for one of these protocols, which TLS is to agree on.
pub async fn open_for(
    target: &Target,
    limits: Limits,
    trust: Trust,
    protocols: &[&[u8]],
) -> Result<Stream, Failure> {
    let work = async {
        let stream: Stream = Box::new(connect(&target.host, target.port, limits.connect).await?);
        match target.scheme.is_wrapped() {
            true => tls::over_for(stream, &target.host, trust, protocols).await,
            false => Ok(stream),
        }
    };
    super::within(limits.connect, &target.place(), work).await
}

/// Connects to the first address of a host that answers.
pub async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, Failure> {
    let until = Instant::now() + limit;
    let addresses = resolve(host, port, limit).await?;
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for (index, address) in addresses.iter().enumerate() {
        // A silent address must leave time for those behind it.
        let share =
            until.saturating_duration_since(Instant::now()) / (addresses.len() - index) as u32;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A dialogue is many small writes that each wait for an answer.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    let why = plain(&last);
    Err(Failure::passing(match last.kind() {
        io::ErrorKind::TimedOut => {
            format!(
                "Timeout was reached (no connection to {host}:{port} in {} s)",
                limit.as_secs_f64()
            )
        }
        _ => format!("Couldn't connect to server ({host}:{port}: {why})"),
    }))
}

async fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Failure> {
    let trouble =
        |why: String| Failure::passing(format!("Couldn't resolve host name ({host}: {why})"));
    match timeout(limit, super::names::lookup(host, port)).await {
        Ok(Ok(found)) if found.is_empty() => Err(trouble("no address".to_owned())),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(trouble(plain(&error))),
        Err(_) => Err(trouble("no answer in time".to_owned())),
    }
}
