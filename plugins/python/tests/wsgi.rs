//! WSGI as applications see it: validator, responses, `start_response`, `wsgi.input`, environ.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::{file, pythons, run, run_on};

#[test]
fn the_validator_is_content_with_every_libpython() {
    for python in pythons() {
        let requests =
            ["GET /", "GET /write", "GET /generator", "GET /exc_info", "POST /post < hello"];
        let run = run_on(python, &[&file("valid.py")], &requests);
        let bodies: Vec<String> = (0..5).map(|n| run.body(n)).collect();
        assert_eq!(bodies, ["plain", "one,two", "abc", "sorry", "olleh"], "{}", run.log);
        assert_eq!(run.field(3, "status"), "500 Oops");
        assert!(run.log.contains("\nclosed\n"), "{}", run.log);
        assert!(run.log.contains("ValueError: replaced"), "{}", run.log);
        assert!(!run.out.contains("exception:"), "{}{}", run.out, run.log);
        assert_eq!(run.code, 0, "{:?}: {}", python.version, run.log);
    }
}

#[test]
fn each_shape_of_response_is_sent_as_it_should() {
    let cases = [
        ("as_bytes", "200 OK", "whole", "app 0, write 5 last"),
        ("as_tuple", "200 OK", "whole", "app 0, write 5 last"),
        ("two", "200 OK", "122", "app 0, write 1, write 2"),
        ("closing", "200 OK", "x", "app 0, write 1"),
        ("empty", "204 No Content", "", "app 0, write 0 last"),
        ("nothing", "200 OK", "", "app 0, write 0 last"),
        ("text", "200 OK", "", "app 0, write 0 last"),
        ("nones", "200 OK", "x", "app 0, write 1"),
        ("no_start", "500 Internal Server Error", "Internal Server Error", "app 0, write 21 last"),
        (
            "no_start_empty",
            "500 Internal Server Error",
            "Internal Server Error",
            "app 0, write 21 last",
        ),
        ("raises", "", "", "app 0"),
        ("raises_late", "200 OK", "first", "app 0, write 5"),
        ("exits", "", "", "app 0"),
        ("memory_file", "200 OK", "0123456789", "app 0, write 4, write 4, write 2"),
        ("wrapped_nothing", "", "", "app 0"),
        ("resent", "200 OK", "xheaders already sent", "app 0, write 1, write 20"),
        ("replaced", "201 Created", "x", "app 0, write 1 last"),
    ];
    let requests: Vec<String> = cases.iter().map(|c| format!("GET /{}", c.0)).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let run = run(&[&file("shapes.py")], &requests);
    for (n, (name, status, body, calls)) in cases.iter().enumerate() {
        assert_eq!(run.field(n, "status"), *status, "{name}: {}", run.log);
        assert_eq!(run.body(n), *body, "{name}");
        assert_eq!(run.field(n, "calls"), *calls, "{name}");
        let answered = if status.is_empty() { "-1" } else { "0" };
        assert_eq!(run.field(n, "return"), answered, "{name}");
    }
    assert_eq!(run.field(10, "exception"), "builtins.KeyError: 'before'");
    assert_eq!(run.field(11, "exception"), "builtins.KeyError: 'late'");
    assert_eq!(run.field(15, "exception"), "builtins.ValueError: original");
    for line in [
        "list closed",
        "TypeError: 'NoneType' object is not iterable",
        "[ERROR] Unhandled object from iterator: 'str'",
        "start_response() not called",
        "python app raised SystemExit(3), recycling worker\n",
        "control 3",
        "AttributeError: object has no attribute 'read'",
    ] {
        assert!(run.log.contains(line), "{line:?} is missing: {}", run.log);
    }
    assert_eq!(run.log.matches("Unhandled object").count(), 1, "one line per response");
    assert_eq!(run.code, 0);
}

#[test]
fn a_file_is_sent_by_the_kernel_from_where_it_stands() {
    let run = run(&[&file("shapes.py")], &["GET /real_file"]);
    assert_eq!(run.field(0, "calls"), "app 0, sendfile 4");
    assert!(run.body(0).starts_with("esponses of every shape"), "{}", run.body(0));
}

#[test]
fn wrong_heads_are_refused_with_these_texts() {
    let run = run(&[&file("shapes.py")], &["GET /bad_head"]);
    let expected = [
        "TypeError: start_response() takes at least 2 arguments",
        "TypeError: start_response() takes at least 2 arguments",
        "TypeError: http status must be a string",
        "TypeError: http status string must be encodable in latin1",
        "TypeError: http headers must be in a python list",
        "TypeError: http header must be defined in a tuple",
        "TypeError: http header must be a 2-item tuple",
        "TypeError: http header key must be a string",
        "TypeError: http header value must be a string",
        "TypeError: http header must be encodable in latin1",
        "ValueError: http header must not contain control characters",
        "ValueError: http status must not contain control characters",
    ];
    assert_eq!(run.body(0).split("\\n").collect::<Vec<_>>(), expected);
}

