//! Requests in flight in a stats document, ours or the C server's.
//!
//! A core in a request has its variables and the second in which the request began. Our server
//! tells its own clock and, with probes, an exact age and what the request waits for. Where the
//! document has no clock, the moment it was read at stands in for it ([`dated`]).

use serde_json::{Map, Value};

use super::{list, number, object, objects, text};
use crate::human::clean;
use crate::picture::{InFlight, Picture, Waits};
use crate::secret;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// Oldest first.
pub(super) fn read(top: &Map<String, Value>) -> Vec<InFlight> {
    let clock = match number(top, "started_at") {
        0 => None,
        started => Some(started.saturating_add(number(top, "uptime"))),
    };
    let mut rows = Vec::new();
    for worker in objects(top, "workers") {
        for core in objects(worker, "cores").filter(|core| number(core, "in_request") != 0) {
            let mut request = request(core);
            request.worker = number(worker, "id");
            if let Some(app) = mounted(worker, core) {
                request.app = app;
            }
            if let Some(clock) = clock {
                age(&mut request, clock.saturating_mul(SECOND));
            }
            rows.push(request);
        }
    }
    sort(&mut rows);
    rows
}

/// The picture of a document without a clock with the ages that its requests have now that it was
/// taken.
pub(crate) fn dated(mut picture: Picture) -> Picture {
    for request in &mut picture.in_flight {
        age(request, picture.taken);
    }
    sort(&mut picture.in_flight);
    picture
}

/// An age that is known is left alone.
fn age(request: &mut InFlight, now: u64) {
    if request.coarse && request.age == 0 && request.start > 0 {
        request.age = now.saturating_sub(request.start) / SECOND * SECOND;
    }
}

fn sort(rows: &mut [InFlight]) {
    rows.sort_by_key(|row| std::cmp::Reverse(row.age));
}

