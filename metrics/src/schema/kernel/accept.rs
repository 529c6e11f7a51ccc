//! The accept queue, by listening TCP socket.

use super::{Histograms, Spreads};
use crate::metric_pool::Kind::Counter;
use crate::rows::KernelSocketRow;
use crate::schema::build::{at, i, kernel_socket, nth};
use crate::schema::{Metric, Unit};
use Unit::{Count, Micros};

const PROBE: &str = "accept";

pub(super) const ROWS: &[Metric] = &[
    kernel_socket(
        PROBE,
        |s| i(s.0.established),
        Counter,
        Count,
        "Connections that were completed.",
    )
    .extended("kernel.socket.K.established", "21.K.1")
    .family("uwsgi_socket_established_total")
    .cell(at!(KernelSocketRow.established)),
    kernel_socket(
        PROBE,
        |s| i(s.1.sum_us),
        Counter,
        Micros,
        "Time that connections waited to be accepted.",
    )
    .extended("kernel.socket.K.waited_us", "21.K.2"),
    kernel_socket(
        PROBE,
        |s| i(s.0.depth_sum),
        Counter,
        Count,
        "Sum of the queue lengths that new connections found, themselves included.",
    )
    .extended("kernel.socket.K.depth_sum", "21.K.3")
    .family("uwsgi_socket_arrival_depth_sum_total")
    .cell(at!(KernelSocketRow.depth_sum)),
    kernel_socket(
        PROBE,
        |s| i(s.0.full),
        Counter,
        Count,
        "Connections that took the last place of the accept queue.",
    )
    .extended("kernel.socket.K.full", "21.K.4")
    .family("uwsgi_socket_arrivals_full_total")
    .cell(at!(KernelSocketRow.full)),
    kernel_socket(
        PROBE,
        |s| i(s.0.synack_retransmits),
        Counter,
        Count,
        "Handshakes whose answer had to be sent again.",
    )
    .extended("kernel.socket.K.synack_retransmits", "21.K.5")
    .family("uwsgi_socket_synack_retransmits_total")
    .cell(at!(KernelSocketRow.synack_retransmits)),
    kernel_socket(PROBE, |s| i(s.0.lost), Counter, Count, "Waits that could not be told.")
        .extended("kernel.socket.K.waits_lost", "21.K.6")
        .family("uwsgi_socket_waits_lost_total")
        .cell(at!(KernelSocketRow.lost)),
];

/// One row for each cell of the depths, by the largest queue length of it.
macro_rules! depths {
    ($($n:literal = $most:literal),*) => {
        &[$(
            kernel_socket(PROBE, |s| i(s.0.depth[$n]), Counter, Count, "Connections by the queue length that they found.")
                .family("uwsgi_socket_arrivals_total")
                .label("depth", $most)
                .cell(nth(at!(KernelSocketRow.depth), $n)),
        )*]
    };
}

pub(super) const DEPTHS: &[Metric] = depths!(
    0 = "1",
    1 = "2",
    2 = "4",
    3 = "8",
    4 = "16",
    5 = "32",
    6 = "64",
    7 = "128",
    8 = "256",
    9 = "512",
    10 = "1024",
    11 = "2048",
    12 = "4096",
    13 = "8192",
    14 = "16384",
    15 = "more"
);

pub(super) const HISTOGRAMS: &[Histograms] = &[Histograms {
    probe: PROBE,
    family: "uwsgi_accept_wait_seconds",
    help: "Time between the end of a handshake and accept.",
    spreads: Spreads::Waits(|socket| &socket.1),
}];
