use super::*;

const LIMIT: usize = 4096;

fn env() -> HttpEnv<'static> {
    HttpEnv {
        server_name: b"box",
        server_port: b"8080",
        remote_addr: b"1.2.3.4",
        ..HttpEnv::default()
    }
}

fn run(input: &[u8], env: &HttpEnv<'_>) -> (Result<Parsed, HttpError>, VarBlock) {
    let mut out = VarBlock::new();
    (parse_head(input, 0, env, LIMIT, &mut out), out)
}

fn head(input: &[u8]) -> Result<Head, HttpError> {
    match run(input, &env()).0? {
        Parsed::Done(head) => Ok(head),
        Parsed::Partial => panic!("partial: {}", input.escape_ascii()),
    }
}

fn names(block: &VarBlock) -> String {
    block
        .iter()
        .map(|(k, v)| format!("{}={}", k.escape_ascii(), v.escape_ascii()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn variables_come_in_the_order_of_the_protocol() {
    let with_query =
        b"GET /a%20b?c=d HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9\r\nContent-Type: t\r\n\r\n";
    let router =
        HttpEnv { remote_port: Some(b"99"), extra_router_vars: true, https: true, ..env() };
    let managed = HttpEnv { manage_script_name: true, https: true, ..env() };
    let cases: [(&[u8], HttpEnv<'_>, &str); 4] = [
        (
            with_query,
            env(),
            "REQUEST_METHOD=GET PATH_INFO=/a b REQUEST_URI=/a%20b?c=d QUERY_STRING=c=d \
             SERVER_PROTOCOL=HTTP/1.1 SCRIPT_NAME= SERVER_NAME=box SERVER_PORT=8080 \
             REMOTE_ADDR=1.2.3.4 HTTP_HOST=h HTTP_X_FORWARDED_FOR=9 CONTENT_TYPE=t",
        ),
        (
            b"GET / HTTP/1.0\r\n\r\n",
            env(),
            "REQUEST_METHOD=GET REQUEST_URI=/ PATH_INFO=/ QUERY_STRING= \
             SERVER_PROTOCOL=HTTP/1.0 SCRIPT_NAME= SERVER_NAME=box SERVER_PORT=8080 \
             REMOTE_ADDR=1.2.3.4",
        ),
        (
            b"GET / HTTP/1.0\r\n\r\n",
            managed,
            "REQUEST_METHOD=GET REQUEST_URI=/ PATH_INFO=/ QUERY_STRING= \
             SERVER_PROTOCOL=HTTP/1.0 SERVER_NAME=box SERVER_PORT=8080 \
             REMOTE_ADDR=1.2.3.4 HTTPS=on",
        ),
        (
            b"GET / HTTP/1.0\r\n\r\n",
            router,
            "REQUEST_METHOD=GET PATH_INFO=/ REQUEST_URI=/ QUERY_STRING= \
             SERVER_PROTOCOL=HTTP/1.0 SCRIPT_NAME= SERVER_NAME=box SERVER_PORT=8080 \
             UWSGI_ROUTER=http HTTPS=on REMOTE_ADDR=1.2.3.4 REMOTE_PORT=99",
        ),
    ];
    for (input, env, want) in cases {
        let (got, block) = run(input, &env);
        assert!(matches!(got, Ok(Parsed::Done(h)) if h.head_len == input.len()), "{got:?}");
        assert_eq!(names(&block), want);
    }
}

#[test]
fn the_parts_of_a_target_follow_the_vectors() {
    for (target, path, query) in [
        ("/a?b#c?d", "/a", "b#c?d"),
        ("http://foo/bar?x", "http://foo/bar", "x"),
        ("*", "*", ""),
        ("?", "", ""),
        ("/a#b?c", "/a", "c"),
    ] {
        let (got, block) = run(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes(), &env());
        assert!(got.is_ok(), "{target}");
        assert_eq!(block.known().path_info(), path.as_bytes(), "{target}");
        assert_eq!(block.known().query_string(), query.as_bytes(), "{target}");
        assert_eq!(block.known().uri(), target.as_bytes());
    }
}

#[test]
fn header_values_lose_leading_blanks_and_nothing_else() {
    let (_, block) = run(
        b"GET / HTTP/1.1\r\nHost: h\r\nA:   x \r\nB:\ty\r\nC:\r\nX-A: 1\r\nx-a: 2\r\n\r\n",
        &env(),
    );
    for (key, want) in [("A", "x "), ("B", "\ty"), ("C", ""), ("X_A", "1, 2")] {
        assert_eq!(block.get(format!("HTTP_{key}").as_bytes()), Some(want.as_bytes()), "{key}");
    }
}

#[test]
fn names_with_underscores_cannot_pose_as_their_twins() {
    let input = b"POST / HTTP/1.1\r\nHost: h\r\nX-User: good\r\nX_User: evil\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\nContent-Length: 3\r\n\r\n";
    let (got, block) = run(input, &env());
    let Ok(Parsed::Done(head)) = got else { panic!("{got:?}") };
    assert_eq!((head.content_length, head.chunked), (3, false));
    assert_eq!(block.get(b"HTTP_X_USER"), Some(&b"good"[..]));
    assert_eq!(block.get(b"HTTP_TRANSFER_ENCODING"), None);
    let (got, block) = run(
        input,
        &HttpEnv { lenient: Lenient { underscores: true, ..Lenient::default() }, ..env() },
    );
    let Ok(Parsed::Done(head)) = got else { panic!("{got:?}") };
    assert_eq!((head.content_length, head.chunked), (3, false), "kept, but never understood");
    assert_eq!(block.get(b"HTTP_X_USER"), Some(&b"good, evil"[..]));
}

#[test]
fn nobody_outside_names_a_proxy_for_the_application() {
    let input = b"GET / HTTP/1.1\r\nHost: h\r\npRoXy: http://evil\r\nProxy-X: 1\r\nX-Proxy: 2\r\nProxies: 3\r\n\r\n";
    for (proxy, want) in [(false, None), (true, Some(&b"http://evil"[..]))] {
        let lenient = Lenient { proxy, ..Lenient::default() };
        let (got, block) = run(input, &HttpEnv { lenient, ..env() });
        assert!(matches!(got, Ok(Parsed::Done(_))));
        assert_eq!(block.get(b"HTTP_PROXY"), want);
        for (name, value) in [("HTTP_PROXY_X", "1"), ("HTTP_X_PROXY", "2"), ("HTTP_PROXIES", "3")] {
            assert_eq!(block.get(name.as_bytes()), Some(value.as_bytes()));
        }
    }
}

#[test]
fn a_refusal_has_a_line_that_names_it() {
    for (input, line) in [
        ("GET /\r\n\r\n", "invalid HTTP request"),
        ("CONNECT / HTTP/1.1\r\n\r\n", "invalid HTTP request: unsupported method"),
        ("GET / HTTP/2.0\r\n\r\n", "invalid HTTP request: unsupported protocol version"),
        (
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "invalid HTTP request: unknown transfer coding",
        ),
    ] {
        assert_eq!(run(input.as_bytes(), &env()).0.expect_err(input).log_line(LIMIT), line);
    }
    let long = format!("GET /{}", "a".repeat(LIMIT));
    let error = run(long.as_bytes(), &env()).0.expect_err("too long");
    assert_eq!(
        (error.status(), error.log_line(LIMIT)),
        (414, "invalid HTTP request size (max 4096)...skip".to_owned())
    );
}

#[test]
fn what_an_operator_lets_pass_passes_and_nothing_else() {
    let all = Lenient { underscores: true, folding: true, host: true, length: true, proxy: true };
    let with = |lenient| HttpEnv { lenient, ..env() };
    for (lines, one, want) in [
        (
            "Host: h\r\nX: a\r\n \tb\r\n  c\r\n",
            Lenient { folding: true, ..Lenient::default() },
            "a b c",
        ),
        ("X: 1\r\n", Lenient { host: true, ..Lenient::default() }, "1"),
        ("Host: h\r\nHost: i\r\nX: 2\r\n", Lenient { host: true, ..Lenient::default() }, "2"),
        (
            "Host: h\r\nContent-Length: 3\r\nX: 3\r\nContent-Length: 3\r\n",
            Lenient { length: true, ..Lenient::default() },
            "3",
        ),
    ] {
        let input = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(run(input.as_bytes(), &env()).0, Err(HttpError::BadRequest), "{lines:?}");
        let (got, block) = run(input.as_bytes(), &with(one));
        assert!(got.is_ok(), "{lines:?}");
        assert_eq!(block.get(b"HTTP_X"), Some(want.as_bytes()), "{lines:?}");
    }
    for lines in [
        "Host: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "Host: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Host: h\r\nX: a\r\n b\0\r\n",
        "Host: h\r\nX: a\r\n b\n\r\n",
        "Host: h\r\n\r\n\r\n folded: behind the end\r\nX : 1\r\n",
    ] {
        let input = format!("GET / HTTP/1.1\r\nX : 1\r\n{lines}\r\n");
        assert_eq!(run(input.as_bytes(), &with(all)).0, Err(HttpError::BadRequest), "{lines:?}");
        let input = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        let first_is_good = lines.contains("behind");
        assert_eq!(run(input.as_bytes(), &with(all)).0.is_ok(), first_is_good, "{lines:?}");
    }
}

#[test]
fn what_is_merely_unusual_is_accepted() {
    for input in [
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nHost: h:1900\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.9\r\nHost: [::1]:80\r\n\r\n",
    ] {
        assert_eq!(head(input.as_bytes()).unwrap().head_len, input.len(), "{input:?}");
    }
}

#[test]
fn the_fate_of_the_connection_follows_version_and_tokens() {
    for (version, line, keep) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: x, CLOSE\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let input = format!("GET / HTTP/{version}\r\nHost: h\r\n{line}\r\n");
        assert_eq!(head(input.as_bytes()).unwrap().keep_alive, keep, "{input:?}");
    }
}

#[test]
fn framing_headers_are_understood() {
    let read = |method: &str, version: &str, lines: &str| {
        head(format!("{method} / HTTP/{version}\r\nHost: h\r\n{lines}\r\n").as_bytes()).unwrap()
    };
    assert_eq!(read("POST", "1.1", "Content-Length:  42 \r\n").content_length, 42);
    assert!(read("POST", "1.1", "transfer-encoding: Chunked\r\n").chunked);
    assert!(read("PUT", "1.1", "Expect: 100-Continue\r\n").expect_continue);
    assert!(!read("PUT", "1.0", "Expect: 100-continue\r\n").expect_continue);
    assert!(
        read("GET", "1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").upgrade
    );
    assert!(!read("GET", "1.1", "Upgrade: websocket\r\n").upgrade);
    assert!(read("HEAD", "1.1", "").head_request);
}

#[test]
fn heads_stay_below_the_buffer_size() {
    let fixed = b"GET / HTTP/1.0\r\nA: \r\n\r\n".len();
    let make = |len: usize| {
        format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", "x".repeat(len - fixed)).into_bytes()
    };
    let parse = |input: &[u8]| {
        let mut out = VarBlock::new();
        out.set_limits(1 << 20, 128);
        parse_head(input, 0, &env(), LIMIT, &mut out)
    };
    assert!(parse(&make(LIMIT - 2)).is_ok(), "with the path of one byte this is the longest");
    let error = parse(&make(LIMIT)).unwrap_err();
    assert_eq!(error.log_line(LIMIT), "invalid HTTP request size (max 4096)...skip");
    assert_eq!(error.status(), 431);
    let mut followed = make(LIMIT);
    followed.extend_from_slice(&[b'x'; 5000]);
    assert_eq!(parse(&followed), Err(HttpError::HeadTooLarge));
    assert_eq!(parse(&followed[..LIMIT]), Err(HttpError::HeadTooLarge), "before it is complete");
    assert_eq!(parse(&followed[..LIMIT - 1]), Ok(Parsed::Partial));
}

#[test]
fn a_short_head_in_front_of_a_long_body_is_no_oversize() {
    let mut input = b"POST / HTTP/1.0\r\nContent-Length: 9000\r\n\r\n".to_vec();
    let len = input.len();
    input.extend_from_slice(&vec![b'x'; 9000]);
    assert_eq!(head(&input).unwrap().head_len, len);
}

#[test]
fn a_path_must_fit_beside_its_head() {
    let input = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(2050));
    let mut out = VarBlock::new();
    out.set_limits(1 << 20, 128);
    let error = parse_head(input.as_bytes(), 0, &env(), LIMIT, &mut out).unwrap_err();
    assert_eq!(error.status(), 414);
    assert_eq!(
        error.log_line(LIMIT),
        "not enough space in wsgi_req http proto_parser_buf to decode PATH_INFO, \
         consider tuning it with --buffer-size"
    );
}

#[test]
fn variables_must_fit_the_block() {
    let input = b"GET / HTTP/1.0\r\nX-Long: abc\r\n\r\n";
    let mut out = VarBlock::new();
    assert!(parse_head(input, 0, &env(), LIMIT, &mut out).is_ok());
    out.set_limits(out.as_bytes().len(), 128);
    let error = parse_head(input, 0, &env(), LIMIT, &mut out).unwrap_err();
    assert_eq!(
        error.log_line(LIMIT),
        "[WARNING] unable to add HTTP_X_LONG=abc to uwsgi packet, consider increasing buffer size"
    );
    out.set_limits(4096, 9);
    let error = parse_head(input, 0, &env(), LIMIT, &mut out).unwrap_err();
    assert_eq!(
        (error.status(), error.log_line(1)),
        (431, "max vec size reached. skip this var.".into())
    );
}

#[test]
fn what_a_proxy_said_stands_where_the_protocol_has_it() {
    let env = HttpEnv { server_addr: Some(b"9.9.9.9"), remote_port: Some(b"1111"), ..env() };
    let (_, block) = run(b"GET / HTTP/1.0\r\n\r\n", &env);
    assert!(names(&block).contains(
        "SERVER_NAME=box SERVER_ADDR=9.9.9.9 SERVER_PORT=8080 REMOTE_ADDR=1.2.3.4 REMOTE_PORT=1111"
    ));
}
