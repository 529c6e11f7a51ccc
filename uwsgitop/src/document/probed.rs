//! The part of the stats JSON that a server with probes in the kernel adds.
//!
//! A document without probes has no second block, as ever.

use serde_json::{Map, Value};
use uwsgi_metrics::Latency as Kind;

use super::{number, object, objects, text};
use crate::picture::{Accept, Latency, Picture, Probe, Socket};

/// A document without probes stays one of now, without a second block.
pub(super) fn read(top: &Map<String, Value>, picture: &mut Picture) {
    picture.probes = objects(top, "ebpf").map(probe).collect();
    picture.deep = !picture.probes.is_empty() || top.contains_key("accept_queues");
    picture.latencies = latencies(top);
    picture.sockets = sockets(top);
}

fn probe(row: &Map<String, Value>) -> Probe {
    Probe {
        name: text(row, "name"),
        state: text(row, "state"),
        reason: text(row, "reason"),
        remedy: text(row, "remedy"),
        programs: number(row, "programs"),
        runs: number(row, "runs"),
        run_ns: number(row, "run_ns"),
    }
}

fn latencies(top: &Map<String, Value>) -> Vec<Latency> {
    let all = Kind::ALL.map(Kind::as_str).into_iter().filter_map(|name| {
        let row = object(object(top, "latency")?, name)?;
        let [count, sum, p50, p90, p99] =
            ["count", "sum_us", "p50_us", "p90_us", "p99_us"].map(|key| number(row, key));
        let name = name.to_owned();
        Some(Latency { name, count, sum, p50, p90, p99, cells: Vec::new() })
    });
    all.filter(|row| row.count > 0 || row.name == "request").collect()
}

fn sockets(top: &Map<String, Value>) -> Vec<Socket> {
    let plain = |row: &Map<String, Value>| Socket {
        name: text(row, "name"),
        proto: text(row, "proto"),
        queue: number(row, "queue"),
        max_queue: number(row, "max_queue"),
        shared: number(row, "shared") != 0,
        can_offload: number(row, "can_offload") != 0,
        ..Socket::default()
    };
    let mut all: Vec<Socket> = objects(top, "sockets").map(plain).collect();
    for row in objects(top, "accept_queues") {
        let (name, accept) = (text(row, "name"), accept(row));
        match all.iter_mut().find(|socket| socket.name == name) {
            Some(known) => known.accept = accept,
            None => all.push(Socket { name, accept, ..Socket::default() }),
        }
    }
    all
}

fn accept(row: &Map<String, Value>) -> Option<Accept> {
    let wait = object(row, "wait")?;
    Some(Accept {
        count: number(wait, "count"),
        p50: number(wait, "p50_us"),
        p99: number(wait, "p99_us"),
        established: number(row, "established"),
        depth_sum: number(row, "depth_sum"),
        full: number(row, "full"),
        retransmits: row.get("retransmits").and_then(Value::as_u64),
    })
}

#[cfg(test)]
mod tests {
    use crate::document::parse;

    const PROBED: &[u8] = br#"{"sockets":[{"name":"a:1","proto":"http","queue":1,"max_queue":100}],
        "workers":[{"id":2,"cores":[{"id":1,"in_request":1,"vars":["REQUEST_METHOD=GET","REQUEST_URI=/x",""],
        "req_info":{"request_start":5,"age_us":2000000,"phase":"application",
        "waited_us":{"run_queue":7000,"network":1500000},"waits_for":"network",
        "slowest_call":{"name":"read","us":9},"call":{"name":"recvfrom","us":1500000}}}]}],
        "latency":{"request":{"count":3,"p50_us":1,"p90_us":2,"p99_us":3},"queue":{"count":0}},
        "accept_queues":[{"name":"a:1","established":4,"depth_sum":8,"full":1,
        "wait":{"count":4,"p50_us":200,"p99_us":300},"retransmits":6},{"name":"b:2"}],
        "ebpf":[{"name":"accept","state":"healthy","reason":"","programs":3,"runs":2,"run_ns":500}]}"#;

    #[test]
    fn a_document_with_probes_has_a_second_block() {
        let picture = parse(PROBED).unwrap();
        let request = &picture.in_flight[0];
        assert_eq!((request.worker, request.core, request.age), (2, 1, 2_000_000));
        assert_eq!((request.method.as_str(), request.uri.as_str()), ("GET", "/x"));
        let waits = request.waits.as_ref().unwrap();
        assert_eq!(waits.now.as_deref(), Some("network"));
        // In the order of the document, or by name: that is the library's choice.
        let mut parts = waits.parts.clone();
        parts.sort();
        assert_eq!(parts, [("network".into(), 1_500_000), ("run_queue".into(), 7_000)]);
        assert_eq!(waits.call, Some(("recvfrom".into(), 1_500_000)));
        assert_eq!(waits.slowest, Some(("read".into(), 9)));
        let accept = picture.sockets[0].accept.as_ref().unwrap();
        assert_eq!((accept.p50, accept.p99, accept.retransmits), (200, 300, Some(6)));
        assert_eq!((picture.sockets[1].name.as_str(), &picture.sockets[1].accept), ("b:2", &None));
        assert_eq!(picture.latencies.len(), 1);
        assert_eq!((picture.probes[0].name.as_str(), picture.probes[0].run_ns), ("accept", 500));
    }

    #[test]
    fn without_probes_there_is_none() {
        for json in [&b"{\"workers\":[]}"[..], b"{\"ebpf\":[],\"workers\":[]}", b"{\"ebpf\":1}"] {
            assert!(!parse(json).unwrap().deep);
        }
    }
}
