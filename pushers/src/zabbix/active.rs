//! An agent with active checks: the server says which values it wants and how often, and gets those
//! alone. A server may register a host by that question (autoregistration).
//!
//! Each value has a number that only grows, within a session: a server that gets it twice, because
//! its answer was lost, keeps one.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use uwsgi_net::Failure;

use super::answer::{self, Answer, Wanted};
use super::encode::{clock, escape, object};
use super::frame;
use super::link::Link;
use super::names::Names;
use super::template::hash;
use super::transport::Verdict;
use crate::instance::{Encoder, Load, Sending, Transport};
use crate::tick::Tick;

/// The server is asked anew after this time.
const REFRESH: Duration = Duration::from_secs(60);

/// Every value of a moment, by key.
#[derive(Debug)]
pub(super) struct Values {
    at_us: u64,
    first_id: u64,
    values: Vec<(String, String)>,
}

/// Makes [`Values`].
pub(super) struct Encode {
    pub(super) names: Names,
    pub(super) next_id: u64,
}

impl Encoder for Encode {
    type Payload = Values;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Values>> {
        let names = tick.list.iter().filter_map(|item| std::str::from_utf8(&item.name).ok());
        let mut values = if self.names.discovery { self.names.found(names) } else { Vec::new() };
        values.extend(tick.list.iter().map(|item| {
            (self.names.key(&String::from_utf8_lossy(&item.name)), item.value.to_string())
        }));
        let first_id = self.next_id;
        let count = values.len() as u64;
        self.next_id += count;
        let bytes = values.iter().map(|(key, value)| key.len() + value.len() + 64).sum();
        let payload = Values { at_us: tick.at_us, first_id, values };
        (count > 0).then_some(Load { payload, values: count, bytes })
    }
}

/// What the server wants, and when each of it was sent. Pure.
#[derive(Debug, Default)]
struct Checks(HashMap<String, Check>);

#[derive(Debug)]
struct Check {
    every_s: u64,
    due_us: u64,
}

/// How much too early a value may be, as a part of its period: pushes come a little late, and the
/// one after a late one would otherwise be too early and be left out.
const EARLY: u64 = 10;

impl Checks {
    /// Another answer: what is known keeps its time.
    fn update(&mut self, wanted: Vec<Wanted>) {
        let old = std::mem::take(&mut self.0);
        let known = |key: &str| old.get(key).map_or(0, |check| check.due_us);
        let check = |w: Wanted| {
            let due_us = known(&w.key);
            (w.key, Check { every_s: w.every_s, due_us })
        };
        self.0 = wanted.into_iter().map(check).collect();
    }

    /// The values that are due, with their numbers.
    fn due<'a>(&self, values: &'a Values) -> Vec<(u64, &'a (String, String))> {
        let due = |key: &str| self.0.get(key).is_some_and(|check| check.due_us <= values.at_us);
        (values.first_id..).zip(&values.values).filter(|(_, (key, _))| due(key)).collect()
    }

    /// These were taken.
    fn sent(&mut self, values: &[(u64, &(String, String))], at_us: u64) {
        for (_, (key, _)) in values {
            if let Some(check) = self.0.get_mut(key) {
                let period = check.every_s.saturating_mul(1_000_000);
                let early = (period / EARLY).min(500_000);
                check.due_us = at_us.saturating_add(period - early);
            }
        }
    }
}

/// See the module.
pub(super) struct Agent {
    pub(super) link: Link,
    pub(super) verdict: Verdict,
    pub(super) host: String,
    pub(super) metadata: Option<String>,
    pub(super) compress: bool,
    pub(super) batch: usize,
    session: String,
    checks: Checks,
    asked: Option<Instant>,
}

impl Agent {
    pub(super) fn new(link: Link, verdict: Verdict, host: String) -> Agent {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let session = format!("{:032x}", hash(&format!("{host} {} {now}", std::process::id())));
        Agent {
            link,
            verdict,
            host,
            metadata: None,
            compress: false,
            batch: 0,
            session,
            checks: Checks::default(),
            asked: None,
        }
    }

