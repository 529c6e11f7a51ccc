//! Pushes as bytes.

use super::*;
use crate::tick::tests::with_list;
use uwsgi_metrics::Kind::{Absolute, Alias, Counter, Gauge};
use uwsgi_metrics::{Arena, Latency, Shape};

/// The list of the conformance vectors, shortened.
const LIST: [(&str, Kind, i64); 7] = [
    ("core.routed_signals", Counter, 0),
    ("worker.0.requests", Counter, 2),
    ("worker.1.rss_size", Gauge, 13_660_160),
    ("worker.1.delta_requests", Absolute, 2),
    ("rss_size", Alias, 13_660_160),
    ("mym", Counter, 0),
    ("g", Gauge, -4),
];

fn form() -> Form {
    Form { prefix: "myinst".into(), ..Form::default() }
}

fn pushed(encode: &mut Encode, list: &[(&str, Kind, i64)]) -> Vec<String> {
    with_list(list, |tick| {
        let load = encode.encode(tick);
        let datagrams = load.iter().flat_map(|load| load.payload.iter());
        datagrams.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    })
}

fn once(form: Form) -> Vec<String> {
    pushed(&mut Encode::new(form, true, None), &LIST)
}

#[test]
fn the_legacy_form_is_exact() {
    let wanted = [
        "myinst.core.routed_signals:0|c",
        "myinst.worker.0.requests:2|c",
        "myinst.worker.1.rss_size:13660160|g",
        "myinst.worker.1.delta_requests:2|c",
        "myinst.rss_size:13660160|c",
        "myinst.mym:0|c",
        "myinst.g:-4|g",
    ];
    assert_eq!(once(form()), wanted);
    let no_workers = once(Form { no_workers: true, ..form() });
    assert_eq!(no_workers, [wanted[0], wanted[4], wanted[5], wanted[6]]);
    let gauges = once(Form { all_gauges: true, ..form() });
    assert_eq!(gauges, wanted.map(|line| line.replace("|c", "|g")));
    let packed = once(Form { mtu: 1432, ..form() });
    assert_eq!(packed, [wanted.join("\n")]);
}

#[test]
fn deltas_are_increases_and_gauges_may_be_negative() {
    let mut encode = Encode::new(Form { delta: true, ..form() }, true, None);
    let wanted = [
        "myinst.worker.0.requests:2|c",
        "myinst.worker.1.rss_size:13660160|g",
        "myinst.worker.1.delta_requests:2|c",
        "myinst.rss_size:13660160|g",
        "myinst.g:0|g\nmyinst.g:-4|g",
    ];
    assert_eq!(pushed(&mut encode, &LIST), wanted);
    let later = [("worker.0.requests", Counter, 7), ("mym", Counter, 0)];
    assert_eq!(pushed(&mut encode, &later), ["myinst.worker.0.requests:5|c"]);
    assert!(pushed(&mut encode, &later).is_empty(), "nothing to say");
    let dog = Form { delta: true, dialect: Dialect::DogStatsD, ..form() };
    assert_eq!(once(dog).last().unwrap(), "myinst.g:-4|g");
}

#[test]
fn the_form_of_datadog_has_all_its_fields_in_order() {
    let form = Form {
        dialect: Dialect::DogStatsD,
        tags: "env:test,live".into(),
        container: Some("ci-1".into()),
        timestamps: true,
        mtu: 70,
        ..form()
    };
    let lines = once(form);
    assert_eq!(lines[0], "myinst.core.routed_signals:0|c|#env:test,live|c:ci-1|T1795162676");
    assert_eq!(lines[1], "myinst.worker.requests:2|c|#env:test,live,worker:0|c:ci-1|T1795162676");
}

/// A moment at which `n` requests of 1, 2, 3 ... ms have been served.
fn timed(form: &Form, n: u64) -> (Vec<String>, u64) {
    let arena = Arena::create(&Shape { workers: 1, ..Shape::default() }).unwrap();
    let mut encode = Encode::new(form.clone(), true, None);
    (1..=n).for_each(|ms| arena.histogram(1, Latency::Request).record(ms * 1000));
    let snapshot = arena.snapshot();
    with_list(&[], |tick| {
        let tick = Tick {
            snapshot: &snapshot,
            at_us: tick.at_us,
            list: &[],
            document: tick.document,
            full: tick.full,
            page: tick.page,
        };
        let load = encode.encode(&tick).unwrap();
        let lines = load.payload.iter().map(|b| String::from_utf8_lossy(b).into_owned());
        (lines.collect(), load.values)
    })
}

