//! Series of applications: how documents show them, and that no count is lost between threads,
//! processes and kills.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use uwsgi_metrics::prometheus::{self, Format, PromOptions, render};
use uwsgi_metrics::series::{FamilyKind, FamilySpec, GaugeMode, families};
use uwsgi_metrics::{Arena, Latency, Shape};

use crate::filled::filled;

fn arena(series: u32) -> Arena {
    Arena::create(&Shape { workers: 2, cores: 1, series, ..Shape::default() }).unwrap()
}

fn spec<'a>(name: &'a str, kind: FamilyKind, labels: &'a [&'a str]) -> FamilySpec<'a> {
    FamilySpec { name, kind, labels, help: "Help.", ..FamilySpec::default() }
}

/// The lines of families that applications made, in both formats.
fn documents(arena: &Arena) -> [Vec<String>; 2] {
    let snapshot = arena.snapshot().with_series(arena);
    [Format::Text, Format::OpenMetrics1(None)].map(|format| {
        let (_, bytes) = render(&snapshot, format, &PromOptions::default());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains("app_")).map(str::to_owned).collect()
    })
}

fn set(arena: &Arena, spec: &FamilySpec<'_>, values: &[&[u8]], worker: u32, value: f64) {
    let family = arena.register_family(spec).unwrap();
    let series = arena.series_at(arena.register_series(family, values));
    if !series.observe(value) {
        series.set(worker, value);
    }
}

#[test]
fn every_kind_is_shown_by_the_rules_of_its_format() {
    let arena = arena(64);
    let unit = "seconds";
    let histogram = FamilySpec {
        bounds: &[0.5, 1.0],
        unit,
        ..spec("app_wait_seconds", FamilyKind::Histogram, &["q"])
    };
    let all = FamilySpec { mode: GaugeMode::All, ..spec("app_all", FamilyKind::Gauge, &[]) };
    set(&arena, &spec("app_jobs", FamilyKind::Counter, &["kind"]), &[b"a\"b\\c\nd"], 0, 3.0);
    set(&arena, &spec("app_level", FamilyKind::Gauge, &[]), &[], 0, -1.5);
    set(&arena, &histogram, &[b"x"], 0, 0.75);
    set(&arena, &spec("app_size", FamilyKind::Summary, &[]), &[], 0, 2.0);
    set(&arena, &spec("app_build", FamilyKind::Info, &["rev"]), &[b"7"], 0, 1.0);
    set(&arena, &spec("app_mood", FamilyKind::StateSet, &["app_mood"]), &[b"ok"], 0, 1.0);
    set(&arena, &spec("app_thing", FamilyKind::Unknown, &[]), &[], 0, f64::INFINITY);
    set(&arena, &all, &[], 2, 4.0);
    let [text, open] = documents(&arena);
    let text_only = [
        "# HELP app_jobs_total Help.",
        "# TYPE app_jobs_total counter",
        "# TYPE app_build_info gauge",
        "# TYPE app_mood gauge",
        "# TYPE app_thing untyped",
        "app_wait_seconds_bucket{q=\"x\",le=\"1\"} 1",
    ];
    let open_only = [
        "# HELP app_jobs Help.",
        "# TYPE app_jobs counter",
        "# UNIT app_wait_seconds seconds",
        "# TYPE app_build info",
        "# TYPE app_mood stateset",
        "# TYPE app_thing unknown",
        "app_wait_seconds_bucket{q=\"x\",le=\"1.0\"} 1",
    ];
    let both = [
        "app_jobs_total{kind=\"a\\\"b\\\\c\\nd\"} 3",
        "app_level -1.5",
        "app_wait_seconds_bucket{q=\"x\",le=\"0.5\"} 0",
        "app_wait_seconds_bucket{q=\"x\",le=\"+Inf\"} 1",
        "app_wait_seconds_sum{q=\"x\"} 0.75",
        "app_wait_seconds_count{q=\"x\"} 1",
        "app_size_sum 2",
        "app_size_count 1",
        "app_build_info{rev=\"7\"} 1",
        "app_mood{app_mood=\"ok\"} 1",
        "app_thing +Inf",
        "app_all{worker_id=\"2\"} 4",
    ];
    for (document, only) in [(&text, &text_only[..]), (&open, &open_only[..])] {
        for line in both.iter().chain(only) {
            assert!(document.iter().any(|got| got == line), "missing {line} in {document:#?}");
        }
        let types = document.iter().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(types, 8, "one header for each family");
    }
}

