//! Requests and their connections.

use std::io::Write;
use std::net::Shutdown;

use uwsgi_proto::proxy::Trust;

use super::stage::{GET, perform, response};

#[test]
fn a_request_reaches_a_worker_with_the_variables_of_the_router() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            let seen = worker.request(stage);
            let local = client.local_addr().unwrap();
            for (name, value) in [
                ("REQUEST_METHOD", "GET".to_owned()),
                ("PATH_INFO", "/a".into()),
                ("QUERY_STRING", "b=c".into()),
                ("SERVER_NAME", "box".into()),
                ("SERVER_PORT", client.peer_addr().unwrap().port().to_string()),
                ("UWSGI_ROUTER", "http".into()),
                ("REMOTE_ADDR", "127.0.0.1".into()),
                ("REMOTE_PORT", local.port().to_string()),
                ("HTTP_HOST", "h".into()),
            ] {
                assert_eq!(seen.var(name), value, "{name}");
            }
            assert!(seen.header.keep_alive() && !seen.header.chunked());
            worker.answer(stage, "hello");
            stage.expect(&mut client, &response("hello"));
            let row = stage.router.row;
            assert_eq!(
                (row.requests.get(), row.accepted.get(), row.active_sessions.get()),
                (1, 1, 1)
            );
            assert_eq!(row.rx.get(), GET.len() as u64);
            assert_eq!(row.tx.get(), response("hello").len() as u64);
        },
    );
}

#[test]
fn later_requests_reuse_the_client_connection_and_the_link() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            for i in 0..3 {
                worker.request(stage);
                worker.answer(stage, &i.to_string());
                stage.expect(&mut client, &response(&i.to_string()));
                stage.write(&mut client, GET);
            }
            worker.request(stage);
            assert!(!stage.link_waits());
            assert_eq!(stage.router.row.backend_connects.get(), 1);
            assert_eq!(stage.router.row.backend_reuses.get(), 3);
        },
    );
}

#[test]
fn pipelined_requests_are_answered_in_order_even_after_a_half_close() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            let post = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
            stage.write(&mut client, &[post, GET, GET].concat());
            client.shutdown(Shutdown::Write).unwrap();
            let mut worker = stage.accept();
            assert_eq!(worker.request(stage).header.content_length, 3);
            assert_eq!(stage.read(&mut worker.link, 3), b"abc");
            worker.answer(stage, "1");
            for body in ["2", "3"] {
                worker.request(stage);
                worker.answer(stage, body);
            }
            let want = ["1", "2", "3"].map(response).concat();
            assert_eq!(stage.read_all(&mut client), want);
        },
    );
}

#[test]
fn a_head_may_come_byte_by_byte() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            for i in 0..GET.len() {
                let before = stage.router.row.rx.get();
                client.write_all(&GET[i..=i]).unwrap();
                stage.until("the byte is read", |s| s.router.row.rx.get() > before);
            }
            let mut worker = stage.accept();
            assert_eq!(worker.request(stage).var("REQUEST_URI"), "/a?b=c");
        },
    );
}

#[test]
fn a_client_that_wants_no_more_is_closed_after_its_response() {
    for head in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"]
    {
        perform(
            1,
            |_| {},
            |stage| {
                let mut client = stage.connect();
                stage.write(&mut client, head.as_bytes());
                let mut worker = stage.accept();
                assert!(!worker.request(stage).header.keep_alive());
                worker.answer(stage, "x");
                assert_eq!(stage.read_all(&mut client), response("x"));
                assert_eq!(stage.router.row.active_sessions.get(), 0);
            },
        );
    }
}

#[test]
fn without_keepalive_every_response_ends_its_connection() {
    perform(
        1,
        |s| s.keepalive = None,
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            assert!(!worker.request(stage).header.keep_alive());
            worker.answer(stage, "x");
            assert_eq!(stage.read_all(&mut client), response("x"));
        },
    );
}

#[test]
fn heads_that_are_refused_get_an_answer() {
    let long = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "x".repeat(70_000));
    let big_block = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "x".repeat(5000));
    let cases = [
        ("nonsense\r\n\r\n", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "HTTP/1.1 400 "),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz", "HTTP/1.1 400 "),
        (&long, "HTTP/1.1 431 "),
        (&big_block, "HTTP/1.1 431 "),
        ("GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 505 "),
    ];
    for (head, want) in cases {
        perform(
            1,
            |_| {},
            |stage| {
                let mut client = stage.connect();
                stage.write(&mut client, head.as_bytes());
                client.shutdown(Shutdown::Write).unwrap();
                let got = stage.read_all(&mut client);
                assert!(
                    got.starts_with(want),
                    "{want} for {:?}: {got}",
                    &head[..20.min(head.len())]
                );
                assert_eq!(stage.router.row.bad_requests.get(), 1);
                stage.until("the session ends", |s| s.router.row.active_sessions.get() == 0);
            },
        );
    }
}

#[test]
fn a_proxy_line_names_the_client_of_all_requests_of_its_connection() {
    perform(
        1,
        |s| s.proxies = Some(Trust::default()),
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, b"PROXY TCP4 9.8.7.6 5.5.5.5 1111 80\r\n");
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            for _ in 0..2 {
                let seen = worker.request(stage);
                assert_eq!(
                    (seen.var("REMOTE_ADDR"), seen.var("REMOTE_PORT")),
                    ("9.8.7.6".into(), "1111".into())
                );
                worker.answer(stage, "x");
                stage.expect(&mut client, &response("x"));
                stage.write(&mut client, GET);
            }
        },
    );
}
