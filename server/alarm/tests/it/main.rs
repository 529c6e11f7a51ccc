//! Network actions against receivers that follow a script: what is sent, byte for byte, and what is
//! made of refusals, silence and absence. Real receivers stand in the end-to-end tests.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside of test functions")]

mod http;
mod smtp;
mod xmpp;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uwsgi_alarm::{Definition, Event, Facts, Failure};

pub(crate) fn facts() -> Facts {
    Facts {
        hostname: "h1".to_owned(),
        version: "2.0".to_owned(),
        master_pid: 7,
        timeout: 4,
        ..Facts::default()
    }
}

pub(crate) fn event(text: &str) -> Event {
    Event {
        alarm: "a".to_owned(),
        text: text.as_bytes().to_vec(),
        at_us: 1_700_000_000_000_000,
        detail: None,
    }
}

/// Reads `kind:argument` and delivers once.
pub(crate) async fn deliver(action: &str, event: &Event) -> Result<(), Failure> {
    let definition = Definition::parse(&format!("a {action}")).unwrap();
    definition.action(&facts()).unwrap().deliver(event).await
}

/// A listener on a port of the kernel's choice, and that port.
pub(crate) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Takes one HTTP request, answers `answer`; gives the request.
pub(crate) async fn web(answer: &str) -> (u16, JoinHandle<String>) {
    let (listener, port) = listen().await;
    let answer = answer.to_owned();
    let request = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if stream.read_line(&mut request).await.unwrap() == 0 {
                return request;
            }
        }
        let head = request.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        request.push_str(&String::from_utf8(body).unwrap());
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        request
    });
    (port, request)
}

/// Greets, answers what the client says by the first rule whose start fits, and ends with the
/// client; gives what was said.
pub(crate) async fn mail(
    greeting: &str,
    rules: &[(&'static str, &'static str)],
) -> (u16, JoinHandle<String>) {
    let (listener, port) = listen().await;
    let (greeting, rules) = (greeting.to_owned(), rules.to_vec());
    let said = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut said = String::new();
        let mut in_data = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return said;
            }
            said.push_str(&line);
            if in_data && line != ".\r\n" {
                continue;
            }
            in_data = line == "DATA\r\n";
            reply(&mut stream, &rules, &line).await;
        }
    });
    (port, said)
}

async fn reply(stream: &mut BufReader<TcpStream>, rules: &[(&str, &str)], line: &str) {
    let rule = rules.iter().find(|(start, _)| line.starts_with(start));
    let answer = match rule {
        Some((_, answer)) => answer,
        None if line == "DATA\r\n" => "354 go on\r\n",
        None => "250 ok\r\n",
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}