#[test]
fn a_name_that_is_taken_leaves_the_family_out() {
    let arena = arena(64);
    for (name, kind) in [
        ("uwsgi_up", FamilyKind::Gauge),
        ("uwsgi_worker_requests", FamilyKind::Counter),
        ("uwsgi_router_wait_max_seconds", FamilyKind::Gauge),
        ("uwsgi_app_requests", FamilyKind::Counter),
        ("uwsgi_request_duration_seconds_count", FamilyKind::Gauge),
        ("app_x", FamilyKind::Summary),
        ("app_x_sum", FamilyKind::Gauge),
        ("app_y_count", FamilyKind::Gauge),
        ("app_y_sum", FamilyKind::Gauge),
    ] {
        set(&arena, &spec(name, kind, &["app_"]), &[b"77"], 0, 77.0);
    }
    // The label makes every sample of these families part of the excerpt.
    for document in documents(&arena) {
        let mut names: Vec<_> = document
            .iter()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('{').next().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["app_x_count", "app_x_sum", "app_y_count", "app_y_sum"]);
    }
}

/// The names of all families of a document, with their types.
fn shown(arena: &Arena) -> Vec<(String, String)> {
    let snapshot = arena.snapshot().with_series(arena);
    let (_, bytes) = render(&snapshot, Format::Text, &PromOptions::default());
    let text = String::from_utf8(bytes).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

#[test]
fn a_name_of_the_server_is_taken_also_while_the_server_has_nothing_to_say() {
    let speaking = filled().unwrap();
    Latency::ALL.iter().for_each(|what| speaking.histogram(1, *what).record(1));
    speaking.globals().master_turns.record(1);
    speaking.gateway(0).waits.record(1);
    speaking.threshold(0).text.set(b"key=a,value=1");
    let silent = arena(2048);
    let quiet = shown(&silent);
    let ours: Vec<_> = shown(&speaking)
        .into_iter()
        .filter(|family| !family.0.starts_with("uwsgi_metric_") && !quiet.contains(family))
        .collect();
    assert!(ours.len() > 40, "{}", ours.len());
    for (name, kind) in &ours {
        let (name, kind) = match kind.as_str() {
            "counter" => (name.strip_suffix("_total").unwrap(), FamilyKind::Counter),
            _ => (name.as_str(), FamilyKind::Gauge),
        };
        set(&silent, &spec(name, kind, &[]), &[], 0, 1.0);
    }
    assert_eq!(shown(&silent), quiet, "a family of the application took a name of the server");
    let snapshot = silent.snapshot().with_series(&silent);
    assert_eq!(prometheus::hidden_families(&snapshot).len(), ours.len(), "each is told");
}

#[test]
fn a_label_of_the_family_keeps_its_name_beside_that_of_the_worker() {
    let arena = arena(64);
    let all = spec("app_a", FamilyKind::Gauge, &["worker_id"]);
    set(&arena, &FamilySpec { mode: GaugeMode::All, ..all }, &[b"mine"], 1, 5.0);
    let line = "app_a{worker_id=\"mine\",uwsgi_worker_id=\"1\"} 5";
    for document in documents(&arena) {
        assert!(document.iter().any(|got| got == line), "{document:?}");
    }
}

/// Registers what all writers of the tests below share, and counts.
fn hammer(arena: &Arena, rounds: u32, seed: u32) {
    let counter = arena.register_family(&spec("app_c", FamilyKind::Counter, &["l"])).unwrap();
    let bounds: &[f64] = &[1.0, 2.0];
    let of = FamilySpec { bounds, ..spec("app_h", FamilyKind::Histogram, &[]) };
    let histogram = arena.register_family(&of).unwrap();
    let observed = arena.series_at(arena.register_series(histogram, &[]));
    for n in 0..rounds {
        let label = ((n + seed) % 8).to_string();
        let series = arena.series_at(arena.register_series(counter, &[label.as_bytes()]));
        assert!(series.add(1, 1.0) && series.add(1, 0.5));
        assert!(observed.observe(f64::from(n % 4)));
    }
}

/// Sum of the counter over its labels, the buckets of the histogram, and its sum.
fn totals(arena: &Arena) -> (f64, Vec<u64>, f64) {
    let all = families(arena);
    let of = |name| all.iter().find(|family| family.name == name).unwrap();
    let counted = of("app_c").samples.iter().map(|sample| sample.value).sum();
    let observed = &of("app_h").samples[0];
    (counted, observed.buckets.clone(), observed.value)
}

#[test]
fn threads_lose_no_count() {
    const THREADS: u32 = 4;
    const ROUNDS: u32 = 4_000;
    let arena = arena(64);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let arena = &arena;
            scope.spawn(move || hammer(arena, ROUNDS, seed));
        }
    });
    let n = u64::from(THREADS * ROUNDS);
    assert_eq!(totals(&arena), (n as f64 * 1.5, vec![n / 2, n / 4, n / 4], n as f64 * 1.5));
    let samples = families(&arena)[0].samples.clone();
    let by_label: BTreeMap<_, _> = samples.iter().map(|s| (&s.values[0], s.value)).collect();
    assert_eq!((samples.len(), by_label.len()), (8, 8), "each label set has one series");
    assert_eq!(arena.series_head().dropped.get(), 0);
}

