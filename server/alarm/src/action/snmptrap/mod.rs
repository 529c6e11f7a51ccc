//! `snmptrap:HOST[:PORT][;COMMUNITY]` and `snmpinform:...`: a message as a notification of SNMPv2c,
//! and with `;user=NAME` a trap of SNMPv3.
//!
//! A trap is sent and forgotten; an inform is sent until its receiver says that it has it. Several
//! receivers are separated by commas, and none waits for another. `snmptrap:agentx` hands the
//! notification to the SNMP agent of the machine, whose subagent this instance is, and which knows
//! whom to tell. Informs of SNMPv3 are refused: their authority is the receiver, not our engine.

mod way;

use std::time::Duration;

use tokio::task::JoinSet;
use uwsgi_snmp::{Kind, Message, Oid, Pdu, Value, VarBind, version};

use super::{Action, Delivery, Failure, Parsed};
use crate::net::within;
use crate::{Detail, Event, Facts, Notify, Seal};

/// Where managers listen for notifications.
const PORT: u16 = 162;

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

/// Who a receiver knows us as.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// A community of SNMPv2c.
    Community(String),
    /// A user of SNMPv3.
    User(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Receiver {
    host: String,
    port: u16,
    name: Name,
}

struct Trap {
    receivers: Vec<Receiver>,
    kind: Kind,
    limit: Duration,
    since_us: u64,
    seal: Option<Seal>,
    next: i32,
    /// The event under way and who is done with it, so that another attempt tells the others only.
    under_way: Option<(Event, Vec<bool>)>,
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
    for receiver in &receivers {
        known(&receiver.name, kind, facts)?;
    }
    let limit = Duration::from_secs(facts.timeout.max(1));
    let since_us = facts.since_us;
    // Numbers of requests that no earlier process of this instance is still waiting for.
    let next = (since_us as i32) & 0xff_ffff;
    let seal = facts.seal;
    Ok(Box::new(Trap { receivers, kind, limit, since_us, seal, next, under_way: None }))
}

/// Whether we can speak as this one.
fn known(name: &Name, kind: Kind, facts: &Facts) -> Result<(), String> {
    match name {
        Name::Community(_) => Ok(()),
        Name::User(_) if kind == Kind::Inform => {
            Err("snmpinform knows communities only; a user is for snmptrap".to_owned())
        }
        Name::User(user) if facts.snmp_users.contains(user) => Ok(()),
        Name::User(user) => Err(format!("there is no snmp-user \"{user}\"")),
    }
}

fn receiver(text: &str) -> Result<Receiver, String> {
    let (place, name) = text.trim().split_once(';').unwrap_or((text.trim(), "public"));
    let wrong = || format!("\"{text}\" is not HOST[:PORT][;COMMUNITY] or HOST[:PORT];user=NAME");
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
    let user = name.strip_prefix("user=");
    if host.is_empty() || user.unwrap_or(name).is_empty() {
        return Err(wrong());
    }
    let community = || Name::Community(name.to_owned());
    let name = user.map_or_else(community, |user| Name::User(user.to_owned()));
    Ok(Receiver { host: host.to_owned(), port, name })
}

impl Action for Trap {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(async move {
            let done = match self.under_way.take() {
                Some((same, done)) if same == *event => done,
                _ => vec![false; self.receivers.len()],
            };
            let mut ways = JoinSet::new();
            let waiting = |index: &usize| done.get(*index) == Some(&false);
            for index in (0..self.receivers.len()).filter(waiting) {
                ways.extend(self.way(index, event));
            }
            // It stays there while the ways are gone, also when this delivery is given up.
            let (_, done) = self.under_way.insert((event.clone(), done));
            let mut failures = Vec::new();
            while let Some(way) = ways.join_next().await {
                let Ok((index, result)) = way else { continue };
                let again = result.as_ref().is_err_and(|failure| failure.again);
                done.iter_mut().skip(index).take(1).for_each(|done| *done = !again);
                failures.extend(result.err());
            }
            let result = together(failures);
            if !result.as_ref().is_err_and(|failure| failure.again) {
                self.under_way = None;
            }
            result
        })
    }
}

/// One failure of many; it is worth another attempt when one of them is.
fn together(failures: Vec<Failure>) -> Result<(), Failure> {
    if failures.is_empty() {
        return Ok(());
    }
    let again = failures.iter().any(|failure| failure.again);
    let texts: Vec<String> = failures.into_iter().map(|failure| failure.text).collect();
    Err(Failure { text: texts.join("; "), again })
}

impl Trap {
    /// The way of an event to one receiver.
    fn way(
        &mut self,
        index: usize,
        event: &Event,
    ) -> Option<impl Future<Output = (usize, Result<(), Failure>)> + Send + use<>> {
        let Receiver { host, port, name } = self.receivers.get(index)?.clone();
        self.next = (self.next + 1) & 0x7fff_ffff;
        let (number, kind, limit) = (self.next, self.kind, self.limit);
        let sealed = self.datagram(&name, notification(event, self.since_us));
        Some(async move {
            let place = format!("{host}:{port}");
            let work = async {
                let datagram = sealed?;
                match kind {
                    Kind::Inform => way::confirmed(&host, port, &datagram, number, limit).await,
                    _ => way::sent(&host, port, &datagram).await,
                }
            };
            let named = |failure: Failure| Failure {
                text: format!("{place}: {}", failure.text),
                again: failure.again,
            };
            let done = within(limit + Duration::from_secs(1), "the receiver", work).await;
            (index, done.map_err(named))
        })
    }

