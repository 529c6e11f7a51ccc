//! The history rings, driven second by second without a clock.

use uwsgi_metrics::{Arena, HistoryWriter, Latency, Ring, Series, Shape};

const START: u64 = 1_795_000_020;

fn arena() -> Arena {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    arena.worker(1).id.set(1);
    arena.worker(1).pid.set(1);
    arena
}

/// Ticks every second from `from`, with `each` run before each tick.
fn run(arena: &Arena, writer: &mut HistoryWriter, from: u64, ticks: u64, each: impl Fn(u64)) {
    for now in from..from + ticks {
        each(now);
        writer.tick(&arena.history(), now, &arena.snapshot());
    }
}

#[test]
fn rates_levels_and_percentiles_are_those_of_the_interval() {
    let arena = arena();
    let mut writer = HistoryWriter::new();
    run(&arena, &mut writer, START, 3, |now| {
        arena.core(1, 0).requests.add(5);
        arena.core(1, 0).tx.add(100);
        arena.histogram(1, Latency::Request).record(if now == START + 2 { 100 } else { 50_000 });
        arena.globals().backlog.set(now - START);
    });
    let read = |series| arena.history().read(Ring::Seconds, series, START + 2, 10);
    let times = [START, START + 1, START + 2];
    let expect = |values: [u64; 3]| times.into_iter().zip(values).collect::<Vec<_>>();
    assert_eq!(read(Series::Requests), expect([0, 5_000, 5_000]), "the first has no tick before");
    assert_eq!(read(Series::Tx), expect([0, 100_000, 100_000]));
    assert_eq!(read(Series::ListenQueue), expect([0, 1, 2]));
    let p99: Vec<_> = read(Series::P99).into_iter().map(|(_, us)| us).collect();
    assert!(p99[1].abs_diff(50_000) <= 500 && p99[2] == 100, "{p99:?}");
    assert_eq!(arena.history().ticks(), 3);
}

#[test]
fn a_count_that_falls_gives_zero_not_a_spike() {
    let arena = arena();
    let mut writer = HistoryWriter::new();
    arena.core(1, 0).requests.set(1_000);
    run(&arena, &mut writer, START, 1, |_| {});
    arena.core(1, 0).requests.set(10);
    run(&arena, &mut writer, START + 1, 1, |_| {});
    let read = arena.history().read(Ring::Seconds, Series::Requests, START + 1, 1);
    assert_eq!(read, [(START + 1, 0)]);
}

#[test]
fn coarser_rings_hold_means_and_peaks() {
    let arena = arena();
    let mut writer = HistoryWriter::new();
    run(&arena, &mut writer, START, 120, |now| {
        arena.core(1, 0).requests.add(2);
        arena.globals().backlog.set(now % 10);
    });
    let last = START + 119;
    let tens = arena.history().read(Ring::TenSeconds, Series::Requests, last, 720);
    assert_eq!(tens.len(), 12);
    assert_eq!(tens.last(), Some(&(START + 110, 2_000)));
    let peaks = arena.history().read(Ring::Minutes, Series::ListenQueue, last, 5);
    assert_eq!(peaks, [(START, 9), (START + 60, 9)]);
}

#[test]
fn rings_wrap_and_gaps_are_absent() {
    let arena = arena();
    let mut writer = HistoryWriter::new();
    run(&arena, &mut writer, START, 310, |_| {});
    let all = arena.history().read(Ring::Seconds, Series::Rss, START + 309, 1_000);
    assert_eq!(all.len(), 300, "a full ring and no more");
    assert_eq!(all.first().map(|(time, _)| *time), Some(START + 10));
    // Nobody wrote for a minute: the old slots are not shown as new ones.
    run(&arena, &mut writer, START + 370, 1, |_| {});
    let after = arena.history().read(Ring::Seconds, Series::Rss, START + 370, 60);
    assert_eq!(after, [(START + 370, 0)]);
}

#[test]
fn a_new_writer_goes_on_where_the_old_one_died() {
    let arena = arena();
    run(&arena, &mut HistoryWriter::new(), START, 5, |_| {});
    run(&arena, &mut HistoryWriter::new(), START + 5, 5, |_| {});
    let read = arena.history().read(Ring::Seconds, Series::Rss, START + 9, 10);
    assert_eq!(read.len(), 10);
    assert_eq!(arena.history().read(Ring::TenSeconds, Series::Rss, START + 9, 1).len(), 1);
}

#[test]
fn an_interval_that_ends_in_a_missed_second_is_kept() {
    let arena = arena();
    let mut writer = HistoryWriter::new();
    // The seconds ..9 of both intervals, in which they would be folded, are missed.
    for now in (START..START + 21).filter(|now| now % 10 != 9) {
        arena.globals().backlog.set(now - START);
        writer.tick(&arena.history(), now, &arena.snapshot());
    }
    let peaks = arena.history().read(Ring::TenSeconds, Series::ListenQueue, START + 20, 720);
    assert_eq!(peaks, [(START, 8), (START + 10, 18)]);
}