#[test]
fn request_bound_objects_serve_their_request_and_thread_only() {
    let text = "you can call uwsgi api function only from the main callable";
    let run = run(&[&file("shapes.py")], &["GET /keeps < a", "GET /reuses < b", "GET /off_thread"]);
    assert_eq!(run.body(1), text);
    assert_eq!(run.body(2), text);
}

#[test]
fn input_reads_like_a_file() {
    let cases = [
        ("i.read()", "b'ab\\ncd\\n\\nef'"),
        ("i.read(-1)", "b'ab\\ncd\\n\\nef'"),
        ("i.read(None)", "b'ab\\ncd\\n\\nef'"),
        ("i.read(0)", "b''"),
        ("i.read(4)", "b'ab\\nc'"),
        ("i.read(99)", "b'ab\\ncd\\n\\nef'"),
        ("(i.read(), i.read(), i.readline())", "(b'ab\\ncd\\n\\nef', b'', b'')"),
        ("i.readline()", "b'ab\\n'"),
        ("i.readline(1)", "b'a'"),
        ("i.readlines()", "[b'ab\\n', b'cd\\n', b'\\n', b'ef']"),
        ("i.readlines(4)", "[b'ab\\n', b'cd\\n']"),
        ("list(i)", "[b'ab\\n', b'cd\\n', b'\\n', b'ef']"),
        ("(i.readline(), i.read(2), i.tell(), i.read())", "(b'ab\\n', b'cd', 5, b'\\n\\nef')"),
        ("i.fileno()", "99"),
        ("i.close()", "None"),
        ("i.seek(0)", "OSError: seeking wsgi.input without post_buffering is IMPOSSIBLE !!!"),
        ("type(i).__name__", "'_Input'"),
        (
            "type(i)().read()",
            "SystemError: you can call uwsgi api function only from the main callable",
        ),
        ("i.read('x')", "TypeError"),
    ];
    let requests: Vec<String> = cases
        .iter()
        .map(|c| format!("POST /?{} < ab\\ncd\\n\\nef", c.0.replace(' ', "%20")))
        .collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    for options in [&[][..], &["@chunk=1"], &["@chunk=3"]] {
        let mut all = vec![file("input.py")];
        all.extend(options.iter().map(|&o| o.to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let run = run(&all, &requests);
        for (n, (call, expected)) in cases.iter().enumerate() {
            let body = run.body(n).replace("\\\\", "\\");
            assert!(body.starts_with(expected), "{call} with {options:?}: {body}");
        }
    }
}

#[test]
fn input_seeks_when_the_server_buffers() {
    let cases = [
        ("(i.read(2), i.seek(0), i.read())", "(b'ab', 0, b'abcd')"),
        ("(i.seek(-1, 2), i.read())", "(3, b'd')"),
        ("(i.read(1), i.seek(1, 1), i.read(), i.tell())", "(b'a', 2, b'cd', 4)"),
        ("i.seek(5)", "OSError: invalid seek position for wsgi.input"),
    ];
    let requests: Vec<String> =
        cases.iter().map(|c| format!("POST /?{} < abcd", c.0.replace(' ', "%20"))).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let run = run(&[&file("input.py"), "post-buffering=4096"], &requests);
    for (n, (call, expected)) in cases.iter().enumerate() {
        assert_eq!(run.body(n), *expected, "{call}");
    }
}

#[test]
fn a_body_shorter_than_announced_ends_early() {
    let run = run(&[&file("input.py")], &["POST /?i.read() CONTENT_LENGTH=10 < abc"]);
    assert_eq!(run.body(0), "b'abc'");
}

#[test]
fn a_body_of_unknown_length_is_read_to_its_end() {
    let options = [&file("input.py")[..], "@chunked", "@chunk=2"];
    let calls = ["i.read()", "i.read(3)", "i.readlines()", "(i.readline(),i.read())"];
    let requests = calls.map(|c| format!("POST /?{c} CONTENT_LENGTH=0 < ab\\ncd"));
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let run = run(&options, &requests);
    let expected = ["b'ab\\ncd'", "b'ab\\n'", "[b'ab\\n', b'cd']", "(b'ab\\n', b'cd')"];
    for (n, expected) in expected.iter().enumerate() {
        assert_eq!(run.body(n).replace("\\\\", "\\"), *expected, "{}", calls[n]);
    }
}

#[test]
fn an_environ_never_shows_another_request() {
    let shape = |x: &str| format!("GET /environ_keys {x}");
    let requests = [
        shape("HTTP_X=1 HTTP_COOKIE=a"),
        shape("HTTP_X=1 HTTP_COOKIE=b"),
        shape("HTTP_X=1"),
        "GET /pollutes HTTP_X=1".to_owned(),
        shape("HTTP_X=2"),
        shape("HTTP_X=2"),
        shape("HTTP_X=2"),
        shape(""),
        shape("HTTP_X=3 HTTP_X=4"),
        shape("SCRIPT_NAME=/s"),
        shape(""),
    ];
    let lines: Vec<&str> = requests.iter().map(String::as_str).collect();
    let run = run(&[&file("shapes.py")], &lines);
    let value = |n: usize, key: &str| {
        let body = run.body(n);
        let found = body.split("\\n").find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    let x: Vec<Option<String>> = [0, 1, 2, 4, 5, 6, 7, 8, 10].map(|n| value(n, "HTTP_X")).into();
    let some = |s: &str| Some(format!("'{s}'"));
    let expected =
        [some("1"), some("1"), some("1"), some("2"), some("2"), some("2"), None, some("4"), None];
    assert_eq!(x, expected);
    let cookies: Vec<Option<String>> = (0..3).map(|n| value(n, "HTTP_COOKIE")).collect();
    assert_eq!(cookies, [some("a"), some("b"), None]);
    assert_eq!(value(4, "HTTP_HOST"), some("127.0.0.1:8080"));
    assert_eq!(value(4, "polluted"), None);
    assert_eq!(value(9, "SCRIPT_NAME"), some("/s"));
    assert_eq!(value(10, "SCRIPT_NAME"), some(""));
    for (key, expected) in [
        ("wsgi.version", "(1, 0)"),
        ("wsgi.url_scheme", "'http'"),
        ("wsgi.multithread", "False"),
        ("wsgi.multiprocess", "True"),
        ("wsgi.run_once", "False"),
        ("uwsgi.version", "b'2.1.0'"),
        ("uwsgi.node", "b'testhost'"),
    ] {
        assert_eq!(value(0, key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn a_script_name_of_before_is_not_shown_whatever_was_learned() {
    let shapes =
        ["HTTP_X=1 SCRIPT_NAME=/s", "", "HTTP_X=1", "HTTP_X=1 SCRIPT_NAME=/s", "SCRIPT_NAME="];
    let requests = shapes.map(|shape| vec![format!("GET /environ_keys {shape}"); 20]).concat();
    let lines: Vec<&str> = requests.iter().map(String::as_str).collect();
    let run = run(&[&file("shapes.py")], &lines);
    for (n, line) in lines.iter().enumerate() {
        let body = run.body(n);
        let name = if line.contains("/s") { "SCRIPT_NAME='/s'" } else { "SCRIPT_NAME=''" };
        assert!(body.contains(name), "{n}: {line}: {body}");
        assert_eq!(body.contains("HTTP_X="), line.contains("HTTP_X"), "{n}: {line}: {body}");
    }
}

#[test]
fn headers_and_variables_are_latin1() {
    let run = run(&[&file("shapes.py")], &["GET /latin1 HTTP_X=\u{e9}"]);
    assert!(run.out.contains("header: X-Name: caf\u{e9}\n"), "{}", run.out);
    // UTF-8 in, the same bytes out
    assert!(run.out.contains("header: X-Path: \u{c3}\u{a9}\n"), "{}", run.out);
}

#[test]
fn a_lost_client_is_one_traceback_unless_silenced() {
    let lines = ["GET /as_bytes", "GET /two", "GET /closing"];
    let loud = run(&[&file("shapes.py"), "@drop"], &lines);
    assert_eq!(loud.log.matches("OSError: write error").count(), 3, "{}", loud.log);
    assert_eq!(
        loud.field(1, "calls"),
        "app 0, write 1",
        "nothing is written after the first error"
    );
    assert!(loud.log.contains("list closed"));
    let quiet = run(&[&file("shapes.py"), "@drop", "disable-write-exception"], &lines);
    assert!(!quiet.log.contains("Traceback") && !quiet.log.contains("Error"), "{}", quiet.log);
    assert!(!quiet.out.contains("exception:") && !loud.out.contains("exception:"));
}

#[test]
fn catch_exceptions_answers_with_a_page() {
    let run = run(&[&file("shapes.py"), "catch-exceptions"], &["GET /raises?q=1"]);
    assert_eq!(run.field(0, "status"), "500 Internal Server Error");
    let body = run.body(0);
    for part in [
        "uWSGI exceptions catcher for \"GET /raises?q=1\" (request plugin: \"python\", modifier1: 0)",
        "Exception: builtins.KeyError: 'before'",
        "Exception class: builtins.KeyError",
        "line: ",
        "QUERY_STRING = q=1",
    ] {
        assert!(body.contains(part), "{part:?} is missing: {body}");
    }
}
