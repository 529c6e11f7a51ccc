//! Looking at an arena from outside: by path, by process id, and what is refused.

use std::fs;
use std::path::PathBuf;

use uwsgi_metrics::{Arena, Reader, Shape};

use crate::filled::{SHAPE, filled};

/// A path that is removed again.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("uwsgi-metrics-test-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_reader_of_a_file_follows_the_writer() {
    let path = Scratch::new("follow");
    let arena = Arena::create_at(&path.0, &SHAPE).unwrap();
    let reader = Reader::attach(&path.0).unwrap();
    assert_eq!(reader.shape(), &SHAPE);
    arena.core(2, 1).requests.add(5);
    assert_eq!(reader.requests(2), 5);
    arena.core(2, 1).requests.add(5);
    assert_eq!(reader.requests(2), 10, "values are seen as they are written");
}

#[test]
fn a_reader_cannot_change_what_others_see() {
    let path = Scratch::new("private");
    let arena = Arena::create_at(&path.0, &SHAPE).unwrap();
    let reader = Reader::attach(&path.0).unwrap();
    reader.core(1, 0).requests.add(99);
    assert_eq!(arena.requests(1), 0);
}

#[test]
fn replacing_the_file_leaves_the_old_reader_whole() {
    let path = Scratch::new("replace");
    let old = Arena::create_at(&path.0, &SHAPE).unwrap();
    old.core(1, 0).requests.add(3);
    let reader = Reader::attach(&path.0).unwrap();
    let new = Arena::create_at(&path.0, &Shape { workers: 1, ..SHAPE }).unwrap();
    new.core(1, 0).requests.add(4);
    assert_eq!(reader.requests(1), 3);
    assert_eq!(Reader::attach(&path.0).unwrap().requests(1), 4);
    let beside = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let prefix = path.0.file_name().unwrap().to_string_lossy().into_owned();
    let names = beside.filter(|e| e.file_name().to_string_lossy().starts_with(&prefix));
    assert_eq!(names.count(), 1, "no temporary file is left");
}

#[test]
fn a_process_id_is_enough_to_find_the_memfd() {
    let arena = filled().unwrap();
    let reader = Reader::of_pid(std::process::id()).unwrap();
    // Tests run side by side in one process, so any of their arenas may be the one found.
    assert_eq!(reader.generation() > 0, arena.generation() > 0);
    let missing = Reader::of_pid(1 << 30).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn damage_is_refused_with_its_reason() {
    let path = Scratch::new("damage");
    drop(Arena::create_at(&path.0, &SHAPE).unwrap());
    let whole = fs::read(&path.0).unwrap();
    let word = |bytes: &mut Vec<u8>, index: usize, value: u64| {
        bytes[index * 8..index * 8 + 8].copy_from_slice(&value.to_ne_bytes());
    };
    let layout = u64::from_ne_bytes(whole[8..16].try_into().unwrap());
    let other_layout = format!("arena layout 999, this build reads {layout}");
    // Words of the header: 0 magic, 1 layout version, 14 workers; the directory follows at 384.
    type Damage = Box<dyn Fn(&mut Vec<u8>)>;
    let cases: [(Damage, &str); 6] = [
        (Box::new(|b| b.truncate(4096)), "not an arena: 4096 bytes"),
        (Box::new(move |b| word(b, 0, 1)), "not an arena: wrong magic"),
        (Box::new(move |b| word(b, 1, 999)), &other_layout),
        (Box::new(move |b| word(b, 14, 200_000)), "is shorter than its shape says"),
        (Box::new(move |b| word(b, 14, u64::MAX)), "is shorter than its shape says"),
        (Box::new(move |b| word(b, 48 + 16 + 1, 7)), "section 1 is laid out by another build"),
    ];
    for (damage, want) in cases {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&path.0, bytes).unwrap();
        let text = Reader::attach(&path.0).unwrap_err().to_string();
        assert!(text.contains(want), "wanted {want:?}, got {text:?}");
    }
}

#[test]
fn indices_outside_reach_a_spare_row_that_no_report_shows() {
    let arena = filled().unwrap();
    let before = arena.snapshot();
    let u = u32::MAX;
    for (worker, core) in [(0, 0), (3, 0), (1, 2), (u, u), (u, 0)] {
        arena.core(worker, core).requests.add(1);
        arena.app(worker, core.max(4)).requests.add(1);
        arena.inflight(worker, core).phase(uwsgi_metrics::Phase::Writing);
        arena.histogram(worker, uwsgi_metrics::Latency::Request).record(1);
    }
    arena.histogram(1, uwsgi_metrics::Latency::Request).record(1);
    arena.worker(u).pid.set(9);
    arena.socket(u).name.set(b"nobody");
    arena.gateway(2).name.set(b"nobody");
    let after = arena.snapshot();
    assert_eq!(after.requests(), before.requests());
    assert_eq!(after.sockets.len(), before.sockets.len());
    assert_eq!(after.gateways.len(), before.gateways.len());
    let recorded = |s: &uwsgi_metrics::Snapshot| s.latencies[0].count;
    assert_eq!(
        recorded(&after),
        recorded(&before) + 2,
        "worker 1 alone counts: once above, once in the list"
    );
}
