//! A small tree, an agent over it, and a manager of SNMPv3 as the other side.

use std::net::IpAddr;
use std::time::Duration;

use uwsgi_snmp::usm::{Engine, Incoming, Keys, Outgoing, Scoped, User, engine_id, flag};
use uwsgi_snmp::{
    Access, Agent, Kind, Message, Oid, Outcome, Pdu, Source, Tree, Value, VarBind, Verdict, version,
};

/// Three numbers.
pub(crate) struct Numbers(Tree);

impl Source for Numbers {
    fn tree(&mut self) -> &Tree {
        &self.0
    }
}

pub(crate) fn numbers() -> Numbers {
    let row = |arcs: &[u32], value| VarBind { name: Oid::ours(arcs), value };
    Numbers(Tree::new(vec![
        row(&[1, 1], Value::Counter64(9)),
        row(&[3, 1], Value::Gauge32(5)),
        row(&[3, 2], Value::Octets(b"text".to_vec())),
    ]))
}

pub(crate) const BOOTS: i32 = 7;

pub(crate) fn agent(users: &[&str]) -> Agent {
    let users = users.iter().map(|text| User::parse(text).unwrap()).collect();
    let engine = Engine::new(engine_id("test"), BOOTS, users, 1);
    Agent::new(Access { communities: vec![b"public".to_vec()], ..Access::default() }, Some(engine))
}

pub(crate) fn ask(agent: &mut Agent, datagram: &[u8], seconds: u64) -> Outcome {
    let from: IpAddr = "127.0.0.1".parse().unwrap();
    agent.answer(from, datagram, Duration::from_secs(seconds), &mut numbers())
}

pub(crate) fn get(arcs: &[u32]) -> Pdu {
    Pdu::new(Kind::Get, 77, vec![VarBind { name: Oid::ours(arcs), value: Value::Null }])
}

/// The agent still answers what is right.
pub(crate) fn assert_alive(agent: &mut Agent) {
    let request =
        Message { version: version::V2C, community: b"public".to_vec(), pdu: get(&[1, 1]) };
    let outcome = ask(agent, &request.encode(), 1);
    assert_eq!(outcome.verdict, Verdict::Answered);
    let answer = Message::decode(&outcome.answer.unwrap()).unwrap();
    assert_eq!(answer.pdu.binds[0].value, Value::Counter64(9));
}

/// A manager that knows the engine.
#[derive(Clone)]
pub(crate) struct Manager {
    pub(crate) user: User,
    pub(crate) keys: Keys,
    pub(crate) flags: u8,
    pub(crate) boots: i32,
    pub(crate) time: i32,
    pub(crate) engine: Vec<u8>,
    pub(crate) context: Vec<u8>,
}

impl Manager {
    pub(crate) fn new(user: &str, flags: u8) -> Manager {
        let user = User::parse(user).unwrap();
        let engine = engine_id("test");
        let keys = Keys::of(&user, &engine);
        let flags = flags | flag::REPORTABLE;
        Manager { user, keys, flags, boots: BOOTS, time: 100, engine, context: Vec::new() }
    }

    pub(crate) fn request(&self, pdu: Pdu) -> Vec<u8> {
        let scoped = Scoped { engine_id: self.engine.clone(), context: self.context.clone(), pdu };
        let out = Outgoing {
            id: 4711,
            max_size: 65_507,
            flags: self.flags,
            engine_id: &self.engine,
            boots: self.boots,
            time: self.time,
            user: self.user.name.as_bytes(),
            scoped: &scoped,
        };
        out.seal(&self.keys, 1000).unwrap()
    }

    /// The PDU of an answer that is sealed as it should be.
    pub(crate) fn open(&self, answer: &[u8]) -> Pdu {
        let message = Incoming::decode(answer).unwrap();
        assert_eq!((message.id, message.engine_id), (4711, &engine_id("test")[..]));
        assert_eq!(message.flags & flag::REPORTABLE, 0);
        if message.flags & flag::AUTH != 0 {
            assert!(message.is_signed_by(&self.keys));
        }
        message.open(&self.keys).unwrap().pdu
    }
}
