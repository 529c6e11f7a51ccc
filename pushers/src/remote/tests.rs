//! Bytes of messages, series that end, and what ten thousand of them cost.

use std::sync::Arc;

use uwsgi_metrics::prometheus::PromOptions;
use uwsgi_metrics::{Arena, FamilyKind, FamilySpec, Shape, Snapshot};

use super::batch::{Batch, Family, Version, What};
use super::encode::{Encode, Shown};
use super::key;
use super::symbols::Symbols;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

fn unpacked(load: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(load).unwrap()
}

fn tick_of<R>(full: &Arc<Snapshot>, phase: u64, use_it: impl FnOnce(&Tick<'_>) -> R) -> R {
    let mut snapshot = Snapshot::default();
    snapshot.globals.phase = phase;
    use_it(&Tick {
        at_us: 1_795_162_676_000_000,
        snapshot: &snapshot,
        list: &[],
        document: &|| Arc::from(&b""[..]),
        full: &|| Arc::clone(full),
        page: &PromOptions::default(),
    })
}

fn all(encoder: &mut impl Encoder<Payload = Vec<u8>>, tick: &Tick<'_>) -> Vec<Load<Vec<u8>>> {
    let first = encoder.encode(tick);
    first.into_iter().chain(std::iter::from_fn(|| encoder.rest())).collect()
}

/// An arena with one counter of so many series.
fn counted(series: u32) -> Arena {
    let shape = Shape { workers: 1, cores: 1, series, ..Shape::default() };
    let arena = Arena::create(&shape).unwrap();
    let spec = FamilySpec {
        name: "orders",
        kind: FamilyKind::Counter,
        labels: &["shop", "way"],
        help: "Orders.",
        ..FamilySpec::default()
    };
    let family = arena.register_family(&spec).unwrap();
    for n in 0..series {
        let slot = arena.register_series(family, &[format!("shop-{n}").as_bytes(), b"card"]);
        arena.series_at(slot).add(1, f64::from(n));
    }
    arena
}

#[test]
fn a_series_of_version_one_has_the_bytes_of_its_proto() {
    let mut batch = Batch::new(Version::One);
    let mut bytes = Vec::new();
    key::write(&mut bytes, b"up", &[], None, &[("job".into(), "j".into())]);
    batch.push(&bytes, &[(What::Real(1.0), 1_000)], &Family::default(), None);
    let want = b"\x0a\x28\
        \x0a\x0e\x0a\x08__name__\x12\x02up\
        \x0a\x08\x0a\x03job\x12\x01j\
        \x12\x0c\x09\0\0\0\0\0\0\xf0\x3f\x10\xe8\x07";
    assert_eq!(unpacked(&batch.finish().unwrap()), &want[..]);
}

#[test]
fn texts_of_version_two_have_one_number_each() {
    let mut symbols = Symbols::new();
    let key = |name: &[u8], value: &[u8]| {
        let mut key = Vec::new();
        key::write(&mut key, name, &[("l", value)], None, &[]);
        key
    };
    // __name__, the name, l, its value; 0 is the empty text.
    assert_eq!(symbols.of_key(&key(b"up", b"a")), [1, 2, 3, 4]);
    assert_eq!(symbols.of_key(&key(b"up", b"b")), [1, 2, 3, 5]);
    assert_eq!(symbols.of_key(&key(b"b", b"up")), [1, 5, 3, 2]);
    assert_eq!(symbols.of_key(&key(b"up", b"")), [1, 2]);
    assert_eq!(symbols.of_key(&key(b"up", b"a")), [1, 2, 3, 4]);
    let mut written = symbols.into_bytes();
    written.truncate(12);
    assert_eq!(written, b"\x22\0\x22\x08__name__");
}

#[test]
fn what_is_no_longer_there_is_told_and_the_end_ends_everything() {
    const GONE: [u8; 8] = 0x7ff0_0000_0000_0002u64.to_le_bytes();
    let gone = |loads: &[Load<Vec<u8>>]| {
        let bytes: Vec<u8> = loads.iter().flat_map(|load| unpacked(&load.payload)).collect();
        bytes.windows(8).filter(|window| *window == GONE).count()
    };
    for version in [Version::One, Version::Two] {
        let mut encoder = Encode::new(version, Shown::Classic, Vec::new());
        let arena = counted(3);
        let with = Arc::new(arena.snapshot().with_series(&arena));
        let without = Arc::new(arena.snapshot());
        let mut push = |snapshot: &Arc<Snapshot>, phase| {
            tick_of(snapshot, phase, |tick| all(&mut encoder, tick))
        };
        let first = push(&with, 1);
        assert_eq!(gone(&first), 0);
        let bytes: Vec<u8> = first.iter().flat_map(|load| unpacked(&load.payload)).collect();
        assert!(bytes.windows(7).any(|window| window == b"Orders."), "families are described");
        assert_eq!(gone(&push(&without, 1)), 3);
        assert_eq!(gone(&push(&without, 3)), 0, "a reload is no end");
        assert!(gone(&push(&without, 4)) > 20, "every series ends with its instance");
    }
}

#[test]
fn ten_thousand_series_are_split_and_each_costs_a_few_bytes() {
    let arena = counted(10_000);
    let full = Arc::new(arena.snapshot().with_series(&arena));
    for version in [Version::One, Version::Two] {
        let mut encoder = Encode::new(version, Shown::Classic, vec![("job".into(), "x".into())]);
        let loads = tick_of(&full, 1, |tick| all(&mut encoder, tick));
        let values: u64 = loads.iter().map(|load| load.values).sum();
        assert!(loads.len() >= 5 && values > 10_000);
        let bytes: usize = loads.iter().map(|load| load.payload.len()).sum();
        assert!(bytes as u64 / values < 40, "{version:?}: {bytes} bytes for {values} values");
        println!("remote write, {version:?}: {} bytes a value", bytes as u64 / values);
    }
}
