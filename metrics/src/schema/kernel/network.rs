//! What becomes of client connections, by listening TCP socket.

use super::{Histograms, Spreads};
use crate::histogram::LatencySnap;
use crate::metric_pool::Kind::{self, Counter, Gauge};
use crate::rows::{KernelSocketCells, KernelSocketRow};
use crate::schema::build::{at, i, kernel_socket, nth};
use crate::schema::{Metric, Unit};
use Unit::{Bytes, Count, Micros};

const PROBE: &str = "network";

const fn of(
    f: fn(&(KernelSocketCells, LatencySnap)) -> i64,
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    kernel_socket(PROBE, f, kind, unit, help)
}

pub(super) const ROWS: &[Metric] = &[
    of(|s| i(s.0.closed), Counter, Count, "Connections that ended.")
        .extended("kernel.socket.K.closed", "21.K.20")
        .family("uwsgi_socket_closed_total")
        .cell(at!(KernelSocketRow.closed)),
    of(|s| i(s.0.retransmits), Counter, Count, "Segments that had to be sent again.")
        .extended("kernel.socket.K.retransmits", "21.K.21")
        .family("uwsgi_socket_retransmits_total")
        .cell(at!(KernelSocketRow.retransmits)),
    of(|s| i(s.0.resets_sent), Counter, Count, "Resets, by who sent them.")
        .extended("kernel.socket.K.resets_sent", "21.K.22")
        .family("uwsgi_socket_resets_total")
        .label("direction", "sent")
        .cell(at!(KernelSocketRow.resets_sent)),
    of(|s| i(s.0.resets_received), Counter, Count, "Resets, by who sent them.")
        .extended("kernel.socket.K.resets_received", "21.K.23")
        .family("uwsgi_socket_resets_total")
        .label("direction", "received")
        .cell(at!(KernelSocketRow.resets_received)),
    of(
        |s| i(s.0.receive_queue_full),
        Counter,
        Count,
        "Segments thrown away because the receive queue of a connection was full.",
    )
    .extended("kernel.socket.K.receive_queue_full", "21.K.24")
    .family("uwsgi_socket_receive_queue_full_total")
    .cell(at!(KernelSocketRow.receive_queue_full)),
    of(
        |s| i(s.0.zero_windows[0]),
        Counter,
        Count,
        "Windows that were closed, by whose: the client's as seen each second, ours as the client asked for it.",
    )
    .extended("kernel.socket.K.zero_windows_client", "21.K.25")
    .family("uwsgi_socket_zero_windows_total")
    .label("side", "client")
    .cell(nth(at!(KernelSocketRow.zero_windows), 0)),
    of(
        |s| i(s.0.zero_windows[1]),
        Counter,
        Count,
        "Windows that were closed, by whose: the client's as seen each second, ours as the client asked for it.",
    )
    .extended("kernel.socket.K.zero_windows_server", "21.K.26")
    .family("uwsgi_socket_zero_windows_total")
    .label("side", "server")
    .cell(nth(at!(KernelSocketRow.zero_windows), 1)),
    of(|s| i(s.0.all_bytes[0]), Counter, Bytes, "Bytes that clients sent.")
        .extended("kernel.socket.K.received_bytes", "21.K.27")
        .family("uwsgi_socket_received_bytes_total")
        .cell(nth(at!(KernelSocketRow.all_bytes), 0)),
    of(|s| i(s.0.all_bytes[1]), Counter, Bytes, "Bytes that clients acknowledged.")
        .extended("kernel.socket.K.sent_bytes", "21.K.28")
        .family("uwsgi_socket_sent_bytes_total")
        .cell(nth(at!(KernelSocketRow.all_bytes), 1)),
    of(
        |s| i(s.0.all_limited_ns[0] / 1_000),
        Counter,
        Micros,
        "Time in which data could not be sent, by what kept it.",
    )
    .extended("kernel.socket.K.window_limited_us", "21.K.29")
    .family("uwsgi_socket_limited_seconds_total")
    .label("by", "client_window"),
    of(
        |s| i(s.0.all_limited_ns[1] / 1_000),
        Counter,
        Micros,
        "Time in which data could not be sent, by what kept it.",
    )
    .extended("kernel.socket.K.buffer_limited_us", "21.K.30")
    .family("uwsgi_socket_limited_seconds_total")
    .label("by", "send_buffer"),
    of(|s| i(s.0.live), Gauge, Count, "Connections there are.")
        .extended("kernel.socket.K.connections", "21.K.31")
        .family("uwsgi_socket_connections")
        .cell(at!(KernelSocketRow.live)),
    of(|s| i(s.0.live_stalled), Gauge, Count, "Connections with a closed window, by whose.")
        .extended("kernel.socket.K.stalled_client", "21.K.32")
        .family("uwsgi_socket_stalled_connections")
        .label("side", "client")
        .cell(at!(KernelSocketRow.live_stalled)),
    of(|s| i(s.0.live_shut), Gauge, Count, "Connections with a closed window, by whose.")
        .extended("kernel.socket.K.stalled_server", "21.K.33")
        .family("uwsgi_socket_stalled_connections")
        .label("side", "server")
        .cell(at!(KernelSocketRow.live_shut)),
    of(
        |s| i(s.0.live_rtt_ns / 1_000),
        Gauge,
        Micros,
        "Mean of the smoothed round trips of the connections there are.",
    )
    .extended("kernel.socket.K.connections_rtt_us", "21.K.34")
    .family("uwsgi_socket_connections_rtt_seconds"),
];

pub(super) const HISTOGRAMS: &[Histograms] = &[Histograms {
    probe: PROBE,
    family: "uwsgi_socket_rtt_seconds",
    help: "Smoothed round trip of each connection at its end.",
    spreads: Spreads::Socket(&[(&[], |socket| &socket.rtt)]),
}];
