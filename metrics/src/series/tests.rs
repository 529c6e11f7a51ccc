//! The pools: registration, counting, merging, want of room, and what a reload keeps.

use super::*;
use crate::{Arena, Shape};

const SHAPE: Shape = Shape {
    workers: 2,
    cores: 1,
    apps: 0,
    sockets: 0,
    gateways: 0,
    metrics: 0,
    vars: 0,
    alarms: 0,
    thresholds: 0,
    series: 16,
    mules: 0,
    pushers: 0,
    daemons: 0,
    loggers: 0,
    lines: 0,
    probes: 0,
    listeners: 0,
};

fn arena() -> Arena {
    Arena::create(&SHAPE).unwrap()
}

fn spec<'a>(name: &'a str, kind: FamilyKind, labels: &'a [&'a str]) -> FamilySpec<'a> {
    FamilySpec { name, kind, labels, help: "Some help.", ..FamilySpec::default() }
}

fn gauge(mode: GaugeMode) -> FamilySpec<'static> {
    FamilySpec { mode, ..spec("g", FamilyKind::Gauge, &[]) }
}

fn adopted(arena: &Arena, shape: &Shape) -> Arena {
    Arena::adopt(arena.fd().try_clone_to_owned().unwrap(), shape).unwrap()
}

#[test]
fn a_series_is_found_again_and_counts_in_one_place() {
    let arena = arena();
    let family = arena.register_family(&spec("hits", FamilyKind::Counter, &["a", "b"])).unwrap();
    let slot = arena.register_series(family, &[b"x", b"yz"]);
    let cases: [&[&[u8]]; 3] = [&[b"xy", b"z"], &[b"", b"xyz"], &[b"yz", b"x"]];
    for other in cases {
        assert_ne!(arena.register_series(family, other), slot, "{other:?}");
    }
    assert_eq!(arena.register_series(family, &[b"x", b"yz"]), slot);
    let series = arena.series_at(slot);
    assert!(series.add(1, 2.0) && series.add(2, 0.5) && series.add(0, 1e17));
    assert!(!series.add(1, -1.0) && !series.add(1, f64::NAN), "a counter never falls");
    assert!(!series.observe(1.0));
    assert_eq!(series.value(1), 1e17 + 2.5);
    let all = families(&arena);
    assert_eq!((all.len(), all[0].samples.len()), (1, 4));
    assert_eq!((all[0].name.as_str(), all[0].help.as_str()), ("hits", "Some help."));
    assert_eq!(all[0].samples[0].values, [b"x".to_vec(), b"yz".to_vec()]);
}

#[test]
fn values_fall_into_the_bucket_whose_bound_they_do_not_exceed() {
    let arena = arena();
    let spec = FamilySpec { bounds: &[0.1, 1.0, 2.5], ..spec("h", FamilyKind::Histogram, &[]) };
    let family = arena.register_family(&spec).unwrap();
    let series = arena.series_at(arena.register_series(family, &[]));
    for value in [-1.0, 0.1, 0.100_001, 1.0, 2.5, 2.6, f64::INFINITY] {
        assert!(series.observe(value));
    }
    assert_eq!((0..5).map(|n| series.bucket_count(n)).collect::<Vec<_>>(), [2, 2, 1, 2, 0]);
    assert_eq!(series.value(0), f64::INFINITY);
    series.set(0, 0.0);
    series.observe(f64::NAN);
    assert!(series.value(0).is_nan() && series.bucket_count(3) == 3, "only +Inf counts NaN");
    assert!(series.add_bucket(0, 3) && series.set_bucket(1, 9) && !series.add_bucket(4, 1));
    let got = families(&arena).remove(0);
    assert_eq!(
        (got.bounds, got.samples[0].buckets.clone()),
        (vec![0.1, 1.0, 2.5], vec![5, 9, 1, 3])
    );
}

#[test]
fn who_counts_on_after_a_removal_is_seen_again() {
    let arena = arena();
    let family = arena.register_family(&spec("c", FamilyKind::Counter, &["l"])).unwrap();
    // Two processes hold the same series; one of them removes it.
    let [ours, theirs] = [(); 2].map(|()| arena.series_at(arena.register_series(family, &[b"a"])));
    theirs.add(0, 5.0);
    ours.remove();
    assert!(families(&arena).iter().all(|f| f.samples.is_empty()));
    theirs.add(0, 2.0);
    assert_eq!(families(&arena)[0].samples[0].value, 2.0);
}

