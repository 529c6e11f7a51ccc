//! The metrics endpoint's documents, read back line by line.

use std::collections::BTreeSet;

use uwsgi_metrics::prometheus::{Format, PromOptions, render};
use uwsgi_metrics::{Arena, Kind, Shape, Start, stall_at};

use crate::filled::filled;

fn text(format: Format, options: &PromOptions) -> String {
    String::from_utf8(render(&filled().unwrap().snapshot(), format, options).1).unwrap()
}

fn cores() -> PromOptions {
    PromOptions { cores: true, ..PromOptions::default() }
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|l| l == line), "missing {line:?}");
}

#[test]
fn the_names_of_the_external_exporter_are_all_there() {
    let text = text(Format::Text, &cores());
    for line in [
        "uwsgi_listen_queue_length 2",
        "uwsgi_workers 1",
        "uwsgi_socket_max_queue_length{name=\"127.0.0.1:9090\",proto=\"http\"} 100",
        "uwsgi_worker_requests_total{worker_id=\"1\"} 7",
        "uwsgi_worker_running_time_seconds{worker_id=\"1\"} 0.5",
        "uwsgi_worker_average_response_time_seconds{worker_id=\"1\"} 0.002",
        "uwsgi_worker_busy{worker_id=\"1\"} 1",
        "uwsgi_worker_idle{worker_id=\"1\"} 0",
        "uwsgi_worker_cores{worker_id=\"1\"} 2",
        "uwsgi_worker_app_requests_total{worker_id=\"1\",app_id=\"0\",mountpoint=\"/shop\\\"x\\\\\",chdir=\"/srv/ÿ\"} 6",
        "uwsgi_worker_core_busy{worker_id=\"1\",core_id=\"1\"} 1",
        "uwsgi_up 1",
        "uwsgi_exporter_scrape_duration_seconds_sum 0.0015",
        "uwsgi_exporter_scrape_duration_seconds_count 4",
        "uwsgi_responses_total{code=\"5xx\"} 1",
        "uwsgi_router_active_sessions{router=\"http\"} 7",
        "uwsgi_worker_status{worker_id=\"1\",state=\"busy\"} 1",
        "uwsgi_app_requests_total{app=\"/shop\\\"x\\\\\"} 6",
        "uwsgi_app_responses_total{app=\"/shop\\\"x\\\\\",code=\"2xx\"} 5",
        "uwsgi_app_responses_total{app=\"/shop\\\"x\\\\\",code=\"5xx\"} 1",
        "uwsgi_app_transmitted_bytes_total{app=\"/shop\\\"x\\\\\"} 900",
        "uwsgi_app_request_duration_seconds_bucket{app=\"/shop\\\"x\\\\\",le=\"10\"} 4",
        "uwsgi_app_request_duration_seconds_bucket{app=\"/shop\\\"x\\\\\",le=\"+Inf\"} 6",
        "uwsgi_app_request_duration_seconds_sum{app=\"/shop\\\"x\\\\\"} 1.5",
        "uwsgi_app_request_duration_seconds_count{app=\"/shop\\\"x\\\\\"} 6",
        "uwsgi_metric_foo_total 5",
        "uwsgi_metric_queue_depth{queue=\"7\"} -2",
    ] {
        has(&text, line);
    }
    assert!(!text.contains("worker_id=\"0\""), "a worker that was never spawned is not shown");
    assert!(!text.contains("uwsgi_worker_uss_bytes"), "nobody measured it");
}