/// Says to a process of the test below which arena it counts in, and how.
const PLACE: &str = "SERIES_TEST_ARENA";
const MANNER: &str = "SERIES_TEST_MANNER";

/// A file that is gone with the value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn again(place: &Path, manner: &str) -> Child {
    let binary = std::env::current_exe().unwrap();
    let mut command = Command::new(binary);
    command.args(["--exact", "series::processes_and_kills_lose_no_count"]);
    command.env(PLACE, place).env(MANNER, manner).spawn().unwrap()
}

/// What a started process does.
fn take_part(place: &Path, manner: &str, shape: &Shape) {
    let file: File = OpenOptions::new().read(true).write(true).open(place).unwrap();
    let arena = Arena::adopt(file.into(), shape).unwrap();
    if manner == "count" {
        return hammer(&arena, 100_000, 3);
    }
    // A victim registers until it is killed, or ends long after it should have been. So many label
    // sets keep it busy without filling the pool, which would make the next adopter leave it.
    for (turn, n) in (0..400).flat_map(|turn| (0..6_000).map(move |n| (turn, n))) {
        let family = arena.register_family(&spec("app_v", FamilyKind::Counter, &["l"])).unwrap();
        let label = format!("{manner}-{n}");
        let series = arena.series_at(arena.register_series(family, &[label.as_bytes()]));
        if turn == 0 {
            series.add(0, 1.0);
        }
    }
}

#[test]
fn processes_and_kills_lose_no_count() {
    let shape = Shape { workers: 2, cores: 1, series: 65_536, ..Shape::default() };
    if let Some(place) = std::env::var_os(PLACE) {
        let manner = std::env::var(MANNER).unwrap();
        return take_part(Path::new(&place), &manner, &shape);
    }
    let name = format!("series-{}.arena", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    let arena = Arena::create_at(&scratch.0, &shape).unwrap();
    hammer(&arena, 8, 0);
    let counting: Vec<_> = (0..3).map(|_| again(&scratch.0, "count")).collect();
    for n in 0..6 {
        let before = arena.series_head().series.get();
        let mut victim = again(&scratch.0, &n.to_string());
        let until = Instant::now() + Duration::from_secs(60);
        while arena.series_head().series.get() < before + 100 {
            assert!(Instant::now() < until, "victim {n} registers nothing");
            thread::yield_now();
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    for mut child in counting {
        assert!(child.wait().unwrap().success());
    }
    hammer(&arena, 0, 0);
    let n = 3 * 100_000 + 8;
    assert_eq!(
        totals(&arena),
        (f64::from(n) * 1.5, vec![n as u64 / 2, n as u64 / 4, n as u64 / 4], f64::from(n) * 1.5)
    );
    arena.register_family(&spec("app_v", FamilyKind::Counter, &["l"])).unwrap();
    let all = families(&arena);
    let victims = all.iter().find(|family| family.name == "app_v").unwrap();
    let labels: BTreeMap<_, _> = victims.samples.iter().map(|s| (&s.values, s.value)).collect();
    assert_eq!(labels.len(), victims.samples.len(), "a label set has two series");
    assert!(labels.values().all(|value| *value <= 1.0), "a series took the counts of another");
}
