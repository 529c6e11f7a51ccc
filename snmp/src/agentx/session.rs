//! The dialogue: open, register, answer, until one of the two ends it.
//!
//! ```text
//! open ─▶ Response ─▶ register ─▶ Response ─▶ (requests are answered, notifications sent)
//! ```

use super::packet::{Body, Packet, Range};
use crate::agent::Source;
use crate::oid::Oid;
use crate::pdu::{VarBind, status};
use crate::tree::Tree;
use crate::value::Value;

/// Seconds after which a master gives a request up.
const TIMEOUT: u8 = 5;

/// Whose names win where several subagents registered the same: smaller ones; this is the usual one.
const PRIORITY: u8 = 127;

/// The reason of an orderly end.
const SHUTDOWN: u8 = 5;

/// Context is not supported.
const UNSUPPORTED_CONTEXT: u16 = 262;

/// Another subagent has registered the same.
const DUPLICATE: u16 = 263;

/// The most values of one answer: what a datagram of a manager holds is less.
const MOST: usize = 4096;

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Registering,
    Registered,
}

/// What a packet comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To be sent.
    Send(Vec<u8>),
    /// We are registered: the numbers are to be seen from now on.
    Registered,
    /// Nothing is to be done.
    Nothing,
    /// The session is over, for this reason.
    Over(String),
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    state: State,
    id: u32,
    packets: u32,
    /// What is asked without waiting for an answer that matters.
    pings: u32,
}

impl Default for Session {
    fn default() -> Session {
        Session::new()
    }
}

impl Session {
    /// A session that is not open yet.
    pub fn new() -> Session {
        Session { state: State::Opening, id: 0, packets: 0, pings: 0 }
    }

    /// The first bytes: who we are.
    pub fn open(&mut self, description: &str) -> Vec<u8> {
        self.say(Body::Open(TIMEOUT, Oid::ours(&[]), description.as_bytes().to_vec()))
    }

    /// The last ones.
    pub fn close(&mut self) -> Vec<u8> {
        self.say(Body::Close(SHUTDOWN))
    }

    /// A question whether the master is there; its answer is a packet like any other.
    pub fn ping(&mut self) -> Vec<u8> {
        self.pings += 1;
        self.say(Body::Ping)
    }

    /// Pings without an answer.
    pub fn unanswered(&self) -> u32 {
        self.pings
    }

    /// A notification, which the master passes on to whom it knows; nothing before we are
    /// registered.
    pub fn notify(&mut self, binds: Vec<VarBind>) -> Option<Vec<u8>> {
        (self.state == State::Registered).then(|| self.say(Body::Notify(binds)))
    }

    /// A packet of the master. `uptime` is in hundredths of a second.
    pub fn receive(&mut self, packet: &Packet, numbers: &mut dyn Source, uptime: u32) -> Step {
        if let Body::Response(_, error, ..) = packet.body {
            return self.answered(packet, error);
        }
        if packet.session != self.id || self.state == State::Opening {
            return Step::Over(format!("a packet of session {} came", packet.session));
        }
        let (error, index, binds) = match &packet.body {
            Body::Close(reason) => {
                return Step::Over(format!("the master closed the session, reason {reason}"));
            }
            // Says that a try is over and wants no answer.
            Body::CleanupSet => return Step::Nothing,
            _ if packet.context.is_some() => (UNSUPPORTED_CONTEXT, 1, Vec::new()),
            Body::Get(names) => (0, 0, names.iter().map(get(numbers.tree())).collect()),
            Body::GetNext(ranges) => {
                let tree = numbers.tree();
                (0, 0, ranges.iter().map(|range| next(tree, range)).collect())
            }
            Body::GetBulk { non_repeaters, repetitions, ranges } => {
                (0, 0, bulk(numbers.tree(), *non_repeaters, *repetitions, ranges))
            }
            Body::TestSet(_) => (status::NOT_WRITABLE as u16, 1, Vec::new()),
            // Nothing was tried, so there is nothing to carry out or take back.
            Body::CommitSet => (14, 1, Vec::new()),
            Body::UndoSet => (15, 1, Vec::new()),
            Body::Ping => (0, 0, Vec::new()),
            other => return Step::Over(format!("the master sent {other:?}")),
        };
        let body = Body::Response(uptime, error, index, binds);
        Step::Send(Packet { context: None, body, ..packet.clone() }.encode())
    }

