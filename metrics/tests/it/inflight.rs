//! The in-flight record: cuts, phases, and its life after the writer.

use uwsgi_metrics::{Arena, Phase, Running, Shape, Start, vars_pairs};

use crate::filled::block;

fn arena() -> Arena {
    Arena::create(&Shape { workers: 1, cores: 1, vars: 64, ..Shape::default() }).unwrap()
}

#[test]
fn a_record_goes_from_idle_through_its_phases_to_idle() {
    let arena = arena();
    let record = arena.inflight(1, 0);
    assert_eq!(record.read(), None);
    let vars = block(&[(b"A", b"1"), (b"B", b"")]);
    record.begin(&Start {
        method: b"POST",
        uri: b"/x?y",
        remote: b"::1",
        host: b"h",
        proto: b"HTTP/1.1",
        start_us: 7,
        since_us: 8,
        vars: &vars,
        uncounted: false,
    });
    let view = record.read().unwrap();
    assert_eq!((view.method.as_slice(), view.uri.as_slice()), (&b"POST"[..], &b"/x?y"[..]));
    assert_eq!((view.remote.as_slice(), view.host.as_slice()), (&b"::1"[..], &b"h"[..]));
    assert_eq!((view.proto.as_slice(), view.start_us), (&b"HTTP/1.1"[..], 7));
    assert_eq!(view.since_us, 8);
    assert_eq!((view.phase, view.app, view.truncated), (Phase::Reading, -1, false));
    assert_eq!(view.pairs().collect::<Vec<_>>(), [(&b"A"[..], &b"1"[..]), (b"B", b"")]);
    record.app(3);
    for phase in [Phase::Application, Phase::Writing, Phase::Closing, Phase::Offloaded] {
        record.phase(phase);
        assert_eq!(record.read().map(|v| (v.phase, v.app)), Some((phase, 3)));
        assert_eq!(record.running(), Some(Running { since_us: 8, phase, app: 3 }));
    }
    record.end();
    assert_eq!(record.running(), None);
    assert_eq!(record.read(), None);
    assert_eq!(record.served(), 1);
}

#[test]
fn what_does_not_fit_is_cut_and_said() {
    let arena = arena();
    let record = arena.inflight(1, 0);
    let long = [b'u'; 1000];
    let vars = block(&[(b"FIRST", b"kept"), (b"SECOND", &long)]);
    record.begin(&Start {
        method: &long,
        uri: &long,
        remote: &long,
        host: &long,
        proto: &long,
        start_us: 1,
        since_us: 1,
        vars: &vars,
        uncounted: false,
    });
    let view = record.read().unwrap();
    let lens = [view.method.len(), view.proto.len(), view.remote.len(), view.host.len()];
    assert_eq!((lens, view.uri.len()), ([16, 16, 48, 64], 256));
    assert!(view.truncated);
    assert_eq!(view.pairs().collect::<Vec<_>>(), [(&b"FIRST"[..], &b"kept"[..])]);
    // A short request after a long one shows nothing of the long one.
    record.begin(&Start { method: b"GET", uri: b"/", ..Start::default() });
    let view = record.read().unwrap();
    assert_eq!((view.method.as_slice(), view.uri.as_slice()), (&b"GET"[..], &b"/"[..]));
    assert!(view.vars.is_empty() && !view.truncated);
}

#[test]
fn broken_blocks_end_at_the_first_cut_pair() {
    let cases: [(&[u8], usize); 6] = [
        (b"", 0),
        (b"\x01", 0),
        (b"\x01\x00A", 0),
        (b"\x01\x00A\x01\x00", 0),
        (b"\x01\x00A\x01\x00B", 1),
        (b"\x01\x00A\x01\x00B\xff\xff", 1),
    ];
    for (bytes, pairs) in cases {
        assert_eq!(vars_pairs(bytes).count(), pairs, "{bytes:?}");
    }
}
