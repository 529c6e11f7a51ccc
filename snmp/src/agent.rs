//! The agent: a datagram in, at most one datagram out, and what became of it.

use std::net::IpAddr;
use std::time::Duration;

use crate::acl::Network;
use crate::legacy;
use crate::message::{Message, version};
use crate::pdu::Kind;
use crate::reply::{self, Room};
use crate::tree::Tree;
use crate::usm::{Engine, Opened};

/// The largest answer: what a UDP datagram carries.
pub(crate) const LARGEST: usize = 65_507;

/// Who may ask, and how the agent behaves.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Communities of v1 and v2c; none of them is empty.
    pub communities: Vec<Vec<u8>>,
    /// Where requests may come from; empty for anywhere.
    pub networks: Vec<Network>,
    /// No answer to a GET of a name that is not there.
    pub silent: bool,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answered.
    Answered,
    /// No message, or not one that an agent answers.
    Malformed,
    /// Another community.
    Community,
    /// An address that may not ask.
    Denied,
    /// Not there, and silent about it.
    Silent,
    /// SNMPv3: not accepted; the answer, if there is one, is a report.
    Unauthentic,
}

/// The answer, if there is one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The datagram to send.
    pub answer: Option<Vec<u8>>,
    /// What became of the request.
    pub verdict: Verdict,
}

impl Outcome {
    pub(crate) fn dropped(verdict: Verdict) -> Outcome {
        Outcome { answer: None, verdict }
    }

    pub(crate) fn answered(answer: Vec<u8>) -> Outcome {
        Outcome { answer: Some(answer), verdict: Verdict::Answered }
    }
}

/// Who has the numbers. Asked only for requests that are to be answered.
pub trait Source {
    /// The tree of now.
    fn tree(&mut self) -> &Tree;
}

/// The agent.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    access: Access,
    engine: Option<Engine>,
}

impl Agent {
    /// An agent with these rules; without an engine it speaks no SNMPv3.
    pub fn new(access: Access, engine: Option<Engine>) -> Agent {
        Agent { access, engine }
    }

    /// Other communities than those of before.
    pub fn set_communities(&mut self, communities: Vec<Vec<u8>>) {
        self.access.communities = communities;
    }

    /// What to do with a datagram from this address, so long after the start of the engine.
    pub fn answer(
        &mut self,
        from: IpAddr,
        datagram: &[u8],
        now: Duration,
        source: &mut dyn Source,
    ) -> Outcome {
        let networks = &self.access.networks;
        if !networks.is_empty() && !networks.iter().any(|network| network.contains(from)) {
            return Outcome::dropped(Verdict::Denied);
        }
        match Message::version_of(datagram) {
            Ok(version::V1..=2) => self.plain(datagram, source),
            Ok(version::V3) => self.secured(datagram, now.as_secs(), source),
            _ => Outcome::dropped(Verdict::Malformed),
        }
    }

    /// A message with a community. The forgotten version 2 has always passed for v2c.
    fn plain(&self, datagram: &[u8], source: &mut dyn Source) -> Outcome {
        let Ok(message) = Message::decode(datagram) else {
            return Outcome::dropped(Verdict::Malformed);
        };
        if !self.access.communities.contains(&message.community) {
            return Outcome::dropped(Verdict::Community);
        }
        if !message.pdu.kind.wants_answer() {
            return Outcome::dropped(Verdict::Malformed);
        }
        let tree = source.tree();
        if self.access.silent && reply::lacks(&message.pdu, tree) {
            return Outcome::dropped(Verdict::Silent);
        }
        if let Some(answer) = single(&message, datagram, tree) {
            return Outcome::answered(answer);
        }
        let room = Room { v1: message.version == version::V1, size: LARGEST };
        match reply::reply(&message.pdu, tree, room) {
            Some(pdu) => Outcome::answered(Message { pdu, ..message }.encode()),
            None => Outcome::dropped(Verdict::Malformed),
        }
    }

    /// A message of SNMPv3.
    fn secured(&mut self, datagram: &[u8], time: u64, source: &mut dyn Source) -> Outcome {
        let Some(engine) = &mut self.engine else { return Outcome::dropped(Verdict::Malformed) };
        let (ticket, pdu) = match engine.open(datagram, time) {
            Opened::Request(ticket, pdu) => (ticket, pdu),
            Opened::Refused(answer) => return Outcome { answer, verdict: Verdict::Unauthentic },
            Opened::Malformed => return Outcome::dropped(Verdict::Malformed),
        };
        if !pdu.kind.wants_answer() {
            return Outcome::dropped(Verdict::Malformed);
        }
        let tree = source.tree();
        if self.access.silent && reply::lacks(&pdu, tree) {
            return Outcome::dropped(Verdict::Silent);
        }
        let room = Room { v1: false, size: ticket.size.min(LARGEST) };
        let sealed = reply::reply(&pdu, tree, room).and_then(|pdu| engine.seal(&ticket, pdu, time));
        sealed.map_or(Outcome::dropped(Verdict::Malformed), Outcome::answered)
    }
}

/// The answer to a GET of one name of ours that has a value, as it always was.
fn single(message: &Message, datagram: &[u8], tree: &Tree) -> Option<Vec<u8>> {
    let [bind] = &message.pdu.binds[..] else { return None };
    let ours = message.pdu.kind == Kind::Get && bind.name.in_branch().is_some();
    ours.then(|| legacy::answer(datagram, &tree.get(&bind.name)))?
}