    fn answered(&mut self, packet: &Packet, error: u16) -> Step {
        self.pings = 0;
        match self.state {
            State::Opening if error == 0 => {
                self.id = packet.session;
                self.state = State::Registering;
                Step::Send(self.say(Body::Register(0, PRIORITY, Oid::ours(&[]))))
            }
            State::Opening => Step::Over(format!("the master refused the session, error {error}")),
            State::Registering if error == 0 => {
                self.state = State::Registered;
                Step::Registered
            }
            State::Registering => {
                // There is no way but to wait: the other one may leave.
                let why = if error == DUPLICATE { " (duplicate registration)" } else { "" };
                Step::Over(format!("the master refused the registration, error {error}{why}"))
            }
            // Answers to pings and notifications.
            State::Registered if error == 0 => Step::Nothing,
            State::Registered => Step::Over(format!("the master answered error {error}")),
        }
    }

    fn say(&mut self, body: Body) -> Vec<u8> {
        self.packets = self.packets.wrapping_add(1);
        let packet = self.packets;
        Packet { session: self.id, transaction: packet, packet, context: None, body }.encode()
    }
}

fn get(tree: &Tree) -> impl Fn(&Oid) -> VarBind {
    |name| {
        let value = match tree.get(name) {
            // Only requests of old have no better word for it.
            Value::Null => Value::NoSuchInstance,
            value => value,
        };
        VarBind { name: name.clone(), value }
    }
}

/// The first name of a range within our branch.
fn next(tree: &Tree, range: &Range) -> VarBind {
    let exact = || tree.rows().binary_search_by(|row| row.name.cmp(&range.start)).ok();
    let included = range.include.then(exact).flatten().and_then(|at| tree.rows().get(at));
    let mut rows = included.into_iter().chain(tree.after(&range.start));
    let found = rows.find(|row| row.name.in_branch().is_some());
    let inside = |row: &&VarBind| range.end.arcs().is_empty() || row.name < range.end;
    found.filter(inside).cloned().unwrap_or_else(|| end_of(range))
}

fn end_of(range: &Range) -> VarBind {
    VarBind { name: range.start.clone(), value: Value::EndOfMibView }
}

