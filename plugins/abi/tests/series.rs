//! Labelled series from one side of the border to the other: what is asked arrives, and what is
//! answered comes back.
#![cfg(feature = "host")]
#![allow(unsafe_code, reason = "the test stands on both sides of the C boundary")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

use std::sync::Mutex;

use uwsgi_abi::extension::{self, Call, Extension, Failed, State};
use uwsgi_abi::host::{self, Host, SeriesHost, Wanted};
use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::series::{
    FamilyDef, FamilyKind, FamilyRead, FamilyRefused, GaugeMode, NO_SERIES, SERIES_VALUE,
    SampleRead, SeriesOp,
};
use uwsgi_abi::{AppInfo, AppStat, Identity, Info, Str, WorkerStat};

/// Answers by rules, and remembers what it was asked.
struct Asked(Mutex<Vec<String>>);

impl Asked {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl SeriesHost for Asked {
    fn family(&self, family: &Wanted<'_>) -> Result<u32, FamilyRefused> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let labels: Vec<_> = family.labels.iter().map(|label| text(label)).collect();
        let (name, help, unit) = (text(family.name), text(family.help), text(family.unit));
        let (kind, mode) = (family.kind, family.mode);
        self.note(format!("{name}|{help}|{unit}|{kind}|{mode}|{labels:?}|{:?}", family.bounds));
        match name.as_str() {
            "full" => Err(FamilyRefused::Full),
            "panics" => panic!("the server's side"),
            "" => Err(FamilyRefused::Invalid),
            _ => Ok(7),
        }
    }
    fn series(&self, family: u32, values: &[&[u8]]) -> u32 {
        self.note(format!("{family} {values:?}"));
        if values.is_empty() { NO_SERIES } else { 3 }
    }
    fn update(&self, series: u32, op: u32, bucket: u32, value: f64) -> bool {
        self.note(format!("{series} {op} {bucket} {value}"));
        value >= 0.0
    }
    fn value(&self, _: u32, bucket: u32) -> f64 {
        if bucket == SERIES_VALUE { 1.5 } else { f64::from(bucket) }
    }
    fn families(&self) -> Vec<FamilyRead> {
        read()
    }
}

/// What the server has.
fn read() -> Vec<FamilyRead> {
    let sample = |values: &[&[u8]], worker, buckets: &[u64]| SampleRead {
        values: values.iter().map(|value| value.to_vec()).collect(),
        worker,
        value: 0.25,
        buckets: buckets.to_vec(),
    };
    let family = |name: &str, labels: &[&str], bounds: &[f64], samples| FamilyRead {
        name: name.to_owned(),
        help: "Help.".to_owned(),
        unit: String::new(),
        kind: 2,
        mode: 0,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        bounds: bounds.to_vec(),
        samples,
    };
    let both = vec![sample(&[b"x", b"\xff"], None, &[1, 2]), sample(&[b"", b"y"], Some(0), &[])];
    vec![family("a", &["l", "m"], &[0.5], both), family("b", &[], &[], Vec::new())]
}

impl Host for Asked {
    fn option(&self, _: &[u8], _: usize) -> Option<&[u8]> {
        None
    }
    fn option_at(&self, _: usize) -> Option<(&[u8], Option<&[u8]>)> {
        None
    }
    fn log(&self, _: &[u8], _: bool) {}
    fn identity(&self) -> Identity {
        Identity::default()
    }
    fn register_app(&self, _: &AppInfo, _: &[u8], _: &[u8]) -> Option<u32> {
        None
    }
    fn metric(&self, _: u32, _: &[u8], _: i64) -> Option<i64> {
        None
    }
    fn worker(&self, _: u32) -> Option<WorkerStat> {
        None
    }
    fn app(&self, _: u32, _: u32) -> Option<AppStat> {
        None
    }
    fn control(&self, _: u32) -> bool {
        false
    }
    fn series(&self) -> Option<&dyn SeriesHost> {
        Some(self)
    }
}

/// The plugin's side: does it all at its start.
struct Counts;

impl Extension for Counts {
    const NAME: &'static str = "counts";
    const MODIFIER1: u8 = 250;

    fn start(server: ServerRef) -> Result<Self, i32> {
        let def = FamilyDef {
            name: "wait",
            help: "Help.",
            unit: "seconds",
            kind: FamilyKind::Gauge,
            mode: GaugeMode::LiveSum,
            labels: &["l", "m"],
            bounds: &[0.5, 1.0],
        };
        assert_eq!(server.family(&def), Ok(7));
        let named = |name| FamilyDef { name, ..def };
        assert_eq!(server.family(&named("full")), Err(FamilyRefused::Full));
        assert_eq!(server.family(&named("")), Err(FamilyRefused::Invalid));
        assert_eq!(server.family(&named("panics")), Err(FamilyRefused::Full));
        assert_eq!(server.series(7, &[b"x", b""]), 3);
        assert_eq!(server.series(8, &[]), NO_SERIES);
        assert!(server.series_update(3, SeriesOp::Observe, 9, 2.5));
        assert!(!server.series_update(3, SeriesOp::Add, 0, -1.0));
        assert_eq!((server.series_value(3, SERIES_VALUE), server.series_value(3, 4)), (1.5, 4.0));
        assert_eq!(server.families(), read());
        Ok(Counts)
    }
    fn request(&self, _: &mut Call<'_>) -> Result<(), Failed> {
        Err(Failed)
    }
}

/// Keeps the table that the server hands to a plugin.
static STATE: State<Counts> = State::new();

#[test]
fn what_crosses_the_border_arrives_as_it_was() {
    static HOST: Asked = Asked(Mutex::new(Vec::new()));
    let info = Info {
        version: Str::EMPTY,
        hostname: Str::EMPTY,
        binary: Str::EMPTY,
        processes: 1,
        cores: 1,
        master: 0,
        lazy_apps: 0,
        max_apps: 1,
        metrics: 0,
        started_on: 0,
    };
    let table = host::table(info);
    assert!(host::install(&HOST, info));
    // SAFETY: the table that the server would hand over, alive until the end of the test.
    assert_eq!(unsafe { extension::init(&STATE, Box::leak(Box::new(table))) }, 0);
    let asked = HOST.0.lock().unwrap().clone();
    let rest = "Help.|seconds|1|8|[\"l\", \"m\"]|[0.5, 1.0]";
    let families = ["wait", "full", "", "panics"].map(|name| format!("{name}|{rest}"));
    assert_eq!(asked[..4], families);
    assert_eq!(asked[4..], ["7 [[120], []]", "8 []", "3 2 9 2.5", "3 0 0 -1"]);
}
