//! What workers did for the clients of each listening socket, and of the router's link.

use super::build::{at, head, i, nth, socket};
use super::{Metric, Unit};
use crate::metric_pool::Kind::Counter;
use crate::rows::TrafficRow;
use Unit::{Bytes, Count};

/// See the module.
pub(super) const ROWS: &[Metric] = &[
    socket(|k| i(k.traffic.requests), Counter, Count, "Requests that came through the socket.")
        .extended("socket.K.requests", "7.K.10")
        .family("uwsgi_socket_requests_total")
        .cell(at!(TrafficRow.requests)),
    socket(|k| i(k.traffic.responses[0]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.1xx", "7.K.11")
        .family("uwsgi_socket_responses_total")
        .label("code", "1xx")
        .cell(nth(at!(TrafficRow.responses), 0)),
    socket(|k| i(k.traffic.responses[1]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.2xx", "7.K.12")
        .family("uwsgi_socket_responses_total")
        .label("code", "2xx")
        .cell(nth(at!(TrafficRow.responses), 1)),
    socket(|k| i(k.traffic.responses[2]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.3xx", "7.K.13")
        .family("uwsgi_socket_responses_total")
        .label("code", "3xx")
        .cell(nth(at!(TrafficRow.responses), 2)),
    socket(|k| i(k.traffic.responses[3]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.4xx", "7.K.14")
        .family("uwsgi_socket_responses_total")
        .label("code", "4xx")
        .cell(nth(at!(TrafficRow.responses), 3)),
    socket(|k| i(k.traffic.responses[4]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.5xx", "7.K.15")
        .family("uwsgi_socket_responses_total")
        .label("code", "5xx")
        .cell(nth(at!(TrafficRow.responses), 4)),
    socket(|k| i(k.traffic.responses[5]), Counter, Count, "Responses by status class.")
        .extended("socket.K.responses.other", "7.K.16")
        .family("uwsgi_socket_responses_total")
        .label("code", "other")
        .cell(nth(at!(TrafficRow.responses), 5)),
    socket(|k| i(k.traffic.rx), Counter, Bytes, "Bytes read from its connections for requests.")
        .extended("socket.K.rx", "7.K.17")
        .family("uwsgi_socket_request_bytes_total")
        .cell(at!(TrafficRow.rx)),
    socket(|k| i(k.traffic.tx), Counter, Bytes, "Bytes of answers written to its connections.")
        .extended("socket.K.tx", "7.K.18")
        .family("uwsgi_socket_response_bytes_total")
        .cell(at!(TrafficRow.tx)),
    socket(|k| i(k.traffic.keepalive_reuses), Counter, Count, "Requests on a reused connection.")
        .extended("socket.K.keepalive_reuses", "7.K.19")
        .family("uwsgi_socket_keepalive_reuses_total")
        .cell(at!(TrafficRow.keepalive_reuses)),
    socket(|k| i(k.traffic.read_errors), Counter, Count, "Reads of request bodies that failed.")
        .extended("socket.K.read_errors", "7.K.20")
        .family("uwsgi_socket_read_errors_total")
        .cell(at!(TrafficRow.read_errors)),
    socket(|k| i(k.traffic.write_errors), Counter, Count, "Writes of responses that failed.")
        .extended("socket.K.write_errors", "7.K.21")
        .family("uwsgi_socket_write_errors_total")
        .cell(at!(TrafficRow.write_errors)),
    socket(
        |k| i(k.traffic.aborted),
        Counter,
        Count,
        "Requests whose client left before the end of the response.",
    )
    .extended("socket.K.aborted", "7.K.22")
    .family("uwsgi_socket_aborted_requests_total")
    .cell(at!(TrafficRow.aborted)),
    socket(
        |k| i(k.traffic.rejected),
        Counter,
        Count,
        "Requests that the server itself answered with 4xx or 5xx.",
    )
    .extended("socket.K.rejected", "7.K.23")
    .family("uwsgi_socket_rejected_requests_total")
    .cell(at!(TrafficRow.rejected)),
    // --- the link, which is no listening socket of the configuration
    head(|s| i(s.link.requests), Counter, Count, "Requests that came from the router.")
        .family("uwsgi_link_requests_total"),
    head(|s| i(s.link.rx), Counter, Bytes, "Bytes read from routers.")
        .family("uwsgi_link_request_bytes_total"),
    head(|s| i(s.link.tx), Counter, Bytes, "Bytes written to routers, frames included.")
        .family("uwsgi_link_response_bytes_total"),
    head(
        |s| i(s.link.aborted),
        Counter,
        Count,
        "Requests whose client the router lost before the end.",
    )
    .family("uwsgi_link_aborted_requests_total"),
];
