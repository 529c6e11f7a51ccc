//! Documents of servers, good and odd, as pages.

use super::*;
use std::collections::BTreeSet;

fn page(document: &str) -> String {
    String::from_utf8(render(document.as_bytes()).unwrap()).unwrap()
}

#[track_caller]
fn has(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|seen| seen == *line), "{line} is not in\n{page}");
    }
}

#[test]
fn what_the_screen_forgives_is_a_page_too() {
    let page = page(
        "{\"workers\":[{\"id\":1,\"requests\":7,\"status\":\"a\tb\"},],\"version\":\"\u{202e}2\"}",
    );
    has(&page, &["uwsgi_worker_requests_total{worker_id=\"1\"} 7"]);
    has(&page, &["uwsgi_build_info{version=\"?2\"} 1"]);
}

#[test]
fn many_metrics_of_applications_are_a_page_soon() {
    let row = |n: usize| format!("\"a{n}.b\":{{\"type\":1,\"value\":{n}}},");
    let rows: String = (0..30_000).map(row).collect();
    let page = page(&format!("{{\"metrics\":{{{rows}}}}}"));
    has(&page, &["uwsgi_metric_a29999_b 29999"]);
}

#[test]
fn keys_become_the_families_of_the_servers_own_page() {
    let page = page(
        r#"{"version":"2.0.31","listen_queue":3,"reloads":2,"system":{"load1":150},
        "sockets":[{"name":"a\"b","proto":"http","queue":1},{"name":"a\"b","proto":"http","queue":9}],
        "workers":[{"id":1,"status":"sig17","requests":7,"avg_rt":1500,"rss":0,"cores":[{},{}],
        "apps":[{"id":0,"mountpoint":"/x","chdir":"","requests":5}],"exits":{"asked":1}},
        {"id":0,"status":"cheap","requests":9}],
        "latency":{"request":{"count":4,"sum_us":2500000},"queue":{"count":0,"sum_us":0}}}"#,
    );
    has(
        &page,
        &[
            "# TYPE uwsgi_listen_queue_length gauge",
            "uwsgi_listen_queue_length 3",
            "# TYPE uwsgi_reloads_total counter",
            "uwsgi_system_load{window=\"1m\"} 1.5",
            "uwsgi_socket_queue_length{name=\"a\\\"b\",proto=\"http\"} 1",
            "uwsgi_workers 1",
            "uwsgi_worker_requests_total{worker_id=\"1\"} 7",
            "uwsgi_worker_average_response_time_seconds{worker_id=\"1\"} 0.0015",
            "uwsgi_worker_cores{worker_id=\"1\"} 2",
            "uwsgi_worker_status{worker_id=\"1\",state=\"sig\"} 1",
            "uwsgi_worker_busy{worker_id=\"1\"} 0",
            "uwsgi_worker_exits_total{worker_id=\"1\",reason=\"asked\"} 1",
            "uwsgi_worker_app_requests_total{worker_id=\"1\",app_id=\"0\",mountpoint=\"/x\",chdir=\"\"} 5",
            "uwsgi_request_duration_seconds_bucket{le=\"+Inf\"} 4",
            "uwsgi_request_duration_seconds_sum 2.5",
            "uwsgi_build_info{version=\"2.0.31\"} 1",
            "uwsgi_up 1",
        ],
    );
    for absent in
        ["worker_id=\"0\"", "uwsgi_request_queue", "uwsgi_worker_tx", "queue\",proto=\"http\"} 9"]
    {
        assert!(!page.contains(absent), "{absent} is not known: {page}");
    }
}

#[test]
fn metrics_of_applications_keep_their_names_and_builtin_ones_are_not_doubled() {
    let page = page(
        r#"{"metrics":{"worker.1.requests":{"type":0,"value":7},"shop.orders":{"type":0,"value":3},
        "queue.2.length":{"type":1,"value":-4},"twin":{"type":3,"value":1},
        "rss_size":{"type":3,"value":9},"worker.1.own":{"type":1,"value":2}}}"#,
    );
    has(
        &page,
        &[
            "# TYPE uwsgi_metric_shop_orders_total counter",
            "uwsgi_metric_shop_orders_total 3",
            "uwsgi_metric_queue_length{queue=\"2\"} -4",
            "uwsgi_metric_worker_own{worker=\"1\"} 2",
        ],
    );
    assert_eq!(page.matches("uwsgi_metric_").count(), 9, "three families: {page}");
}

#[test]
fn odd_documents_give_what_they_have() {
    let odd = r#"{"workers":[1,null,{"id":"x","cores":{},"requests":"7","apps":[3]}],"sockets":{},
        "latency":[],"metrics":7,"master":null,"listen_queue":-1,"signal_queue":0.5}"#;
    let page = page(odd);
    has(&page, &["uwsgi_listen_queue_length -1", "uwsgi_signal_queue_length 0.5", "uwsgi_up 1"]);
    assert!(render(b"[1]").is_err() && render(b"{").is_err());
}

#[test]
fn every_family_has_a_help_and_stands_once() {
    let (mut seen, mut last) = (BTreeSet::new(), "");
    for (_, key, family, _) in KEYS {
        assert!(*family == last || seen.insert(family), "{family} ({key}) stands together");
        last = family;
        let known = TABLE.iter().any(|metric| metric.family == Some(family));
        let more = table::MORE.iter().any(|(name, _, _)| name == family);
        assert!(known != more, "{family} is described once");
    }
    for name in ["uwsgi_workers", "uwsgi_worker_apps", "uwsgi_worker_exits_total"] {
        assert!(TABLE.iter().any(|metric| metric.family == Some(name)), "{name}");
    }
}
