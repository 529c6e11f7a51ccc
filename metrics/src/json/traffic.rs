//! Keys of ours about requests as sockets and applications see them, each at the end of its object.

use super::writer::Json;
use crate::rows::{AppCells, TrafficCells};
use crate::snapshot::SocketSnap;

/// The end of a socket.
pub(super) fn socket(j: &mut Json, row: &SocketSnap) {
    let socket = &row.cells;
    j.number("accepted", socket.accepted);
    counts(j, &row.traffic);
    j.object("refused", |j| {
        j.number("oversize", socket.oversize);
        j.number("bad", socket.bad);
        j.number("timeout", socket.timeouts);
        j.number("eof", socket.eof);
        j.number("vars", socket.vars);
        j.number("limit_post", socket.limit_post);
        j.number("slow_head", socket.slow_head);
        j.number("slow_body", socket.slow_body);
        j.number("slow_reader", socket.slow_reader);
    });
}

/// What was done for clients: of a socket, or of the router's link.
pub(super) fn counts(j: &mut Json, traffic: &TrafficCells) {
    j.number("requests", traffic.requests);
    j.numbers("responses", traffic.responses);
    j.number("rx", traffic.rx);
    j.number("tx", traffic.tx);
    j.number("keepalive_reuses", traffic.keepalive_reuses);
    j.number("read_errors", traffic.read_errors);
    j.number("write_errors", traffic.write_errors);
    j.number("aborted", traffic.aborted);
    j.number("rejected", traffic.rejected);
}

/// The end of an application.
pub(super) fn app(j: &mut Json, app: &AppCells) {
    j.numbers("responses", app.responses);
    j.number("rx", app.rx);
    j.number("tx", app.tx);
    j.number("running_time_us", app.running_time_us);
    j.number("application_us", app.application_us);
    j.number("write_us", app.write_us);
    j.number("read_errors", app.read_errors);
    j.number("write_errors", app.write_errors);
    j.number("aborted", app.aborted);
}
