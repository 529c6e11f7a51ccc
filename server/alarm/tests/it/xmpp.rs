//! Logins that fail. Those that succeed need a server that can prove itself: end-to-end tests.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uwsgi_alarm::{Definition, Facts};

use crate::{event, facts, listen};

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

const HEAD: &str = "<?xml version='1.0'?><stream:stream version='1.0'>";

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_told_with_its_words() {
    for (said, expected, again) in [
        ("<html>", "lost the XMPP server (P: it does not speak XMPP)", true),
        ("", "lost the XMPP server (P: it closed the connection)", true),
        (
            "HEAD<stream:error><host-unknown/></stream:error>",
            "lost the XMPP server (P: host-unknown)",
            true,
        ),
        (
            "HEAD<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
            "Login denied (the server offers PLAIN without encryption)",
            false,
        ),
        (
            "HEAD<stream:features><mechanisms><mechanism>SCRAM-SHA-1</mechanism></mechanisms>\
             </stream:features><failure><not-authorized/><text>not sesame</text></failure>",
            "Login denied (not-authorized: not ***)",
            false,
        ),
        (
            "HEAD<stream:features><mechanisms><mechanism>SCRAM-SHA-1</mechanism></mechanisms>\
             </stream:features><success>dj1BQUFB</success>",
            "Login denied (the server said <success>)",
            false,
        ),
        (
            "HEAD<stream:features><starttls/></stream:features><proceed/><stream:features/>",
            "P said more than <proceed/>",
            false,
        ),
    ] {
        let (listener, port) = listen().await;
        let said = said.replace("HEAD", HEAD);
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            let mut first = [0; 512];
            let _ = stream.read(&mut first).await;
            let _ = stream.write_all(said.as_bytes()).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let text = format!("a xmpp:me@x;sesame;you@x;server=127.0.0.1:{port}");
        let mut action = Definition::parse(&text).unwrap().action(&facts()).unwrap();
        let failure = action.deliver(&event("x")).await.unwrap_err();
        let expected = expected.replace("P:", &format!("127.0.0.1:{port}:"));
        let expected = expected.replace("P said", &format!("127.0.0.1:{port} said"));
        assert_eq!((failure.text, failure.again), (expected, again));
        server.abort();
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_told_and_tried_again() {
    let (listener, port) = listen().await;
    drop(listener);
    let log = |line: &str| LOG.lock().unwrap().push(line.to_owned());
    let facts = Facts { log: Some(log), ..facts() };
    let text = format!("a xmpp:me@x/r;sesame;you@x;server=127.0.0.1:{port}");
    let mut action = Definition::parse(&text).unwrap().action(&facts).unwrap();
    action.begin();
    for _ in 0..2 {
        let failure = action.deliver(&event("x")).await.unwrap_err();
        assert!(failure.text.starts_with("Couldn't connect to server (127.0.0.1:"), "{failure:?}");
        assert!(failure.again);
    }
    let lines = LOG.lock().unwrap().clone();
    assert!(
        lines[0].starts_with("[uwsgi-alarm-xmpp] (me@x/r) Couldn't connect to server"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "[uwsgi-alarm-xmpp] (me@x/r) trying reconnect to the XMPP server...");
}
