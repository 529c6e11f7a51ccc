//! What the arena costs, in nanoseconds per operation: `cargo bench -p uwsgi-metrics`.
//!
//! A plain program: each line is the best of several rounds, because on a shared machine the
//! fastest round is the one that measured our code. Targets stand beside the figures; a figure over
//! its target is marked and makes the program fail only with `ARENA_BENCH_STRICT=1`.

use std::hint::black_box;
use std::time::Instant;

use uwsgi_metrics::prometheus::{Format, PromOptions, gather, render};
use uwsgi_metrics::series::{FamilyKind, FamilySpec, NO_SLOT, families};
use uwsgi_metrics::{
    Arena, ExemplarView, HistoryWriter, Latency, Phase, RequestKey, Shape, Size, Start,
    StatsOptions, stats_json,
};

/// Rounds per figure.
const ROUNDS: u32 = 15;

fn main() -> std::io::Result<()> {
    let mut over = 0;
    let shape = Shape { workers: 1, cores: 1, vars: 4096, series: 8192, ..Shape::default() };
    let small = Arena::create(&shape)?;
    over += writers(&small);
    over += records(&small);
    over += requests(&small);
    over += series(&small);
    // 64 workers of 5 cores: 64 x 35 worker cells and 320 x 24 core cells are about 10,000.
    let shape =
        Shape { workers: 64, cores: 5, apps: 1, sockets: 4, metrics: 64, ..Shape::default() };
    let large = Arena::create(&shape)?;
    over += readers(&large);
    over += page()?;
    let strict = std::env::var_os("ARENA_BENCH_STRICT").is_some();
    std::process::exit(i32::from(strict && over > 0));
}

/// Runs `op` `times` per round and prints the best round; 1 when it is over `target` ns.
fn measure(name: &str, times: u32, target: Option<f64>, mut op: impl FnMut(u64)) -> u32 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for n in 0..times {
            op(u64::from(n));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(times));
    }
    let (aim, over) = match target {
        Some(target) if best > target => (format!("target {target} ns: OVER"), 1),
        Some(target) => (format!("target {target} ns"), 0),
        None => (String::new(), 0),
    };
    println!("{name:<42} {best:>12.1} ns/op   {aim}");
    over
}

fn writers(arena: &Arena) -> u32 {
    let core = black_box(arena.core(1, 0));
    let histogram = black_box(arena.histogram(1, Latency::Request));
    // A spread of latencies, as requests have it: cells of several pages.
    let spread: Vec<u64> = (0..1024).map(|n: u64| (n * n * 37) % 300_000).collect();
    let at = |n: u64| spread[n as usize & 1023];
    let added = measure("counter add", 10_000_000, Some(2.0), |_| black_box(core).requests.add(1));
    // Nothing was folded away: every add reached memory.
    assert_eq!(core.requests.get(), u64::from(ROUNDS) * 10_000_000);
    added
        + measure("counter add, shared", 5_000_000, None, |_| black_box(core).tx.add_shared(1))
        + measure("histogram record", 5_000_000, Some(10.0), |n| {
            black_box(histogram).record(at(n));
        })
        + measure("histogram record, shared", 5_000_000, None, |n| {
            black_box(histogram).record_shared(at(n));
        })
}

/// What a closed request adds beside the latencies that were always kept.
fn requests(arena: &Arena) -> u32 {
    let arena = black_box(arena);
    let known = RequestKey::new(Some(0), b"GET", 200, false);
    let slots = [(known, arena.duration_slot(1, known))];
    let header = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    measure("request by labels, and two sizes", 5_000_000, Some(30.0), |n| {
        let key = RequestKey::new(Some(0), black_box(b"GET"), 200, false);
        let slot = slots.iter().find(|(known, _)| *known == key).map_or(1, |(_, slot)| *slot);
        arena.duration(1, slot).record(n & 0xffff);
        arena.size_of(1, Size::RequestBody).record(0);
        arena.size_of(1, Size::ResponseBody).record(n & 0xfff);
    }) + measure("example of a traced request", 2_000_000, Some(200.0), |n| {
        if let Some(example) = ExemplarView::of_traceparent(black_box(header)) {
            let example = ExemplarView { value_us: n & 0xffff, at_us: n, ..example };
            arena.keep_exemplar(1, 0, known, &example);
        }
    })
}

