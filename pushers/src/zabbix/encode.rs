//! Values as `zabbix_sender` gives them: `{"request":"sender data","data":[...]}`.

use std::io::Write;

use super::frame;
use super::names::Names;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// Time after which discovery is said again, seconds: a server that lost it learns it anew.
const DISCOVERY_EVERY_S: u64 = 60;

/// See the module.
pub(super) struct Encode {
    pub(super) host: String,
    pub(super) names: Names,
    /// Each value says when it was read.
    pub(super) clock: bool,
    pub(super) compress: bool,
    /// Values in one message; 0 for all.
    pub(super) batch: usize,
    /// When discovery was said last, epoch seconds.
    pub(super) discovered_s: u64,
    pub(super) serial: u64,
}

/// A push: messages that are sent one after the other.
#[derive(Debug)]
pub(super) struct Push {
    /// Tells it from the one before.
    pub(super) serial: u64,
    /// With the number of values in each.
    pub(super) messages: Vec<(Vec<u8>, u64)>,
}

impl Encoder for Encode {
    type Payload = Push;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Push>> {
        if tick.list.is_empty() {
            return None;
        }
        let mut objects = self.discovery(tick);
        for item in tick.list {
            let key = self.names.key(&String::from_utf8_lossy(&item.name));
            objects.push(self.object(&key, &item.value.to_string(), tick.at_us));
        }
        let batch = if self.batch == 0 { objects.len() } else { self.batch };
        let messages: Vec<(Vec<u8>, u64)> = objects
            .chunks(batch)
            .map(|values| (self.message(values), values.len() as u64))
            .collect();
        self.serial += 1;
        let bytes = messages.iter().map(|(message, _)| message.len()).sum();
        let values = objects.len() as u64;
        Some(Load { payload: Push { serial: self.serial, messages }, values, bytes })
    }
}

impl Encode {
    fn discovery(&mut self, tick: &Tick<'_>) -> Vec<Vec<u8>> {
        let now = tick.at_s();
        if !self.names.discovery || now < self.discovered_s + DISCOVERY_EVERY_S {
            return Vec::new();
        }
        self.discovered_s = now;
        let names = tick.list.iter().filter_map(|item| std::str::from_utf8(&item.name).ok());
        let found = self.names.found(names);
        found.iter().map(|(key, value)| self.object(key, value, tick.at_us)).collect()
    }

    fn object(&self, key: &str, value: &str, at_us: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        object(&mut out, &self.host, key, value);
        if self.clock {
            clock(&mut out, at_us);
        }
        out.push(b'}');
        out
    }

    fn message(&self, values: &[Vec<u8>]) -> Vec<u8> {
        let mut out = b"{\"request\":\"sender data\",\"data\":[".to_vec();
        out.extend_from_slice(&values.join(&b','));
        out.extend_from_slice(b"]}");
        frame::wrap(&out, self.compress)
    }
}

/// Begins the object of a value; the caller ends it.
pub(super) fn object(out: &mut Vec<u8>, host: &str, key: &str, value: &str) {
    for (name, text) in [("{\"host", host), (",\"key", key), (",\"value", value)] {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":\"");
        escape(out, text);
        out.push(b'"');
    }
}

/// Adds when a value was read.
pub(super) fn clock(out: &mut Vec<u8>, at_us: u64) {
    let (s, ns) = (at_us / 1_000_000, at_us % 1_000_000 * 1000);
    // Writing to memory does not fail.
    let _ = write!(out, ",\"clock\":{s},\"ns\":{ns}");
}

/// A text within quotes.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::Kind::{Counter, Gauge};

    const LIST: [(&str, uwsgi_metrics::Kind, i64); 3] =
        [("core.routed_signals", Counter, 0), ("worker.1.requests", Counter, 7), ("g", Gauge, -4)];

    fn encoder() -> Encode {
        let names = Names { prefix: "zpfx".into(), discovery: false };
        let host = "vm".into();
        Encode { host, names, clock: false, compress: false, batch: 0, discovered_s: 0, serial: 0 }
    }

    fn texts(encoder: &mut Encode) -> Vec<String> {
        with_list(&LIST, |tick| {
            let load = encoder.encode(tick).unwrap();
            let text = |(message, _): &(Vec<u8>, u64)| {
                assert_eq!(message[5..13], (message.len() as u64 - 13).to_le_bytes());
                String::from_utf8(message[13..].to_vec()).unwrap()
            };
            load.payload.messages.iter().map(text).collect()
        })
    }

    #[test]
    fn one_object_for_each_metric_in_one_message() {
        assert_eq!(
            texts(&mut encoder()),
            ["{\"request\":\"sender data\",\"data\":[\
              {\"host\":\"vm\",\"key\":\"zpfx.core.routed_signals\",\"value\":\"0\"},\
              {\"host\":\"vm\",\"key\":\"zpfx.worker.1.requests\",\"value\":\"7\"},\
              {\"host\":\"vm\",\"key\":\"zpfx.g\",\"value\":\"-4\"}]}"]
        );
        with_list(&LIST, |tick| {
            let load = encoder().encode(tick).unwrap();
            let (message, values) = &load.payload.messages[0];
            assert_eq!(message[..5], *b"ZBXD\x01");
            assert_eq!((*values, load.values, load.bytes), (3, 3, message.len()));
        });
    }

    #[test]
    fn values_may_say_when_and_come_in_several_messages() {
        let mut encoder = Encode { clock: true, batch: 2, ..encoder() };
        let [first, second] = &texts(&mut encoder)[..] else { panic!() };
        assert_eq!(first.matches("\"clock\":1795162676,\"ns\":0}").count(), 2);
        assert!(second.ends_with("\"value\":\"-4\",\"clock\":1795162676,\"ns\":0}]}"));
    }

    #[test]
    fn discovery_is_said_once_a_minute() {
        let mut encoder = encoder();
        encoder.names.discovery = true;
        let first = texts(&mut encoder);
        let value = r##""key":"zpfx.workers.discovery","value":"[{\"{#WORKER}\":\"1\"}]"}"##;
        assert!(first[0].contains(value), "{first:?}");
        assert!(first[0].contains("zpfx.worker.requests[1]"));
        assert!(!texts(&mut encoder)[0].contains("discovery"));
        encoder.discovered_s -= DISCOVERY_EVERY_S;
        assert!(texts(&mut encoder)[0].contains("discovery"));
    }

    #[test]
    fn texts_are_escaped() {
        let mut out = Vec::new();
        escape(&mut out, "a\"b\\c\né");
        assert_eq!(out, "a\\\"b\\\\c\\u000aé".as_bytes());
    }

    #[test]
    fn without_metrics_there_is_nothing_to_push() {
        with_list(&[], |tick| assert!(encoder().encode(tick).is_none()));
    }
}
