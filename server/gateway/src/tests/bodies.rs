//! Bodies in both directions, and the side that is slow.

use std::io::{ErrorKind, Read, Write};

use super::stage::{GET, perform, response};
use crate::client::Client;

/// More than the kernel buffers on both sides of a router can hold.
const LARGE: usize = 24 << 20;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

/// The only client of the stage.
fn only(router: &crate::router::Router<'_>) -> (usize, usize, usize) {
    let client: &Client = router.clients.iter().next().unwrap().1;
    (client.packet.capacity(), client.output.capacity(), client.input.capacity())
}

#[test]
fn an_upload_waits_for_a_slow_worker_and_loses_nothing() {
    perform(
        1,
        |_| {},
        |stage| {
            let body = pattern(LARGE);
            let mut client = stage.connect();
            let head =
                format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
            stage.write(&mut client, head.as_bytes());
            let mut sent = 0;
            let mut stuck = 0;
            // The worker reads nothing: the client must be stopped long before the end.
            while stuck < 20 && sent < body.len() {
                match client.write(&body[sent..]) {
                    Ok(n) => (sent, stuck) = (sent + n, 0),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::WouldBlock);
                        stuck += 1;
                    }
                }
                stage.pass(std::time::Duration::ZERO);
            }
            assert!(sent < body.len(), "the router took everything");
            let (packet, output, input) = only(&stage.router);
            assert!(packet + output + input < 512 * 1024, "{packet} {output} {input}");
            let mut worker = stage.accept();
            worker.request(stage);
            let mut got = Vec::new();
            let mut buf = vec![0; 1 << 16];
            while got.len() < body.len() {
                if sent < body.len()
                    && let Ok(n) = client.write(&body[sent..])
                {
                    sent += n;
                }
                match worker.link.read(&mut buf) {
                    Ok(n) => got.extend_from_slice(&buf[..n]),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::WouldBlock);
                        stage.turn();
                    }
                }
            }
            assert!(got == body, "bytes differ");
            worker.answer(stage, "done");
            stage.expect(&mut client, &response("done"));
            stage.write(&mut client, GET);
            worker.request(stage);
        },
    );
}

#[test]
fn a_download_waits_for_a_slow_client_and_loses_nothing() {
    perform(
        1,
        |_| {},
        |stage| {
            let body = pattern(LARGE);
            let mut client = stage.connect();
            stage.write(&mut client, GET);
            let mut worker = stage.accept();
            worker.request(stage);
            let mut wire = Vec::new();
            for part in body.chunks(100_000) {
                wire.extend_from_slice(&(part.len() as u32).to_le_bytes());
                wire.extend_from_slice(part);
            }
            let (mut sent, mut stuck) = (0, 0);
            while stuck < 20 && sent < wire.len() {
                match worker.link.write(&wire[sent..]) {
                    Ok(n) => (sent, stuck) = (sent + n, 0),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::WouldBlock);
                        stuck += 1;
                    }
                }
                stage.pass(std::time::Duration::ZERO);
            }
            assert!(sent < wire.len(), "the router took everything");
            let (packet, output, input) = only(&stage.router);
            assert!(packet + output + input < 384 * 1024, "{packet} {output} {input}");
            let (mut got, mut buf) = (Vec::new(), vec![0; 1 << 16]);
            while got.len() < body.len() {
                if sent < wire.len()
                    && let Ok(n) = worker.link.write(&wire[sent..])
                {
                    sent += n;
                }
                match client.read(&mut buf) {
                    Ok(n) => got.extend_from_slice(&buf[..n]),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::WouldBlock);
                        stage.turn();
                    }
                }
            }
            assert!(got == body, "bytes differ");
            worker.end(stage);
            stage.write(&mut client, GET);
            worker.request(stage);
        },
    );
}

#[test]
fn a_chunked_body_is_framed_for_the_worker() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(
                &mut client,
                b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            );
            let mut worker = stage.accept();
            assert!(worker.request(stage).header.chunked());
            assert_eq!(stage.read(&mut worker.link, 6), b"\x02\0\0\0ab");
            stage.write(&mut client, b"c\r\n0\r\nT: v\r\n\r\n");
            assert_eq!(stage.read(&mut worker.link, 9), b"\x01\0\0\0c\0\0\0\0");
            worker.answer(stage, "x");
            stage.expect(&mut client, &response("x"));
            stage.write(&mut client, GET);
            assert_eq!(worker.request(stage).var("REQUEST_URI"), "/a?b=c");
        },
    );
}

#[test]
fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(
                &mut client,
                b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
            );
            stage.expect(&mut client, "HTTP/1.1 100 Continue\r\n\r\n");
            stage.write(&mut client, b"ok");
            let mut worker = stage.accept();
            worker.request(stage);
            assert_eq!(stage.read(&mut worker.link, 2), b"ok");
            worker.answer(stage, "x");
            stage.expect(&mut client, &response("x"));
        },
    );
}

#[test]
fn an_early_answer_to_an_unfinished_upload_ends_client_and_link() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(
                &mut client,
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc",
            );
            let mut worker = stage.accept();
            worker.request(stage);
            worker.frame(stage, response("no").as_bytes());
            worker.end_with(stage, uwsgi_proto::link::END_KEEP);
            let mut got = stage.read(&mut client, response("no").len());
            stage.write(&mut client, b"more of the body");
            got.extend(stage.read_all(&mut client).into_bytes());
            assert_eq!(got, response("no").as_bytes());
            assert_eq!(stage.router.links.all.len(), 0);
        },
    );
}

#[test]
fn a_body_that_the_worker_left_unread_costs_the_link_but_not_the_client() {
    perform(
        1,
        |_| {},
        |stage| {
            let mut client = stage.connect();
            stage.write(&mut client, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
            let mut worker = stage.accept();
            worker.request(stage);
            worker.frame(stage, response("x").as_bytes());
            worker.end_with(stage, uwsgi_proto::link::END_KEEP);
            stage.expect(&mut client, &response("x"));
            stage.write(&mut client, GET);
            let mut second = stage.accept();
            second.request(stage);
        },
    );
}
