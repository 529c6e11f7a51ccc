//! Where the XMPP server of a domain is: its SRV records (RFC 2782), asked of the system's resolvers.
//!
//! The C library resolves names to addresses only. It refuses to insist: whatever goes wrong leaves
//! the domain itself as the place.

use std::net::{IpAddr, SocketAddr, UdpSocket as Blocking};
use std::time::Duration;

use ring::rand::SecureRandom;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long one resolver may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Resolvers that are asked, as many as the C library asks.
const MOST_RESOLVERS: usize = 3;

const SRV: u16 = 33;
const INTERNET: u16 = 1;

/// One place where a service is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    priority: u16,
    /// The heavier the better; negated, so that places sort by their order.
    lightness: i32,
    pub(super) host: String,
    pub(super) port: u16,
}

/// The places of a domain's clients, the best first; none when there is nothing to be known.
pub(super) async fn places(domain: &str) -> Vec<Place> {
    if domain.parse::<IpAddr>().is_ok() || !domain.contains('.') {
        return Vec::new();
    }
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let name = format!("_xmpp-client._tcp.{domain}");
    for resolver in resolvers(&text) {
        if let Ok(Some(found)) = timeout(PATIENCE, ask(resolver, &name)).await {
            return found;
        }
    }
    Vec::new()
}

fn resolvers(configuration: &str) -> Vec<SocketAddr> {
    let lines = configuration.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    addresses.take(MOST_RESOLVERS).map(|address| SocketAddr::new(address, 53)).collect()
}

async fn ask(resolver: SocketAddr, name: &str) -> Option<Vec<Place>> {
    let any: IpAddr = if resolver.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    // The port is the kernel's choice: together with the number it is what a forger must guess.
    let socket = Blocking::bind((any, 0)).ok()?;
    socket.set_nonblocking(true).ok()?;
    let socket = UdpSocket::from_std(socket).ok()?;
    socket.connect(resolver).await.ok()?;
    let mut id = [0; 2];
    ring::rand::SystemRandom::new().fill(&mut id).ok()?;
    let question = question(name)?;
    socket.send(&[&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &question].concat()).await.ok()?;
    let mut buffer = [0; 4096];
    loop {
        let size = socket.recv(&mut buffer).await.ok()?;
        let answer = buffer.get(..size)?;
        if answer.starts_with(&id) {
            return read(answer, &question);
        }
    }
}

/// Name, kind and class as they stand in a packet.
fn question(name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).ok().filter(|len| *len < 64)?);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&SRV.to_be_bytes());
    out.extend_from_slice(&INTERNET.to_be_bytes());
    Some(out)
}

/// The places of an answer; nothing when it is none to that question.
fn read(answer: &[u8], question: &[u8]) -> Option<Vec<Place>> {
    let (flags, count) = (number(answer, 2)?, number(answer, 6)?);
    let (is_answer, is_cut) = (flags & 0x8000 != 0, flags & 0x0200 != 0);
    // 3 says that there is no such name, which is an answer, too.
    let known = matches!(flags & 0xf, 0 | 3);
    if !is_answer || is_cut || !known || !answer.get(12..)?.starts_with(question) {
        return None;
    }
    let mut at = 12 + question.len();
    let mut places = Vec::new();
    for _ in 0..count {
        at = name(answer, at)?.1;
        let (kind, size) = (number(answer, at)?, usize::from(number(answer, at + 8)?));
        let data = at + 10;
        if kind == SRV {
            let host = name(answer, data + 6)?.0;
            let lightness = -i32::from(number(answer, data + 2)?);
            let (priority, port) = (number(answer, data)?, number(answer, data + 4)?);
            places.push(Place { priority, lightness, host, port });
        }
        at = data + size;
    }
    // The root as a host says that the domain has no such service.
    places.retain(|place| !place.host.is_empty());
    places.sort();
    Some(places)
}

fn number(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]))
}

