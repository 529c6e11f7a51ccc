//! What ends early: workers, clients, patience, and the router itself.

use std::net::Shutdown;
use std::time::Duration;

use super::stage::{GET, perform, response};

#[test]
fn a_worker_that_dies_before_a_byte_costs_a_502() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            drop(worker);
            assert!(stage.read_all(&mut client).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
            assert_eq!(stage.router.row.errors.get(), 1);
        },
    );
}

#[test]
fn a_worker_that_dies_within_its_response_ends_the_connection() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            worker.frame(stage, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            drop(worker);
            assert!(stage.read_all(&mut client).ends_with("\r\n\r\nhalf"));
        },
    );
}

#[test]
fn a_request_that_a_leaving_worker_never_read_goes_to_another() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            worker.answer(stage, "1");
            stage.expect(&mut client, &response("1"));
            stage.write(&mut client, GET);
            stage.until("the request is on the link", |s| s.router.row.backend_reuses.get() == 1);
            drop(worker);
            let mut next = stage.accept();
            next.request(stage);
            next.answer(stage, "2");
            stage.expect(&mut client, &response("2"));
        },
    );
}

#[test]
fn an_idle_link_that_its_worker_closed_is_not_used() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            worker.answer(stage, "1");
            stage.expect(&mut client, &response("1"));
            drop(worker);
            stage.until("the link is gone", |s| s.router.links.all.len() == 0);
            stage.write(&mut client, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
            let mut next = stage.accept();
            next.request(stage);
        },
    );
}

#[test]
fn without_workers_the_client_hears_of_it() {
    perform(
        1,
        |_| {},
        |stage| {
            stage.close_link_listener();
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            assert!(stage.read_all(&mut client).starts_with("HTTP/1.1 502 "));
        },
    );
}

#[test]
fn a_client_that_goes_away_frees_its_link() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            // Closing with unread bytes resets the connection.
            worker.frame(stage, b"HTTP/1.1 200 OK\r\n");
            stage.until("bytes are on their way", |s| s.router.row.tx.get() > 0);
            drop(client);
            stage.until("the session ends", |s| s.router.row.active_sessions.get() == 0);
            assert_eq!(stage.read_all(&mut worker.link), "");
        },
    );
}

#[test]
fn requests_wait_in_order_while_every_core_is_busy() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut clients: Vec<_> = (0..3).map(|_| stage.connect()).collect();
            for (i, client) in clients.iter_mut().enumerate() {
                stage.write(client, format!("GET /{i} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
                stage
                    .until("the request is known", |s| s.router.row.requests.get() == i as u64 + 1);
            }
            let mut worker = stage.accept();
            assert_eq!(stage.router.row.queue.get(), 2);
            for (i, client) in clients.iter_mut().enumerate() {
                assert_eq!(worker.request(stage).var("PATH_INFO"), format!("/{i}"));
                worker.answer(stage, "x");
                stage.expect(client, &response("x"));
            }
            assert_eq!(stage.router.row.queue.get(), 0);
            assert_eq!(stage.router.row.backend_connects.get(), 1);
        },
    );
}

#[test]
fn a_second_worker_gets_a_link_of_its_own() {
    perform(
        2,
        |_| {},
        |stage| {
            let (mut a, mut b) = (stage.connect(), stage.connect());
            stage.write(&mut a, GET);
            let mut first = stage.accept();
            first.request(stage);
            stage.write(&mut b, GET);
            let mut second = stage.accept();
            second.id = 2;
            second.request(stage);
            second.answer(stage, "b");
            stage.expect(&mut b, &response("b"));
            first.answer(stage, "a");
            stage.expect(&mut a, &response("a"));
        },
    );
}

#[test]
fn silence_ends_with_the_status_of_whoever_was_silent() {
    let minute = Duration::from_secs(61);
    for (sent, want) in [
        (&b""[..], ""),
        (b"GET / HT", "HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 408 "),
        (GET, "HTTP/1.1 504 "),
    ] {
        perform(
            1,
            |_| {},
            |stage| {
                let mut client = stage.connect();
                stage.write(&mut client, sent);
                let len = sent.len() as u64;
                stage.until("all is read", |s| {
                    s.router.row.rx.get() == len && s.router.row.accepted.get() == 1
                });
                stage.pass(Duration::from_secs(58));
                assert_eq!(stage.router.clients.len(), 1, "given up too early");
                stage.pass(minute);
                client.shutdown(Shutdown::Write).unwrap();
                let got = stage.read_all(&mut client);
                assert!(got.starts_with(want) && got.is_empty() == want.is_empty(), "{got}");
                assert_eq!(stage.router.row.timeouts.get(), u64::from(!want.is_empty()));
            },
        );
    }
}