fn records(arena: &Arena) -> u32 {
    let record = arena.inflight(1, 0);
    let vars: Vec<u8> = (0..12).flat_map(|n| pair(n, 36)).collect();
    let start = Start {
        method: b"GET",
        uri: b"/accounts/profile/settings?tab=security&page=2",
        remote: b"203.0.113.77",
        host: b"www.example.org",
        proto: b"HTTP/1.1",
        start_us: 1_795_000_000_000_000,
        since_us: 1,
        vars: &vars,
        uncounted: false,
    };
    let name = format!("in-flight begin, phases, end ({} B of vars)", vars.len());
    let cycle = measure(&name, 1_000_000, Some(100.0), |_| {
        let record = black_box(&record);
        record.begin(black_box(&start));
        record.app(0);
        record.phase(Phase::Application);
        record.phase(Phase::Writing);
        record.end();
    });
    record.begin(&start);
    cycle + measure("in-flight read", 200_000, None, |_| drop(black_box(record.read())))
}

/// Label values of series that fill half of the pool.
const LABELS: u32 = 4096;

fn series(arena: &Arena) -> u32 {
    let family = |name, kind, bounds: &[f64], labels: &[&str]| {
        let spec = FamilySpec { name, kind, bounds, labels, ..FamilySpec::default() };
        arena.register_family(&spec).unwrap_or(NO_SLOT)
    };
    let bounds: Vec<f64> = (1..15).map(|n| f64::from(n * n) / 100.0).collect();
    let counters = family("app_hits", FamilyKind::Counter, &[], &["method", "route"]);
    let histogram =
        arena.register_series(family("app_wait", FamilyKind::Histogram, &bounds, &[]), &[]);
    let labels: Vec<String> = (0..LABELS).map(|n| format!("/route/{n}")).collect();
    let label = |n: u64| labels[n as usize % labels.len()].as_bytes();
    let slot = arena.register_series(counters, &[b"GET", label(0)]);
    let (counter, observed) = (arena.series_at(slot), arena.series_at(histogram));
    labels.iter().for_each(|l| {
        arena.register_series(counters, &[b"GET", l.as_bytes()]);
    });
    measure("series add 1", 5_000_000, Some(20.0), |_| {
        black_box(&counter).add(1, 1.0);
    }) + measure("series add 0.5", 5_000_000, Some(30.0), |_| {
        black_box(&counter).add(1, 0.5);
    }) + measure("series observe, 15 buckets", 5_000_000, Some(60.0), |n| {
        black_box(&observed).observe((n & 255) as f64 / 100.0);
    }) + measure("series lookup by 2 labels, 4096 of them", 1_000_000, Some(400.0), |n| {
        black_box(arena.register_series(counters, &[b"GET", label(n)]));
    }) + contended(arena, slot, 1.0)
        + contended(arena, slot, 0.5)
        + measure("series read of 4097", 20, None, |_| drop(black_box(families(arena))))
}

/// As many threads as there are processors, all adding to one series.
fn contended(arena: &Arena, slot: u32, by: f64) -> u32 {
    const TIMES: u32 = 200_000;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let name = format!("series add {by}, each of {threads} at once");
    let all = || {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        black_box(arena.series_at(slot).add(1, by));
                    }
                });
            }
        });
    };
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        all();
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(TIMES));
    }
    println!("{name:<42} {best:>12.1} ns/op");
    0
}

/// One variable of an uwsgi block.
fn pair(n: u8, len: u8) -> Vec<u8> {
    let key = format!("HTTP_X_{n:03}");
    let mut out = vec![key.len() as u8, 0];
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(&[len, 0]);
    out.resize(out.len() + usize::from(len), b'v');
    out
}

fn readers(arena: &Arena) -> u32 {
    fill(arena);
    let snapshot = arena.snapshot();
    let mut writer = HistoryWriter::new();
    let stats = StatsOptions { metrics_enabled: true, ..StatsOptions::default() };
    let prom = PromOptions { cores: true, ..PromOptions::default() };
    measure("snapshot, 64 workers x 5 cores", 100, Some(1_000_000.0), |_| {
        drop(black_box(arena.snapshot()));
    }) + measure("stats JSON of it, with metrics", 20, None, |_| {
        drop(black_box(stats_json(&snapshot, &stats)));
    }) + measure("metrics page of it, with cores", 20, None, |_| {
        drop(black_box(render(&snapshot, Format::Text, &prom)));
    }) + measure("history tick of it", 200, None, |n| {
        writer.tick(&arena.history(), 1_795_000_000 + n, &snapshot);
    })
}

