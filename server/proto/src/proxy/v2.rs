//! Version 2: twelve bytes that no text protocol begins with, version and command, family and
//! transport, a length, and as many bytes: addresses, and behind them what nobody here reads
//! (type, length, value).

use std::net::{IpAddr, SocketAddr};

use super::{Origin, Start};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const HEAD: usize = 16;
/// Longest part behind the fixed one that is taken: UNIX addresses have 216 bytes, and certificates
/// of clients, the largest known values, a few kilobytes.
const MOST: usize = 16 * 1024;

pub(super) fn parse(input: &[u8]) -> Start {
    if !input.starts_with(SIGNATURE) {
        return if SIGNATURE.starts_with(input) { Start::Partial } else { Start::Absent };
    }
    let Some(head) = input.first_chunk::<HEAD>() else { return Start::Partial };
    let [.., command, family, high, low] = *head;
    let size = usize::from(u16::from_be_bytes([high, low]));
    if size > MOST || !matches!(command, 0x20 | 0x21) {
        return Start::Broken;
    }
    let Some(rest) = input.get(HEAD..HEAD + size) else { return Start::Partial };
    let origin = match command {
        // LOCAL: the balancer asks for itself, whatever follows.
        0x20 => Some(Origin::Unsaid),
        _ => client(family, rest),
    };
    match origin {
        Some(origin) => Start::Found { len: HEAD + size, origin },
        None => Start::Broken,
    }
}

/// Whom a family and its addresses name; `None` when they do not fit into what was announced.
fn client(family: u8, rest: &[u8]) -> Option<Origin> {
    Some(match family {
        0x11 => inet::<4>(rest)?,
        0x21 => inet::<16>(rest)?,
        0x31 => rest.get(..216).map(|_| Origin::Local)?,
        // Unspecified, or a transport of packets: nobody a stream could come from.
        _ => Origin::Unsaid,
    })
}

/// Two addresses of `N` bytes, two ports.
fn inet<const N: usize>(rest: &[u8]) -> Option<Origin>
where
    IpAddr: From<[u8; N]>,
{
    let (src, rest) = rest.split_first_chunk::<N>()?;
    let (dst, rest) = rest.split_first_chunk::<N>()?;
    let [from, to] = [rest.get(..2)?, rest.get(2..4)?].map(|b| u16::from_be_bytes([b[0], b[1]]));
    let address = |ip: &[u8; N], port| SocketAddr::new(IpAddr::from(*ip).to_canonical(), port);
    Some(Origin::Client { src: address(src, from), dst: address(dst, to) })
}
