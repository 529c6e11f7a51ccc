//! Readers race a writer that never rests: no record they are given may mix two requests.
//!
//! The test proves that it ran: a floor on consistent reads, and on requests seen to change between
//! reads, so neither a starved reader nor a writer that never moved can make it pass.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use uwsgi_metrics::{Arena, Shape, Start};

use crate::filled::block;

/// Consistent reads that must be seen, of at least this many different requests.
const FLOOR: u64 = 2_000;

/// Stops the writer when the reader is done, or has failed: a failure must not hang.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A pause between writes. Not a yield: that would hand the processor to strangers.
fn breathe() {
    (0..1_000).for_each(|_| std::hint::spin_loop());
}

/// A request whose every field tells its number.
fn begin(arena: &Arena, number: u64) {
    let text = format!("{number:016}");
    let vars =
        block(&[(b"A", text.as_bytes()), (b"PADDING", &[b'p'; 500]), (b"Z", text.as_bytes())]);
    arena.inflight(1, 0).begin(&Start {
        method: text.as_bytes(),
        uri: text.repeat(8).as_bytes(),
        remote: text.as_bytes(),
        host: text.as_bytes(),
        proto: text.as_bytes(),
        start_us: number,
        since_us: number,
        vars: &vars,
        uncounted: false,
    });
}

#[test]
fn a_racing_reader_never_sees_two_requests_in_one_record() {
    let shape = Shape { workers: 1, cores: 1, vars: 1024, ..Shape::default() };
    let arena = Arena::create(&shape).unwrap();
    let done = AtomicBool::new(false);
    let (reads, changes) = thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                begin(&arena, number);
                // Without a breath between writes a reader hardly ever finds a whole record.
                breathe();
            }
        });
        let _stop = Stop(&done);
        read_until_floor(&arena)
    });
    assert!(reads >= FLOOR, "only {reads} consistent reads");
    assert!(changes >= FLOOR, "the writer moved only {changes} times between reads");
    assert!(arena.inflight(1, 0).served() >= FLOOR);
}

fn read_until_floor(arena: &Arena) -> (u64, u64) {
    let (mut reads, mut changes, mut last) = (0, 0, 0);
    while changes < FLOOR {
        let Some(view) = arena.inflight(1, 0).read() else { continue };
        let text = format!("{:016}", view.start_us).into_bytes();
        assert_eq!(view.method, text);
        assert_eq!(view.uri, text.repeat(8));
        assert_eq!((&view.remote, &view.host, &view.proto), (&text, &text, &text));
        let values: Vec<_> = view.pairs().map(|(_, value)| value).collect();
        assert_eq!(values.first(), Some(&text.as_slice()));
        assert_eq!(values.last(), Some(&text.as_slice()));
        assert_eq!(view.since_us, view.start_us, "two moments of one request");
        assert!(view.start_us >= last, "time went back");
        reads += 1;
        changes += u64::from(view.start_us != last);
        last = view.start_us;
    }
    (reads, changes)
}

#[test]
fn a_text_is_old_or_new_never_both() {
    let arena = Arena::create(&Shape::default()).unwrap();
    let done = AtomicBool::new(false);
    let mut seen = [0; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                arena.globals().cwd.set(&[b'a'; 200]);
                breathe();
                arena.globals().cwd.set(&[b'b'; 100]);
                breathe();
            }
        });
        let _stop = Stop(&done);
        while seen[0] < FLOOR || seen[1] < FLOOR {
            match arena.globals().cwd.get().as_slice() {
                [] => {}
                text if text == [b'a'; 200] => seen[0] += 1,
                text if text == [b'b'; 100] => seen[1] += 1,
                text => panic!("a mix: {}", String::from_utf8_lossy(text)),
            }
        }
    });
}
