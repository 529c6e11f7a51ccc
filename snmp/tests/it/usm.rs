//! The engine of SNMPv3 against a manager made of the same parts, and against what it must refuse.

use super::support::{Manager, agent, ask, assert_alive, get};
use uwsgi_snmp::usm::{Cipher, Engine, Hash, Incoming, User, engine_id, flag};
use uwsgi_snmp::{Kind, Pdu, Value, Verdict};

const JOE: &str = "joe;auth=sha256:password1;priv=aes:password2";
const BOTH: u8 = flag::AUTH | flag::PRIVATE;

/// The arc of a counter of usmStats in a report.
fn reported(manager: &Manager, answer: &[u8]) -> u32 {
    let pdu = manager.open(answer);
    assert_eq!(pdu.kind, Kind::Report);
    let arcs = pdu.binds[0].name.arcs();
    arcs[arcs.len() - 2]
}

#[test]
fn every_hash_with_every_cipher_is_understood() {
    for (hash, _) in Hash::NAMES {
        for (cipher, _) in Cipher::NAMES {
            let user = format!("joe;auth={hash}:password1;priv={cipher}:password2");
            let mut agent = agent(&[&user]);
            let manager = Manager::new(&user, BOTH);
            let outcome = ask(&mut agent, &manager.request(get(&[1, 1])), 100);
            assert_eq!(outcome.verdict, Verdict::Answered, "{hash} {cipher}");
            let answer = outcome.answer.unwrap();
            let pdu = manager.open(&answer);
            assert_eq!((pdu.request_id, &pdu.binds[0].value), (77, &Value::Counter64(9)));
            assert!(!answer.windows(8).any(|part| part == 9_u64.to_be_bytes()));
        }
    }
}

#[test]
fn what_is_not_accepted_is_reported_by_its_reason() {
    let right = Manager::new(JOE, BOTH);
    let with = |change: &dyn Fn(&mut Manager)| {
        let mut manager = right.clone();
        change(&mut manager);
        manager
    };
    for (name, manager, want, verdict) in [
        ("right", right.clone(), None, Verdict::Answered),
        (
            "another engine",
            with(&|m| m.engine = b"elsewhere".to_vec()),
            Some(4),
            Verdict::Unauthentic,
        ),
        ("no engine", with(&|m| m.engine = Vec::new()), Some(4), Verdict::Unauthentic),
        (
            "another user",
            Manager::new("eve;auth=sha256:password1;priv=aes:password2", BOTH),
            Some(3),
            Verdict::Unauthentic,
        ),
        (
            "less protection",
            with(&|m| m.flags = flag::AUTH | flag::REPORTABLE),
            Some(1),
            Verdict::Unauthentic,
        ),
        ("no protection", with(&|m| m.flags = flag::REPORTABLE), Some(1), Verdict::Unauthentic),
        (
            "another password",
            Manager::new("joe;auth=sha256:password9;priv=aes:password2", BOTH),
            Some(5),
            Verdict::Unauthentic,
        ),
        (
            "another hash",
            Manager::new("joe;auth=sha:password1;priv=aes:password2", BOTH),
            Some(5),
            Verdict::Unauthentic,
        ),
        (
            "another secret",
            Manager::new("joe;auth=sha256:password1;priv=aes:password9", BOTH),
            Some(6),
            Verdict::Unauthentic,
        ),
        ("another life", with(&|m| m.boots -= 1), Some(2), Verdict::Unauthentic),
        ("too old", with(&|m| m.time = 100 - 151), Some(2), Verdict::Unauthentic),
        ("too new", with(&|m| m.time = 100 + 151), Some(2), Verdict::Unauthentic),
        ("old enough", with(&|m| m.time = 100 + 150), None, Verdict::Answered),
        ("another context", with(&|m| m.context = b"x".to_vec()), Some(5), Verdict::Unauthentic),
    ] {
        let mut agent = agent(&[JOE]);
        let outcome = ask(&mut agent, &manager.request(get(&[1, 1])), 100);
        assert_eq!(outcome.verdict, verdict, "{name}");
        let answer = outcome.answer.unwrap();
        if let Some(want) = want {
            // What is signed or secret is so with the keys the agent knows.
            assert_eq!(reported(&right, &answer), want, "{name}");
        }
        assert_alive(&mut agent);
    }
}