#[test]
fn an_idle_kept_connection_is_closed_silently() {
    perform(
        1,
        |s| s.keepalive = Some(Duration::from_secs(5)),
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            worker.answer(stage, "x");
            stage.expect(&mut client, &response("x"));
            stage.pass(Duration::from_secs(4));
            assert_eq!(stage.router.clients.len(), 1);
            stage.pass(Duration::from_secs(3));
            assert_eq!(stage.read_all(&mut client), "");
        },
    );
}

#[test]
fn a_drain_finishes_what_was_begun_and_then_is_over() {
    perform(
        1,
        |_| {},
        |stage| {
            let (mut busy, mut idle) = (stage.connect(), stage.connect());
            stage.write(&mut busy, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            stage.until("both are in", |s| s.router.clients.len() == 2);
            stage.router.start_drain();
            stage.write(&mut idle, GET);
            worker.answer(stage, "1");
            stage.expect(&mut busy, &response("1"));
            assert!(!worker.request(stage).header.keep_alive(), "the next response says close");
            worker.answer(stage, "2");
            assert_eq!(stage.read_all(&mut idle), response("2"));
            assert!(!stage.router.is_over(), "a kept client has its grace");
            stage.pass(Duration::from_secs(3));
            assert_eq!(stage.read_all(&mut busy), "");
            assert!(stage.router.is_over());
            let _late = stage.connect();
            stage.pass(Duration::from_secs(1));
            assert_eq!(stage.router.row.accepted.get(), 2, "the late one is left to the successor");
        },
    );
}

#[test]
fn who_comes_while_an_old_request_ends_is_served_and_held_to_no_connection() {
    perform(
        1,
        |s| s.drain = Duration::from_secs(20),
        |stage| {
            let mut old = stage.connect();
            stage.write(&mut old, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            stage.router.start_drain();
            assert!(!stage.router.is_over());
            let mut new = stage.connect();
            stage.write(&mut new, GET);
            worker.answer(stage, "old");
            stage.expect(&mut old, &response("old"));
            assert!(!worker.request(stage).header.keep_alive(), "it came to a house that closes");
            worker.answer(stage, "new");
            assert_eq!(stage.read_all(&mut new), response("new"));
            drop(old);
            stage.until("nobody is left", |s| s.router.clients.len() == 0);
            assert!(stage.router.is_over());
        },
    );
}

#[test]
fn the_doors_close_before_the_time_is_over_whoever_stays() {
    perform(
        1,
        |s| s.drain = Duration::from_secs(10),
        |stage| {
            let mut old = stage.connect();
            stage.write(&mut old, GET);
            stage.accept().request(stage);
            stage.router.start_drain();
            stage.pass(Duration::from_secs(9));
            assert!(!stage.router.is_over());
            let _late = stage.connect();
            stage.pass(Duration::from_millis(500));
            assert_eq!(stage.router.row.accepted.get(), 1, "it is left to the successor");
            stage.pass(Duration::from_secs(2));
            assert!(stage.router.is_over());
        },
    );
}

#[test]
fn a_drain_does_not_wait_longer_than_it_may() {
    perform(
        1,
        |s| s.drain = Duration::from_secs(5),
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            stage.router.start_drain();
            assert!(!stage.router.is_over());
            stage.pass(Duration::from_secs(6));
            assert!(stage.router.is_over());
        },
    );
}

#[test]
fn work_on_kept_connections_leaves_no_timers_behind() {
    perform(
        1,
        |s| s.keepalive = Some(Duration::from_secs(5)),
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            for _ in 0..50 {
                worker.request(stage);
                worker.answer(stage, "x");
                stage.expect(&mut client, &response("x"));
                stage.pass(Duration::from_secs(4));
                stage.write(&mut client, GET);
            }
            assert!(
                stage.router.wheel.len() < 4,
                "{} entries for one client",
                stage.router.wheel.len()
            );
        },
    );
}
