//! What tests of views share: instances to look at, and whole screens compared with files.
//!
//! A screen is compared as a text grid at four sizes, once with the meaning of its colours, and in
//! ASCII. `UPDATE_SCREENS=1 cargo test -p uwsgitop` writes the files anew; read the difference.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color as Ink, Modifier};

use crate::args::Color;
use crate::draw::{Look, Shown, render};
use crate::picture::{Body, Core, InFlight, Latency, Picture, Socket, Trail, Worker};
use crate::state::ui::Move;
use crate::state::{App, Feed, Key};
use crate::theme::Theme;
use crate::views::Id;

/// The terminals of the tests: a phone, the classic one, a window, a wall.
pub(crate) const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

/// The wall clock of the tests, 2026-11-20 08:16:48 UTC.
pub(crate) const NOW: i64 = 1_795_162_608;

/// The same in epoch seconds as pictures have them.
pub(crate) const NOW_SECONDS: u64 = NOW as u64;

fn drawn(app: &mut App, utf8: bool, theme: Theme, (width, height): (u16, u16)) -> (Buffer, Shown) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let look = Look {
        app,
        theme: theme.after(app.themes),
        utf8,
        now: Timestamp::from_second(NOW).unwrap(),
        zone: &TimeZone::UTC,
        at: Duration::from_secs(14),
    };
    let mut shown = Shown::default();
    terminal.draw(|frame| shown = render(frame, &look)).unwrap();
    (app.rows, app.columns, app.furthest) = (shown.rows.clone(), shown.columns, shown.furthest);
    (terminal.backend().buffer().clone(), shown)
}

/// The screen as text, and what was drawn where.
pub(crate) fn drawn_with(app: &mut App, size: (u16, u16)) -> (String, Shown) {
    let theme = Theme::choose(Color::Never, None, None, None);
    let (buffer, shown) = drawn(app, true, theme, size);
    (text(&buffer, size), shown)
}

fn text(buffer: &Buffer, size: (u16, u16)) -> String {
    let rows = buffer.content().chunks(usize::from(size.0));
    rows.map(|row| {
        row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned() + "\n"
    })
    .collect()
}

/// The screen as text; what was drawn is known to the keys pressed next.
pub(crate) fn grid(app: &mut App, utf8: bool, size: (u16, u16)) -> String {
    let theme = Theme::choose(Color::Never, None, None, None);
    text(&drawn(app, utf8, theme, size).0, size)
}