    fn datagram(&self, name: &Name, binds: Vec<VarBind>) -> Result<Vec<u8>, Failure> {
        let pdu = Pdu::new(self.kind, self.next, binds);
        match name {
            Name::Community(community) => {
                let community = community.as_bytes().to_vec();
                Ok(Message { version: version::V2C, community, pdu }.encode())
            }
            Name::User(user) => {
                let seal = self.seal.ok_or("SNMPv3 is not running".to_owned());
                seal.and_then(|seal| seal(user, self.next, pdu)).map_err(Failure::lasting)
            }
        }
    }
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
    let message = shortened(&event.text).to_vec();
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

/// What of a message is told; no character is cut in two.
fn shortened(text: &[u8]) -> &[u8] {
    let Some((kept, next)) = text.split_at_checked(LONGEST) else { return text };
    let within = |octet: Option<&u8>| octet.is_some_and(|octet| octet & 0xc0 == 0x80);
    if !within(next.first()) {
        return kept;
    }
    let begins = |octet: &u8| octet & 0xc0 != 0x80;
    kept.iter().rposition(begins).and_then(|at| kept.get(..at)).unwrap_or(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_have_a_place_and_a_community() {
        let read = |text| receiver(text).map(|r| (r.host, r.port, r.name)).ok();
        let is = |host: &str, port, community: &str| {
            Some((host.to_owned(), port, Name::Community(community.into())))
        };
        for (text, want) in [
            ("nms:1162;secret", is("nms", 1162, "secret")),
            ("nms", is("nms", 162, "public")),
            ("nms;x", is("nms", 162, "x")),
            ("[::1]:1162;x", is("::1", 1162, "x")),
            ("[::1]", is("::1", 162, "public")),
            ("nms;user=joe", Some(("nms".to_owned(), 162, Name::User("joe".into())))),
            ("nms;user=", None),
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
    fn a_message_is_cut_between_characters() {
        for (text, want) in [
            ("x".repeat(1024), 1024),
            ("x".repeat(1025), 1024),
            ("x".repeat(1023) + "ö", 1023),
            ("x".repeat(1022) + "ö!", 1024),
            ("x".repeat(1021) + "\u{1f525}", 1021),
        ] {
            assert_eq!(shortened(text.as_bytes()).len(), want);
        }
        assert_eq!(shortened(&[0x80; 1030]).len(), 1024, "no text at all");
    }

    #[test]
    fn a_user_must_be_known_and_is_for_traps() {
        let facts = Facts { snmp_users: vec!["joe".into()], ..Facts::default() };
        assert!(parse("nms;user=joe", &facts).is_ok());
        for (read, text, want) in [
            (parse as fn(&str, &Facts) -> Parsed, "nms;user=eve", "no snmp-user \"eve\""),
            (parse_inform, "nms;user=joe", "a user is for snmptrap"),
        ] {
            let refused = read(text, &facts).err();
            assert!(refused.as_ref().is_some_and(|why| why.contains(want)), "{refused:?}");
        }
    }

    #[test]
    fn one_failure_that_passes_is_worth_another_attempt() {
        let (passing, lasting) = (Failure::passing("p"), Failure::lasting("l"));
        assert!(together(Vec::new()).is_ok());
        let both = together(vec![passing, lasting.clone()]).err().unwrap();
        assert_eq!((both.text.as_str(), both.again), ("p; l", true));
        assert!(!together(vec![lasting]).err().unwrap().again);
    }

    /// Two receivers that never answer must not keep the third from its message, and two events
    /// of one instant are two.
    #[tokio::test]
    async fn every_receiver_is_told_every_event() {
        let dead = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let alive = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        alive.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let [dead, port] = [&dead, &alive].map(|socket| socket.local_addr().unwrap().port());
        let text = format!("127.0.0.1:{dead},127.0.0.1:{dead},127.0.0.1:{port}");
        let manager = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            let mut texts = Vec::new();
            for _ in 0..2 {
                let (length, from) = alive.recv_from(&mut buffer).unwrap();
                let mut message = Message::decode(&buffer[..length]).unwrap();
                texts.push(message.pdu.binds[2].value.clone());
                message.pdu.kind = Kind::Response;
                alive.send_to(&message.encode(), from).unwrap();
            }
            texts
        });
        let facts = Facts { timeout: 1, ..Facts::default() };
        let mut action = parse_inform(&text, &facts).unwrap();
        for text in ["one", "two"] {
            let event = Event { text: text.into(), at_us: 7, ..Event::default() };
            let failure = action.deliver(&event).await.err().unwrap();
            assert_eq!(failure.text.matches("nobody confirms it").count(), 2, "{}", failure.text);
        }
        let text = |text: &str| Value::Octets(text.into());
        assert_eq!(manager.join().unwrap(), [text("one"), text("two")]);
    }

    #[test]
    fn without_a_master_agent_there_is_no_way_through_it() {
        let refused = parse("agentx", &Facts::default()).err();
        assert_eq!(refused.as_deref(), Some("snmptrap:agentx wants snmp-agentx, which is not set"));
    }
}
