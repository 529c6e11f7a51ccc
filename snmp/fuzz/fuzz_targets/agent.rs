//! Any bytes as a datagram for the agent: with a right community in front, as SNMPv3, and as they
//! are. No panic, no answer larger than a datagram, and what is answered is a message.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use uwsgi_snmp::usm::{Engine, Incoming, User, engine_id};
use uwsgi_snmp::{Access, Agent, Message, Oid, Source, Tree, Value, VarBind};

struct Numbers(Tree);

impl Source for Numbers {
    fn tree(&mut self) -> &Tree {
        &self.0
    }
}

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let user = User::parse("ann").expect("a user");
    let engine = Engine::new(engine_id("fuzz"), 1, vec![user], 1);
    Agent::new(Access { communities: vec![b"p".to_vec()], ..Access::default() }, Some(engine))
});

fuzz_target!(|data: &[u8]| {
    let rows = (0..50).map(|n| VarBind { name: Oid::ours(&[3, n]), value: Value::Counter64(n.into()) });
    let mut numbers = Numbers(Tree::new(rows.collect()));
    let framed = |head: &[u8]| {
        let length = (head.len() + data.len()) as u32;
        [&[0x30, 0x84][..], &length.to_be_bytes(), head, data].concat()
    };
    for datagram in [data.to_vec(), framed(&[2, 1, 1, 4, 1, b'p']), framed(&[2, 1, 3])] {
        let from = [127, 0, 0, 1].into();
        let outcome = AGENT.clone().answer(from, &datagram, Duration::from_secs(1), &mut numbers);
        if let Some(answer) = outcome.answer {
            assert!(answer.len() <= 65_507);
            assert!(Message::decode(&answer).is_ok() || Incoming::decode(&answer).is_ok());
        }
    }
});