    async fn push(&mut self, values: &Values) -> Result<(), Failure> {
        if self.asked.is_none_or(|at| at.elapsed() >= REFRESH) {
            let question = question(&self.host, self.metadata.as_deref());
            let text = self.link.exchange(&frame::wrap(&question, self.compress)).await?;
            self.checks.update(answer::wanted(&text));
            self.asked = Some(Instant::now());
        }
        let due = self.checks.due(values);
        let batch = if self.batch == 0 { due.len().max(1) } else { self.batch };
        let mut refused = 0;
        for chunk in due.chunks(batch) {
            let data = data(&self.host, &self.session, chunk, values.at_us);
            let text = self.link.exchange(&frame::wrap(&data, self.compress)).await?;
            if let Ok(Answer::Taken { failed, .. }) = answer::read(&text) {
                refused += failed;
            }
        }
        self.checks.sent(&due, values.at_us);
        self.verdict.on(refused, due.len() as u64)
    }
}

impl Transport<Values> for Agent {
    fn send<'a>(&'a mut self, values: &'a Values) -> Sending<'a> {
        Box::pin(self.push(values))
    }
}

fn question(host: &str, metadata: Option<&str>) -> Vec<u8> {
    let mut out = b"{\"request\":\"active checks\",\"host\":\"".to_vec();
    escape(&mut out, host);
    if let Some(metadata) = metadata {
        out.extend_from_slice(b"\",\"host_metadata\":\"");
        escape(&mut out, metadata);
    }
    out.extend_from_slice(b"\",\"version\":\"6.0\"}");
    out
}

fn data(host: &str, session: &str, values: &[(u64, &(String, String))], at_us: u64) -> Vec<u8> {
    let mut out = b"{\"request\":\"agent data\",\"session\":\"".to_vec();
    out.extend_from_slice(session.as_bytes());
    out.extend_from_slice(b"\",\"data\":[");
    for (index, (id, (key, value))) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        object(&mut out, host, key, value);
        // Writing to memory does not fail.
        let _ = write!(out, ",\"id\":{id}");
        clock(&mut out, at_us);
        out.push(b'}');
    }
    out.push(b']');
    clock(&mut out, at_us);
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::Kind::{Counter, Gauge};

    fn values(encode: &mut Encode) -> Values {
        let list = [("a", Counter, 1), ("worker.1.b", Gauge, -2)];
        with_list(&list, |tick| encode.encode(tick).unwrap().payload)
    }

    fn wanted(list: &[(&str, u64)]) -> Vec<Wanted> {
        list.iter().map(|(key, every_s)| Wanted { key: (*key).into(), every_s: *every_s }).collect()
    }

    #[test]
    fn only_what_is_wanted_and_due_is_sent() {
        let names = Names { prefix: "u".into(), discovery: true };
        let mut encode = Encode { names, next_id: 1 };
        let mut checks = Checks::default();
        let mut push = values(&mut encode);
        assert!(checks.due(&push).is_empty(), "nobody has asked yet");
        checks.update(wanted(&[("u.a", 30), ("u.workers.discovery", 0), ("other", 5)]));
        let keys = |due: &[(u64, &(String, String))]| -> Vec<(u64, String)> {
            due.iter().map(|(id, (key, _))| (*id, key.clone())).collect()
        };
        let due = checks.due(&push);
        assert_eq!(keys(&due), [(1, "u.workers.discovery".into()), (2, "u.a".into())]);
        assert_eq!(keys(&checks.due(&push)), keys(&due), "another attempt sends the same");
        checks.sent(&due, push.at_us);
        assert_eq!(keys(&checks.due(&push)), [(1, "u.workers.discovery".into())]);
        checks.update(wanted(&[("u.a", 30), ("u.worker.b[1]", 0)]));
        push = values(&mut encode);
        assert_eq!(keys(&checks.due(&push)), [(6, "u.worker.b[1]".into())], "numbers only grow");
        push.at_us += 29_400_000;
        assert_eq!(checks.due(&push).len(), 1);
        push.at_us += 590_000;
        assert_eq!(checks.due(&push).len(), 2, "the push before was a little late");
    }

    #[test]
    fn messages_are_those_of_an_agent() {
        assert_eq!(
            String::from_utf8(question("v\"m", Some("uwsgi"))).unwrap(),
            r#"{"request":"active checks","host":"v\"m","host_metadata":"uwsgi","version":"6.0"}"#
        );
        let pair = ("u.a".to_owned(), "1".to_owned());
        assert_eq!(
            String::from_utf8(data("vm", "5e55", &[(7, &pair)], 1_500_000)).unwrap(),
            "{\"request\":\"agent data\",\"session\":\"5e55\",\"data\":[{\"host\":\"vm\",\"key\":\"u.a\",\
             \"value\":\"1\",\"id\":7,\"clock\":1,\"ns\":500000000}],\"clock\":1,\"ns\":500000000}"
        );
    }
}
