//! Messages that break the grammar in every way an agent has been brought down by: lengths that
//! lie, nesting, tags, numbers and names out of range. After each of them it answers as before.

use super::support::{Manager, agent, ask, assert_alive, get};
use proptest::prelude::*;
use uwsgi_snmp::usm::flag;
use uwsgi_snmp::{Agent, Kind, Message, Oid, Pdu, Value, VarBind, Verdict, version};

const JOE: &str = "joe;auth=md5:password1;priv=des:password2";

/// An element whose length may lie.
fn element(tag: u8, length: &[u8], content: &[u8]) -> Vec<u8> {
    [&[tag][..], length, content].concat()
}

fn right(tag: u8, content: &[u8]) -> Vec<u8> {
    element(tag, &[0x82, (content.len() >> 8) as u8, content.len() as u8], content)
}

/// What a length may say of `real` bytes.
fn lengths(real: usize) -> Vec<Vec<u8>> {
    let real = real as u8;
    vec![
        vec![0x80],
        vec![0xff],
        vec![0x81, 0xff],
        vec![0x84, 0xff, 0xff, 0xff, 0xff],
        vec![0x84, 0x7f, 0xff, 0xff, 0xff],
        vec![0x84, 0x80, 0, 0, 0],
        vec![0x85, 0, 0, 0, 0, real],
        vec![0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0xfe],
        vec![0x82, 0],
        vec![real.wrapping_add(1) & 0x7f],
        vec![real.wrapping_sub(1) & 0x7f],
        vec![0],
    ]
}

/// Contents no element should have, each under each tag.
fn contents() -> Vec<Vec<u8>> {
    vec![
        vec![],
        vec![0x80],
        vec![0xff; 9],
        vec![0x00; 300],
        vec![0x7f; 300],
        b"%s%n%x%d".repeat(40),
        vec![b'A'; 4000],
        [vec![0x2b], vec![0xff; 200], vec![1]].concat(),
        [vec![0x2b], vec![0x81; 60]].concat(),
        vec![1; 200],
        vec![0x30, 0x80, 0x30, 0x80],
    ]
}

/// The parts of a message from the inside out; part `broken` is replaced.
fn message(broken: usize, by: &dyn Fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let put = |index: usize, tag: u8, content: &[u8]| {
        if index == broken { by(tag, content) } else { right(tag, content) }
    };
    let mut name = Vec::new();
    Oid::ours(&[1, 1]).encode(&mut name);
    let bind = put(8, 0x30, &[put(9, 6, &name), put(10, 5, &[])].concat());
    let numbers = [put(4, 2, &[77]), put(5, 2, &[0]), put(6, 2, &[0])].concat();
    let pdu = put(3, 0xa0, &[numbers, put(7, 0x30, &bind)].concat());
    put(0, 0x30, &[put(1, 2, &[1]), put(2, 4, b"public"), pdu].concat())
}

fn survives(agent: &mut Agent, datagram: &[u8]) -> Verdict {
    let outcome = ask(agent, datagram, 100);
    if let Some(answer) = &outcome.answer {
        assert!(answer.len() <= 65_507);
    }
    outcome.verdict
}

#[test]
fn the_frame_of_the_corpus_is_right() {
    let whole = message(usize::MAX, &|_, _| Vec::new());
    assert_eq!(survives(&mut agent(&[JOE]), &whole), Verdict::Answered);
}

#[test]
fn lengths_that_lie() {
    let mut agent = agent(&[JOE]);
    let mut seen = 0;
    for part in 0..=10 {
        for which in 0..lengths(0).len() {
            let broken =
                |tag: u8, content: &[u8]| element(tag, &lengths(content.len())[which], content);
            survives(&mut agent, &message(part, &broken));
            assert_alive(&mut agent);
            seen += 1;
        }
    }
    assert_eq!(seen, 143);
}

#[test]
fn contents_and_tags_out_of_place() {
    let mut agent = agent(&[JOE]);
    for part in 0..=10 {
        for content in contents() {
            survives(&mut agent, &message(part, &|tag, _| right(tag, &content)));
        }
        for tag in 0..=u8::MAX {
            survives(&mut agent, &message(part, &|_, content| right(tag, content)));
        }
        survives(&mut agent, &message(part, &|_, _| Vec::new()));
        survives(&mut agent, &message(part, &|tag, content| right(tag, content).repeat(2)));
        assert_alive(&mut agent);
    }
}

#[test]
fn nesting_to_the_brim_of_a_datagram() {
    let mut agent = agent(&[JOE]);
    for tag in [0x30, 0xa0, 0xa5, 0x24] {
        let mut nested = Vec::new();
        while nested.len() < 60_000 {
            nested = right(tag, &[&nested[..], &[0; 4000]].concat());
        }
        survives(&mut agent, &nested);
        survives(&mut agent, &message(7, &|_, _| nested.clone()));
        survives(&mut agent, &[tag, 0x80].repeat(30_000));
    }
    assert_alive(&mut agent);
}

#[test]
fn as_many_names_as_fit_cost_no_more_than_a_datagram() {
    let mut agent = agent(&[JOE]);
    let bind = VarBind { name: Oid::new(&[1, 3]), value: Value::Null };
    for (kind, status, index) in [
        (Kind::Get, 0, 0),
        (Kind::GetNext, 0, 0),
        (Kind::Set, 0, 0),
        (Kind::GetBulk, 0, i32::MAX),
        (Kind::GetBulk, i32::MAX, i32::MAX),
        (Kind::GetBulk, i32::MIN, i32::MIN),
        (Kind::GetBulk, 0, -1),
    ] {
        for version in [version::V1, version::V2C] {
            let binds = vec![bind.clone(); 8000];
            let pdu = Pdu { error_status: status, error_index: index, ..Pdu::new(kind, -1, binds) };
            let request = Message { version, community: b"public".to_vec(), pdu }.encode();
            assert!(request.len() < 65_507);
            survives(&mut agent, &request);
        }
    }
    assert_alive(&mut agent);
}

#[test]
fn cuts_and_bytes_of_secured_messages() {
    let mut agent = agent(&[JOE, "ann"]);
    for (user, flags) in [(JOE, flag::AUTH | flag::PRIVATE), (JOE, flag::AUTH), ("ann", 0)] {
        let request = Manager::new(user, flags).request(get(&[1, 1]));
        for at in 0..request.len() {
            survives(&mut agent, &request[..at]);
            for byte in [0, 1, 4, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = request.clone();
                broken[at] = byte;
                survives(&mut agent, &broken);
            }
        }
    }
    assert_alive(&mut agent);
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut agent = agent(&[]);
        survives(&mut agent, &bytes);
        survives(&mut agent, &right(0x30, &[&[2, 1, 1, 4, 6], &b"public"[..], &bytes[..]].concat()));
        survives(&mut agent, &right(0x30, &[&[2, 1, 3], &bytes[..]].concat()));
    }
}
