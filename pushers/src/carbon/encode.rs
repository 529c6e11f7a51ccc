//! One push: the classic set, or the metric list, under its names and in its language.

use uwsgi_metrics::Snapshot;

use super::classic::{self, Classic};
use super::names::Names;
use super::state::Memory;
use super::text::{Language, Writer};
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// What is pushed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// The fixed set of keys.
    Classic(Classic),
    /// Every metric of the list.
    Metrics,
}

/// One push, encoded.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) bytes: Vec<u8>,
    /// Tells pushes apart.
    pub(super) number: u64,
    /// Requests of the instance then.
    pub(super) requests: u64,
}

/// See the module.
pub(super) struct Encode {
    pub(super) content: Content,
    pub(super) language: Language,
    pub(super) tags: bool,
    pub(super) names: Names,
    pub(super) memory: Memory,
    pub(super) number: u64,
    /// Bytes that the next push may need.
    pub(super) room: usize,
}

impl Encoder for Encode {
    type Payload = Push;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Push>> {
        let mut writer = Writer::new(&self.names, self.language, tick.at_s(), self.room);
        match self.content {
            Content::Metrics => {
                tick.list.iter().for_each(|item| writer.put(&item.name, item.value));
            }
            Content::Classic(what) => {
                classic(what, tick.snapshot, &mut self.memory, self.tags, &mut writer);
            }
        }
        let (bytes, values) = writer.end();
        self.number += 1;
        self.room = bytes.len() + bytes.len() / 8;
        let length = bytes.len();
        let requests = tick.snapshot.requests();
        let payload = Push { bytes, number: self.number, requests };
        (values > 0).then_some(Load { payload, values, bytes: length })
    }
}

/// The classic set; where numbers become tags, `worker1` has to be `worker.1`.
fn classic(
    what: Classic,
    snapshot: &Snapshot,
    memory: &mut Memory,
    tags: bool,
    writer: &mut Writer<'_>,
) {
    let idle = memory.is_idle(snapshot.requests());
    let between = if tags { "." } else { "" };
    let mut key_of = String::new();
    classic::lines(what, snapshot, memory.busyness(snapshot), idle, |worker, key, value| {
        use std::fmt::Write;
        key_of.clear();
        if let Some(worker) = worker {
            // Writing to memory does not fail.
            let _ = write!(key_of, "worker{between}{worker}.");
        }
        key_of.push_str(key);
        writer.put(key_of.as_bytes(), i64::try_from(value).unwrap_or(i64::MAX));
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::names::Parts;
    use super::*;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::Kind::{Counter, Gauge};
    use uwsgi_metrics::{Status, WorkerSnap};

    fn encode(content: Content, tags: bool) -> Encode {
        let parts = Parts { root: "uwsgi", host: "vm", id: "app", tags, sanitize: false };
        Encode {
            content,
            language: Language::Lines,
            tags,
            names: Names::new(&parts),
            memory: Memory::new(Arc::default(), 0),
            number: 0,
            room: 0,
        }
    }

    fn text(encode: &mut Encode, tick: &Tick<'_>) -> String {
        let load = encode.encode(tick).unwrap();
        assert_eq!(load.bytes, load.payload.bytes.len());
        String::from_utf8(load.payload.bytes).unwrap()
    }

    #[test]
    fn the_metric_list_goes_out_in_its_order_and_signed() {
        let list = [("worker.1.requests", Counter, 8), ("g", Gauge, -4)];
        with_list(&list, |tick| {
            assert_eq!(
                text(&mut encode(Content::Metrics, false), tick),
                "uwsgi.vm.app.worker.1.requests 8 1795162676\nuwsgi.vm.app.g -4 1795162676\n"
            );
            assert_eq!(
                text(&mut encode(Content::Metrics, true), tick),
                "uwsgi.worker.requests;host=vm;id=app;worker=1 8 1795162676\n\
                 uwsgi.g;host=vm;id=app -4 1795162676\n"
            );
        });
        with_list(&[], |tick| assert!(encode(Content::Metrics, false).encode(tick).is_none()));
    }

    #[test]
    fn workers_of_the_classic_set_are_part_of_the_key_or_a_tag() {
        let worker = WorkerSnap { index: 12, status: Status::Idle, ..WorkerSnap::default() };
        let snapshot = Snapshot { workers: vec![worker], ..Snapshot::default() };
        let content = Content::Classic(Classic { workers: true, ..Classic::default() });
        with_list(&[], |tick| {
            let tick = Tick { snapshot: &snapshot, ..*tick };
            let plain = text(&mut encode(content, false), &tick);
            assert!(plain.contains("\nuwsgi.vm.app.worker12.tx 0 1795162676\n"), "{plain}");
            let tagged = text(&mut encode(content, true), &tick);
            let line = "\nuwsgi.worker.tx;host=vm;id=app;worker=12 0 1795162676\n";
            assert!(tagged.contains(line), "{tagged}");
        });
    }
}
