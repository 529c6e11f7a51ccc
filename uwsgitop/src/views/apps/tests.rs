//! Tests of the views of applications and of one of them.

use super::*;
use crate::document::parse;
use crate::picture::{App, Body, InFlight, Route};
use crate::screens;
use crate::state::Key;
use crate::state::ui::Move;

const DOCUMENT: &[u8] = include_bytes!("../../../tests/documents/c-requests.json");

fn of(mountpoint: &str, requests: u64, mean: u64, failed: u64) -> App {
    let slow = requests / 50;
    App {
        mountpoint: mountpoint.into(),
        startup_time: 2,
        requests,
        exceptions: failed / 3,
        chdir: "/srv/app".into(),
        responses: vec![0, requests - failed - 7, 0, 7, failed, 0],
        running_time: requests * mean,
        tx: requests * 2_048,
        buckets: vec![(5_000, requests - slow), (250_000, slow - 1), (u64::MAX, 1)],
        ..App::default()
    }
}

fn route(app: &str, code: &str, count: u64, mean: u64) -> Route {
    let (app, method, code) = (app.to_owned(), "GET".to_owned(), code.to_owned());
    Route { app, method, code, count, sum: count * mean, p50: mean - mean / 5, p99: mean * 9 }
}

fn apps(second: u64) -> Picture {
    let mut picture = screens::deep(second);
    if let Body::Workers(workers) = &mut picture.body {
        workers[0].apps = vec![of("", 900 + 20 * second, 1_900, 9), of("/shop", 400, 9_000, 30)];
        let shop = of("/shop", 8_000 + 180 * second, 11_000 + 90 * second, 240 + 8 * second);
        workers[1].apps = vec![of("", 90_000 + 70 * second, 2_100, 9), shop];
        workers[3].apps = vec![of("/a/very/long/mount/point/of/an/application", 60, 800, 0)];
    }
    picture.in_flight[0] = InFlight { app: "/shop".into(), ..picture.in_flight[0].clone() };
    picture.routes = vec![
        route("/", "2xx", 90_700 + 90 * second, 2_000),
        route("/", "5xx", 18, 30_000),
        route("/shop", "2xx", 8_100 + 172 * second, 10_000),
        route("/shop", "5xx", 270 + 8 * second, 80_000),
        route("", "4xx", 41, 100),
    ];
    picture
}

#[test]
fn screens_of_the_view() {
    screens::view(Id::Apps, apps);
}

#[test]
fn enter_shows_one_application_alone() {
    let mut app = screens::fed(apps);
    app.press(Key::View(Id::Apps));
    screens::grid(&mut app, true, (80, 24));
    app.press(Key::Go(Move::First));
    app.press(Key::Go(Move::By(1)));
    app.press(Key::Open);
    let open = screens::grid(&mut app, true, (80, 24));
    assert!(open.contains("APPLICATION /shop"), "{open}");
    screens::at_every_size("apps-open", &mut app);
    app.press(Key::Back);
    assert!(screens::grid(&mut app, true, (80, 24)).contains("3 applications"));
}

#[test]
fn a_document_of_the_c_server_has_what_it_counts() {
    let mut app = screens::fed(|_| parse(DOCUMENT).unwrap());
    app.press(Key::View(Id::Apps));
    screens::same_as_file("apps-plain-80x24.txt", &screens::grid(&mut app, true, (80, 24)));
    app.press(Key::Go(Move::First));
    app.press(Key::Open);
    let open = screens::grid(&mut app, true, (80, 24));
    assert!(open.contains("in 2 of 2 workers"), "{open}");
}

#[test]
fn durations_of_buckets_say_that_they_are_bounds() {
    let text = |bounds| bound(bounds).text;
    assert_eq!(text(Some((0, Some(5_000)))), "<5.0ms");
    assert_eq!(text(Some((10_000_000, None))), ">10.0s");
    assert_eq!(text(None), "-");
}