#[test]
fn each_mode_merges_workers_its_own_way() {
    use GaugeMode::*;
    type Seen = &'static [(Option<u32>, f64)];
    let cases: [(GaugeMode, Seen, Seen); 11] = [
        (Shared, &[(None, 3.0)], &[(None, 3.0)]),
        (All, &[(Some(1), 7.0), (Some(2), 3.0)], &[(Some(1), 7.0), (Some(2), 3.0)]),
        (LiveAll, &[(Some(1), 7.0), (Some(2), 3.0)], &[(Some(1), 7.0)]),
        (Min, &[(None, 3.0)], &[(None, 3.0)]),
        (LiveMin, &[(None, 3.0)], &[(None, 7.0)]),
        (Max, &[(None, 7.0)], &[(None, 7.0)]),
        (LiveMax, &[(None, 7.0)], &[(None, 7.0)]),
        (Sum, &[(None, 10.0)], &[(None, 10.0)]),
        (LiveSum, &[(None, 10.0)], &[(None, 7.0)]),
        (MostRecent, &[(None, 3.0)], &[(None, 3.0)]),
        (LiveMostRecent, &[(None, 3.0)], &[(None, 7.0)]),
    ];
    for (mode, both, survivor) in cases {
        let arena = arena();
        let family = arena.register_family(&gauge(mode)).unwrap();
        let series = arena.series_at(arena.register_series(family, &[]));
        let got = || {
            let samples = families(&arena).remove(0).samples;
            samples.iter().map(|s| (s.worker, s.value)).collect::<Vec<_>>()
        };
        if !matches!(mode, All | LiveAll) {
            assert_eq!(got(), [(None, 0.0)], "{mode:?}: nobody has said anything");
        }
        series.set(1, 8.0);
        series.add(1, -1.0);
        // The clock of the stamps may not tell two calls apart.
        while matches!(mode, MostRecent | LiveMostRecent) && series.stamp_of(1) == Some(now()) {}
        series.set(2, 3.0);
        assert_eq!(got(), both, "{mode:?}");
        arena.forget_process(2);
        assert_eq!(got(), survivor, "{mode:?}: worker 2 is dead");
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

impl SeriesRef<'_> {
    fn stamp_of(&self, process: u32) -> Option<u64> {
        self.own(process).map(|(_, stamp)| stamp.load(crate::sync::Ordering::Relaxed))
    }
}

#[test]
fn want_of_room_is_a_counted_drop_and_the_spare_row_takes_the_rest() {
    let arena = Arena::create(&Shape { series: 2, ..SHAPE }).unwrap();
    let family = arena.register_family(&spec("c", FamilyKind::Counter, &["l"])).unwrap();
    let slots: Vec<_> = [b"a", b"b", b"c"].map(|v| arena.register_series(family, &[v])).into();
    assert_eq!(slots, [0, 1, NO_SLOT]);
    assert_eq!(arena.register_series(family, &[b"a"]), 0, "a known one is still found");
    let spare = arena.series_at(NO_SLOT);
    spare.add(1, 5.0);
    spare.observe(5.0);
    assert_eq!(spare.value(1), 0.0);
    let long = vec![b'x'; 20_000];
    let refused: [(u32, &[&[u8]]); 4] =
        [(family, &[]), (family, &[b"a", b"b"]), (NO_SLOT, &[b"a"]), (family, &[&long])];
    for (family, values) in refused {
        assert_eq!(arena.register_series(family, values), NO_SLOT);
    }
    assert_eq!(arena.series_head().dropped.get(), 5);
    let samples = families(&arena).remove(0).samples;
    assert_eq!(samples.iter().map(|s| s.value).sum::<f64>(), 0.0, "nothing reached a shown one");
}

#[test]
fn families_and_words_run_out_without_harm() {
    let arena = arena();
    let names: Vec<_> = (0..40).map(|n| format!("f{n}")).collect();
    let bounds: Vec<f64> = (0..500).map(f64::from).collect();
    let made: Vec<_> = names
        .iter()
        .map(|name| {
            let spec = FamilySpec { bounds: &bounds, ..spec(name, FamilyKind::Histogram, &[]) };
            arena.register_family(&spec)
        })
        .collect();
    let refused = made.iter().filter(|made| **made == Err(FamilyRefused::Full)).count();
    assert!(made[0].is_ok() && refused > 30, "{refused}");
    assert_eq!(arena.series_head().dropped.get(), refused as u64);
    let empty = Arena::create(&Shape { series: 0, ..SHAPE }).unwrap();
    let made = empty.register_family(&spec("a", FamilyKind::Counter, &[]));
    assert_eq!(made, Err(FamilyRefused::Full));
    assert!(families(&empty).is_empty());
}

#[test]
fn another_definition_of_a_name_starts_anew_and_the_last_one_is_shown() {
    let arena = arena();
    let first = arena.register_family(&spec("x", FamilyKind::Counter, &[])).unwrap();
    arena.series_at(arena.register_series(first, &[])).add(0, 4.0);
    let second = arena.register_family(&spec("x", FamilyKind::Gauge, &[])).unwrap();
    assert_ne!(first, second);
    arena.series_at(arena.register_series(second, &[])).set(0, 1.0);
    let all = families(&arena);
    assert_eq!((all.len(), all[0].kind, all[0].samples[0].value), (1, FamilyKind::Gauge, 1.0));
    let renewed = FamilySpec { help: "Other help.", ..spec("x", FamilyKind::Gauge, &[]) };
    assert_eq!(arena.register_family(&renewed), Ok(second));
    assert_eq!(families(&arena)[0].help, "Some help.");
    let arena = adopted(&arena, &SHAPE);
    assert_eq!(arena.register_family(&renewed), Ok(second));
    assert_eq!(families(&arena)[0].help, "Other help.");
}

#[test]
fn help_that_each_process_words_its_own_way_takes_no_room() {
    let arena = arena();
    let mut used = Vec::new();
    for process in 0..500 {
        let help = format!("Jobs of process {process}.");
        arena.register_family(&FamilySpec { help: &help, ..gauge(GaugeMode::Sum) }).unwrap();
        used.push(arena.series_head().words.get());
    }
    assert_eq!(used.first(), used.last());
}

#[test]
fn facts_and_states_of_the_last_generation_are_no_longer_said() {
    for shape in [SHAPE, Shape { workers: 1, ..SHAPE }] {
        for (kind, mode) in [
            (FamilyKind::Info, GaugeMode::Shared),
            (FamilyKind::StateSet, GaugeMode::Shared),
            (FamilyKind::Gauge, GaugeMode::LiveSum),
            (FamilyKind::Gauge, GaugeMode::Sum),
        ] {
            let before = arena();
            let spec = FamilySpec { mode, ..spec("x", kind, &["x"]) };
            let tell = |arena: &Arena, what: &[u8]| {
                let family = arena.register_family(&spec).unwrap();
                arena.series_at(arena.register_series(family, &[what])).set(0, 1.0);
            };
            tell(&before, b"1");
            let after = adopted(&before, &shape);
            tell(&after, b"2");
            let told = families(&after).remove(0).samples.into_iter().map(|s| s.values.concat());
            let all: &[&[u8]] = if mode == GaugeMode::Sum { &[b"1", b"2"] } else { &[b"2"] };
            assert_eq!(told.collect::<Vec<_>>(), all, "{kind:?} {mode:?}");
        }
    }
}

#[test]
fn a_removed_series_is_gone_until_it_is_asked_for_again() {
    let arena = arena();
    let family = arena.register_family(&spec("c", FamilyKind::Counter, &["l"])).unwrap();
    let slot = arena.register_series(family, &[b"a"]);
    arena.series_at(slot).add(0, 4.0);
    arena.series_at(slot).remove();
    assert!(families(&arena)[0].samples.is_empty());
    assert_eq!(arena.register_series(family, &[b"a"]), slot);
    assert_eq!(families(&arena)[0].samples[0].value, 0.0);
}

#[test]
fn a_reload_keeps_values_and_shows_what_is_registered_again() {
    for shape in [SHAPE, Shape { workers: 1, ..SHAPE }, Shape { workers: 3, series: 99, ..SHAPE }] {
        let before = arena();
        let counter = spec("c", FamilyKind::Counter, &["l"]);
        let histogram = FamilySpec { bounds: &[1.0], ..spec("h", FamilyKind::Histogram, &[]) };
        for (spec, values) in [(&counter, &[&b"a"[..]][..]), (&histogram, &[])] {
            let family = before.register_family(spec).unwrap();
            let series = before.series_at(before.register_series(family, values));
            assert!(series.observe(0.5) || series.add(0, 2.5));
        }
        for mode in [GaugeMode::Sum, GaugeMode::LiveSum] {
            let family = before.register_family(&gauge(mode)).unwrap();
            before.series_at(before.register_series(family, &[])).set(1, 3.0);
        }
        let after = adopted(&before, &shape);
        assert!(families(&after).is_empty(), "nothing is shown before it is registered again");
        after.register_family(&histogram).unwrap();
        after.register_family(&counter).unwrap();
        after.register_family(&gauge(GaugeMode::Sum)).unwrap();
        let all = families(&after);
        let seen: Vec<_> = all.iter().map(|f| (f.name.as_str(), f.samples[0].value)).collect();
        assert_eq!(seen, [("h", 0.5), ("c", 2.5), ("g", 3.0)], "{shape:?}");
        assert_eq!(all[0].samples[0].buckets, [1, 0]);
        let live = after.register_family(&gauge(GaugeMode::LiveSum)).unwrap();
        assert!(families(&after)[2].samples.is_empty(), "its worker is gone");
        after.register_series(live, &[]);
        assert_eq!(families(&after)[2].samples[0].value, 0.0);
    }
}

#[test]
fn a_pool_full_of_the_past_is_left_behind() {
    let counter = spec("c", FamilyKind::Counter, &["l"]);
    let fill = |arena: &Arena, from: u8| {
        let family = arena.register_family(&counter).unwrap();
        (from..from + 13).for_each(|n| {
            arena.series_at(arena.register_series(family, &[&[n]])).add(0, 1.0);
        });
    };
    let first = arena();
    fill(&first, 0);
    let second = adopted(&first, &SHAPE);
    fill(&second, 10);
    assert!(second.series_head().dropped.get() > 0, "ten of the past leave no room");
    let third = adopted(&second, &SHAPE);
    fill(&third, 10);
    let known: u64 = third.series_head().series.get();
    assert!(known <= 16 && third.series_at(third.register_series(0, &[&[10]])).value(0) == 3.0);
    assert_eq!(third.series_head().dropped.get(), second.series_head().dropped.get());
}
