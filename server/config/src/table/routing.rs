//! Internal routing and header rules.

use crate::row::{Kind, Row, req};

pub(super) const ROWS: &[Row] = &[
    req("route", Kind::Route, "when a request comes in, run an action when PATH_INFO matches"),
    req("route-host", Kind::Route, "when a request comes in, run an action when HTTP_HOST matches"),
    req(
        "route-uri",
        Kind::Route,
        "when a request comes in, run an action when REQUEST_URI matches",
    ),
    req(
        "route-qs",
        Kind::Route,
        "when a request comes in, run an action when QUERY_STRING matches",
    ),
    req(
        "route-remote-addr",
        Kind::Route,
        "when a request comes in, run an action when REMOTE_ADDR matches",
    ),
    req(
        "route-user-agent",
        Kind::Route,
        "when a request comes in, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "route-remote-user",
        Kind::Route,
        "when a request comes in, run an action when REMOTE_USER matches",
    ),
    req(
        "route-referer",
        Kind::Route,
        "when a request comes in, run an action when HTTP_REFERER matches",
    ),
    req("route-label", Kind::Route, "name this place of the route chain, as a target of goto"),
    req("route-if", Kind::Route, "when a request comes in, run an action when a condition holds"),
    req(
        "route-if-not",
        Kind::Route,
        "when a request comes in, run an action when a condition fails",
    ),
    req("route-run", Kind::Route, "when a request comes in, run an action always"),
    req("final-route", Kind::Route, "after the response, run an action when PATH_INFO matches"),
    req(
        "final-route-status",
        Kind::Route,
        "after the response, run an action when the status matches",
    ),
    req(
        "final-route-host",
        Kind::Route,
        "after the response, run an action when HTTP_HOST matches",
    ),
    req(
        "final-route-uri",
        Kind::Route,
        "after the response, run an action when REQUEST_URI matches",
    ),
    req(
        "final-route-qs",
        Kind::Route,
        "after the response, run an action when QUERY_STRING matches",
    ),
    req(
        "final-route-remote-addr",
        Kind::Route,
        "after the response, run an action when REMOTE_ADDR matches",
    ),
    req(
        "final-route-user-agent",
        Kind::Route,
        "after the response, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "final-route-remote-user",
        Kind::Route,
        "after the response, run an action when REMOTE_USER matches",
    ),
    req(
        "final-route-referer",
        Kind::Route,
        "after the response, run an action when HTTP_REFERER matches",
    ),
    req(
        "final-route-label",
        Kind::Route,
        "name this place of the final-route chain, as a target of goto",
    ),
    req("final-route-if", Kind::Route, "after the response, run an action when a condition holds"),
    req(
        "final-route-if-not",
        Kind::Route,
        "after the response, run an action when a condition fails",
    ),
    req("final-route-run", Kind::Route, "after the response, run an action always"),
    req(
        "error-route",
        Kind::Route,
        "when the response is an error, run an action when PATH_INFO matches",
    ),
    req(
        "error-route-status",
        Kind::Route,
        "when the response is an error, run an action when the status matches",
    ),
    req(
        "error-route-host",
        Kind::Route,
        "when the response is an error, run an action when HTTP_HOST matches",
    ),
    req(
        "error-route-uri",
        Kind::Route,
        "when the response is an error, run an action when REQUEST_URI matches",
    ),
    req(
        "error-route-qs",
        Kind::Route,
        "when the response is an error, run an action when QUERY_STRING matches",
    ),
    req(
        "error-route-remote-addr",
        Kind::Route,
        "when the response is an error, run an action when REMOTE_ADDR matches",
    ),
    req(
        "error-route-user-agent",
        Kind::Route,
        "when the response is an error, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "error-route-remote-user",
        Kind::Route,
        "when the response is an error, run an action when REMOTE_USER matches",
    ),
    req(
        "error-route-referer",
        Kind::Route,
        "when the response is an error, run an action when HTTP_REFERER matches",
    ),
    req(
        "error-route-label",
        Kind::Route,
        "name this place of the error-route chain, as a target of goto",
    ),
    req(
        "error-route-if",
        Kind::Route,
        "when the response is an error, run an action when a condition holds",
    ),
    req(
        "error-route-if-not",
        Kind::Route,
        "when the response is an error, run an action when a condition fails",
    ),
    req("error-route-run", Kind::Route, "when the response is an error, run an action always"),
    req(
        "response-route",
        Kind::Route,
        "before the response headers leave, run an action when PATH_INFO matches",
    ),
    req(
        "response-route-status",
        Kind::Route,
        "before the response headers leave, run an action when the status matches",
    ),
    req(
        "response-route-host",
        Kind::Route,
        "before the response headers leave, run an action when HTTP_HOST matches",
    ),
    req(
        "response-route-uri",
        Kind::Route,
        "before the response headers leave, run an action when REQUEST_URI matches",
    ),
    req(
        "response-route-qs",
        Kind::Route,
        "before the response headers leave, run an action when QUERY_STRING matches",
    ),
    req(
        "response-route-remote-addr",
        Kind::Route,
        "before the response headers leave, run an action when REMOTE_ADDR matches",
    ),
    req(
        "response-route-user-agent",
        Kind::Route,
        "before the response headers leave, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "response-route-remote-user",
        Kind::Route,
        "before the response headers leave, run an action when REMOTE_USER matches",
    ),
    req(
        "response-route-referer",
        Kind::Route,
        "before the response headers leave, run an action when HTTP_REFERER matches",
    ),
    req(
        "response-route-label",
        Kind::Route,
        "name this place of the response-route chain, as a target of goto",
    ),
    req(
        "response-route-if",
        Kind::Route,
        "before the response headers leave, run an action when a condition holds",
    ),
    req(
        "response-route-if-not",
        Kind::Route,
        "before the response headers leave, run an action when a condition fails",
    ),
    req(
        "response-route-run",
        Kind::Route,
        "before the response headers leave, run an action always",
    ),
    req("error-page-403", Kind::List, "file sent with status 403"),
    req("error-page-404", Kind::List, "file sent with status 404"),
    req("error-page-500", Kind::List, "file sent with status 500"),
    req("add-header", Kind::List, "add a header to every response"),
    req("rem-header", Kind::List, "remove a header from every response").aliases(&["del-header"]),
    req(
        "collect-header",
        Kind::List,
        "copy a response header into a request variable: header variable",
    )
    .aliases(&["response-header-collect"]),
    req(
        "pull-header",
        Kind::List,
        "move a response header into a request variable: header variable",
    ),
];
