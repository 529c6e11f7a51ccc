//! `snmptrap:HOST[:PORT][;COMMUNITY]` and `snmpinform:...`: a message as a notification of SNMPv2c.
//!
//! A trap is sent and forgotten; an inform is sent until its receiver says that it has it. Several
//! receivers are separated by commas. `snmptrap:agentx` hands the notification to the SNMP agent of
//! the machine, whose subagent this instance is, and which knows whom to tell.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use uwsgi_snmp::{Kind, Message, Oid, Pdu, Value, VarBind, version};

use super::{Action, Delivery, Failure, Parsed};
use crate::net::{plain, within};
use crate::{Detail, Event, Facts, Notify};

/// Where managers listen for notifications.
const PORT: u16 = 162;

/// How often an inform is sent, at most.
const ATTEMPTS: u32 = 4;

/// The longest message in a notification: with everything else it fits into one datagram of any
/// network.
const LONGEST: usize = 1024;

/// Places below our branch: the notification, and what it carries.
mod place {
    pub(super) const ALARM: [u32; 2] = [0, 1];
    pub(super) const MESSAGE: [u32; 3] = [0, 2, 1];
    pub(super) const NAME: [u32; 3] = [0, 2, 2];
    pub(super) const KEY: [u32; 3] = [0, 2, 3];
    pub(super) const VALUE: [u32; 3] = [0, 2, 4];
    pub(super) const BOUND: [u32; 3] = [0, 2, 5];
    pub(super) const STATE: [u32; 3] = [0, 2, 6];
    pub(super) const SINCE: [u32; 3] = [0, 2, 7];
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Receiver {
    host: String,
    port: u16,
    community: Vec<u8>,
}

struct Trap {
    receivers: Vec<Receiver>,
    kind: Kind,
    limit: Duration,
    since_us: u64,
    next: i32,
    /// The event under way and who has it, so that another attempt tells the others only.
    told: (u64, Vec<bool>),
}

/// Reads the argument of `snmptrap`.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    if argument.trim() == "agentx" {
        let notify = facts.notify.ok_or("snmptrap:agentx wants snmp-agentx, which is not set")?;
        return Ok(Box::new(ThroughMaster { notify, since_us: facts.since_us }));
    }
    read(argument, Kind::Trap, facts)
}

/// Reads the argument of `snmpinform`.
pub(super) fn parse_inform(argument: &str, facts: &Facts) -> Parsed {
    read(argument, Kind::Inform, facts)
}

fn read(argument: &str, kind: Kind, facts: &Facts) -> Parsed {
    let receivers = argument.split(',').map(receiver).collect::<Result<Vec<_>, _>>()?;
    let limit = Duration::from_secs(facts.timeout.max(1));
    let since_us = facts.since_us;
    // Numbers of requests that no earlier process of this instance is still waiting for.
    let next = (since_us as i32) & 0xff_ffff;
    let told = (0, vec![false; receivers.len()]);
    Ok(Box::new(Trap { receivers, kind, limit, since_us, next, told }))
}

fn receiver(text: &str) -> Result<Receiver, String> {
    let (place, community) = text.trim().split_once(';').unwrap_or((text.trim(), "public"));
    let wrong = || format!("\"{text}\" is not HOST[:PORT][;COMMUNITY]");
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
        None if place.matches(':').count() > 1 => return Err(wrong()),
        None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
        None if port.is_empty() => PORT,
        None => return Err(wrong()),
    };
    if host.is_empty() || community.is_empty() {
        return Err(wrong());
    }
    Ok(Receiver { host: host.to_owned(), port, community: community.as_bytes().to_vec() })
}

impl Action for Trap {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(async move {
            if self.told.0 != event.at_us {
                self.told = (event.at_us, vec![false; self.receivers.len()]);
            }
            let mut failed = Ok(());
            for index in 0..self.receivers.len() {
                if self.told.1.get(index) == Some(&false) {
                    match self.tell(index, event).await {
                        Ok(()) => {
                            self.told.1.iter_mut().skip(index).take(1).for_each(|t| *t = true)
                        }
                        Err(failure) => failed = Err(failure),
                    }
                }
            }
            failed
        })
    }
}

impl Trap {
    async fn tell(&mut self, index: usize, event: &Event) -> Result<(), Failure> {
        let Some(receiver) = self.receivers.get(index) else { return Ok(()) };
        self.next = (self.next + 1) & 0x7fff_ffff;
        let binds = notification(event, self.since_us);
        let message = Message {
            version: version::V2C,
            community: receiver.community.clone(),
            pdu: Pdu::new(self.kind, self.next, binds),
        };
        let place = format!("{}:{}", receiver.host, receiver.port);
        let datagram = message.encode();
        let work = async {
            let socket = connect(&receiver.host, receiver.port).await;
            let socket = socket.map_err(|e| Failure::passing(format!("{place}: {}", plain(&e))))?;
            match self.kind {
                Kind::Inform => inform(&socket, &datagram, self.next, &place, self.limit).await,
                _ => {
                    let sent = socket.send(&datagram).await;
                    let failed = |e| Failure::passing(format!("{place}: {}", plain(&e)));
                    sent.map(drop).map_err(failed)
                }
            }
        };
        within(self.limit + Duration::from_secs(1), &place, work).await
    }
}