#[test]
fn nobody_gets_a_report_who_wants_none() {
    let mut manager = Manager::new(JOE, BOTH);
    manager.flags &= !flag::REPORTABLE;
    manager.boots += 1;
    let outcome = ask(&mut agent(&[JOE]), &manager.request(get(&[1, 1])), 100);
    assert_eq!((outcome.answer, outcome.verdict), (None, Verdict::Unauthentic));
}

#[test]
fn what_wants_no_answer_gets_no_report() {
    for kind in [Kind::Response, Kind::Trap, Kind::Report] {
        let mut manager = Manager::new("ann", 0);
        manager.engine = vec![1; 9];
        let pdu = Pdu { kind, ..get(&[1, 1]) };
        let outcome = ask(&mut agent(&["ann"]), &manager.request(pdu), 100);
        assert_eq!((outcome.answer, outcome.verdict), (None, Verdict::Unauthentic), "{kind:?}");
    }
}

#[test]
fn a_trap_is_sealed_by_the_engine_of_the_agent() {
    let engine = |users: &[&str]| {
        let users = users.iter().map(|text| User::parse(text).unwrap()).collect();
        Engine::new(engine_id("test"), 3, users, u64::MAX)
    };
    for (text, flags) in [(JOE, BOTH), ("joe;auth=md5:password1", flag::AUTH), ("joe", 0)] {
        let (first, manager) = (engine(&[text]), Manager::new(text, flags));
        let second = first.clone();
        let pdu = || Pdu { kind: Kind::Trap, ..get(&[0, 1]) };
        let sealed = [&first, &second, &first].map(|e| e.trap("joe", 4711, pdu(), 9).unwrap());
        let salts = sealed.each_ref().map(|datagram| {
            let message = Incoming::decode(datagram).unwrap();
            assert_eq!((message.flags, message.boots, message.time), (flags, 3, 9));
            assert_eq!(manager.open(datagram).kind, Kind::Trap);
            message.salt.to_vec()
        });
        let apart = salts[0] != salts[1] && salts[1] != salts[2];
        assert_eq!(apart, flags == BOTH, "one engine never repeats a salt");
        assert!(first.trap("eve", 1, pdu(), 9).unwrap_err().contains("\"eve\""));
    }
}

#[test]
fn a_user_without_keys_needs_none_and_one_of_the_middle_does() {
    for (user, flags, verdict) in [
        ("ann", 0, Verdict::Answered),
        ("bob;auth=md5:password1", flag::AUTH, Verdict::Answered),
        ("bob;auth=md5:password1", 0, Verdict::Unauthentic),
        ("bob;auth=md5:password1;level=noAuthNoPriv", 0, Verdict::Answered),
        (
            "joe;auth=md5:password1;priv=des:password2;level=authNoPriv",
            flag::AUTH,
            Verdict::Answered,
        ),
    ] {
        let outcome =
            ask(&mut agent(&[user]), &Manager::new(user, flags).request(get(&[1, 1])), 100);
        assert_eq!(outcome.verdict, verdict, "{user} {flags}");
    }
}

#[test]
fn no_changed_byte_of_a_signed_message_is_answered() {
    let manager = Manager::new(JOE, BOTH);
    let request = manager.request(get(&[1, 1]));
    let mut agent = agent(&[JOE]);
    for at in 0..request.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut forged = request.clone();
            forged[at] ^= change;
            let outcome = ask(&mut agent, &forged, 100);
            assert_ne!(outcome.verdict, Verdict::Answered, "byte {at}");
        }
        assert_ne!(ask(&mut agent, &request[..at], 100).verdict, Verdict::Answered);
    }
    assert_eq!(ask(&mut agent, &request, 100).verdict, Verdict::Answered);
}

#[test]
fn an_engine_that_has_worn_out_its_boots_accepts_nothing_signed() {
    use uwsgi_snmp::{Access, Agent};
    let engine = Engine::new(engine_id("test"), i32::MAX, vec![User::parse(JOE).unwrap()], 1);
    let mut agent = Agent::new(Access::default(), Some(engine));
    let mut manager = Manager::new(JOE, BOTH);
    manager.boots = i32::MAX;
    let outcome = ask(&mut agent, &manager.request(get(&[1, 1])), 100);
    assert_eq!(outcome.verdict, Verdict::Unauthentic);
}