fn bulk(tree: &Tree, non_repeaters: u16, repetitions: u16, ranges: &[Range]) -> Vec<VarBind> {
    let (once, again) = ranges.split_at(usize::from(non_repeaters).min(ranges.len()));
    let mut out: Vec<VarBind> = once.iter().map(|range| next(tree, range)).collect();
    let mut again: Vec<Range> = again.to_vec();
    for _ in 0..repetitions {
        if again.is_empty() || out.len() + again.len() > MOST {
            break;
        }
        let mut ended = true;
        for range in &mut again {
            let bind = next(tree, range);
            ended &= bind.value == Value::EndOfMibView;
            range.start = bind.name.clone();
            range.include = false;
            out.push(bind);
        }
        if ended {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Tree);

    impl Source for Fixed {
        fn tree(&mut self) -> &Tree {
            &self.0
        }
    }

    fn tree() -> Fixed {
        let row =
            |arcs: &[u32], value| VarBind { name: Oid::ours(arcs), value: Value::Gauge32(value) };
        let uptime = Oid::new(&[1, 3, 6, 1, 2, 1, 1, 3, 0]);
        let system = VarBind { name: uptime, value: Value::TimeTicks(1) };
        Fixed(Tree::new(vec![system, row(&[1, 1], 1), row(&[3, 1], 2), row(&[3, 2], 3)]))
    }

    fn from_master(body: Body) -> Packet {
        Packet { session: 7, transaction: 1, packet: 40, context: None, body }
    }

    fn registered() -> Session {
        let mut session = Session::new();
        session.open("test");
        let opened =
            session.receive(&from_master(Body::Response(0, 0, 0, Vec::new())), &mut tree(), 0);
        let Step::Send(bytes) = opened else { panic!("{opened:?}") };
        let sent = Packet::decode(&bytes).unwrap();
        assert_eq!((sent.session, sent.body), (7, Body::Register(0, 127, Oid::ours(&[]))));
        let done =
            session.receive(&from_master(Body::Response(0, 0, 0, Vec::new())), &mut tree(), 0);
        assert_eq!(done, Step::Registered);
        session
    }

    fn answer(body: Body) -> (u16, Vec<(String, Value)>) {
        let asked = from_master(body);
        let Step::Send(bytes) = registered().receive(&asked, &mut tree(), 99) else { panic!() };
        let packet = Packet::decode(&bytes).unwrap();
        assert_eq!((packet.session, packet.transaction, packet.packet), (7, 1, 40));
        let Body::Response(99, error, _, binds) = packet.body else { panic!() };
        (error, binds.into_iter().map(|bind| (bind.name.to_string(), bind.value)).collect())
    }

    fn range(start: &[u32], include: bool, end: &[u32]) -> Range {
        let end = if end.is_empty() { Oid::default() } else { Oid::ours(end) };
        Range { start: Oid::ours(start), include, end }
    }

    const BRANCH: &str = "1.3.6.1.4.1.35156.17";

    #[test]
    fn values_are_found_and_walked() {
        let name = |tail: &str| format!("{BRANCH}{tail}");
        let (_, got) = answer(Body::Get(vec![Oid::ours(&[3, 1]), Oid::ours(&[1, 9])]));
        assert_eq!(got, [(name(".3.1"), Value::Gauge32(2)), (name(".1.9"), Value::NoSuchInstance)]);
        let ranges = vec![
            range(&[], false, &[]),
            range(&[3, 1], true, &[]),
            range(&[3, 1], false, &[]),
            range(&[3, 1], false, &[3, 2]),
            range(&[3, 2], false, &[]),
        ];
        let (_, got) = answer(Body::GetNext(ranges));
        let end = Value::EndOfMibView;
        assert_eq!(
            got,
            [
                (name(".1.1"), Value::Gauge32(1)),
                (name(".3.1"), Value::Gauge32(2)),
                (name(".3.2"), Value::Gauge32(3)),
                (name(".3.1"), end.clone()),
                (name(".3.2"), end),
            ]
        );
    }

    #[test]
    fn a_bulk_ends_where_the_branch_does() {
        let ranges = vec![range(&[], false, &[]), range(&[1, 1], false, &[])];
        let (_, got) = answer(Body::GetBulk { non_repeaters: 1, repetitions: 60000, ranges });
        let tails: Vec<_> = got.iter().map(|(name, _)| &name[BRANCH.len()..]).collect();
        assert_eq!(tails, [".1.1", ".3.1", ".3.2", ".3.2"]);
        assert_eq!(got[3].1, Value::EndOfMibView);
    }

    #[test]
    fn nothing_can_be_set_and_no_other_context_asked() {
        let bind = VarBind { name: Oid::ours(&[3, 1]), value: Value::Integer(1) };
        assert_eq!(answer(Body::TestSet(vec![bind])).0, 17);
        let asked = Packet { context: Some(b"x".to_vec()), ..from_master(Body::Get(Vec::new())) };
        let Step::Send(bytes) = registered().receive(&asked, &mut tree(), 0) else { panic!() };
        let Body::Response(_, 262, ..) = Packet::decode(&bytes).unwrap().body else { panic!() };
        assert_eq!(
            registered().receive(&from_master(Body::CleanupSet), &mut tree(), 0),
            Step::Nothing
        );
    }

    #[test]
    fn a_refusal_and_a_close_end_the_session() {
        let refused = from_master(Body::Response(0, 256, 0, Vec::new()));
        assert!(matches!(Session::new().receive(&refused, &mut tree(), 0), Step::Over(_)));
        assert!(matches!(
            registered().receive(&from_master(Body::Close(4)), &mut tree(), 0),
            Step::Over(_)
        ));
        let stranger = Packet { session: 8, ..from_master(Body::Ping) };
        assert!(matches!(registered().receive(&stranger, &mut tree(), 0), Step::Over(_)));
    }

    #[test]
    fn pings_are_counted_until_they_are_answered() {
        let mut session = registered();
        session.ping();
        session.ping();
        assert_eq!(session.unanswered(), 2);
        let answer = from_master(Body::Response(0, 0, 0, Vec::new()));
        assert_eq!(session.receive(&answer, &mut tree(), 0), Step::Nothing);
        assert_eq!(session.unanswered(), 0);
        assert!(session.notify(Vec::new()).is_some());
        assert!(Session::new().notify(Vec::new()).is_none());
    }
}
