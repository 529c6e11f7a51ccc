//! Whole frames of the classic view, and what every view has in common.

use std::time::Duration;

use crate::document;
use crate::picture::{Accept, Body, Picture, Probe, Socket, Waits};
use crate::screens::{
    at_every_size, coloured, deep, drawn_with, fed, grid, instance, same_as_file, worker,
};
use crate::source::Fault;
use crate::state::tests::app;
use crate::state::ui::Move;
use crate::state::{Key, Mode};
use crate::views::Id;

/// The same with probes in the kernel.
fn probed(second: u64) -> Picture {
    let mut picture = deep(second);
    let named = |name: &str, us| (name.to_owned(), us);
    picture.in_flight[0].waits = Some(Waits {
        now: Some("network".to_owned()),
        parts: vec![
            named("run_queue", 200_000),
            named("disk", 20_000),
            named("network", 11_960_000),
        ],
        call: Some(named("recvfrom", 1_500_000)),
        slowest: Some(named("recvfrom", 10_400_000)),
    });
    picture.in_flight[1].waits =
        Some(Waits { parts: vec![named("run_queue", 90)], ..Waits::default() });
    picture.sockets[0].accept = Some(Accept {
        count: 100_000,
        p50: 40,
        p99: 212_000,
        established: 100_003,
        depth_sum: 150_000,
        full: 12,
        retransmits: Some(7),
    });
    let front = Accept { retransmits: None, ..Accept::default() };
    picture.sockets.push(Socket {
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
    picture.probes = vec![
        probe("accept", "healthy", 100_003),
        probe("scheduler", "healthy", 0),
        Probe { programs: 0, reason, ..probe("network", "failed", 0) },
    ];
    picture
}

#[test]
fn workers_fit_every_size() {
    at_every_size("workers", &mut fed(instance));
}

#[test]
fn the_first_sample_has_blank_rates() {
    same_as_file("first-120x40.txt", &grid(&mut app([instance(0)]), true, (120, 40)));
}

#[test]
fn cores_are_shown_merged_and_below() {
    let mut app = fed(instance);
    for name in ["merged", "below"] {
        app.press(Key::Cores);
        same_as_file(&format!("{name}-120x40.txt"), &grid(&mut app, true, (120, 40)));
    }
}

#[test]
fn a_deep_source_adds_a_second_block_where_it_fits() {
    at_every_size("details", &mut fed(deep));
}

#[test]
fn probes_tell_what_requests_and_connections_wait_for() {
    at_every_size("probed", &mut fed(probed));
}

#[test]
fn l_hides_the_second_block() {
    let mut app = fed(deep);
    app.press(Key::Details);
    let seen = grid(&mut app, true, (80, 24));
    assert!(!seen.contains("LATENCY"), "{seen}");
}

#[test]
fn many_workers_scroll_and_share_with_the_block() {
    let many = |second| {
        let workers = (1..=64).map(|id| worker(id, 6400 - id * 100 + second, "idle"));
        Picture { body: Body::Workers(workers.collect()), ..deep(second) }
    };
    let mut app = fed(many);
    same_as_file("many-80x24.txt", &grid(&mut app, true, (80, 24)));
    app.press(Key::Go(Move::Last));
    let seen = grid(&mut app, true, (80, 24));
    assert!(seen.contains("64 of 64"), "the end is reached: {seen}");
    app.press(Key::Go(Move::By(-20)));
    same_as_file("many-cursor-80x24.txt", &grid(&mut app, true, (80, 24)));
}

#[test]
fn rows_are_sorted_and_filtered_as_chosen() {
    let mut app = fed(instance);
    let order = |app: &mut crate::state::App| -> Vec<String> {
        let seen = grid(app, true, (120, 40));
        let rows = seen.lines().skip(3).take_while(|row| !row.trim().is_empty());
        rows.map(|row| row.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(order(&mut app), ["2", "1", "3", "5", "4"], "busiest first, as ever");
    app.press(Key::Sort(1));
    assert_eq!(order(&mut app), ["5", "4", "3", "2", "1"], "by the first column");
    app.press(Key::Reverse);
    assert_eq!(order(&mut app), ["1", "2", "3", "4", "5"]);
    app.press(Key::Filter);
    "busy".chars().for_each(|typed| app.type_filter(Some(typed)));
    assert_eq!(app.mode, Mode::Filter);
    assert!(grid(&mut app, true, (80, 24)).contains("filter: busy_"));
    app.end_filter(true);
    assert_eq!(order(&mut app), ["2"]);
    assert!(grid(&mut app, true, (120, 40)).contains("filter \"busy\": 1 of 5"));
}

#[test]
fn an_empty_screen_waits_and_an_empty_instance_has_a_header() {
    same_as_file("waiting-80x24.txt", &grid(&mut app([]), true, (80, 24)));
    let mut app = fed(|_| Picture { body: Body::Workers(vec![]), ..Picture::default() });
    same_as_file("empty-80x24.txt", &grid(&mut app, true, (80, 24)));
}

#[test]
fn a_dead_server_is_told_and_its_last_picture_stays() {
    let mut app = fed(instance);
    let refused = Fault::Unreachable("Connection refused (os error 111)".to_owned());
    app.ingest(0, Err(refused), Duration::from_secs(4));
    at_every_size("dead", &mut app);
}

#[test]
fn a_remark_about_the_source_is_seen() {
    let remark = || Some("! process 3999 is not running".to_owned());
    let mut app = fed(|s| Picture { remark: remark(), ..instance(s) });
    let seen = grid(&mut app, true, (80, 24));
    assert!(seen.contains("! process 3999 is not running"), "{seen}");
}

#[test]
fn an_emperor_shows_its_vassals() {
    let json = br#"{"version":"2.0.31","pid":1,"uid":0,"gid":0,"cwd":"/etc/v","emperor":["/etc/v"],
        "emperor_tyrant":0,"vassals":[{"id":"a.ini","pid":12},{"id":"long-name.ini","pid":-1}]}"#;
    let mut app = fed(|_| document::parse(json).unwrap());
    same_as_file("vassals-80x24.txt", &grid(&mut app, true, (80, 24)));
}

#[test]
fn the_help_names_every_view_and_any_key_ends_it() {
    let mut app = fed(instance);
    app.press(Key::Help);
    same_as_file("help-80x24.txt", &grid(&mut app, true, (80, 24)));
    let whole = grid(&mut app, true, (120, 100));
    for view in crate::views::ALL {
        assert!(whole.contains(view.answers), "{}", view.name);
    }
    app.press(Key::Fast);
    assert!(grid(&mut app, true, (80, 24)).contains("WID"));
}

#[test]
fn no_size_breaks_the_drawing() {
    let mut app = fed(deep);
    for width in [1, 2, 7, 20, 59, 300] {
        for height in [1, 2, 3, 4, 5, 9, 14] {
            let rows = grid(&mut app, true, (width, height)).lines().count();
            assert_eq!(rows, usize::from(height), "{width}x{height}");
        }
    }
}

#[test]
fn the_help_scrolls_where_it_does_not_fit() {
    let mut app = fed(instance);
    app.press(Key::Help);
    let first = grid(&mut app, true, (60, 15));
    assert!(first.contains("KEYS") && first.contains("arrows scroll"), "{first}");
    app.press(Key::Go(Move::By(3)));
    assert!(!grid(&mut app, true, (60, 15)).contains(" KEYS"));
    app.press(Key::Go(Move::Last));
    let last = grid(&mut app, true, (60, 15));
    let view = crate::views::ALL.last().unwrap();
    let end = view.keys.last().map_or(view.answers, |(_, what)| what);
    assert!(last.contains(end.rsplit(' ').next().unwrap()), "{last}");
    app.press(Key::Go(Move::By(-1)));
    assert_ne!(grid(&mut app, true, (60, 15)), last, "the way back begins at once");
    app.press(Key::Go(Move::First));
    assert_eq!(grid(&mut app, true, (60, 15)), first);
    assert_eq!(app.mode, Mode::Help);
    app.press(Key::Back);
    assert_eq!(app.mode, Mode::View);
    app.press(Key::Help);
    assert_eq!(grid(&mut app, true, (60, 15)), first, "it begins at its beginning");
}

#[test]
fn the_help_is_whole_on_a_narrow_screen() {
    let mut app = fed(instance);
    app.press(Key::Help);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let seen = words(&grid(&mut app, true, (60, 150)));
    for view in crate::views::ALL {
        for text in view.keys.iter().map(|(_, what)| *what).chain([view.answers]) {
            assert!(seen.contains(&words(text)), "{text:?} in {seen}");
        }
    }
}

#[test]
fn the_mouse_finds_rows_titles_and_views() {
    let mut app = fed(instance);
    let (text, shown) = drawn_with(&mut app, (120, 40));
    let place = |wanted: &str| {
        let (y, line) = text.lines().enumerate().find(|(_, line)| line.contains(wanted)).unwrap();
        (u16::try_from(line.find(wanted).unwrap()).unwrap(), u16::try_from(y).unwrap())
    };
    let (x, y) = place(" RPS ");
    assert_eq!(shown.at(x + 1, y), Some(Key::Column(4)), "the title below the heading");
    let (x, y) = place("sig17");
    let Some(Key::Row(row)) = shown.at(x, y) else { panic!("no row at {x},{y}") };
    assert_eq!(shown.rows[row], "3");
    assert_eq!(shown.at(0, y), Some(Key::Row(row)), "a row from edge to edge");
    let (x, y) = place("2 cores");
    assert_eq!(shown.at(x, y), Some(Key::View(Id::Cores)));
    assert_eq!((shown.at(0, 0), shown.at(500, 500)), (None, None));
}

#[test]
fn foreign_text_is_ascii_where_the_terminal_wants_it() {
    let json = "{\"workers\":[],\"emperor\":[],\"vassals\":[{\"id\":\"caf\u{e9}-\u{65e5}.ini\",\"pid\":12}]}";
    let mut app = fed(|_| document::parse(json.as_bytes()).unwrap());
    let seen = grid(&mut app, false, (80, 24));
    assert!(seen.contains("caf?-? .ini"), "{seen}");
    assert!(grid(&mut app, true, (80, 24)).contains("caf\u{e9}-\u{65e5}"));
}

#[test]
fn t_turns_the_theme_and_says_so() {
    let mut app = fed(instance);
    assert!(!grid(&mut app, true, (120, 40)).contains("theme"));
    app.press(Key::Theme);
    assert!(grid(&mut app, true, (120, 40)).contains("| theme mono: no colours allowed"));
    for name in ["light", "contrast", "mono"] {
        app.themes = 0;
        app.themes +=
            ["dark", "light", "contrast", "mono"].iter().position(|n| *n == name).unwrap();
        same_as_file(&format!("theme-{name}-80x24.txt"), &coloured(&mut app, (80, 24)));
    }
}
