//! Datagrams to a manager: names resolved, sockets made, confirmations waited for.
//!
//! Of a name with addresses of both families IPv4 comes first, where managers listen unless they
//! are told otherwise; an inform tries all addresses in turn.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use uwsgi_snmp::{Kind, Message, Pdu};

use super::Failure;
use crate::net::plain;

/// How often an inform is sent, at most.
const ATTEMPTS: u32 = 4;

/// Sends once, to the first address that can be sent to.
pub(super) async fn sent(host: &str, port: u16, datagram: &[u8]) -> Result<(), Failure> {
    let mut last = nobody();
    for to in addresses(host, port).await.map_err(passing)? {
        let done = async { connect(to).await?.send(datagram).await };
        match done.await {
            Ok(_) => return Ok(()),
            Err(e) => last = e,
        }
    }
    Err(passing(last))
}

/// Sends until the answer with this number comes.
pub(super) async fn confirmed(
    host: &str,
    port: u16,
    datagram: &[u8],
    number: i32,
    limit: Duration,
) -> Result<(), Failure> {
    let (mut sockets, mut last) = (Vec::new(), nobody());
    for to in addresses(host, port).await.map_err(passing)? {
        match connect(to).await {
            Ok(socket) => sockets.push(socket),
            Err(e) => last = e,
        }
    }
    if sockets.is_empty() {
        return Err(passing(last));
    }
    for socket in sockets.iter().cycle().take(ATTEMPTS as usize) {
        // Nobody there is the answer to the attempt before this one; another may find somebody.
        let _ = socket.send(datagram).await;
        match timeout(limit / ATTEMPTS, answer(socket, number)).await {
            Ok(0) => return Ok(()),
            Ok(error) => return Err(Failure::lasting(format!("error {error}"))),
            Err(_) => {}
        }
    }
    Err(Failure::passing("nobody confirms it"))
}

/// The error of the answer with this number; whatever else comes is passed over.
async fn answer(socket: &UdpSocket, number: i32) -> i32 {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok(length) = socket.recv(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let message = buffer.get(..length).and_then(|bytes| Message::decode(bytes).ok());
        let ours = |pdu: &Pdu| pdu.kind == Kind::Response && pdu.request_id == number;
        if let Some(message) = message.filter(|message| ours(&message.pdu)) {
            return message.pdu.error_status;
        }
    }
}

async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(in_order(uwsgi_net::names::lookup(host, port).await?.into_iter()))
}

fn in_order(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    found
}

async fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let from: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    Ok(socket)
}

fn nobody() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn passing(error: io::Error) -> Failure {
    Failure::passing(plain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_family_comes_first() {
        let all = ["[::1]:162", "10.0.0.2:162", "[::2]:162", "10.0.0.1:162", "10.0.0.1:162"];
        let found = in_order(all.into_iter().map(|text| text.parse().unwrap()));
        let texts: Vec<String> = found.iter().map(SocketAddr::to_string).collect();
        assert_eq!(texts, ["10.0.0.2:162", "10.0.0.1:162", "[::1]:162", "[::2]:162"]);
    }
}
