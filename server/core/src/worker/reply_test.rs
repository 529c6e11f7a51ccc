//! Bytes on the wire for every framing, straight and through the router's link.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use uwsgi_metrics::{Arena, Shape};
use uwsgi_proto::link::{END_BODY_READ, END_KEEP, FrameReader, FrameStep};

use super::*;

/// What an app does, and the connection it does it on.
#[derive(Clone)]
struct Scene {
    exchange: Exchange,
    length: Option<&'static str>,
    /// Chunks, the last of them marked as such.
    chunks: &'static [&'static str],
    marked: bool,
    broken: bool,
}

const KEEP: Exchange = Exchange {
    http11: true,
    head_request: false,
    keep_alive: true,
    server_close: false,
    managed: true,
};

const BASE: Scene =
    Scene { exchange: KEEP, length: None, chunks: &["hello"], marked: true, broken: false };

fn arena() -> &'static Arena {
    let shape = Shape {
        workers: 1,
        cores: 1,
        apps: 1,
        sockets: 1,
        gateways: 0,
        metrics: 64,
        vars: 256,
        ..Shape::default()
    };
    Box::leak(Box::new(Arena::create(&shape).unwrap()))
}

/// Plays a scene: bytes the peer got, whether the connection is kept, requests counted.
fn play(scene: &Scene, frames: Frames) -> (Vec<u8>, bool, u64) {
    let (mut peer, ours) = UnixStream::pair().unwrap();
    let (arena, clock) = (arena(), Clock::new());
    let wire = Wire {
        fd: ours.as_fd(),
        exchange: scene.exchange,
        frames,
        tcp: false,
        protocol: b"HTTP/1.1",
        retiring: false,
        add_headers: &[],
        id_header: None,
        timeout_ms: 1000,
        pace: Pace::new(0, 0),
        bounds: Bounds::default(),
        row: arena.core(1, 0),
        traffic: Traffic::plain(arena.traffic(1, 0)),
        clock: &clock,
    };
    let mut reply = Reply::new(4096);
    reply.reset();
    let length = scene.length.map(|l| (&b"Content-Length"[..], l.as_bytes()));
    assert_eq!(reply.set_head(&wire, b"200 OK", length.into_iter()), OK);
    for (i, chunk) in scene.chunks.iter().enumerate() {
        let last = scene.marked && i + 1 == scene.chunks.len();
        assert_eq!(reply.write(&wire, chunk.as_bytes(), last), OK);
    }
    let kept = reply.finish(&wire, true, scene.broken);
    let counted = arena.core(1, 0).requests.get();
    drop(ours);
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    (got, kept, counted)
}

/// The HTTP bytes within frames, and the flags of the end.
fn unframe(bytes: &[u8]) -> (Vec<u8>, Option<u32>) {
    let (mut reader, mut at, mut out) = (FrameReader::response(), 0, Vec::new());
    loop {
        match reader.next(bytes, at) {
            FrameStep::More => return (out, None),
            FrameStep::End(end, used) => {
                assert_eq!((used, end.worker, end.core), (bytes.len(), 3, 4));
                return (out, Some(end.flags));
            }
            FrameStep::Data(range) => {
                at = range.end;
                out.extend_from_slice(&bytes[range]);
            }
        }
    }
}

fn body(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn every_framing_tells_its_end_and_only_a_complete_response_keeps_the_connection() {
    let close = Exchange { keep_alive: false, ..KEEP };
    let head = Exchange { head_request: true, ..KEEP };
    let bare = Exchange { managed: false, ..KEEP };
    let many: &[&str] = &["hel", "", "lo"];
    let table = [
        ("one chunk", BASE, "hello", true),
        ("announced", Scene { length: Some("5"), ..BASE }, "hello", true),
        (
            "pieces",
            Scene { chunks: many, marked: false, ..BASE },
            "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            true,
        ),
        (
            "announced pieces",
            Scene { length: Some("5"), chunks: many, marked: false, ..BASE },
            "hello",
            true,
        ),
        ("too long", Scene { length: Some("3"), ..BASE }, "hel", true),
        ("too short", Scene { length: Some("9"), ..BASE }, "hello", false),
        (
            "too short pieces",
            Scene { length: Some("9"), chunks: many, marked: false, ..BASE },
            "hello",
            false,
        ),
        (
            "broken",
            Scene { chunks: many, marked: false, broken: true, ..BASE },
            "3\r\nhel\r\n2\r\nlo\r\n",
            false,
        ),
        ("empty", Scene { chunks: &[], marked: false, ..BASE }, "", true),
        (
            "to the close",
            Scene { exchange: close, chunks: many, marked: false, ..BASE },
            "hello",
            false,
        ),
        ("HEAD", Scene { exchange: head, length: Some("5"), ..BASE }, "", true),
        ("bare", Scene { exchange: bare, ..BASE }, "hello", false),
    ];
    for (name, scene, want, keep) in table {
        let (got, kept, counted) = play(&scene, Frames::Bare);
        assert_eq!((body(&got).as_str(), kept, counted), (want, keep, 1), "{name}");
        if name == "bare" {
            continue; // the router's link is always managed
        }
        let (got, kept, counted) = play(&scene, Frames::Link(3, 4));
        let (http, end) = unframe(&got);
        let flags = if keep { END_KEEP | END_BODY_READ } else { END_BODY_READ };
        assert_eq!((body(&http).as_str(), end), (want, Some(flags)), "{name} by link");
        assert!(kept && counted == 1, "{name}: the link outlives the client's connection");
    }
}

#[test]
fn an_app_that_says_nothing_gets_an_error_page_and_a_close() {
    let (mut peer, ours) = UnixStream::pair().unwrap();
    let (arena, clock) = (arena(), Clock::new());
    let wire = Wire {
        fd: ours.as_fd(),
        exchange: KEEP,
        frames: Frames::Bare,
        tcp: false,
        protocol: b"HTTP/1.1",
        retiring: false,
        add_headers: &[],
        id_header: None,
        timeout_ms: 1000,
        pace: Pace::new(0, 0),
        bounds: Bounds::default(),
        row: arena.core(1, 0),
        traffic: Traffic::plain(arena.traffic(1, 0)),
        clock: &clock,
    };
    let mut reply = Reply::new(4096);
    reply.reset();
    assert!(!reply.finish(&wire, true, true));
    drop(ours);
    let mut got = String::new();
    peer.read_to_string(&mut got).unwrap();
    assert!(
        got.starts_with("HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"),
        "{got}"
    );
}

#[test]
fn a_body_beyond_the_copy_limit_travels_whole_in_one_frame() {
    let text: &'static str = Box::leak("x".repeat(COPY_LIMIT + 1).into_boxed_str());
    let chunks: &'static [&'static str] = Box::leak(Box::new([text]));
    for marked in [true, false] {
        let scene = Scene { chunks, marked, ..BASE };
        let (got, kept, _) = play(&scene, Frames::Link(3, 4));
        let (http, end) = unframe(&got);
        assert!(kept && end.is_some());
        let want = if marked { text.to_owned() } else { format!("4001\r\n{text}\r\n0\r\n\r\n") };
        assert!(body(&http) == want, "marked: {marked}");
    }
}
