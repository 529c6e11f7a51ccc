//! The stats JSON: keys, order and bytes.

use serde_json::Value;
use uwsgi_metrics::{Arena, Details, HistoryWriter, Shape, Snapshot, StatsOptions, stats_json};

use crate::filled::filled;

fn document(options: &StatsOptions) -> (String, Value) {
    let bytes = stats_json(&filled().unwrap().snapshot(), options);
    let text = String::from_utf8(bytes).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

fn keys(value: &Value) -> String {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_come_in_the_order_monitoring_expects_and_ours_at_the_end() {
    let (_, doc) = document(&StatsOptions { metrics_enabled: true, ..StatsOptions::default() });
    assert_eq!(
        keys(&doc),
        "version listen_queue listen_queue_errors signal_queue load pid uid gid cwd locks metrics \
         sockets workers gateways mules started_at uptime reloads latency workers_started \
         workers_killed boot_us reload_duration reload_outcomes reload_refused master observer system"
    );
    assert_eq!(
        keys(&doc["gateways"][0]),
        "name pid respawns active_sessions requests rx tx errors queue listen_queue max_queue \
         drops waits rss vsz swap cpu_user_us cpu_system_us voluntary_switches \
         involuntary_switches minor_faults major_faults open_fds threads"
    );
    assert_eq!(keys(&doc["system"]), "", "nobody measured: no key, never 0");
    assert_eq!(
        keys(&doc["mules"][0]),
        "id pid status signals signal_queue messages messages_dropped harakiri_count rss vsz \
         last_spawn respawn_count swap cpu_user_us cpu_system_us voluntary_switches \
         involuntary_switches minor_faults major_faults open_fds threads"
    );
    assert_eq!(doc["mules"][0]["status"], "sig17");
    assert_eq!(doc["mules"][1]["pid"], 0);
    assert_eq!(
        keys(&doc["sockets"][0]),
        "name proto queue max_queue shared can_offload accepted requests responses rx tx \
         keepalive_reuses read_errors write_errors aborted rejected refused"
    );
    let worker = &doc["workers"][0];
    assert_eq!(
        keys(worker),
        "id pid accepting requests delta_requests exceptions harakiri_count signals signal_queue \
         status rss vsz running_time last_spawn respawn_count tx avg_rt apps cores \
         harakiri_pending cpu_time_us failed_requests rx avg_rt_1m swap busy_time_us cpu_user_us \
         cpu_system_us voluntary_switches involuntary_switches minor_faults major_faults open_fds \
         threads startup_us killed_count exits recycles"
    );
    assert_eq!(
        keys(&worker["apps"][0]),
        "id modifier1 mountpoint startup_time requests exceptions chdir responses rx tx \
         running_time_us application_us write_us read_errors write_errors aborted"
    );
    assert_eq!(
        keys(&worker["cores"][0]),
        "id requests static_requests routed_requests offloaded_requests write_errors read_errors \
         in_request vars req_info"
    );
}

#[test]
fn values_are_the_sums_and_decisions() {
    let (_, doc) = document(&StatsOptions::default());
    let worker = &doc["workers"][0];
    let figures = ["requests", "delta_requests", "tx", "running_time", "avg_rt", "respawn_count"];
    let got: Vec<_> = figures.iter().map(|key| worker[key].as_i64().unwrap()).collect();
    assert_eq!(got, [7, 4, 2_000, 500_000, 2_000, 2]);
    assert_eq!(worker["status"], "busy");
    assert_eq!(worker["apps"][0]["mountpoint"], "/shop\"x\\");
    assert_eq!(
        worker["apps"][0]["chdir"], "/srv/ÿ",
        "a stray byte is shown by its Latin-1 reading"
    );
    let cheap = &doc["workers"][1];
    assert_eq!((&cheap["id"], &cheap["status"]), (&0.into(), &"cheap".into()));
    assert_eq!(cheap["cores"].as_array().unwrap().len(), 2);
    assert_eq!(doc["workers"].as_array().unwrap().len(), 2);
}

#[test]
fn only_a_core_in_request_shows_variables_and_a_trailing_empty_string() {
    let (text, doc) = document(&StatsOptions::default());
    let cores = &doc["workers"][0]["cores"];
    let want =
        serde_json::json!(["REQUEST_METHOD=GET", "PATH_INFO=/sleep", "HTTP_X_Q=a\"b\\c\td", ""]);
    assert_eq!(cores[1]["vars"], want);
    assert_eq!(cores[1]["req_info"], serde_json::json!({"request_start": 1_795_162_608}));
    assert_eq!(cores[0]["vars"], serde_json::json!([]));
    assert_eq!(cores[0]["req_info"], serde_json::json!({}));
    assert!(text.contains(
        "\t\t\t\t\t\"in_request\":1,\n\t\t\t\t\t\"vars\":[\n\"REQUEST_METHOD=GET\",\n\
         \"PATH_INFO=/sleep\",\n\"HTTP_X_Q=a\\\"b\\\\c\\td\",\n\"\"\n\t\t\t\t\t],\n\
         \t\t\t\t\t\"req_info\":\t\t\t\t\t{\n\t\t\t\t\t\t\"request_start\":1795162608\n\t\t\t\t\t}"
    ));
    assert!(text.contains("\t\t\t\t\t\"vars\":[\n\n\t\t\t\t\t],\n"));
}

#[test]
fn every_option_removes_or_adds_exactly_its_part() {
    let on = StatsOptions { metrics_enabled: true, ..StatsOptions::default() };
    let (_, doc) = document(&StatsOptions { no_cores: true, ..on.clone() });
    assert!(doc["workers"][0].get("cores").is_none());
    let (_, doc) = document(&StatsOptions { no_metrics: true, ..on.clone() });
    assert!(doc.get("metrics").is_none());
    let (_, doc) = document(&StatsOptions::default());
    assert!(doc.get("metrics").is_none(), "the metrics subsystem is off by default");
    let (_, doc) = document(&StatsOptions { no_vars: true, ..on.clone() });
    assert_eq!(doc["workers"][0]["cores"][1]["vars"], serde_json::json!([]));
    let (text, _) = document(&StatsOptions { memory_report2: true, ..on.clone() });
    assert!(
        text.contains(
            "\"vsz\":20000000,\n\t\t\t\"uss\":0,\n\t\t\t\"pss\":0,\n\t\t\t\"running_time\""
        )
    );
    let (_, doc) = document(&StatsOptions { metrics_no_cores: true, ..on.clone() });
    assert!(doc["metrics"].get("worker.1.core.0.requests").is_none());
    let (_, doc) = document(&StatsOptions { metrics_extended: true, ..on.clone() });
    assert_eq!(doc["metrics"]["socket.1.max_queue"]["value"], 100);
    let locks = vec![("user 0".to_owned(), 0), ("signal".to_owned(), 7)];
    let (text, _) = document(&StatsOptions { locks, ..on });
    assert!(
        text.contains(
            "\t\"locks\":[\n\t\t{\n\t\t\t\"user 0\":0\n\t\t},\n\t\t{\n\t\t\t\"signal\":7"
        )
    );
}

#[test]
fn minified_has_no_newline_or_tab_and_the_same_content() {
    let options = StatsOptions { metrics_enabled: true, ..StatsOptions::default() };
    let (_, long) = document(&options);
    let (text, short) = document(&StatsOptions { minified: true, ..options });
    assert!(!text.contains(['\n', '\t']));
    assert_eq!(long.to_string().len(), short.to_string().len());
    assert_eq!(keys(&long), keys(&short));
}

#[test]
fn user_metrics_follow_the_built_in_ones() {
    let (_, doc) = document(&StatsOptions { metrics_enabled: true, ..StatsOptions::default() });
    let metrics = doc["metrics"].as_object().unwrap();
    let last: Vec<_> = metrics.keys().rev().take(4).rev().map(String::as_str).collect();
    assert_eq!(last, ["rss_size", "vsz_size", "foo", "queue.7.depth"]);
    assert_eq!(metrics["foo"], serde_json::json!({"type": 0, "oid": "100.1", "value": 5}));
    assert_eq!(metrics["queue.7.depth"], serde_json::json!({"type": 1, "oid": "", "value": -2}));
}

#[test]
fn an_empty_arena_is_a_whole_document() {
    let arena = Arena::create(&Shape::default()).unwrap();
    let doc: Value =
        serde_json::from_slice(&stats_json(&arena.snapshot(), &StatsOptions::default())).unwrap();
    assert_eq!(doc["workers"], serde_json::json!([]));
}

/// The arena with probes: `names` are attached.
fn probed(names: &[&str]) -> Value {
    let arena = filled().unwrap();
    for (index, name) in (0..).zip(names) {
        arena.probe(index).name.set(name.as_bytes());
        arena.probe(index).programs.set(1);
    }
    let waits = arena.waits(1, 1);
    waits.request.set(7);
    waits.waited_ns[2].set(1_500_000_000);
    waits.waiting.set(3);
    waits.slowest.set(u64::MAX);
    waits.slowest_ns.set(2_000);
    let socket = arena.kernel_socket(1);
    socket.name.set(b"127.0.0.1:80");
    socket.established.add(4);
    socket.depth_sum.add(6);
    arena.accept_waits(1).record(200_000);
    serde_json::from_slice(&stats_json(&arena.snapshot(), &StatsOptions::default())).unwrap()
}

#[test]
fn a_running_request_tells_what_it_waits_for() {
    let doc = probed(&["scheduler", "accept"]);
    let info = &doc["workers"][0]["cores"][1]["req_info"];
    assert_eq!(
        keys(info),
        "request_start age_us phase waited_us waits_for slowest_call",
        "it is in no system call"
    );
    assert_eq!(keys(&info["waited_us"]), "run_queue disk network lock memory system_call");
    assert_eq!(info["waited_us"]["network"], 1_500_000);
    assert_eq!(info["waits_for"], "network");
    assert_eq!(info["slowest_call"]["us"], 2);
    assert_eq!(keys(&doc["workers"][0]["cores"][0]["req_info"]), "", "nothing runs there");
    let queue = &doc["accept_queues"][0];
    assert_eq!(keys(queue), "name established depth_sum full waits_lost wait");
    assert_eq!((&queue["wait"]["count"], &queue["established"]), (&1.into(), &4.into()));
}

#[test]
fn without_its_probe_nothing_is_told_of_waits() {
    let doc = probed(&["network"]);
    assert_eq!(keys(&doc["workers"][0]["cores"][1]["req_info"]), "request_start");
    assert_eq!(keys(&doc["accept_queues"][0]), "name retransmits");
    assert_eq!(
        keys(&probed(&["syscalls"])["workers"][0]["cores"][1]["req_info"]),
        "request_start age_us phase slowest_call"
    );
}

/// The document of a filled arena with and without details, of the same snapshot.
fn with_and_without(arena: &Arena, (all, since, now): (bool, u64, u64)) -> [Value; 2] {
    let snapshot = arena.snapshot().with_requests(arena);
    let mut details = Details::take(arena, all, since, now);
    details.kernel = true;
    details.somaxconn = Some(4096);
    let detailed = StatsOptions { details: Some(details), ..StatsOptions::default() };
    [detailed, StatsOptions::default()]
        .map(|options| serde_json::from_slice(&stats_json(&snapshot, &options)).unwrap())
}

/// Every object of `plain` is the begin of its counterpart, key by key.
fn begins(plain: &Value, detailed: &Value, at: &str) {
    match (plain, detailed) {
        (Value::Object(plain), Value::Object(more)) => {
            let names: Vec<_> = plain.keys().collect();
            assert_eq!(names, more.keys().take(names.len()).collect::<Vec<_>>(), "{at}");
            plain.iter().for_each(|(key, value)| begins(value, &more[key], &format!("{at}.{key}")));
        }
        (Value::Array(plain), Value::Array(more)) => {
            assert_eq!(plain.len(), more.len(), "{at}");
            plain.iter().zip(more).for_each(|(one, other)| begins(one, other, at));
        }
        _ => assert_eq!(plain, detailed, "{at}"),
    }
}

#[test]
fn details_stand_behind_what_is_always_there() {
    let arena = filled().unwrap();
    arena.probe(0).name.set(b"scheduler");
    arena.alarm(0).name.set(b"mail");
    arena.threshold(0).text.set(b"key=a,value=1");
    arena.threshold(0).value_milli.set(-5);
    let [doc, plain] = with_and_without(&arena, (true, 0, 0));
    begins(&plain, &doc, "");
    assert_eq!(
        keys(&doc).strip_prefix(&keys(&plain)),
        Some(
            " details taken_us last_reload somaxconn alarms thresholds pushers routes kernel history"
        )
    );
    assert_eq!(
        keys(&doc["sockets"][0]).strip_prefix(&keys(&plain["sockets"][0])),
        Some(" drops waited")
    );
    assert_eq!(doc["thresholds"][0]["value_milli"], -5);
    assert_eq!(doc["alarms"][0]["name"], "mail");
    let info = &doc["workers"][0]["cores"][1]["req_info"];
    assert_eq!(info["start_us"].as_u64().unwrap() / 1_000_000, info["request_start"]);
    let counts: Vec<_> = doc["latency"]["request"]["cells"].as_array().unwrap().iter().collect();
    let sum: u64 = counts.iter().skip(1).step_by(2).map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(doc["latency"]["request"]["count"], sum);
}

#[test]
fn details_tell_no_variables_that_others_do_not_get() {
    let arena = filled().unwrap();
    let snapshot = arena.snapshot().with_requests(&arena);
    let mut details = Details::take(&arena, true, 0, u64::MAX / 2);
    details.kernel = true;
    let text = |no_vars| {
        let details = Some(details.clone());
        let options = StatsOptions { no_vars, details, ..StatsOptions::default() };
        String::from_utf8(stats_json(&snapshot, &options)).unwrap()
    };
    for secret in ["/sleep", "x=1", "example.org"] {
        assert!(!text(true).contains(secret), "{secret}");
    }
    assert!(text(false).contains("PATH_INFO=/sleep"));
}

#[test]
fn a_moment_that_makes_no_sense_has_no_past() {
    let arena = filled().unwrap();
    for (since, now) in [(u64::MAX, 1_700_000_000), (u64::MAX, u64::MAX / 2)] {
        let [doc, _] = with_and_without(&arena, (true, since, now));
        let rings = doc["history"].as_array().unwrap();
        assert!(rings.iter().all(|ring| ring["series"].as_array().unwrap().is_empty()), "{since}");
    }
}

#[test]
fn the_past_is_told_from_the_moment_that_is_asked_for() {
    const START: u64 = 1_700_000_040;
    let arena = filled().unwrap();
    let mut writer = HistoryWriter::new();
    for second in 0..25 {
        arena.globals().backlog.set(second);
        writer.tick(&arena.history(), START + second, &Snapshot::take(&arena));
    }
    let rings = |all, since| {
        let [doc, _] = with_and_without(&arena, (all, since, START + 24));
        let queue = |ring: &Value| {
            let found =
                ring["series"].as_array().unwrap().iter().find(|s| s["name"] == "listen_queue");
            (ring["step"].as_u64().unwrap(), found.map(|series| series["values"].clone()))
        };
        doc["history"].as_array().unwrap().iter().map(queue).collect::<Vec<_>>()
    };
    let numbers = |range: std::ops::Range<u64>| Some(serde_json::json!(range.collect::<Vec<_>>()));
    assert_eq!(rings(false, 0), [(1, numbers(0..25))]);
    assert_eq!(rings(true, 0)[1..], [(10, Some(serde_json::json!([9, 19]))), (60, None)]);
    let news = rings(true, START + 20);
    assert_eq!(news[..2], [(1, numbers(20..25)), (10, Some(serde_json::json!([19])))]);
    assert_eq!(rings(false, START + 25), [(1, None)], "nothing is new");
}
