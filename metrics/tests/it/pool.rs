//! User metrics: registration, lookup, arithmetic, a full pool, races.

use std::collections::BTreeSet;
use std::thread;

use uwsgi_metrics::schema::value;
use uwsgi_metrics::{Arena, Kind, Shape};

use crate::filled::filled;

fn arena(metrics: u32) -> Arena {
    Arena::create(&Shape { workers: 1, cores: 1, metrics, ..Shape::default() }).unwrap()
}

#[test]
fn a_name_has_one_slot_and_keeps_its_value() {
    let arena = arena(4);
    let slot = arena.register_metric("a.b", Kind::Counter, "1.2", 7).unwrap();
    assert_eq!(arena.metric_at(slot).value.get(), 7);
    arena.metric(b"a.b").unwrap().inc(1);
    assert_eq!(arena.register_metric("a.b", Kind::Gauge, "1.3", 0), Some(slot));
    let row = arena.metric(b"a.b").unwrap();
    assert_eq!((row.value.get(), row.kind.get(), row.oid.get()), (8, 1, b"1.3".to_vec()));
    assert!(arena.metric(b"a").is_none() && arena.metric(b"").is_none());
}

#[test]
fn a_full_pool_and_impossible_names_are_counted_drops() {
    let arena = arena(2);
    let long = "n".repeat(129);
    for (name, ok) in [("a", true), ("", false), ("b", true), ("c", false), (&long, false)] {
        let got = arena.register_metric(name, Kind::Counter, "", 0);
        assert_eq!(got.is_some(), ok, "{name}");
    }
    assert_eq!(arena.globals().metrics_dropped.get(), 3);
    assert!(arena.metric(b"c").is_none());
    assert_eq!(arena.snapshot().metrics.len(), 2);
}

#[test]
fn arithmetic_wraps_and_refuses_what_the_api_refuses() {
    let arena = arena(1);
    arena.register_metric("m", Kind::Gauge, "", 10).unwrap();
    let m = arena.metric(b"m").unwrap();
    let value = || m.value.get();
    assert!(m.set(i64::MAX) && m.inc(1) && value() == i64::MIN);
    assert!(m.set(20) && m.mul(3) && value() == 60);
    assert!(m.div(-7) && value() == -8, "division truncates");
    assert!(!m.div(0) && value() == -8);
    assert!(m.set(i64::MIN) && m.div(-1) && value() == i64::MIN, "the one overflow of division");
    assert!(m.set(50) && m.set_max(40) && value() == 50 && m.set_max(60) && value() == 60);
    assert!(m.set_min(10) && value() == 60, "never to or below the initial value");
    assert!(m.set_min(11) && value() == 11);
    assert!(m.dec(1) && value() == 10);
    m.flags.set(1);
    assert!(!m.set(1) && !m.inc(1) && !m.mul(2) && value() == 10, "a collector owns it");
}

#[test]
fn threads_that_register_the_same_names_lose_no_count() {
    const THREADS: u32 = 4;
    const NAMES: u32 = 200;
    let arena = arena(THREADS * NAMES);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for n in 0..NAMES {
                    let name = format!("metric.{n}");
                    let slot = arena.register_metric(&name, Kind::Counter, "", 0).unwrap();
                    arena.metric_at(slot).inc(1);
                }
            });
        }
    });
    let listed = arena.snapshot().metrics;
    let names: BTreeSet<_> = listed.iter().map(|m| m.name.clone()).collect();
    assert_eq!((names.len(), listed.len()), (200, 200), "each name is listed once");
    assert!(listed.iter().all(|m| m.value == i64::from(THREADS)), "a count went to a lost slot");
}

#[test]
fn any_metric_of_the_list_is_found_by_name() {
    let arena = filled().unwrap();
    let cases: [(&[u8], Option<i64>); 9] = [
        (b"worker.0.requests", Some(7)),
        (b"worker.1.requests", Some(7)),
        (b"worker.1.core.0.requests", Some(5)),
        (b"socket.1.listen_queue", Some(2)),
        (b"core.total_tx", Some(2_000)),
        (b"rss_size", Some(10_000_000)),
        (b"foo", Some(5)),
        (b"worker.9.requests", None),
        (b"nothing", None),
    ];
    for (name, want) in cases {
        assert_eq!(value(&arena, name), want, "{}", String::from_utf8_lossy(name));
    }
}
