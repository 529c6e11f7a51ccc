//! A re-executed master takes the arena over.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use uwsgi_metrics::{Arena, HistoryWriter, Latency, Ring, Series, Shape, Status};

use crate::filled::{SHAPE, filled};

#[test]
fn the_same_shape_keeps_the_memory_and_raises_the_generation() {
    let before = filled().unwrap();
    let fd = before.fd().try_clone_to_owned().unwrap();
    let after = Arena::adopt(fd, &SHAPE).unwrap();
    assert_eq!((before.generation(), after.generation()), (2, 2), "it is the same memory");
    assert_eq!(after.requests(1), 7);
    before.core(1, 0).requests.add(1);
    assert_eq!(after.requests(1), 8, "a worker of the old image still counts");
    assert!(after.inflight(1, 1).read().is_some(), "requests under way stay visible");
}

#[test]
fn another_shape_carries_what_exists_in_both() {
    let before = filled().unwrap();
    before.metric(b"foo").unwrap().inc(1);
    HistoryWriter::new().tick(&before.history(), 1_000, &before.snapshot());
    for (workers, cores) in [(3, 1), (1, 4), (2, 2)] {
        let shape = Shape { workers, cores, vars: 4096, ..SHAPE };
        let fd = before.fd().try_clone_to_owned().unwrap();
        let after = Arena::adopt(fd, &shape).unwrap();
        assert_eq!(after.shape(), &shape);
        assert_eq!(after.snapshot().requests(), before.snapshot().requests(), "{workers}x{cores}");
        assert_eq!(after.worker(1).respawn_count.get(), 2);
        assert_eq!(after.globals().version.get(), b"2.0.31-rs");
        assert_eq!(after.app(1, 0).mountpoint.get(), b"/shop\"x\\");
        assert_eq!(after.socket(1).name.get(), b"/run/app.sock");
        assert_eq!(after.generation(), 2);
        assert_eq!(after.created_ns(), before.created_ns());
        let snapshot = after.snapshot();
        assert_eq!(snapshot.latency(Latency::Request), before.snapshot().latency(Latency::Request));
        assert_eq!(after.metric(b"foo").unwrap().value.get(), 6);
        assert!(snapshot.metrics.is_empty(), "a metric is listed once it is registered again");
        let history = after.history().read(Ring::Seconds, Series::Rss, 1_000, 9);
        assert_eq!(history, [(1_000, 10_000_000)]);
    }
}

#[test]
fn fewer_workers_and_cores_leave_their_counts_to_the_first() {
    let shape = Shape { workers: 3, cores: 2, apps: 2, sockets: 1, ..Shape::default() };
    let before = Arena::create(&shape).unwrap();
    for worker in 1..=3 {
        for core in 0..2 {
            before.core(worker, core).requests.add(10);
            before.core(worker, core).responses[3].add(1);
        }
        for (app, name) in [(0, &b""[..]), (1, &b"/a"[..])] {
            before.app(worker, app).mountpoint.set(name);
            before.app(worker, app).requests.add(10);
            before.app(worker, app).latency(7_000).add(2);
        }
        before.traffic(worker, 0).response(200).add(3);
        before.link_traffic(worker).requests.add(2);
        before.worker(worker).respawn_count.add(4);
        before.worker(worker).accepted.add(5);
        before.worker(worker).pid.set(u64::from(worker));
        before.histogram(worker, Latency::Request).record(3_000);
    }
    // The first worker never loaded the second app.
    before.app(1, 1).clear_counts();
    before.app(1, 1).mountpoint.set(b"");
    for (workers, cores) in [(3, 1), (2, 2), (1, 1), (1, 4), (5, 1)] {
        let fd = before.fd().try_clone_to_owned().unwrap();
        let after = Arena::adopt(fd, &Shape { workers, cores, ..shape }).unwrap();
        let (was, is) = (before.snapshot(), after.snapshot());
        assert_eq!(is.requests(), was.requests(), "{workers}x{cores}");
        let sum = |of: &dyn Fn(u32) -> u64| (1..=workers).map(of).sum::<u64>();
        let cores = |worker| (0..cores).map(move |core| (worker, core));
        let missing =
            |worker| cores(worker).map(|(w, c)| after.core(w, c).responses[3].get()).sum();
        assert_eq!(sum(&missing), 6);
        assert_eq!(sum(&|worker| after.app(worker, 0).requests.get()), 30);
        assert_eq!(sum(&|worker| after.app(worker, 1).requests.get()), 20);
        assert_eq!(sum(&|worker| after.app(worker, 1).latency(7_000).get()), 4);
        assert_eq!(sum(&|worker| after.worker(worker).accepted.get()), 15);
        assert_eq!(sum(&|worker| after.traffic(worker, 0).response(204).get()), 9);
        assert_eq!(is.link.requests, 6);
        assert_eq!(is.latency(Latency::Request), was.latency(Latency::Request));
        assert_eq!((after.worker(1).respawn_count.get(), after.worker(1).pid.get()), (4, 1));
    }
}

#[test]
fn what_is_no_arena_is_refused_with_a_reason() {
    let other = memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&other, 1 << 20).unwrap();
    let text = Arena::adopt(other, &SHAPE).unwrap_err();
    assert_eq!(text.to_string(), "not an arena: wrong magic");
    let null = std::fs::File::open("/dev/null").unwrap();
    let text = Arena::adopt(null.into(), &SHAPE).unwrap_err();
    assert_eq!(text.to_string(), "not an arena: 0 bytes");
}

#[test]
fn the_first_match_decides_the_status() {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    let worker = arena.worker(1);
    let status = || arena.snapshot().workers[0].status;
    assert_eq!(status(), Status::Cheap, "never spawned");
    worker.id.set(1);
    assert_eq!(status(), Status::Idle);
    arena.core(1, 0).in_request.set(1);
    assert_eq!(status(), Status::Busy);
    worker.suspended.set(1);
    assert_eq!(status(), Status::Busy, "a pause waits for the request");
    worker.sig.set(1);
    worker.signum.set(17);
    assert_eq!(status().to_string(), "sig17");
    arena.core(1, 0).in_request.set(0);
    assert_eq!(status(), Status::Pause);
    worker.cheaped.set(1);
    assert_eq!(status(), Status::Cheap);
}
