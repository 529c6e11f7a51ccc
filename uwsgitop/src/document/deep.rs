//! What a server of ours adds to its document for those who ask for details: the past, the cells of
//! latencies, kinds of requests, what sockets counted.
//!
//! With these keys a screen far away has the same picture as one that maps the arena; without them
//! nothing is touched, so that any other document stays what it is.

use serde_json::{Map, Value};
use uwsgi_metrics::Latency as Kind;

use super::{kernel, list, number, object, objects, text, watched};
use crate::picture::{End, Latency, Picture, Route, Socket, Trail};

/// Adds the details to what the rest of the document has given.
pub(super) fn read(top: &Map<String, Value>, picture: &mut Picture) {
    if number(top, "details") == 0 {
        return;
    }
    picture.deep = true;
    picture.taken = number(top, "taken_us");
    picture.somaxconn = top.get("somaxconn").and_then(Value::as_u64);
    picture.latencies = latencies(top);
    picture.routes = objects(top, "routes").map(route).collect();
    picture.trails = objects(top, "history").flat_map(trails).collect();
    // In the order of the document, in front of those that only probes tell of.
    for (socket, row) in picture.sockets.iter_mut().zip(objects(top, "sockets")) {
        counted(socket, row);
    }
    watched::read(top, picture);
    picture.kernel = object(top, "kernel").map(kernel::read);
}

/// As the arena gives them: the kinds everybody asks for always, the others once there are any.
fn latencies(top: &Map<String, Value>) -> Vec<Latency> {
    let all = Kind::ALL.map(Kind::as_str).into_iter().filter_map(|name| {
        let row = object(object(top, "latency")?, name)?;
        let [count, sum, p50, p90, p99] =
            ["count", "sum_us", "p50_us", "p90_us", "p99_us"].map(|key| number(row, key));
        Some(Latency { name: name.to_owned(), count, sum, p50, p90, p99, cells: cells(row) })
    });
    all.filter(|l| l.count > 0 || matches!(l.name.as_str(), "request" | "application")).collect()
}

/// Highest value and count in turn.
fn cells(row: &Map<String, Value>) -> Vec<(u64, u64)> {
    let numbers = numbers(row, "cells");
    let pairs = numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    pairs.collect()
}

/// A list of numbers; what is none is zero, so that places stay.
pub(super) fn numbers(row: &Map<String, Value>, key: &str) -> Vec<u64> {
    list(row, key).iter().map(|value| value.as_u64().unwrap_or(0)).collect()
}

fn route(row: &Map<String, Value>) -> Route {
    Route {
        app: text(row, "app"),
        method: text(row, "method"),
        code: text(row, "code"),
        count: number(row, "count"),
        sum: number(row, "sum_us"),
        p50: number(row, "p50_us"),
        p99: number(row, "p99_us"),
    }
}

/// The series of one ring.
fn trails(ring: &Map<String, Value>) -> impl Iterator<Item = Trail> + '_ {
    let (step, end) = (number(ring, "step"), number(ring, "end"));
    objects(ring, "series").map(move |row| Trail {
        name: text(row, "name"),
        step,
        end,
        scale: number(row, "scale").max(1),
        values: numbers(row, "values"),
    })
}

fn counted(socket: &mut Socket, row: &Map<String, Value>) {
    let known = |key: &str| row.get(key).and_then(Value::as_u64);
    socket.accepted = known("accepted");
    socket.drops = known("drops");
    socket.waited = known("waited");
    socket.requests = known("requests");
    socket.aborted = known("aborted");
    let reasons = [
        "oversize",
        "bad",
        "timeout",
        "eof",
        "vars",
        "limit_post",
        "slow_head",
        "slow_body",
        "slow_reader",
    ];
    let refused = object(row, "refused");
    let ends = reasons.iter().filter_map(|reason| {
        let count = number(refused?, reason);
        (count > 0).then(|| End { reason: (*reason).to_owned(), count })
    });
    socket.refused = ends.collect();
}

#[cfg(test)]
mod tests {
    use crate::document::parse;

    const DEEP: &[u8] = br#"{"sockets":[{"name":"a:1","accepted":7,"drops":1,"waited":2,
        "refused":{"oversize":0,"bad":3,"timeout":1}}],"workers":[{"id":1,
        "apps":[{"id":0,"mountpoint":"/a","duration_bounds_us":[10,20],"durations":[1,2,3]}],
        "resting_apps":[{"id":0,"mountpoint":"/b","requests":4}],
        "cores":[{"id":0,"in_request":1,"req_info":{"request_start":5,"age_us":9,"phase":"application",
        "start_us":5000001,"app":0,"vars_cut":1}}]}],
        "latency":{"request":{"count":3,"sum_us":9,"p50_us":1,"p90_us":2,"p99_us":3,"cells":[1,2,4,1]},
        "application":{"count":0}},"details":1,"taken_us":77000000,"somaxconn":128,"last_reload":5,
        "routes":[{"app":"/a","method":"GET","code":"2xx","count":3,"sum_us":9,"p50_us":1,"p99_us":3}],
        "history":[{"step":1,"end":76,"series":[{"name":"requests","scale":1000,"values":[1,2]}]},
        {"step":10,"series":[]}]}"#;

    #[test]
    fn details_fill_what_a_plain_document_leaves_open() {
        let picture = parse(DEEP).unwrap();
        assert!(picture.deep);
        assert_eq!((picture.taken, picture.somaxconn), (77_000_000, Some(128)));
        let names: Vec<_> = picture.latencies.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["request", "application"]);
        assert_eq!(picture.latencies[0].cells, [(1, 2), (4, 1)]);
        let trail = &picture.trails[0];
        assert_eq!((picture.trails.len(), trail.end, &trail.values[..]), (1, 76, &[1, 2][..]));
        let socket = &picture.sockets[0];
        assert_eq!((socket.accepted, socket.drops, socket.waited), (Some(7), Some(1), Some(2)));
        let refused: Vec<_> = socket.refused.iter().map(|e| (e.reason.as_str(), e.count)).collect();
        assert_eq!(refused, [("bad", 3), ("timeout", 1)]);
        assert_eq!((picture.routes[0].code.as_str(), picture.routes[0].p99), ("2xx", 3));
        let apps = &picture.workers()[0].apps;
        assert_eq!((apps.len(), apps[1].requests), (2, 4));
        assert_eq!(apps[0].buckets, [(10, 1), (20, 2), (u64::MAX, 3)]);
        let request = &picture.in_flight[0];
        assert_eq!((request.start, request.age, request.app.as_str()), (5_000_001, 9, "/a"));
        assert!(request.more_vars && !request.coarse);
    }

    #[test]
    fn odd_details_are_survived_and_without_the_word_there_are_none() {
        let odd =
            br#"{"details":1,"latency":[1],"history":[3,{"step":"x","series":[{"values":"y"}]}],
            "sockets":[{"refused":7}],"routes":{"a":1},"kernel":[],"alarms":"no","taken_us":-1}"#;
        let picture = parse(odd).unwrap();
        assert_eq!((picture.taken, picture.latencies.len(), picture.routes.len()), (0, 0, 0));
        assert!(
            parse(br#"{"history":[{"step":1,"end":9,"series":[{"name":"a","values":[1]}]}]}"#)
                .unwrap()
                .trails
                .is_empty()
        );
    }
}
