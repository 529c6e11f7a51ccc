//! Sinks against receivers that a script plays.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;

use super::*;
use crate::logger::Spec;

fn facts() -> Facts {
    let original = Arc::new(OwnedFd::from(fs::File::create("/dev/null").unwrap()));
    Facts {
        hostname: "box".into(),
        version: "2".into(),
        rsyslog_packet: 1024,
        rsyslog_split: false,
        original: Some(original),
        duplicate: |_| Err(io::ErrorKind::NotFound.into()),
        mode: None,
    }
}

fn open(option: &str) -> Box<dyn Sink> {
    sink(&Spec::parse(option).unwrap().kind, &facts()).unwrap()
}

fn lines(texts: &[&str]) -> Vec<Message> {
    let message = |text: &&str| Message { at: Moment(7_000_000), text: text.as_bytes().into() };
    texts.iter().map(message).collect()
}

#[test]
fn datagrams_arrive_in_the_form_of_their_kind() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = receiver.local_addr().unwrap();
    let one = |option: String| {
        let (done, said) = open(&option).deliver(&lines(&["hello\n"]));
        said.unwrap();
        assert_eq!(done, 1);
        let mut packet = vec![0; 2000];
        let n = receiver.recv(&mut packet).unwrap();
        packet.truncate(n);
        packet
    };
    assert_eq!(one(format!("socket:{address},pre ")), b"pre hello\n");
    let syslog = String::from_utf8(one(format!("rsyslog:{address}"))).unwrap();
    assert!(syslog.starts_with("<29>") && syslog.ends_with(" box uwsgi: hello"), "{syslog}");
    assert_eq!(one(format!("graylog2:{address},web"))[0], 0x78, "a zlib stream");
    assert_eq!(one(format!("crypto:addr={address},algo=aes-128-cbc,secret=s")).len(), 16);
}

#[test]
fn redis_that_goes_away_in_the_middle_gets_the_rest_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let mut read = Vec::new();
        for answers in [&b""[..], b":1\r\n:1\r\n"] {
            let (mut peer, _) = listener.accept().unwrap();
            let mut piece = [0; 4096];
            let n = peer.read(&mut piece).unwrap();
            assert!(piece[..n].starts_with(b"*2\r\n$6\r\nselect"));
            peer.write_all(b"+OK\r\n").unwrap();
            read.clear();
            while !read.ends_with(b"b\r\n") {
                let n = peer.read(&mut piece).unwrap();
                read.extend_from_slice(&piece[..n]);
            }
            // The first one closes without an answer.
            peer.write_all(answers).unwrap();
        }
        read
    });
    let mut redis = open(&format!("redislog:{address},rpush logs"));
    let (done, said) = redis.deliver(&lines(&["a\n", "b\n"]));
    assert!(done == 0 && said.is_err(), "nothing was acknowledged");
    let (done, said) = redis.deliver(&lines(&["a\n", "b\n"]));
    said.unwrap();
    assert_eq!(done, 2);
    let read = String::from_utf8(server.join().unwrap()).unwrap();
    assert_eq!(read.matches("rpush").count(), 2);
}

#[test]
fn zeromq_is_greeted_and_gets_a_frame_for_each_line() {
    use crate::wire::zmtp;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(&zmtp::greeting()).unwrap();
        peer.write_all(&zmtp::ready()).unwrap();
        let mut read = vec![0; zmtp::GREETING + zmtp::ready().len() + 4];
        peer.read_exact(&mut read).unwrap();
        read
    });
    let mut push = open(&format!("zmq:tcp://{address}"));
    let (done, said) = push.deliver(&lines(&["a\n"]));
    said.unwrap();
    assert_eq!(done, 1);
    assert!(server.join().unwrap().ends_with(b"\0\x02a\n"));
}

#[test]
fn a_command_is_started_again_and_the_line_is_not_lost() {
    let place = std::env::temp_dir().join(format!("uwsgi-logs-pipe-{}", std::process::id()));
    let path = place.display();
    let mut command = open(&format!("pipe:head -n 1 >> {path}"));
    let mut left = lines(&["1\n", "2\n", "3\n"]);
    for _ in 0..20 {
        let (done, _) = command.deliver(&left);
        left.drain(..done);
        if left.is_empty() {
            break;
        }
        command.reopen();
    }
    drop(command);
    until(|| fs::read_to_string(&place).is_ok_and(|text| text.contains('1')));
    fs::remove_file(&place).unwrap();
}

/// A command that has closed its input and lives on holds up nobody.
#[test]
fn a_command_that_takes_its_time_to_end_is_left_alone() {
    let place = std::env::temp_dir().join(format!("uwsgi-logs-stays-{}", std::process::id()));
    std::process::Command::new("mkfifo").arg(&place).status().unwrap();
    let mut command = open(&format!("pipe:exec <&-; read line < {}", place.display()));
    until(|| command.deliver(&lines(&["1\n"])).1.is_err());
    drop(fs::OpenOptions::new().write(true).open(&place).unwrap());
    fs::remove_file(&place).unwrap();
}

#[test]
fn a_descriptor_that_does_not_wait_gets_whole_lines() {
    let (mut read, write) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    let facts = Facts { original: Some(Arc::new(write.into())), ..facts() };
    let line = format!("{}\n", "x".repeat(1 << 20));
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        read.read_to_string(&mut all).unwrap();
        all
    });
    let mut stdio = sink(&Kind::Stdio, &facts).unwrap();
    let (done, said) = stdio.deliver(&lines(&[&line, "y\n"]));
    said.unwrap();
    assert_eq!(done, 2);
    drop((stdio, facts));
    assert!(reader.join().unwrap() == line + "y\n");
}

/// `until` something is so, without end: the runner of the tests has one.
fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn what_is_not_there_is_told() {
    let (done, said) = open("fd:77").deliver(&lines(&["1\n"]));
    assert_eq!((done, said.unwrap_err().to_string().as_str()), (0, "the descriptor is not open"));
}