/// Samples on the page that is measured.
const SAMPLES: u32 = 10_000;

/// A page of 10,000 samples, from the arena to the bytes: 4 workers, the server's own families,
/// counters and histograms of an application.
fn page() -> std::io::Result<u32> {
    let shape = Shape { workers: 4, cores: 2, apps: 1, series: 16_384, ..Shape::default() };
    let arena = Arena::create(&shape)?;
    fill(&arena);
    for worker in 1..=4 {
        for status in [200, 302, 404, 500] {
            let key = RequestKey::new(Some(0), b"GET", status, false);
            let durations = arena.duration(worker, arena.duration_slot(worker, key));
            (0..100_000).step_by(777).for_each(|us| durations.record(us));
        }
    }
    let family = |name, kind, bounds| {
        let labels = &["method", "route"];
        let spec = FamilySpec { name, kind, bounds, labels, ..FamilySpec::default() };
        arena.register_family(&spec).unwrap_or(NO_SLOT)
    };
    let bounds: Vec<f64> = (1..15).map(|n| f64::from(n * n) / 100.0).collect();
    let counters = family("app_hits", FamilyKind::Counter, &[]);
    let waits = family("app_wait_seconds", FamilyKind::Histogram, &bounds);
    // A histogram of 15 buckets is 17 samples, of 2,900 together.
    for n in 0..SAMPLES - 3_200 {
        let route = format!("/route/{n}");
        arena.series_at(arena.register_series(counters, &[b"GET", route.as_bytes()])).add(1, 1.5);
        if n < 170 {
            let wait = arena.series_at(arena.register_series(waits, &[b"GET", route.as_bytes()]));
            wait.observe(f64::from(n) / 77.0);
        }
    }
    let options = PromOptions::default();
    let whole = |format| {
        let snapshot = gather(arena.snapshot(), &arena, &options);
        render(&snapshot, format, &options).1
    };
    let text = whole(Format::Text);
    let samples = text.split(|b| *b == b'\n').filter(|l| !l.is_empty() && l[0] != b'#').count();
    let mut over = 0;
    let formats = [
        ("text", Format::Text),
        ("OpenMetrics", Format::OpenMetrics1(None)),
        ("protobuf", Format::Protobuf(None)),
    ];
    for (name, format) in formats {
        let name = format!("page of {samples} samples, {name}");
        over += measure(&name, 10, Some(5_000_000.0), |_| drop(black_box(whole(format))));
    }
    let snapshot = gather(arena.snapshot(), &arena, &options);
    over += measure("  of which the copy", 10, None, |_| {
        drop(black_box(gather(arena.snapshot(), &arena, &options)));
    });
    over += measure("  of which the text", 10, None, |_| {
        drop(black_box(render(&snapshot, Format::Text, &options)));
    });
    let one = PromOptions { families: vec!["uwsgi_workers".into()], ..options.clone() };
    over += measure("page of one family", 100, Some(1_000_000.0), |_| {
        let snapshot = gather(arena.snapshot(), &arena, &one);
        drop(black_box(render(&snapshot, Format::Text, &one)));
    });
    Ok(over)
}

/// Gives every worker a past, so that a reader meets filled histograms.
fn fill(arena: &Arena) {
    for id in 1..=arena.shape().workers {
        arena.worker(id).id.set(u64::from(id));
        arena.worker(id).pid.set(u64::from(id));
        arena.app(id, 0).used.set(1);
        for core in 0..arena.shape().cores {
            arena.core(id, core).requests.add(1_000);
        }
        for us in (0..100_000).step_by(777) {
            Latency::ALL.iter().for_each(|what| arena.histogram(id, *what).record(us));
        }
    }
    for n in 0..arena.shape().metrics {
        arena.register_metric(&format!("user.{n}"), uwsgi_metrics::Kind::Counter, "", 1);
    }
}