async fn connect(host: &str, port: u16) -> std::io::Result<UdpSocket> {
    let mut found = tokio::net::lookup_host((host, port)).await?;
    let to = found.next().ok_or(std::io::ErrorKind::NotFound)?;
    let from: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// Sends until the answer with this number comes.
async fn inform(
    socket: &UdpSocket,
    datagram: &[u8],
    number: i32,
    place: &str,
    limit: Duration,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 65_536];
    for _ in 0..ATTEMPTS {
        // Nobody there is the answer to the attempt before this one; another may find somebody.
        let _ = socket.send(datagram).await;
        let answer = timeout(limit / ATTEMPTS, async {
            loop {
                let Ok(length) = socket.recv(&mut buffer).await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let answer = buffer.get(..length).and_then(|bytes| Message::decode(bytes).ok());
                let ours = |pdu: &Pdu| pdu.kind == Kind::Response && pdu.request_id == number;
                if let Some(answer) = answer.filter(|answer| ours(&answer.pdu)) {
                    return answer.pdu.error_status;
                }
            }
        });
        match answer.await {
            Ok(0) => return Ok(()),
            Ok(error) => return Err(Failure::lasting(format!("{place}: error {error}"))),
            Err(_) => {}
        }
    }
    Err(Failure::passing(format!("{place}: nobody confirms it")))
}

/// Through the master agent of the machine.
struct ThroughMaster {
    notify: Notify,
    since_us: u64,
}

impl Action for ThroughMaster {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        let sent = (self.notify)(notification(event, self.since_us));
        Box::pin(async move { sent.map_err(Failure::passing) })
    }
}

/// What every notification carries, in the order that RFC 3416 wants, and what we have beyond.
fn notification(event: &Event, since_us: u64) -> Vec<VarBind> {
    let bind = |place: &[u32], value| VarBind { name: Oid::ours(place), value };
    let text = |text: &str| Value::Octets(text.as_bytes().to_vec());
    let uptime = (event.at_us.saturating_sub(since_us) / 10_000) as u32;
    let message = event.text.get(..LONGEST).unwrap_or(&event.text).to_vec();
    let mut binds = vec![
        VarBind { name: Oid::new(&[1, 3, 6, 1, 2, 1, 1, 3, 0]), value: Value::TimeTicks(uptime) },
        VarBind {
            name: Oid::new(&[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0]),
            value: Value::Oid(Oid::ours(&place::ALARM)),
        },
        bind(&place::MESSAGE, Value::Octets(message)),
        bind(&place::NAME, text(&event.alarm)),
    ];
    if let Some(Detail { key, value, bound, since, resolved }) = &event.detail {
        binds.extend([
            bind(&place::KEY, text(key)),
            bind(&place::VALUE, text(&value.to_string())),
            bind(&place::BOUND, text(&bound.to_string())),
            bind(&place::STATE, Value::Integer(if *resolved { 2 } else { 1 })),
            bind(&place::SINCE, Value::Counter64(*since)),
        ]);
    }
    binds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_have_a_place_and_a_community() {
        let read = |text| receiver(text).map(|r| (r.host, r.port, r.community)).ok();
        let is = |host: &str, port, community: &str| Some((host.into(), port, community.into()));
        for (text, want) in [
            ("nms:1162;secret", is("nms", 1162, "secret")),
            ("nms", is("nms", 162, "public")),
            ("nms;x", is("nms", 162, "x")),
            ("[::1]:1162;x", is("::1", 1162, "x")),
            ("[::1]", is("::1", 162, "public")),
            ("::1", None),
            ("nms:0", None),
            ("nms:trap", None),
            (":162", None),
            ("nms;", None),
            ("", None),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn a_notification_carries_what_the_threshold_knows() {
        let detail = Detail { key: "k".into(), value: 1.5, bound: 1.0, since: 9, resolved: true };
        let event = Event {
            alarm: "a".into(),
            text: vec![b'x'; 2000],
            at_us: 3_000_000,
            detail: Some(detail),
        };
        let binds = notification(&event, 1_000_000);
        assert_eq!(binds[0].value, Value::TimeTicks(200));
        assert_eq!(binds[1].value, Value::Oid(Oid::ours(&[0, 1])));
        assert_eq!(binds[2].value, Value::Octets(vec![b'x'; 1024]));
        let beyond: Vec<_> = binds[3..].iter().map(|bind| bind.value.clone()).collect();
        let text = |text: &str| Value::Octets(text.as_bytes().to_vec());
        let want =
            [text("a"), text("k"), text("1.5"), text("1"), Value::Integer(2), Value::Counter64(9)];
        assert_eq!(beyond, want);
    }

    #[test]
    fn without_a_master_agent_there_is_no_way_through_it() {
        let refused = parse("agentx", &Facts::default()).err();
        assert_eq!(refused.as_deref(), Some("snmptrap:agentx wants snmp-agentx, which is not set"));
    }
}
