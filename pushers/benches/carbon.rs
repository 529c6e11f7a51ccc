//! What a push of 10,000 lines costs, for carbon and statsd:
//! `cargo bench -p uwsgi-pushers --bench carbon`.
//!
//! The whole of what the observer does at once, from the list to the queue of a lane, against the
//! same lines made by the formatter in the same run. A plain program: each figure is the best of
//! several rounds. A figure over its target is marked and makes the program fail only with
//! `PUSHERS_BENCH_STRICT=1`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uwsgi_metrics::prometheus::PromOptions;
use uwsgi_metrics::schema::Item;
use uwsgi_metrics::{Arena, Kind, Shape, Snapshot};
use uwsgi_pushers::{Facts, Options, Tick, Work, plans};

/// Rounds per figure.
const ROUNDS: u32 = 50;

/// Lines of a push.
const LINES: usize = 10_000;

const CARBON: (&str, &str) = ("carbon", "127.0.0.1:2003");

const STATSD: (&str, &str) = ("stats-push", "statsd:127.0.0.1:8125,myapp");

/// Longest time for one push.
const TARGET: Duration = Duration::from_millis(5);

struct Given(&'static [(&'static str, &'static str)]);

impl Options for Given {
    fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).collect()
    }

    fn flag(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    fn int(&self, _: &str, default: i64) -> i64 {
        default
    }
}

fn main() -> std::io::Result<()> {
    let items: Vec<Item> = (0..LINES).map(item).collect();
    let naive = best(|| drop(black_box(formatted(&items))));
    println!("{:<28} {:>9.3} ms", "by the formatter", ms(naive));
    let mut over = false;
    for (name, options) in [
        ("lines", &[CARBON][..]),
        ("pickles", &[CARBON, ("carbon-proto", "pickle")][..]),
        ("lines with tags", &[CARBON, ("carbon-tags", "true")][..]),
        ("statsd", &[STATSD][..]),
        ("statsd, full datagrams", &[STATSD, ("statsd-mtu", "1432")][..]),
        ("statsd, tags", &[STATSD, ("statsd-mtu", "1432"), ("statsd-tags", "dogstatsd")][..]),
    ] {
        let cost = pushed(options, &items)?;
        let verdict = if cost > TARGET { "OVER" } else { "" };
        over |= cost > TARGET;
        let share = cost.as_secs_f64() / naive.as_secs_f64();
        println!("{name:<28} {:>9.3} ms   {share:.2} of it, target 5 ms {verdict}", ms(cost));
    }
    let strict = std::env::var_os("PUSHERS_BENCH_STRICT").is_some();
    std::process::exit(i32::from(strict && over));
}

fn item(n: usize) -> Item {
    let name = format!("worker.{}.core.{}.{}", n / 160, n / 10 % 16, NAMES[n % NAMES.len()]);
    let value = (n as i64 - 50).wrapping_mul(7919 * 104_729);
    Item { name: name.into_bytes(), oid: Vec::new(), kind: Kind::Counter, value }
}

const NAMES: [&str; 10] = [
    "requests",
    "write_errors",
    "routed_requests",
    "static_requests",
    "offloaded_requests",
    "exceptions",
    "read_errors",
    "tx",
    "rx",
    "running_time",
];

fn formatted(items: &[Item]) -> String {
    let mut out = String::new();
    for item in items {
        let name = String::from_utf8_lossy(&item.name);
        let (root, host, id, at) = ("uwsgi", "vm", "127_0_0_1:3031", 1_795_162_676_u64);
        out.push_str(&format!("{root}.{host}.{id}.{name} {} {at}\n", item.value));
    }
    out
}

/// The best time of one push to a server, which is never reached.
fn pushed(options: &[(&'static str, &'static str)], items: &[Item]) -> std::io::Result<Duration> {
    let arena: &'static Arena =
        Box::leak(Box::new(Arena::create(&Shape { workers: 1, pushers: 1, ..Shape::default() })?));
    let base = [("carbon-use-metrics", "true"), ("carbon-id", "127_0_0_1:3031")];
    let given = Given(Box::leak([&base[..], options].concat().into_boxed_slice()));
    let (plans, faults) = plans(&facts(&given));
    assert!(faults.is_empty() && plans.len() == 1, "{faults:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _within = runtime.enter();
    let work = Work { rows: &[arena.pusher(0)], log: |_| {}, sockets: &[], since_ns: 0 };
    let mut instance = plans[0].start(&work);
    let snapshot = Snapshot::default();
    let tick = Tick {
        at_us: 1_795_162_676_000_000,
        snapshot: &snapshot,
        list: items,
        document: &|| Arc::from(&b""[..]),
        full: &|| Arc::default(),
        page: &PromOptions::default(),
    };
    let cost = best(|| instance.push(&tick));
    assert!(arena.pusher(0).dropped.get() > 0, "later pushes crowd out earlier ones");
    Ok(cost)
}

fn facts(given: &Given) -> Facts<'_> {
    Facts {
        options: given,
        hostname: "vm".into(),
        version: "2.0.31".into(),
        stem: "app".into(),
        timeout: Duration::from_secs(4),
        every: Duration::from_secs(3),
        sockets: true,
        processes: 1,
        cheaper: false,
        memory: false,
        metrics: true,
    }
}

fn best(mut work: impl FnMut()) -> Duration {
    let round = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    std::iter::repeat_with(round).take(ROUNDS as usize).min().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