fn request(core: &Map<String, Value>) -> InFlight {
    let vars: Vec<(String, String)> = list(core, "vars").iter().filter_map(var).collect();
    let var = |name: &str| {
        let found = vars.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let empty = Map::new();
    let info = object(core, "req_info").unwrap_or(&empty);
    InFlight {
        core: number(core, "id"),
        start: match number(info, "start_us") {
            0 => number(info, "request_start").saturating_mul(SECOND),
            exact => exact,
        },
        age: number(info, "age_us"),
        coarse: !info.contains_key("age_us"),
        phase: text(info, "phase"),
        method: var("REQUEST_METHOD"),
        host: var("HTTP_HOST"),
        uri: uri(var("REQUEST_URI"), var("PATH_INFO"), &var("QUERY_STRING")),
        remote: var("REMOTE_ADDR"),
        proto: var("SERVER_PROTOCOL"),
        app: app(&vars),
        more_vars: number(info, "vars_cut") != 0,
        waits: waits(info),
        vars,
        ..InFlight::default()
    }
}

/// Where the application is mounted that a document with details names by its id.
fn mounted(worker: &Map<String, Value>, core: &Map<String, Value>) -> Option<String> {
    let id = object(core, "req_info")?.get("app")?.as_i64()?;
    let found =
        objects(worker, "apps").find(|app| app.get("id").and_then(Value::as_i64) == Some(id));
    Some(match found.map(|app| text(app, "mountpoint")) {
        Some(mountpoint) if mountpoint.is_empty() => "/".to_owned(),
        found => found.unwrap_or_default(),
    })
}

fn var(pair: &Value) -> Option<(String, String)> {
    let (name, value) = pair.as_str()?.split_once('=')?;
    let name = clean(name);
    let value = secret::value(&name, &clean(value));
    Some((name, value))
}

/// Where the application is mounted; front servers that do not say so leave the variable away.
fn app(vars: &[(String, String)]) -> String {
    let mounted = vars.iter().find(|(name, _)| name == "SCRIPT_NAME");
    mounted.map(|(_, at)| if at.is_empty() { "/" } else { at }.to_owned()).unwrap_or_default()
}

/// Some front servers send the parts alone.
fn uri(whole: String, path: String, query: &str) -> String {
    match (whole.is_empty(), query.is_empty()) {
        (false, _) => whole,
        (true, true) => path,
        (true, false) => format!("{path}?{query}"),
    }
}

/// Nothing where nothing is measured.
fn waits(info: &Map<String, Value>) -> Option<Waits> {
    let call = |key: &str| object(info, key).map(|row| (text(row, "name"), number(row, "us")));
    let parts = object(info, "waited_us").into_iter().flatten();
    let waits = Waits {
        now: Some(text(info, "waits_for")).filter(|now| !now.is_empty()),
        parts: parts.map(|(name, us)| (clean(name), us.as_u64().unwrap_or(0))).collect(),
        call: call("call"),
        slowest: call("slowest_call"),
    };
    (waits != Waits::default()).then_some(waits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn a_request_of_any_server_is_read_and_dated() {
        let json = br#"{"workers":[{"id":1,"cores":[{"id":0,"in_request":0,"vars":[],"req_info":{}},
            {"id":1,"in_request":1,"vars":["REQUEST_METHOD=GET","PATH_INFO=/a","QUERY_STRING=token=x&b=1",
            "HTTP_HOST=example.org","REMOTE_ADDR=10.0.0.1","HTTP_COOKIE=a=b","odd",""],
            "req_info":{"request_start":100}}]},
            {"id":2,"cores":[{"id":0,"in_request":1,"req_info":{"request_start":90}},
            {"id":1,"in_request":1,"vars":3,"req_info":[]}]}]}"#;
        let picture = dated(Picture { taken: 107_900_000, ..parse(json).unwrap() });
        let ages: Vec<_> = picture.in_flight.iter().map(|r| (r.worker, r.core, r.age)).collect();
        assert_eq!(ages, [(2, 0, 17 * SECOND), (1, 1, 7 * SECOND), (2, 1, 0)]);
        let request = &picture.in_flight[1];
        assert_eq!((request.method.as_str(), request.uri.as_str()), ("GET", "/a?token=...&b=1"));
        assert_eq!((request.host.as_str(), request.remote.as_str()), ("example.org", "10.0.0.1"));
        assert_eq!(request.vars.last().unwrap(), &("HTTP_COOKIE".into(), "...".into()));
        assert!(request.coarse && request.waits.is_none());
        assert!(!picture.deep, "it has no second block for that");
    }

    #[test]
    fn the_clock_of_the_server_counts_where_it_tells_one() {
        let json = br#"{"started_at":100,"uptime":50,"workers":[{"id":1,"cores":[
            {"id":0,"in_request":1,"req_info":{"request_start":148}}]}]}"#;
        let picture = dated(Picture { taken: 999_000_000, ..parse(json).unwrap() });
        assert_eq!(picture.in_flight[0].age, 2 * SECOND);
        let odd = br#"{"started_at":18446744073709551615,"uptime":9,"workers":[{"cores":[
            {"in_request":1,"req_info":{"request_start":18446744073709551615}}]}]}"#;
        assert_eq!(parse(odd).unwrap().in_flight[0].age, 0);
    }

    #[test]
    fn captured_documents_of_both_servers_name_the_request_and_hide_its_secrets() {
        let ours: &[u8] = include_bytes!("../../tests/documents/requests-2.0.31.json");
        let theirs: &[u8] = include_bytes!("../../tests/documents/c-requests.json");
        for (json, method, uri, at) in [
            (ours, "POST", "/shop/hang?12&token=...", (1, 1)),
            (theirs, "GET", "/slow?12&token=...", (1, 0)),
        ] {
            let picture = parse(json).unwrap();
            let [request] = picture.in_flight.as_slice() else { panic!("{picture:?}") };
            assert_eq!((request.method.as_str(), request.uri.as_str()), (method, uri));
            assert_eq!(((request.worker, request.core), request.coarse), (at, true));
            assert!(request.start > 1_700_000_000 * SECOND, "microseconds: {}", request.start);
            let all = format!("{picture:?}");
            for secret in ["s3cret", "session=abc", "Zm9v"] {
                assert!(!all.contains(secret), "{secret} in {all}");
            }
            let apps: Vec<&str> =
                picture.workers()[1].apps.iter().map(|app| app.mountpoint.as_str()).collect();
            assert_eq!(apps, ["/", "/shop"]);
            let names: Vec<&str> = picture.sockets.iter().map(|s| s.name.as_str()).collect();
            assert_eq!(names, ["127.0.0.1:8080", "/srv/app/u.sock"]);
        }
    }
}
