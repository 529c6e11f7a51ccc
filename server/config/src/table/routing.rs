//! Internal routing and header rules.

use crate::row::{Kind, Row, req};

pub(super) const ROWS: &[Row] = &[
    req("route", Kind::List, "when a request comes in, run an action when PATH_INFO matches"),
    req("route-host", Kind::List, "when a request comes in, run an action when HTTP_HOST matches"),
    req("route-uri", Kind::List, "when a request comes in, run an action when REQUEST_URI matches"),
    req("route-qs", Kind::List, "when a request comes in, run an action when QUERY_STRING matches"),
    req(
        "route-remote-addr",
        Kind::List,
        "when a request comes in, run an action when REMOTE_ADDR matches",
    ),
    req(
        "route-user-agent",
        Kind::List,
        "when a request comes in, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "route-remote-user",
        Kind::List,
        "when a request comes in, run an action when REMOTE_USER matches",
    ),
    req(
        "route-referer",
        Kind::List,
        "when a request comes in, run an action when HTTP_REFERER matches",
    ),
    req("route-label", Kind::List, "name this place of the route chain, as a target of goto"),
    req("route-if", Kind::List, "when a request comes in, run an action when a condition holds"),
    req(
        "route-if-not",
        Kind::List,
        "when a request comes in, run an action when a condition fails",
    ),
    req("route-run", Kind::List, "when a request comes in, run an action always"),
    req("final-route", Kind::List, "after the response, run an action when PATH_INFO matches"),
    req(
        "final-route-status",
        Kind::List,
        "after the response, run an action when the status matches",
    ),
    req("final-route-host", Kind::List, "after the response, run an action when HTTP_HOST matches"),
    req(
        "final-route-uri",
        Kind::List,
        "after the response, run an action when REQUEST_URI matches",
    ),
    req(
        "final-route-qs",
        Kind::List,
        "after the response, run an action when QUERY_STRING matches",
    ),
    req(
        "final-route-remote-addr",
        Kind::List,
        "after the response, run an action when REMOTE_ADDR matches",
    ),
    req(
        "final-route-user-agent",
        Kind::List,
        "after the response, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "final-route-remote-user",
        Kind::List,
        "after the response, run an action when REMOTE_USER matches",
    ),
    req(
        "final-route-referer",
        Kind::List,
        "after the response, run an action when HTTP_REFERER matches",
    ),
    req(
        "final-route-label",
        Kind::List,
        "name this place of the final-route chain, as a target of goto",
    ),
    req("final-route-if", Kind::List, "after the response, run an action when a condition holds"),
    req(
        "final-route-if-not",
        Kind::List,
        "after the response, run an action when a condition fails",
    ),
    req("final-route-run", Kind::List, "after the response, run an action always"),
    req(
        "error-route",
        Kind::List,
        "when the response is an error, run an action when PATH_INFO matches",
    ),
    req(
        "error-route-status",
        Kind::List,
        "when the response is an error, run an action when the status matches",
    ),
    req(
        "error-route-host",
        Kind::List,
        "when the response is an error, run an action when HTTP_HOST matches",
    ),
    req(
        "error-route-uri",
        Kind::List,
        "when the response is an error, run an action when REQUEST_URI matches",
    ),
    req(
        "error-route-qs",
        Kind::List,
        "when the response is an error, run an action when QUERY_STRING matches",
    ),
    req(
        "error-route-remote-addr",
        Kind::List,
        "when the response is an error, run an action when REMOTE_ADDR matches",
    ),
    req(
        "error-route-user-agent",
        Kind::List,
        "when the response is an error, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "error-route-remote-user",
        Kind::List,
        "when the response is an error, run an action when REMOTE_USER matches",
    ),
    req(
        "error-route-referer",
        Kind::List,
        "when the response is an error, run an action when HTTP_REFERER matches",
    ),
    req(
        "error-route-label",
        Kind::List,
        "name this place of the error-route chain, as a target of goto",
    ),
    req(
        "error-route-if",
        Kind::List,
        "when the response is an error, run an action when a condition holds",
    ),
    req(
        "error-route-if-not",
        Kind::List,
        "when the response is an error, run an action when a condition fails",
    ),
    req("error-route-run", Kind::List, "when the response is an error, run an action always"),
    req(
        "response-route",
        Kind::List,
        "before the response headers leave, run an action when PATH_INFO matches",
    ),
    req(
        "response-route-status",
        Kind::List,
        "before the response headers leave, run an action when the status matches",
    ),
    req(
        "response-route-host",
        Kind::List,
        "before the response headers leave, run an action when HTTP_HOST matches",
    ),
    req(
        "response-route-uri",
        Kind::List,
        "before the response headers leave, run an action when REQUEST_URI matches",
    ),
    req(
        "response-route-qs",
        Kind::List,
        "before the response headers leave, run an action when QUERY_STRING matches",
    ),
    req(
        "response-route-remote-addr",
        Kind::List,
        "before the response headers leave, run an action when REMOTE_ADDR matches",
    ),
    req(
        "response-route-user-agent",
        Kind::List,
        "before the response headers leave, run an action when HTTP_USER_AGENT matches",
    ),
    req(
        "response-route-remote-user",
        Kind::List,
        "before the response headers leave, run an action when REMOTE_USER matches",
    ),
    req(
        "response-route-referer",
        Kind::List,
        "before the response headers leave, run an action when HTTP_REFERER matches",
    ),
    req(
        "response-route-label",
        Kind::List,
        "name this place of the response-route chain, as a target of goto",
    ),
    req(
        "response-route-if",
        Kind::List,
        "before the response headers leave, run an action when a condition holds",
    ),
    req(
        "response-route-if-not",
        Kind::List,
        "before the response headers leave, run an action when a condition fails",
    ),
    req(
        "response-route-run",
        Kind::List,
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
