//! Bodies from sockets: each coding, cut everywhere; stored ones; what is skipped.

use super::*;
use rustix::io::Errno;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

fn read_all(mut body: Body, fd: BorrowedFd<'_>, piece: usize) -> (Vec<u8>, Body) {
    let (mut out, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match body.read(fd, &mut buffer) {
            n if n > 0 => out.extend_from_slice(&buffer[..n as usize]),
            0 => return (out, body),
            e => panic!("read failed: {e}"),
        }
    }
}

#[test]
fn a_body_is_whole_whatever_its_coding_and_the_size_of_reads() {
    let chunked = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\nNEXT";
    let framed = b"\x05\0\0\0hello\x06\0\0\0 world\0\0\0\0NEXT";
    let records = b"\x01\x05\0\x01\0\x05\x02\0hello\0\0\x01\x05\0\x01\0\x06\0\0 world\x01\x05\0\x01\0\0\0\0NEXT";
    let table: [(&[u8], Kind); 4] = [
        (b"hello worldNEXT", Kind::Length(11)),
        (chunked, Kind::Chunked),
        (framed, Kind::Framed),
        (records, Kind::Records(1, None)),
    ];
    for (wire, kind) in table {
        for piece in 1..14 {
            for split in 0..wire.len() {
                let (mut client, server) = UnixStream::pair().unwrap();
                client.write_all(&wire[split..]).unwrap();
                let body = Body::new(wire[..split].to_vec(), 0, kind, 1000);
                let (got, body) = read_all(body, server.as_fd(), piece);
                assert_eq!(got, b"hello world", "{kind:?} read by {piece}, split at {split}");
                assert_eq!(body.consumed, 11);
                let rest = body.into_rest();
                assert!(b"NEXT".starts_with(&rest), "{rest:?} would be lost or served twice");
            }
        }
    }
}

#[test]
fn a_stored_body_is_read_again_and_the_next_request_stays() {
    let chunked = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nNEXT";
    let table: [(&[u8], Kind); 2] =
        [(b"hello worldNEXT", Kind::Length(11)), (chunked, Kind::Chunked)];
    for (wire, kind) in table {
        for (threshold, split) in [(1, 3), (11, 15), (12, 0), (12, 15), (100, wire.len())] {
            let split = split.min(wire.len());
            let (mut client, server) = UnixStream::pair().unwrap();
            client.write_all(&wire[split..]).unwrap();
            let mut body = Body::new(wire[..split].to_vec(), 0, kind, 1000);
            let plan =
                Plan { threshold, chunk: 4, directory: std::env::temp_dir(), progress: None };
            let mut seen = 0;
            body.store(server.as_fd(), &plan, &mut |received| seen = received).unwrap();
            assert!(seen == 11 || split == wire.len(), "{seen} of 11 were told");
            assert!(body.is_here() && body.skip_buffered());
            let (got, mut body) = read_all(body, server.as_fd(), 3);
            assert_eq!(got, b"hello world", "{kind:?}, {threshold}, split at {split}");
            assert_eq!(body.seek(-5, true), Some(6));
            let (got, body) = read_all(body, server.as_fd(), 64);
            assert_eq!((&got[..], body.consumed), (&b"world"[..], 11));
            assert!(b"NEXT".starts_with(&body.into_rest()));
        }
    }
}

#[test]
fn a_body_that_is_not_stored_whole_is_not_stored_at_all() {
    let plan = Plan { threshold: 100, chunk: 64, directory: std::env::temp_dir(), progress: None };
    let (client, server) = UnixStream::pair().unwrap();
    let mut body = Body::new(b"abc".to_vec(), 0, Kind::Length(10), 10);
    let late = body.store(server.as_fd(), &plan, &mut |_| {});
    assert_eq!(late, Err((Trouble::Timeout, 7)));
    drop(client);
    let mut body = Body::new(b"abc".to_vec(), 0, Kind::Length(10), 10);
    let gone = body.store(server.as_fd(), &plan, &mut |_| {});
    assert_eq!(gone, Err((Trouble::Closed, 7)));
    assert_eq!(body.read(server.as_fd(), &mut [0; 4]), READ_ERROR);
    assert_eq!(body.seek(0, false), None);
    let nowhere =
        Plan { threshold: 1, chunk: 64, directory: "/nonexistent".into(), progress: None };
    let mut body = Body::new(b"abc".to_vec(), 0, Kind::Length(3), 10);
    let unstored = body.store(server.as_fd(), &nowhere, &mut |_| {});
    assert_eq!(unstored, Err((Trouble::NoRoom(Errno::NOENT), 0)));
    assert!(!body.skip_buffered(), "its bytes would be read as a request");
}

