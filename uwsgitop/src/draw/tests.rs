//! The text grid of whole frames against files in `tests/screens`, colour stripped.
//!
//! `UPDATE_SCREENS=1 cargo test -p uwsgitop` writes the files anew; read the difference.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{View, render};
use crate::document;
use crate::picture::{
    Accept, Body, Core, Details, InFlight, Latency, Picture, Probe, Socket, Waits, Worker,
};
use crate::source::Fault;
use crate::state::{Key, State};
use crate::theme::Theme;

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

fn grid(state: &State, utf8: bool, (width, height): (u16, u16)) -> String {
    let view = View {
        state,
        host: "web1",
        source: "127.0.0.1:1717",
        theme: Theme { colored: true },
        utf8,
        now: Timestamp::from_second(1_795_162_608).unwrap(),
        zone: &TimeZone::UTC,
        at: Duration::from_secs(14),
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| render(frame, &view)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(width));
    rows.map(|row| {
        row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned() + "\n"
    })
    .collect()
}

#[track_caller]
fn same_as_file(name: &str, seen: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name);
    if env::var_os("UPDATE_SCREENS").is_some() {
        fs::write(&path, seen).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(seen, wanted, "the screen differs from {}", path.display());
}

#[track_caller]
fn at_every_size(name: &str, state: &State) {
    for (width, height) in SIZES {
        same_as_file(&format!("{name}-{width}x{height}.txt"), &grid(state, true, (width, height)));
    }
}

fn worker(id: u64, requests: u64, status: &str) -> Worker {
    let half = requests / 2;
    Worker {
        id,
        pid: 4000 + id,
        requests,
        exceptions: id,
        signals: 0,
        status: status.to_owned(),
        avg_rt: 1_999 * id,
        rss: 34 << 20,
        vsz: (1 << 30) + (512 << 20),
        tx: requests * 1000,
        respawn_count: 1,
        harakiri_count: 0,
        running_time: requests * 1_234,
        last_spawn: if status == "cheap" { 0 } else { 1_795_160_000 },
        cores: vec![
            Core { id: 0, requests: half, in_request: status == "busy" },
            Core { id: 1, requests: requests - half, in_request: false },
        ],
    }
}

fn instance(second: u64) -> Picture {
    let workers = vec![
        worker(1, 120 + 10 * second, "idle"),
        worker(2, 100_000 + 250 * second, "busy"),
        worker(3, 50, "sig17"),
        worker(4, 0, "cheap"),
        worker(5, 7, "pause"),
    ];
    Picture {
        version: "2.0.31".to_owned(),
        listen_queue: 3,
        cwd: Some("/srv/app".to_owned()),
        uid: Some(33),
        gid: Some(33),
        pid: Some(3999),
        body: Body::Workers(workers),
        details: None,
        remark: None,
    }
}

fn details() -> Details {
    let in_flight = |core, age, uri: &str| InFlight {
        worker: 2,
        core,
        age,
        phase: "application".to_owned(),
        method: "GET".to_owned(),
        uri: uri.to_owned(),
        remote: "10.0.0.7".to_owned(),
        waits: None,
    };
    Details {
        latencies: vec![
            Latency { name: "request", count: 100_177, p50: 900, p90: 2_400, p99: 31_000 },
            Latency { name: "application", count: 100_177, p50: 800, p90: 2_200, p99: 30_000 },
        ],
        in_flight: vec![in_flight(0, 12_300_000, "/report?year=2026"), in_flight(1, 900, "/")],
        sockets: vec![Socket {
            name: "127.0.0.1:8080".to_owned(),
            proto: "http".to_owned(),
            queue: 3,
            max_queue: 100,
            accept: None,
        }],
        history: (0..300).map(|second| second % 60 * 4000).collect(),
        probes: Vec::new(),
    }
}

/// The same with probes in the kernel.
fn probed() -> Details {
    let mut details = details();
    let named = |name: &str, us| (name.to_owned(), us);
    details.in_flight[0].waits = Some(Waits {
        now: Some("network".to_owned()),
        parts: vec![
            named("run_queue", 200_000),
            named("disk", 20_000),
            named("network", 11_960_000),
        ],
        call: Some(named("recvfrom", 1_500_000)),
        slowest: Some(named("recvfrom", 10_400_000)),
    });
    details.in_flight[1].waits =
        Some(Waits { parts: vec![named("run_queue", 90)], ..Waits::default() });
    details.sockets[0].accept = Some(Accept {
        count: 100_000,
        p50: 40,
        p99: 212_000,
        established: 100_003,
        depth_sum: 150_000,
        full: 12,
        retransmits: Some(7),
    });
    let front = Accept { retransmits: None, ..Accept::default() };
    details.sockets.push(Socket {
        name: "0.0.0.0:80".to_owned(),
        accept: Some(front),
        ..Socket::default()
    });
    let probe = |name: &str, state: &str, runs| Probe {
        name: name.to_owned(),
        state: state.to_owned(),
        programs: 3,
        runs,
        run_ns: runs * 250,
        ..Probe::default()
    };
    let reason = "tracepoint inet_sock_set_state: permission denied".to_owned();
    details.probes = vec![
        probe("accept", "healthy", 100_003),
        probe("scheduler", "healthy", 0),
        Probe { programs: 0, reason, ..probe("network", "failed", 0) },
    ];
    details
}