/// A name and where the packet goes on behind it. Names point backwards only, which ends every
/// circle.
fn name(packet: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut end, mut limit) = (start, None, start);
    let mut labels = Vec::new();
    loop {
        let len = usize::from(*packet.get(at)?);
        match len {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..64 => {
                let label = packet.get(at + 1..at + 1 + len)?;
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + len;
            }
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = usize::from(number(packet, at)? & 0x3fff);
                if at >= limit {
                    return None;
                }
                limit = at;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, port: u16, host: &[u8]) -> Vec<u8> {
        // The owner is a pointer to the question's name.
        let mut out = vec![0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60];
        out.extend_from_slice(&(6 + host.len() as u16).to_be_bytes());
        for number in [priority, weight, port] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(host);
        out
    }

    fn answer(flags: u16, records: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
        let question = question("_xmpp-client._tcp.x.org").unwrap();
        let mut out = vec![7, 7];
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        out.extend_from_slice(&question);
        records.iter().for_each(|record| out.extend_from_slice(record));
        (out, question)
    }

    #[test]
    fn the_best_place_comes_first() {
        // `x.org` stands behind 12 bytes of head and 18 of the labels before it.
        let tail = [&b"\x02b1"[..], &[0xc0, 30]].concat();
        let records = [
            record(20, 9, 5222, b"\x04late\x00"),
            record(10, 1, 5223, b"\x05light\x00"),
            record(10, 5, 5224, &tail),
        ];
        let (packet, question) = answer(0x8180, &records);
        let places = read(&packet, &question).unwrap();
        let shown: Vec<_> = places.iter().map(|place| (place.host.as_str(), place.port)).collect();
        assert_eq!(shown, [("b1.x.org", 5224), ("light", 5223), ("late", 5222)]);
        for cut in 0..packet.len() {
            assert_eq!(read(&packet[..cut], &question), None, "{cut}");
        }
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        let records = [record(1, 1, 5222, b"\x01h\x00")];
        for (flags, taken) in [(0x8180, true), (0x0100, false), (0x8380, false), (0x8182, false)] {
            let (packet, question) = answer(flags, &records);
            assert_eq!(read(&packet, &question).is_some(), taken, "{flags:x}");
        }
        let (none, question) = answer(0x8183, &[]);
        assert_eq!(read(&none, &question), Some(Vec::new()));
        let (root, question) = answer(0x8180, &[record(0, 0, 0, b"\x00")]);
        assert_eq!(read(&root, &question), Some(Vec::new()));
        let (circle, question) = answer(0x8180, &[record(0, 0, 0, &[0xc0, 59])]);
        assert_eq!(read(&circle, &question), None);
        assert_eq!(read(&none, b"other"), None);
    }

    #[test]
    fn resolvers_are_those_of_the_system() {
        let text = "# nameserver 9.9.9.9\nnameserver 10.0.0.1\nsearch x\nnameserver ::1\n";
        let found: Vec<String> = resolvers(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["10.0.0.1:53", "[::1]:53"]);
        assert_eq!(question(&"x".repeat(64)), None);
    }

    #[tokio::test]
    async fn a_resolver_is_asked_and_others_are_not_believed() {
        let resolver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = resolver.local_addr().unwrap();
        let serve = async {
            let mut buffer = [0; 512];
            let (size, from) = resolver.recv_from(&mut buffer).await.unwrap();
            let (mut packet, question) = answer(0x8180, &[record(1, 1, 5269, b"\x01h\x00")]);
            assert_eq!(&buffer[12..size], question);
            packet[..2].copy_from_slice(&[!buffer[0], buffer[1]]);
            resolver.send_to(&packet, from).await.unwrap();
            packet[..2].copy_from_slice(&buffer[..2]);
            resolver.send_to(&packet, from).await.unwrap();
        };
        let (found, ()) = tokio::join!(ask(address, "_xmpp-client._tcp.x.org"), serve);
        assert_eq!(found.unwrap()[0].port, 5269);
        assert_eq!(places("localhost").await, []);
    }
}