#[test]
fn a_coded_body_beyond_the_limit_is_cut_off() {
    let (_client, server) = UnixStream::pair().unwrap();
    let wire = b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".to_vec();
    let mut body = Body::limited(wire, 0, Kind::Chunked, 10, 7);
    let mut buffer = [0; 64];
    assert_eq!(body.read(server.as_fd(), &mut buffer), 5);
    assert_eq!(body.read(server.as_fd(), &mut buffer), READ_ERROR, "limit-post was passed by");
    assert!(!body.skip_buffered(), "the rest would be read as a request");
}

#[test]
fn records_end_where_their_length_says_and_must_not_end_before() {
    let (_client, server) = UnixStream::pair().unwrap();
    let wire = b"\x01\x05\0\x01\0\x05\0\0hello\x01\x05\0\x01\0\0\0\0NEXT".to_vec();
    let body = Body::new(wire.clone(), 0, Kind::Records(1, Some(5)), 10);
    assert!(body.is_here());
    let (got, mut body) = read_all(body, server.as_fd(), 64);
    assert_eq!(got, b"hello");
    assert!(body.skip_buffered());
    assert_eq!(body.into_rest(), b"NEXT");
    let mut body = Body::new(wire, 0, Kind::Records(1, Some(6)), 10);
    let end = std::iter::repeat_with(|| body.read(server.as_fd(), &mut [0; 64])).find(|n| *n <= 0);
    assert_eq!(end, Some(READ_ERROR), "a cut upload looks whole");
}

#[test]
fn a_client_that_leaves_or_stalls_is_told_apart() {
    let (client, server) = UnixStream::pair().unwrap();
    let mut body = Body::new(Vec::new(), 0, Kind::Length(4), 10);
    assert_eq!(body.read(server.as_fd(), &mut [0; 4]), READ_TIMEOUT);
    drop(client);
    assert_eq!(body.read(server.as_fd(), &mut [0; 4]), READ_ERROR);
    assert_eq!(body.errors, 2);
}

#[test]
fn an_unread_body_is_skipped_only_when_all_of_it_is_here() {
    let mut body = Body::new(b"abcdGET".to_vec(), 0, Kind::Length(4), 10);
    assert!(body.skip_buffered());
    assert_eq!(body.into_rest(), b"GET");
    let mut body = Body::new(b"ab".to_vec(), 0, Kind::Length(4), 10);
    assert!(!body.skip_buffered(), "the rest of the body would be read as a request");
}

#[test]
fn a_file_stands_for_the_body_and_the_connection_is_of_no_more_use() {
    let (_client, server) = UnixStream::pair().unwrap();
    let file = rustix::fs::memfd_create("body", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(rustix::io::write(&file, b"in the file").unwrap(), 11);
    let mut body = Body::new(b"stream".to_vec(), 0, Kind::Length(6), 10);
    body.stand_in(file.try_clone().unwrap().into(), 6);
    let (got, mut body) = read_all(body, server.as_fd(), 4);
    assert_eq!(got, b"in the");
    assert_eq!(body.seek(0, false), Some(0));
    assert!(body.is_here() && !body.is_over() && !body.skip_buffered());
    let mut body = Body::new(Vec::new(), 0, Kind::Length(20), 10);
    body.stand_in(file.into(), 20);
    let mut buffer = [0; 64];
    assert_eq!(body.read(server.as_fd(), &mut buffer), 11);
    assert_eq!(body.read(server.as_fd(), &mut buffer), READ_ERROR, "it is shorter than announced");
}
