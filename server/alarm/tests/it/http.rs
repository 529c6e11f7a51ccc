//! Requests over HTTP, and what becomes of them.

use uwsgi_alarm::Failure;

use crate::{deliver, event, listen, web};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_request_is_what_receivers_of_the_c_server_know() {
    let (port, request) = web(OK).await;
    let argument =
        format!("curl:http://127.0.0.1:{port}/argh?x=1;auth_user=me;auth_pass=hush;subject=s");
    assert_eq!(deliver(&argument, &event("TERRIBLE 1\n")).await, Ok(()));
    let expected = format!(
        "POST /argh?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nAccept: */*\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic bWU6aHVzaA==\r\n\
         Content-Length: 25\r\n\r\nSubject: s\r\n\r\nTERRIBLE 1\n"
    );
    assert_eq!(request.await.unwrap(), expected);
}

#[tokio::test]
async fn the_method_is_the_configured_one() {
    let (port, request) = web(OK).await;
    let argument = format!("curl:http://127.0.0.1:{port};method=PUT");
    assert_eq!(deliver(&argument, &event("x")).await, Ok(()));
    let request = request.await.unwrap();
    assert!(
        request.starts_with("PUT / HTTP/1.1\r\n") && request.ends_with("\r\n\r\nx"),
        "{request}"
    );
}

#[tokio::test]
async fn each_kind_posts_its_document() {
    let kinds: [(&str, &str, &str, &str); 5] = [
        ("webhook:http://127.0.0.1:{}/w", "POST /w ", "application/json", "{\"alarm\":\"a\""),
        ("alertmanager:http://127.0.0.1:{}", "POST /api/v2/alerts ", "application/json", "[{"),
        ("pagerduty:K;url=http://127.0.0.1:{}/p", "POST /p ", "application/json", "{\"rou"),
        ("slack:http://127.0.0.1:{}/s", "POST /s ", "application/json", "{\"text\":\""),
        ("airbrake:http://127.0.0.1:{}/n;apikey=K", "POST /n ", "text/xml; charset=utf-8", "<?xml"),
    ];
    for (argument, line, kind, body) in kinds {
        let (port, request) = web(OK).await;
        let argument = argument.replace("{}", &port.to_string());
        assert_eq!(deliver(&argument, &event("x")).await, Ok(()), "{argument}");
        let request = request.await.unwrap();
        assert!(request.starts_with(line), "{request}");
        assert!(request.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{request}");
        assert!(request.contains(&format!("\r\n\r\n{body}")), "{request}");
    }
}

#[tokio::test]
async fn an_answer_says_whether_the_message_arrived() {
    let refused = |text: &str, again| {
        Err(Failure { text: format!("curl_easy_perform() failed: {text}"), again })
    };
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", Ok(())),
        ("HTTP/1.0 200 OK\r\n\r\nbody without a length", Ok(())),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Ok(())),
        (
            "HTTP/1.1 503 Busy\r\nContent-Length: 12\r\n\r\n\nlater,\x07 ok\n",
            refused("HTTP response code said error (503 Service Unavailable: later, ok)", true),
        ),
        (
            "HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\nnot hush!!",
            refused("HTTP response code said error (401 Unauthorized: not ***)", false),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            refused("HTTP response code said error (302 Found)", false),
        ),
    ] {
        let (port, request) = web(answer).await;
        let argument = format!("curl:http://127.0.0.1:{port};auth_user=me;auth_pass=hush!!");
        assert_eq!(deliver(&argument, &event("x")).await, expected, "{answer:?}");
        request.await.unwrap();
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_speak_is_told_by_what_it_did() {
    let (port, _) = web("").await;
    let place = format!("127.0.0.1:{port}");
    let nothing = deliver(&format!("curl:http://{place}"), &event("x")).await.unwrap_err();
    let text = "curl_easy_perform() failed: Server returned nothing (no headers, no data)";
    assert_eq!(
        (nothing.text.as_str(), nothing.again),
        (format!("{text} ({place})").as_str(), true)
    );
    let (port, _) = web("SSH-2.0-x\r\n\r\n").await;
    let garbage = deliver(&format!("curl:http://127.0.0.1:{port}"), &event("x")).await.unwrap_err();
    assert!(garbage.text.contains("Failure when receiving data from the peer"), "{garbage:?}");
    assert!(!garbage.again);
}

#[tokio::test]
async fn a_receiver_that_is_down_or_silent_is_tried_again() {
    let (listener, port) = listen().await;
    let slow = format!("curl:http://127.0.0.1:{port};timeout=1");
    let silent = deliver(&slow, &event("x")).await.unwrap_err();
    let text = format!(
        "curl_easy_perform() failed: Timeout was reached (127.0.0.1:{port} did not finish within 1 s)"
    );
    assert_eq!(silent, Failure { text, again: true });
    drop(listener);
    let down = deliver(&slow, &event("x")).await.unwrap_err();
    let text = format!(
        "curl_easy_perform() failed: Couldn't connect to server (127.0.0.1:{port}: Connection refused)"
    );
    assert_eq!(down, Failure { text, again: true });
    let nowhere = deliver("curl:http://host.invalid/;timeout=20", &event("x")).await.unwrap_err();
    assert!(nowhere.text.contains("Couldn't resolve host name (host.invalid: "), "{nowhere:?}");
    assert!(nowhere.again);
}

#[tokio::test]
async fn the_secret_of_a_chat_is_not_shown() {
    let (port, request) =
        web("HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\nno /services/T0/B0").await;
    let argument = format!("slack:http://127.0.0.1:{port}/services/T0/B0");
    let failure = deliver(&argument, &event("x")).await.unwrap_err();
    assert_eq!(failure.text, "HTTP response code said error (404 Not Found: no ***)");
    request.await.unwrap();
}
