//! Several sources, sources that hang, and how often a source is asked.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{document, refusing, tcp, uwsgitop};
use crate::terminal::{PATIENCE, Session};

/// Waits until `holds`.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::yield_now();
    }
}

/// A server that counts who asks, and how many of them at once.
fn counting() -> (String, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (asked, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (counted, together) = (Arc::clone(&asked), Arc::clone(&most));
    let open = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let n = counted.fetch_add(1, Ordering::SeqCst);
            let now = open.fetch_add(1, Ordering::SeqCst) + 1;
            together.fetch_max(now, Ordering::SeqCst);
            let open = Arc::clone(&open);
            thread::spawn(move || {
                // Long enough for a second connection to be seen if there is one.
                thread::sleep(Duration::from_millis(30));
                let _ = stream.write_all(&document(10 * (n + 1)));
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, asked, most)
}

#[test]
fn a_source_has_one_connection_at_most_however_fast_keys_are_pressed() {
    let (address, asked, most) = counting();
    let mut session = Session::start(&["--frequency", "0.5", &address]);
    session.wait_for("STATUS");
    let (began, before) = (Instant::now(), asked.load(Ordering::SeqCst));
    for _ in 0..150 {
        session.press("l");
        thread::sleep(Duration::from_millis(10));
    }
    let readings = asked.load(Ordering::SeqCst) - before;
    // Ten a second are allowed, and one more at each end of the time.
    let allowed = began.elapsed().as_millis() as u64 / 100 + 2;
    assert!(readings <= allowed, "{readings} readings, allowed are {allowed}");
    assert!(readings >= 3, "keys and the clock ask for fresh numbers: {readings}");
    session.press("q");
    session.end();
    assert_eq!(most.load(Ordering::SeqCst), 1, "connections at the same time");
}

#[test]
fn a_source_that_hangs_blocks_no_key() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hanging = Arc::new(AtomicU64::new(0));
    let hangs = Arc::clone(&hanging);
    thread::spawn(move || {
        let mut kept = Vec::new();
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if n == 0 {
                stream.write_all(&document(10)).unwrap();
            } else {
                kept.push(stream);
                hangs.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let mut session = Session::start(&["--frequency", "0.1", &address]);
    session.wait_for("STATUS");
    until("the second reading began", || hanging.load(Ordering::SeqCst) == 1);
    let began = Instant::now();
    session.press("h");
    session.wait_for("KEYS");
    session.press("q");
    session.press("q");
    session.end();
    assert_eq!(hanging.load(Ordering::SeqCst), 1, "the reading hangs all the time");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn several_sources_are_tabs_and_one_that_is_dead_is_marked() {
    let (_port, closed) = refusing();
    let one = tcp(false, |n| document(10 * (n + 1)));
    let mut session = Session::start(&[&one, &closed, "--frequency", "0.1"]);
    session.wait_for("1 silent");
    session.press("\t");
    session.wait_for("masterpid: 99");
    session.press("\t");
    session.wait_for("no answer from");
    session.press("\u{1b}[Z\u{1b}[Z");
    session.wait_for("SOURCE");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn secrets_are_sent_and_never_shown() {
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let heard = Arc::clone(&seen);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let n = std::io::Read::read(&mut stream, &mut head).unwrap();
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&head[..n]));
            let _ = stream.write_all(b"HTTP/1.0 500 no\r\n\r\n");
        }
    });
    for (word, variable, wanted) in [
        (format!("http://me:s3cret@{address}/"), None, "Authorization: Basic bWU6czNjcmV0\r\n"),
        (
            format!("http://me@{address}/"),
            Some(("UWSGITOP_PASSWORD", "s3cret")),
            "Authorization: Basic bWU6czNjcmV0\r\n",
        ),
        (
            format!("http://{address}/"),
            Some(("UWSGITOP_TOKEN", "s3cret")),
            "Authorization: Bearer s3cret\r\n",
        ),
    ] {
        seen.lock().unwrap().clear();
        let output = uwsgitop().args(["--once", &word]).envs(variable).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("500 no") && !told.contains("s3cret"), "{told}");
        let head = seen.lock().unwrap().clone();
        assert!(head.contains(wanted), "{word}: {head}");
    }
}