#[test]
fn times_of_requests_are_bounded_and_say_their_rate() {
    let timing = |kind: &str, most| Some(Timing { kind: kind.into(), most, every: 1 });
    let (lines, values) = timed(&Form { timing: timing("ms", 10), ..form() }, 2);
    assert_eq!((lines.len(), values), (2, 2));
    assert!(
        lines[0].starts_with("myinst.latency.request:1") && lines[0].ends_with("|ms"),
        "{lines:?}"
    );
    let (lines, values) = timed(&Form { timing: timing("ms", 10), ..form() }, 40);
    assert_eq!((lines.len(), values), (10, 10));
    assert!(lines.iter().all(|line| line.ends_with("|ms|@0.25")), "{lines:?}");
}

#[test]
fn datadog_takes_several_values_in_a_line() {
    let timing = Some(Timing { kind: "d".into(), most: 100, every: 1 });
    let form = Form { timing, dialect: Dialect::DogStatsD, mtu: 200, ..form() };
    let (datagrams, values) = timed(&form, 350);
    assert_eq!(values, 88, "87 of weight 4, and one of weight 2");
    assert!(datagrams.iter().all(|datagram| datagram.len() <= 200), "{datagrams:?}");
    let lines: Vec<_> = datagrams.iter().flat_map(|datagram| datagram.lines()).collect();
    assert!(lines.len() < 12, "{lines:?}");
    let mut count = 0;
    for line in lines {
        let (head, rate) = line.split_once("|d|@").unwrap();
        let values = head.strip_prefix("myinst.latency.request:").unwrap().split(':').count();
        count += values * (1.0 / rate.parse::<f64>().unwrap()) as usize;
    }
    assert_eq!(count, 350);
}

/// A parser of others reads the same names, values, rates and tags out of what we write.
#[test]
fn a_foreign_parser_reads_the_same() {
    use statsd_parser::{Metric, parse};
    let form = Form { dialect: Dialect::DogStatsD, tags: "env:test".into(), ..form() };
    for (line, (name, kind, value)) in once(form).iter().zip(LIST) {
        let message = parse(line.clone()).unwrap();
        let value_read = match message.metric {
            Metric::Gauge(gauge) if kind == Gauge => gauge.value,
            Metric::Counter(counter) if kind != Gauge => counter.value,
            other => panic!("{line}: {other:?}"),
        };
        let plain = name.replace(".0", "").replace(".1", "");
        assert_eq!((message.name, value_read), (format!("myinst.{plain}"), value as f64));
        let tags = message.tags.unwrap();
        assert_eq!(tags["env"], "test");
        let worker = name.strip_prefix("worker.").and_then(|rest| rest.get(..1));
        assert_eq!(tags.get("worker").map(String::as_str), worker, "{line}");
    }
    let timing = Some(Timing { kind: "ms".into(), most: 10, every: 1 });
    let (lines, _) = timed(&Form { timing, ..self::form() }, 40);
    let message = parse(lines[0].clone()).unwrap();
    assert_eq!(message.name, "myinst.latency.request");
    let Metric::Timing(timing) = message.metric else { panic!("{lines:?}") };
    assert_eq!(timing.sample_rate, Some(0.25));
}

/// What it costs is measured by `benches/carbon.rs`.
#[test]
fn a_list_of_ten_thousand_is_pushed_whole_in_every_form() {
    let names: Vec<String> =
        (0..10_000).map(|n| format!("worker.{}.core.{n}.requests", n % 16)).collect();
    let list: Vec<_> = names.iter().map(|name| (name.as_str(), Counter, 1_234_567)).collect();
    let tagged = Form { dialect: Dialect::DogStatsD, mtu: 1432, delta: true, ..form() };
    for (form, what) in [(form(), "legacy"), (tagged, "tags, deltas, packed")] {
        // Nothing is known of the push before: every counter is pushed.
        let mut encode = Encode::new(form, true, None);
        let load = with_list(&list, |tick| encode.encode(tick)).unwrap();
        assert_eq!(load.values, 10_000, "{what}");
    }
}
