//! The non-interactive ways out, with no terminal anywhere.

use std::os::unix::net::UnixListener;
use std::process::{Output, Stdio};

use uwsgi_metrics::{Arena, Shape};

use crate::server::{abstract_listener, document, refusing, serve, tcp, uwsgitop};

fn run(words: &[&str]) -> Output {
    uwsgitop().args(words).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn with_head(status: &str) -> Vec<u8> {
    let head = format!("HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n");
    [head.into_bytes(), document(7)].concat()
}

#[track_caller]
fn assert_shows_seven(address: &str) {
    let output = run(&["--once", address]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[0].starts_with("uwsgi-2.0.31 - ") && lines[0].contains(" - req: 7 - "),
        "{shown}"
    );
    assert!(lines[1].starts_with("node: ") && lines[1].ends_with(" - masterpid: 99"), "{shown}");
    assert!(lines[2].starts_with(" WID\t%\tPID\tREQ\t"), "{shown}");
    assert_eq!(lines[3], " 1\t100.0\t100\t7\t\t0\t0\tidle\t0ms\t0\t0\t2.0K\t0\t0\t0.0\t--:--:--");
}

#[test]
fn tcp_and_http_addresses_are_read() {
    let address = tcp(false, |_| document(7));
    assert_shows_seven(&address);
    let port = address.rsplit(':').next().unwrap();
    assert_shows_seven(&format!("localhost:{port}"));
    let address = tcp(true, |_| with_head("200 OK"));
    assert_shows_seven(&format!("http://{address}"));
    assert_shows_seven(&format!("http://{address}/any/path"));
}

#[test]
fn both_abstract_names_and_paths_are_read() {
    for closed in [true, false] {
        let (listener, name) = abstract_listener(closed);
        serve(move || listener.accept().map(|(stream, _)| stream), false, |_| document(7));
        assert_shows_seven(&format!("@{name}"));
    }
    let folder = std::env::temp_dir().join(format!("uwsgitop-once-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("a:b.sock");
    let listener = UnixListener::bind(&path).unwrap();
    serve(move || listener.accept().map(|(stream, _)| stream), false, |_| document(7));
    assert_shows_seven(path.to_str().unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn json_is_the_document_and_a_line_end() {
    let output = run(&["--json", &tcp(false, |_| document(7))]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, [document(7), b"\n".to_vec()].concat());
}

#[test]
fn colours_appear_only_when_asked_for() {
    let busy = |_| text(&document(7)).replace("idle", "busy").into_bytes();
    let address = tcp(false, busy);
    assert!(!run(&["--once", &address]).stdout.contains(&0x1b));
    let painted = text(&run(&["--once", "--color", "always", &address]).stdout);
    assert!(painted.contains("\u{1b}[32m 1\t100.0"), "{painted}");
}

#[test]
fn every_failure_has_its_code_and_its_reason() {
    let (_port, closed) = refusing();
    let empty = tcp(false, |_| Vec::new());
    let cut = tcp(false, |_| document(7)[..40].to_vec());
    let raw = format!("http://{}", tcp(true, |_| document(7)));
    let missing = format!("http://{}", tcp(true, |_| with_head("404 Not Found")));
    let guarded = format!("http://{}", tcp(true, |_| with_head("401 Unauthorized")));
    for (words, code, part) in [
        (&["--fifo", "/f"][..], 2, "name that one"),
        (&["--insecure", "http://h"], 2, "no source is an https://"),
        (&["--frequency", "x", "/s"], 2, "\"x\""),
        (&["--once", "/nowhere/stats.sock"], 1, "No such file"),
        (&["--once", "@uwsgitop-nobody-listens"], 1, "refused"),
        (&["--once", &closed], 1, "refused"),
        (&["--json", &closed], 1, "refused"),
        (&["--once", &empty], 1, "empty"),
        (&["--json", &cut], 1, "no JSON"),
        (&["--once", &raw], 1, "stats-http"),
        (&["--once", &missing], 1, "404 Not Found"),
        (&["--once", &guarded], 1, "--token-file"),
        (
            &["--once", &format!("https://{empty}")],
            1,
            if cfg!(feature = "tls") { "TLS" } else { "built without" },
        ),
        (&["--once", "--arena", "/nowhere/arena"], 1, "/nowhere/arena"),
        (&["--once", "--pid", "4294967295"], 1, "4294967295"),
        (&[&tcp(false, |_| document(7))], 1, "--once"),
    ] {
        let output = run(words);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(part) && output.stdout.is_empty(), "{words:?}: {told}");
    }
}

#[test]
fn help_and_version_need_no_address() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["--frequency", "--arena", "--pid", "--once", "--json", "--color", "usage:"] {
        assert!(text(&help.stdout).contains(word), "{word} is in the help");
    }
    let version = text(&run(&["--version"]).stdout);
    assert_eq!(version, format!("uwsgitop {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_arena_is_read_without_a_server() {
    let folder = std::env::temp_dir().join(format!("uwsgitop-map-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("arena");
    let shape = Shape { workers: 1, cores: 1, apps: 1, ..Shape::default() };
    let arena = Arena::create_at(&path, &shape).unwrap();
    arena.globals().version.set(b"2.0.31");
    arena.globals().master_pid.set(u64::from(std::process::id()));
    arena.worker(1).id.set(1);
    arena.core(1, 0).requests.set(7);
    let once = text(&run(&["--once", "--arena", path.to_str().unwrap()]).stdout);
    assert!(once.contains(" - req: 7 - ") && once.contains("LATENCY"), "{once}");
    let json = run(&["--json", "--arena", path.to_str().unwrap()]);
    assert_eq!(json.status.code(), Some(0), "{}", text(&json.stderr));
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["version"], "2.0.31");
    assert_eq!(document["workers"][0]["requests"], 7);
    assert!(document["metrics"]["core.total_tx"].is_object(), "metrics are in: {document}");
    std::fs::remove_dir_all(&folder).unwrap();
}