#[test]
fn buckets_are_cumulative_and_end_in_the_count() {
    let text = text(Format::Text, &PromOptions::default());
    let prefix = "uwsgi_request_duration_seconds_bucket";
    let buckets: Vec<u64> = text
        .lines()
        .filter(|l| l.starts_with(prefix))
        .map(|l| l.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(buckets, [2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5]);
    has(&text, "uwsgi_request_duration_seconds_bucket{le=\"1\"} 4");
    has(&text, "uwsgi_request_duration_seconds_sum 2.0429");
    has(&text, "uwsgi_request_duration_seconds_count 5");
    assert!(!text.contains("uwsgi_request_queue_seconds"), "nobody measured it");
}

#[test]
fn openmetrics_headers_bounds_and_end_are_its_own() {
    let text = text(Format::OpenMetrics1(None), &cores());
    has(&text, "# TYPE uwsgi_worker_requests counter");
    has(&text, "# UNIT uwsgi_request_duration_seconds seconds");
    has(&text, "uwsgi_request_duration_seconds_bucket{le=\"1.0\"} 4");
    has(&text, "uwsgi_worker_status{worker_id=\"1\",uwsgi_worker_status=\"busy\"} 1");
    has(&text, "# TYPE uwsgi_worker_status stateset");
    assert!(text.ends_with("\n# EOF\n") && !text.contains("\n\n"));
}

#[test]
fn families_are_whole_and_samples_unique_in_both_formats() {
    for format in [Format::Text, Format::OpenMetrics1(None)] {
        let text = text(format, &cores());
        let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(families.insert(rest.split(' ').next().unwrap()), "twice: {line}");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(samples.insert(series.to_owned()), "twice: {line}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(families.len() > 60, "{} families", families.len());
    }
}

#[test]
fn options_filter_and_label() {
    let all = text(Format::Text, &PromOptions::default());
    assert!(!all.contains("uwsgi_worker_core_"), "families of cores are asked for");
    let families = vec!["uwsgi_up".to_owned(), "uwsgi_workers".to_owned()];
    let stats_uri = Some("tcp://127.0.0.1:1717".to_owned());
    let some = text(Format::Text, &PromOptions { families, stats_uri, ..PromOptions::default() });
    let samples: Vec<_> = some.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(samples, ["uwsgi_workers{stats_uri=\"tcp://127.0.0.1:1717\"} 1", "uwsgi_up 1"]);
}

#[test]
fn user_metrics_cannot_break_the_document() {
    let arena = Arena::create(&Shape { workers: 1, metrics: 8, ..Shape::default() }).unwrap();
    for (name, kind) in [
        ("a", Kind::Counter),
        ("a.total", Kind::Gauge),
        ("b", Kind::Gauge),
        ("b.count", Kind::Gauge),
        ("x-y", Kind::Gauge),
        ("x_y", Kind::Gauge),
    ] {
        arena.register_metric(name, kind, "", 1).unwrap();
    }
    let (_, bytes) = render(&arena.snapshot(), Format::OpenMetrics1(None), &PromOptions::default());
    let text = String::from_utf8(bytes).unwrap();
    let user: Vec<_> = text.lines().filter(|l| l.starts_with("uwsgi_metric_")).collect();
    let kept: Vec<_> = user.into_iter().filter(|l| !l.contains("registrations")).collect();
    let want = ["a_total", "b", "b_count", "x_y"].map(|name| format!("uwsgi_metric_{name} 1"));
    assert_eq!(kept, want);
}

#[test]
fn an_app_is_one_app_in_all_workers() {
    let arena = Arena::create(&Shape { workers: 3, apps: 2, ..Shape::default() }).unwrap();
    for (worker, slot, mountpoint) in [(1, 0, ""), (2, 0, ""), (3, 1, ""), (1, 1, "/b")] {
        let app = arena.app(worker, slot);
        app.mountpoint.set(mountpoint.as_bytes());
        app.used.set(1);
        app.requests.add(2);
        app.response(204).add(1);
        app.response(999).add(1);
        for us in [5_000, 5_001] {
            app.latency(us).add(1);
            app.running_time_us.add(us);
        }
    }
    arena.app(2, 1).mountpoint.set(b"/never");
    let (_, bytes) = render(&arena.snapshot(), Format::Text, &PromOptions::default());
    let text = String::from_utf8(bytes).unwrap();
    for line in [
        "uwsgi_app_requests_total{app=\"/\"} 6",
        "uwsgi_app_requests_total{app=\"/b\"} 2",
        "uwsgi_app_responses_total{app=\"/\",code=\"2xx\"} 3",
        "uwsgi_app_responses_total{app=\"/\",code=\"other\"} 3",
        "uwsgi_app_request_duration_seconds_bucket{app=\"/\",le=\"0.005\"} 3",
        "uwsgi_app_request_duration_seconds_bucket{app=\"/\",le=\"0.01\"} 6",
        "uwsgi_app_request_duration_seconds_sum{app=\"/\"} 0.030003",
    ] {
        has(&text, line);
    }
    assert_eq!(text.matches("uwsgi_app_requests_total{").count(), 2, "an unused slot is no app");
}

#[test]
fn sockets_of_one_address_are_one_socket() {
    let arena = Arena::create(&Shape { sockets: 2, ..Shape::default() }).unwrap();
    for (index, queue) in [(0, 3), (1, 4)] {
        let socket = arena.socket(index);
        socket.name.set(b":80");
        socket.proto.set(b"http");
        socket.queue.set(queue);
        socket.drops.add(queue);
        socket.can_offload.set(1);
    }
    let (_, bytes) = render(&arena.snapshot(), Format::Text, &PromOptions::default());
    let text = String::from_utf8(bytes).unwrap();
    for (family, value) in [("queue_length", 7), ("drops_total", 7), ("can_offload", 1)] {
        has(&text, &format!("uwsgi_socket_{family}{{name=\":80\",proto=\"http\"}} {value}"));
    }
}

#[test]
fn what_the_machine_does_not_tell_is_absent_and_what_it_tells_has_base_units() {
    let arena = Arena::create(&Shape::default()).unwrap();
    let shown = |arena: &Arena| {
        let (_, bytes) = render(&arena.snapshot(), Format::Text, &PromOptions::default());
        String::from_utf8(bytes).unwrap()
    };
    let text = shown(&arena);
    for family in ["uwsgi_system", "uwsgi_cgroup", "uwsgi_pressure"] {
        assert!(!text.contains(family), "{family} is shown and nobody measured");
    }
    let system = arena.system();
    system.load[1].set(Some(150));
    system.cpu_limit_milli.set(Some(500));
    system.cpu_throttled.set(Some(0));
    system.cpu_throttled_us.set(Some(1_500_000));
    system.group_stalls[stall_at(1, true, 0)].set(Some(250));
    system.group_stalls[stall_at(1, true, 3)].set(Some(7));
    let text = shown(&arena);
    for line in [
        "uwsgi_system_load{window=\"5m\"} 1.5",
        "uwsgi_cgroup_cpu_limit_cores 0.5",
        "uwsgi_cgroup_cpu_throttled_periods_total 0",
        "uwsgi_cgroup_cpu_throttled_seconds_total 1.5",
        "uwsgi_pressure_ratio{scope=\"cgroup\",resource=\"memory\",kind=\"full\",window=\"10s\"} 0.025",
        "uwsgi_pressure_stalled_seconds_total{scope=\"cgroup\",resource=\"memory\",kind=\"full\"} 0.000007",
    ] {
        has(&text, line);
    }
    assert_eq!(
        text.matches("\nuwsgi_system_").count() + text.matches("\nuwsgi_cgroup_").count(),
        4
    );
}

#[test]
fn durations_are_histograms_and_routers_of_one_name_one_router() {
    let arena = Arena::create(&Shape { gateways: 2, ..Shape::default() }).unwrap();
    for (index, us) in [(0, 400), (1, 2_000_000)] {
        arena.gateway(index).name.set(b"http");
        arena.gateway(index).waits.record(us);
        arena.gateway(index).listen_queue.set(5);
    }
    arena.globals().reload_spread.record(1_200_000);
    let (_, bytes) = render(&arena.snapshot(), Format::OpenMetrics1(None), &PromOptions::default());
    let text = String::from_utf8(bytes).unwrap();
    for line in [
        "uwsgi_router_wait_seconds_bucket{router=\"http\",le=\"0.001\"} 1",
        "uwsgi_router_wait_seconds_bucket{router=\"http\",le=\"+Inf\"} 2",
        "uwsgi_router_wait_seconds_sum{router=\"http\"} 2.0004",
        "uwsgi_router_wait_max_seconds{router=\"http\"} 2",
        "uwsgi_router_listen_queue_length{router=\"http\"} 5",
        "uwsgi_reload_duration_seconds_bucket{le=\"1.0\"} 0",
        "uwsgi_reload_duration_seconds_count 1",
    ] {
        has(&text, line);
    }
    assert!(!text.contains("uwsgi_master_turn"), "what never happened is left out");
}

#[test]
fn busy_time_has_the_running_request_and_never_falls() {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    let busy = |arena: &Arena| arena.snapshot().workers[0].busy_us;
    let (row, record) = (arena.core(1, 0), arena.inflight(1, 0));
    let now = arena.snapshot().taken_us;
    record.begin(&Start { start_us: now - 5_000_000, ..Start::default() });
    let running = busy(&arena);
    assert!(running >= 5_000_000);
    record.close(|| row.running_time_us.add(5_500_000));
    assert_eq!(busy(&arena), 5_500_000, "accounted for: not counted as running as well");
    record.end();
    // As seen by somebody whose clock was ahead.
    row.busy_us.raise_shared(6_000_000);
    assert_eq!(busy(&arena), 6_000_000);
    record.begin(&Start { start_us: now + 60_000_000, ..Start::default() });
    assert_eq!(busy(&arena), 6_000_000, "a clock that was set back takes nothing back");
    record.end();
    record.begin(&Start { start_us: now - 9_000_000, uncounted: true, ..Start::default() });
    assert_eq!(busy(&arena), 6_000_000, "a health check is nobody's busy time");
}
