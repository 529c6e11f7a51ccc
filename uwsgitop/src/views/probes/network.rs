//! Connections of each listening socket: round trips, what is sent again, who is slow to read.

use super::super::Context;
use super::super::parts::{nanos, rate, unwanted};
use super::{attached, nothing, only};
use crate::human;
use crate::page::{Cell, Column, Line, Paint, Row, Table, column, flexible};
use crate::picture::{KernelSocket, Picture};

const COLUMNS: &[Column] = &[
    flexible("SOCKET", 0, 12),
    column("LIVE", true, 1),
    column("STALLED", true, 0),
    column("NEW/S", true, 3),
    column("RX/S", true, 7),
    column("TX/S", true, 5),
    column("RTT", true, 1),
    column("P99", true, 6),
    column("AGAIN/S", true, 0),
    column("AGAIN", true, 4),
    column("SYN AGAIN", true, 9),
    column("RST OUT", true, 8),
    column("RST IN", true, 8),
    column("CLIENT FULL", true, 2),
    column("WE FULL", true, 2),
    column("LOST", true, 4),
    column("CLIENT WAITS", true, 10),
    column("BUFFER WAITS", true, 10),
];

pub(super) fn form(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let Some(kernel) = picture.kernel.as_ref().filter(|_| attached(picture, "network")) else {
        return nothing(picture, "network");
    };
    let rows = (0..).zip(&kernel.sockets).map(|(at, socket)| row(context, picture, at, socket));
    let empty = "The server listens on no TCP socket.";
    let table = Table { empty, ..Table::new(COLUMNS, rows.collect()) };
    (summary(context, kernel.sockets.as_slice()), table)
}

fn summary(context: &Context<'_>, sockets: &[KernelSocket]) -> Line {
    let sum =
        |value: fn(&KernelSocket) -> u64| sockets.iter().map(value).fold(0, u64::saturating_add);
    let line = Line::title(format!(" live connections: {}", sum(|socket| socket.live)));
    let line = match sum(|socket| socket.stalled) {
        0 => line,
        stalled => line.and(format!("; {stalled} clients take nothing"), Paint::Warn),
    };
    let again = context.state.past.rate(|p| {
        let sockets = &p.kernel.as_ref()?.sockets;
        Some(sockets.iter().map(|socket| socket.retransmits).fold(0, u64::saturating_add))
    });
    match again {
        Some(again) if again > 0.0 => {
            let text = format!("; {} segments a second are sent again", human::per_second(again));
            line.and(text, Paint::Warn)
        }
        Some(_) => line.and("; nothing is sent again", Paint::Good),
        None => line,
    }
}

fn find(picture: &Picture, at: usize) -> Option<&KernelSocket> {
    picture.kernel.as_ref()?.sockets.get(at)
}

fn row(context: &Context<'_>, picture: &Picture, at: usize, socket: &KernelSocket) -> Row {
    let growing =
        |value: fn(&KernelSocket) -> u64| context.state.past.rate(|p| Some(value(find(p, at)?)));
    let sized = |rate: Option<f64>| {
        rate.map_or_else(Cell::none, |rate| Cell::number(rate, human::size(rate as u64)))
    };
    let again = growing(|socket| socket.retransmits);
    // Of one connection it is a part of the time; of many it is how many of them.
    let waits = |value: fn(&KernelSocket) -> u64| {
        let share = growing(value).map(|ns| ns / 1e9);
        share.map_or_else(Cell::none, |share| Cell::number(share, human::share(share)))
    };
    let cells = vec![
        Cell::text(socket.name.as_str()),
        Cell::count(socket.live),
        unwanted(socket.stalled, Paint::Warn),
        only(attached(picture, "accept"), rate(growing(|socket| socket.established))),
        sized(growing(|socket| socket.bytes[0])),
        sized(growing(|socket| socket.bytes[1])),
        nanos(Some(socket.live_rtt).filter(|ns| *ns > 0)),
        nanos(Some(socket.rtt.p99).filter(|ns| *ns > 0)),
        match again {
            Some(again) if again > 0.0 => rate(Some(again)).painted(Paint::Warn),
            again => rate(again),
        },
        Cell::count(socket.retransmits),
        Cell::count(socket.synack_retransmits),
        Cell::count(socket.resets[0]),
        Cell::count(socket.resets[1]),
        Cell::count(socket.zero_windows[0]),
        unwanted(socket.zero_windows[1], Paint::Warn),
        unwanted(socket.receive_queue_full, Paint::Bad),
        waits(|socket| socket.limited[0]),
        waits(|socket| socket.limited[1]),
    ];
    Row::new(socket.name.as_str(), cells)
}
