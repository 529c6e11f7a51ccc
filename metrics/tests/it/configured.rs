//! Metrics as the configuration registers them: in the place of built-in ones, as aliases, with
//! what an earlier instance counted.

use uwsgi_metrics::schema::{Item, ListOptions, list, oid_of, select, value};
use uwsgi_metrics::{Arena, Kind, MetricRow, Registration, Shape};

const SHAPE: Shape = Shape {
    workers: 2,
    cores: 1,
    apps: 1,
    sockets: 1,
    gateways: 0,
    metrics: 8,
    vars: 128,
    alarms: 0,
    thresholds: 0,
    series: 0,
    mules: 0,
    pushers: 0,
    probes: 0,
    listeners: 0,
    daemons: 0,
    loggers: 0,
    lines: 0,
};

fn arena() -> Arena {
    let arena = Arena::create(&SHAPE).unwrap();
    arena.socket(0).name.set(b":0");
    arena.core(2, 0).requests.add(5);
    arena.worker(1).rss.set(700);
    arena
}

fn items(arena: &Arena) -> Vec<Item> {
    list(&arena.snapshot(), ListOptions::default())
}

fn find(arena: &Arena, name: &str) -> (usize, Item) {
    let items = items(arena);
    let mut found = items.into_iter().enumerate().filter(|(_, item)| item.name == name.as_bytes());
    let only = found.next().unwrap();
    assert!(found.next().is_none(), "{name} is listed twice");
    only
}

#[test]
fn a_metric_with_a_built_in_name_takes_its_place() {
    let arena = arena();
    let (before, length) = (find(&arena, "worker.2.requests").0, items(&arena).len());
    let mine = Registration {
        name: "worker.2.requests",
        kind: Kind::Gauge,
        oid: "9.9",
        initial: 3,
        flags: MetricRow::REPLACES,
        ..Registration::default()
    };
    arena.register(&mine).unwrap();
    let (place, item) = find(&arena, "worker.2.requests");
    assert_eq!((place, items(&arena).len()), (before, length));
    assert_eq!((item.value, item.kind, item.oid), (3, Kind::Gauge, b"9.9".to_vec()));
    assert_eq!(value(&arena, b"worker.2.requests"), Some(3));
}

#[test]
fn an_alias_has_the_value_of_its_target_and_cannot_be_written() {
    let arena = arena();
    let alias = |name, target| {
        let oid = String::from_utf8(oid_of(&arena, str::as_bytes(target)).unwrap()).unwrap();
        let alias =
            Registration { name, target, oid: &oid, kind: Kind::Alias, ..Default::default() };
        arena.register(&alias).unwrap();
    };
    arena.register_metric("own", Kind::Counter, "1.2", 4).unwrap();
    alias("mine", "own");
    alias("theirs", "worker.2.requests");
    alias("hidden", "worker.2.status");
    for (name, oid, wanted) in [
        ("mine", "1.2", 4),
        ("theirs", "3.2.1", 5),
        ("hidden", "3.2.20", 2),
        ("rss_size", "5.101", 700),
    ] {
        let item = find(&arena, name).1;
        assert_eq!((item.value, item.kind), (wanted, Kind::Alias), "{name}");
        assert_eq!(item.oid, oid.as_bytes(), "{name}");
        assert_eq!(value(&arena, name.as_bytes()), Some(wanted), "{name}");
        let selector = select(&arena, name.as_bytes()).unwrap();
        assert_eq!(selector.read(&arena, &arena.snapshot()), wanted, "{name}");
    }
    assert!(!arena.metric(b"mine").unwrap().set(1) && !arena.metric(b"mine").unwrap().inc(1));
    arena.metric(b"own").unwrap().inc(1);
    assert_eq!(find(&arena, "mine").1.value, 5);
}

#[test]
fn a_base_is_added_wherever_a_built_in_metric_is_read_by_name() {
    let arena = arena();
    assert!(arena.register_base("worker.2.requests", 100));
    let snapshot = arena.snapshot();
    assert_eq!(find(&arena, "worker.2.requests").1.value, 105);
    assert_eq!(value(&arena, b"worker.2.requests"), Some(105));
    let selector = select(&arena, b"worker.2.requests").unwrap();
    assert_eq!(selector.read(&arena, &snapshot), 105);
    assert_eq!(snapshot.requests(), 5, "the cells themselves say what this instance served");
    assert!(snapshot.metrics.is_empty(), "it is no metric of its own");
    assert!(arena.metric(b"worker.2.requests").is_none());
}

#[test]
fn a_base_survives_the_next_image_and_another_shape() {
    for shape in [SHAPE, Shape { workers: 3, ..SHAPE }] {
        let arena = arena();
        arena.register_base("worker.2.requests", 100);
        let next = Arena::adopt(arena.fd().try_clone_to_owned().unwrap(), &shape).unwrap();
        assert_eq!(value(&next, b"worker.2.requests"), Some(105), "{shape:?}");
        let mine = Registration { name: "worker.2.requests", initial: 7, ..Default::default() };
        next.register(&mine).unwrap();
        assert_eq!(value(&next, b"worker.2.requests"), Some(7), "a metric now, without the base");
    }
}

#[test]
fn what_is_registered_again_has_the_new_properties_and_the_old_value() {
    let arena = arena();
    let collected = Registration {
        name: "m",
        initial: 2,
        flags: MetricRow::COLLECTED | MetricRow::RESET_AFTER_PUSH,
        ..Registration::default()
    };
    arena.register(&collected).unwrap();
    let row = arena.metric(b"m").unwrap();
    row.value.set(30);
    assert!(!row.set(1), "a collector owns it");
    assert_eq!((row.take_for_push(), row.value.get()), (30, 2), "back to the initial value");
    arena.register_metric("m", Kind::Counter, "", 9).unwrap();
    assert_eq!((row.value.get(), row.initial.get()), (2, 9));
    assert!(row.set(40));
    assert_eq!((row.take_for_push(), row.value.get()), (40, 40), "nobody asked for a reset");
}

#[test]
fn the_processes_of_a_router_are_one_in_the_list() {
    let arena = Arena::create(&Shape { gateways: 3, ..SHAPE }).unwrap();
    for (index, name, requests) in [(0, "http", 3), (1, "http", 4), (2, "raw", 9)] {
        arena.gateway(index).name.set(name.as_bytes());
        arena.gateway(index).requests.set(requests);
    }
    let options = ListOptions { extended: true, ..ListOptions::default() };
    let items = list(&arena.snapshot(), options);
    for (name, oid, requests) in
        [("router.http.requests", "6.1.2", 7), ("router.raw.requests", "6.2.2", 9)]
    {
        let found: Vec<_> = items.iter().filter(|item| item.name == name.as_bytes()).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((found[0].value, &*found[0].oid), (requests, oid.as_bytes()), "{name}");
        assert_eq!(value(&arena, name.as_bytes()), Some(requests), "{name}");
        assert_eq!(oid_of(&arena, name.as_bytes()).unwrap(), oid.as_bytes(), "{name}");
    }
    assert_eq!(value(&arena, b"router.0.requests"), None, "routers have names, not numbers");
}

#[test]
fn names_of_nothing_are_not_found() {
    let arena = arena();
    for name in
        ["worker.02.requests", "worker.+1.requests", "worker.3.requests", "worker..requests", "x"]
    {
        assert_eq!(value(&arena, name.as_bytes()), None, "{name}");
    }
}