/// The screen with its colours and emphasis as words in angle brackets.
pub(crate) fn coloured(app: &mut App, size: (u16, u16)) -> String {
    let theme = Theme::choose(Color::Always, None, None, None);
    let (buffer, _) = drawn(app, true, theme, size);
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(size.0)) {
        let (mut line, mut last) = (String::new(), String::new());
        for cell in row {
            let style = style(cell.fg, cell.bg, cell.modifier);
            if style != last {
                line.push_str(&format!("<{style}>"));
                last = style;
            }
            line.push_str(cell.symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn style(fg: Ink, bg: Ink, modifier: Modifier) -> String {
    let color = if fg == Ink::Reset { String::new() } else { format!("{fg:?}") };
    let ground = if bg == Ink::Reset { String::new() } else { format!(" on {bg:?}") };
    let emphasis = if modifier.is_empty() { String::new() } else { format!(" {modifier:?}") };
    format!("{color}{ground}{emphasis}").trim().to_lowercase()
}

/// Compares with a file of `tests/screens`.
#[track_caller]
pub(crate) fn same_as_file(name: &str, seen: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name);
    if env::var_os("UPDATE_SCREENS").is_some() {
        fs::write(&path, seen).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(seen, wanted, "the screen differs from {}", path.display());
}

/// Compares the screen at every size, in colour, and makes sure that ASCII is enough for it.
#[track_caller]
pub(crate) fn at_every_size(name: &str, app: &mut App) {
    for (width, height) in SIZES {
        let seen = grid(app, true, (width, height));
        same_as_file(&format!("{name}-{width}x{height}.txt"), &seen);
    }
    same_as_file(&format!("{name}-colour.txt"), &coloured(app, (120, 40)));
    let plain = grid(app, false, (120, 40));
    assert!(plain.is_ascii(), "a terminal without UTF-8 gets ASCII: {plain}");
    let unknown = |seen: &str| seen.matches('?').count();
    let whole = grid(app, true, (120, 40));
    assert_eq!(unknown(&plain), unknown(&whole), "nothing of ours is lost for it: {plain}");
}

/// A view of one source that showed two pictures two seconds apart, so that rates are real: its
/// screens in the states that every view must survive, as `NAME`, `NAME-dead` and `NAME-reset`.
#[track_caller]
pub(crate) fn view(id: Id, picture: impl Fn(u64) -> Picture) {
    let name = id.view().name;
    let mut app = fed(&picture);
    app.press(Key::View(id));
    at_every_size(name, &mut app);
    grid(&mut app, true, (80, 24));
    app.press(Key::Go(Move::Last));
    same_as_file(&format!("{name}-cursor-80x24.txt"), &grid(&mut app, true, (80, 24)));
    let refused = crate::source::Fault::Unreachable("Connection refused (os error 111)".to_owned());
    app.ingest(0, Err(refused), Duration::from_secs(4));
    same_as_file(&format!("{name}-dead-80x24.txt"), &grid(&mut app, true, (80, 24)));
    // The counters of a server that was started again begin at zero.
    let mut app = fed(|second| picture(2 - second));
    app.press(Key::View(id));
    same_as_file(&format!("{name}-reset-80x24.txt"), &grid(&mut app, true, (80, 24)));
    let mut app = fed(|_| Picture::default());
    app.press(Key::View(id));
    let empty = grid(&mut app, true, (80, 24));
    assert!(empty.contains(&id.view().absent[..20]), "{name} of nothing: {empty}");
    no_size_breaks(&mut fed(&picture), id);
}

fn no_size_breaks(app: &mut App, id: Id) {
    app.press(Key::View(id));
    for width in [1, 2, 7, 20, 59, 300] {
        for height in [1, 2, 3, 4, 5, 9, 14] {
            let rows = grid(app, true, (width, height)).lines().count();
            assert_eq!(rows, usize::from(height), "{width}x{height}");
        }
    }
}

/// A screen over one source that has shown two pictures, at second 0 and 2.
pub(crate) fn fed(picture: impl Fn(u64) -> Picture) -> App {
    app_of([0, 2].map(|second| (second, picture(second))))
}

/// A screen over one source that has shown these pictures, each at its second.
pub(crate) fn app_of(pictures: impl IntoIterator<Item = (u64, Picture)>) -> App {
    let feed = Feed::new("127.0.0.1:1717", "web1", true);
    let mut app = App::new(vec![feed], Id::Workers);
    for (second, picture) in pictures {
        app.ingest(0, Ok(picture), Duration::from_secs(second));
    }
    app
}

/// A worker that has served `requests`.
pub(crate) fn worker(id: u64, requests: u64, status: &str) -> Worker {
    let half = requests / 2;
    let core = |id, requests, in_request| Core { id, requests, in_request, ..Core::default() };
    Worker {
        id,
        pid: 4000 + id,
        requests,
        exceptions: id,
        status: status.to_owned(),
        avg_rt: 1_999 * id,
        rss: 34 << 20,
        vsz: (1 << 30) + (512 << 20),
        tx: requests * 1000,
        respawn_count: 1,
        running_time: requests * 1_234,
        last_spawn: if status == "cheap" { 0 } else { 1_795_160_000 },
        cores: vec![core(0, half, status == "busy"), core(1, requests - half, false)],
        ..Worker::default()
    }
}

/// An instance of five workers in five states, as any stats server tells it, at this second.
pub(crate) fn instance(second: u64) -> Picture {
    let workers = vec![
        worker(1, 120 + 10 * second, "idle"),
        worker(2, 100_000 + 250 * second, "busy"),
        worker(3, 50, "sig17"),
        worker(4, 0, "cheap"),
        worker(5, 7, "pause"),
    ];
    Picture {
        taken: (NOW_SECONDS + second) * 1_000_000,
        version: "2.0.31".to_owned(),
        listen_queue: 3,
        cwd: Some("/srv/app".to_owned()),
        uid: Some(33),
        gid: Some(33),
        pid: Some(3999),
        body: Body::Workers(workers),
        ..Picture::default()
    }
}

/// The same of a server of ours, with latencies, requests in flight, a socket and history.
pub(crate) fn deep(second: u64) -> Picture {
    let in_flight = |core, age, uri: &str| InFlight {
        worker: 2,
        core,
        age,
        phase: "application".to_owned(),
        method: "GET".to_owned(),
        host: "example.org".to_owned(),
        uri: uri.to_owned(),
        remote: "10.0.0.7".to_owned(),
        ..InFlight::default()
    };
    let latency = |name: &str, count, p50, p90, p99| Latency {
        name: name.to_owned(),
        count,
        sum: count * p50,
        p50,
        p90,
        p99,
        cells: vec![(p50, count / 2), (p90, count * 4 / 10), (p99, count / 10)],
    };
    let count = 100_177 + 260 * second;
    let history = |values: Vec<u64>| Trail {
        name: "requests".to_owned(),
        step: 1,
        end: NOW_SECONDS + second,
        scale: 1000,
        values,
    };
    Picture {
        deep: true,
        started_at: NOW_SECONDS - 86_400,
        latencies: vec![
            latency("request", count, 900, 2_400, 31_000),
            latency("application", count, 800, 2_200, 30_000),
        ],
        in_flight: vec![in_flight(0, 12_300_000, "/report?year=2026"), in_flight(1, 900, "/")],
        sockets: vec![Socket {
            name: "127.0.0.1:8080".to_owned(),
            proto: "http".to_owned(),
            queue: 3,
            max_queue: 100,
            ..Socket::default()
        }],
        trails: vec![history((0..300).map(|second| second % 60 * 4000).collect())],
        ..instance(second)
    }
}