/// Two readings two seconds apart, so that rates are real.
fn fed(picture: impl Fn(u64) -> Picture) -> State {
    let mut state = State::default();
    for second in [0, 2] {
        state.ingest(Ok(picture(second)), Duration::from_secs(second));
    }
    state
}

#[test]
fn workers_fit_every_size() {
    at_every_size("workers", &fed(instance));
}

#[test]
fn the_first_sample_has_blank_rates() {
    let mut state = State::default();
    state.ingest(Ok(instance(0)), Duration::ZERO);
    same_as_file("first-120x40.txt", &grid(&state, true, (120, 40)));
}

#[test]
fn cores_are_shown_merged_and_below() {
    let mut state = fed(instance);
    for name in ["merged", "below"] {
        state.press(Key::Cores);
        same_as_file(&format!("{name}-120x40.txt"), &grid(&state, true, (120, 40)));
    }
}

#[test]
fn the_arena_adds_a_second_block_where_it_fits() {
    let state = fed(|second| Picture { details: Some(details()), ..instance(second) });
    at_every_size("details", &state);
    let plain = grid(&state, false, (80, 24));
    assert!(plain.is_ascii(), "a terminal without UTF-8 gets ASCII: {plain}");
}

#[test]
fn probes_tell_what_requests_and_connections_wait_for() {
    let state = fed(|second| Picture { details: Some(probed()), ..instance(second) });
    at_every_size("probes", &state);
}

#[test]
fn l_hides_the_second_block() {
    let mut state = fed(|second| Picture { details: Some(details()), ..instance(second) });
    state.press(Key::Details);
    let seen = grid(&state, true, (80, 24));
    assert!(!seen.contains("LATENCY") && seen.contains("l details off"), "{seen}");
}

#[test]
fn many_workers_scroll_and_share_with_the_block() {
    let many = |second| Picture {
        body: Body::Workers(
            (1..=64).map(|id| worker(id, 6400 - id * 100 + second, "idle")).collect(),
        ),
        details: Some(details()),
        ..instance(second)
    };
    let mut state = fed(many);
    same_as_file("many-80x24.txt", &grid(&state, true, (80, 24)));
    state.press(Key::Scroll(1000));
    let seen = grid(&state, true, (80, 24));
    assert!(seen.contains("of 64") && seen.contains("64 of 64"), "the end is reached: {seen}");
}

#[test]
fn an_empty_screen_waits_and_an_empty_instance_has_a_header() {
    let state = State::default();
    same_as_file("waiting-80x24.txt", &grid(&state, true, (80, 24)));
    let state = fed(|_| Picture { body: Body::Workers(vec![]), ..Picture::default() });
    same_as_file("empty-80x24.txt", &grid(&state, true, (80, 24)));
}

#[test]
fn a_dead_server_is_told_and_its_last_picture_stays() {
    let mut state = fed(instance);
    let refused = Fault::Unreachable("Connection refused (os error 111)".to_owned());
    state.ingest(Err(refused), Duration::from_secs(4));
    at_every_size("dead", &state);
}

#[test]
fn a_remark_about_the_source_is_seen() {
    let remark = || Some("! process 3999 is not running".to_owned());
    let seen = grid(&fed(|s| Picture { remark: remark(), ..instance(s) }), true, (80, 24));
    assert!(seen.contains("! process 3999 is not running"), "{seen}");
}

#[test]
fn an_emperor_shows_its_vassals() {
    let json = br#"{"version":"2.0.31","pid":1,"uid":0,"gid":0,"cwd":"/etc/v","emperor":["/etc/v"],
        "emperor_tyrant":0,"vassals":[{"id":"a.ini","pid":12},{"id":"long-name.ini","pid":-1}]}"#;
    let state = fed(|_| document::parse(json).unwrap());
    same_as_file("emperor-80x24.txt", &grid(&state, true, (80, 24)));
}

#[test]
fn no_size_breaks_the_drawing() {
    let state = fed(|second| Picture { details: Some(details()), ..instance(second) });
    for width in [1, 2, 7, 20, 59, 300] {
        for height in [1, 2, 3, 4, 5, 9, 14] {
            let rows = grid(&state, true, (width, height)).lines().count();
            assert_eq!(rows, usize::from(height), "{width}x{height}");
        }
    }
}
