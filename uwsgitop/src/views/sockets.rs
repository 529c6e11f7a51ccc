//! Listening sockets and fronts of routers.
//!
//! Answers: who waits at the door, how long and how many, whom does the kernel turn away, and would
//! a longer backlog help? With probes also how long connections waited to be accepted. Pure.

use super::parts::{below, rate, unwanted};
use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, bar, column, flexible};
use crate::picture::{Gateway, Picture, Socket};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Sockets,
    key: '5',
    name: "sockets",
    answers: "Does anybody wait at the door, or find it closed?",
    keys: &[],
    absent: "The source lists no sockets.",
    present: |_, picture| !picture.sockets.is_empty() || !picture.gateways.is_empty(),
    build: page,
};

/// Columns of the bar that shows how full a queue is.
const BAR: usize = 8;

const PLAIN: &[Column] = &[
    flexible("SOCKET", 0, 19),
    column("PROTO", false, 3),
    column("QUEUE", true, 0),
    column("BACKLOG", true, 1),
    column("FILL", false, 2),
    column("PEAK", true, 4),
    column("SHARED", false, 6),
    column("OFFLOAD", false, 7),
];

const DEEP: &[Column] = &[
    flexible("SOCKET", 0, 19),
    column("PROTO", false, 4),
    column("QUEUE", true, 0),
    column("BACKLOG", true, 2),
    column("FILL", false, 3),
    column("PEAK", true, 6),
    column("ACCEPTED", true, 8),
    column("ACC/S", true, 4),
    column("DROPS", true, 0),
    column("DROPS/S", true, 5),
    column("WAITED", true, 9),
    column("REFUSED", true, 7),
    column("REQS", true, 14),
    column("REQ/S", true, 13),
    column("LEFT", true, 12),
];

/// Where a probe watches the queues.
const PROBED: &[Column] = &[
    column("WAIT p50", true, 6),
    column("p99", true, 2),
    column("DEPTH", true, 10),
    column("FULL", true, 11),
    column("RETRANS", true, 15),
];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let probed = picture.sockets.iter().any(|socket| socket.accept.is_some());
    let mut columns = if picture.deep { DEEP } else { PLAIN }.to_vec();
    if picture.deep && probed {
        columns.extend_from_slice(PROBED);
    }
    let sockets = picture.sockets.iter().enumerate();
    let mut rows: Vec<Row> =
        sockets.map(|(at, socket)| row(context, picture, (at, socket), probed)).collect();
    let fronts = picture.gateways.iter().enumerate();
    rows.extend(fronts.map(|(at, gateway)| front(context, picture, at, gateway)));
    Page {
        head: vec![summary(context, picture)],
        table: Some(Table::new(&columns, rows)),
        tail: notes(context, picture),
    }
}

/// The socket at this place in a picture, if it is the same one.
fn same<'a>(picture: &'a Picture, at: usize, name: &str) -> Option<&'a Socket> {
    picture.sockets.get(at).filter(|socket| socket.name == name)
}

fn row(
    context: &Context<'_>,
    picture: &Picture,
    (at, socket): (usize, &Socket),
    probed: bool,
) -> Row {
    let past = &context.state.past;
    let peak = context.state.peaks.of(&socket.name).unwrap_or(socket.queue);
    let told = socket.max_queue > 0;
    let proto = if socket.proto.is_empty() { "front" } else { &socket.proto };
    let mut cells = vec![Cell::text(socket.name.as_str()), Cell::text(proto)];
    cells.extend(queue(context, socket.queue, socket.max_queue));
    cells.push(if told { Cell::count(peak) } else { Cell::none() });
    if !picture.deep {
        let yes = |is| Cell::text(if is { "yes" } else { "-" });
        cells.extend([yes(socket.shared), yes(socket.can_offload)]);
        return Row::new(format!("{at}:{}", socket.name), cells);
    }
    let counted = |value: Option<u64>| value.map_or_else(Cell::none, Cell::count);
    let rated = |of: fn(&Socket) -> Option<u64>| {
        rate(past.rate(|picture| same(picture, at, &socket.name).and_then(of)))
    };
    let refused = socket.refused.iter().map(|end| end.count).fold(0, u64::saturating_add);
    cells.extend([
        counted(socket.accepted),
        rated(|s| s.accepted),
        socket.drops.map_or_else(Cell::none, |count| unwanted(count, Paint::Bad)),
        rated(|s| s.drops),
        counted(socket.waited),
        unwanted(refused, Paint::Warn),
        counted(socket.requests),
        rated(|s| s.requests),
        socket.aborted.map_or_else(Cell::none, |count| unwanted(count, Paint::Warn)),
    ]);
    if probed {
        cells.extend(accept(socket));
    }
    Row {
        below: reasons(socket, context.width),
        ..Row::new(format!("{at}:{}", socket.name), cells)
    }
}

/// The queue, its bound and how full that is; dashes where the source does not tell.
fn queue(context: &Context<'_>, queue: u64, most: u64) -> [Cell; 3] {
    if most == 0 {
        return [Cell::none(), Cell::none(), Cell::none()];
    }
    let share = queue as f64 / most as f64;
    let paint = fullness(share);
    [
        Cell::count(queue).painted(paint),
        Cell::count(most),
        Cell::number(share, bar(share, BAR, context.utf8)).painted(paint),
    ]
}

fn fullness(share: f64) -> Paint {
    match share {
        share if share >= 0.8 => Paint::Bad,
        share if share >= 0.25 => Paint::Warn,
        _ => Paint::Plain,
    }
}

/// Waits until accepted, the mean queue that a connection found, how often it was full, and segments
/// sent again.
fn accept(socket: &Socket) -> Vec<Cell> {
    let Some(accept) = &socket.accept else { return vec![Cell::none(); PROBED.len()] };
    let wait = |us: u64| match accept.count {
        0 => Cell::none(),
        _ => Cell::number(us as f64, human::duration(us)),
    };
    let depth = match accept.established {
        0 => Cell::none(),
        count => {
            let mean = accept.depth_sum as f64 / count as f64;
            Cell::number(mean, format!("{mean:.1}"))
        }
    };
    let again = accept.retransmits.map_or_else(Cell::none, Cell::count);
    vec![wait(accept.p50), wait(accept.p99), depth, unwanted(accept.full, Paint::Bad), again]
}

/// Why requests were refused, below their socket.
fn reasons(socket: &Socket, width: usize) -> Vec<Line> {
    if socket.refused.is_empty() {
        return Vec::new();
    }
    let words = |reason: &str| match reason {
        "oversize" => "too large (buffer-size)".to_owned(),
        "bad" => "not the protocol".to_owned(),
        "timeout" => "not in time (socket-timeout)".to_owned(),
        "eof" => "closed by the client".to_owned(),
        "vars" => "too many variables (max-vars)".to_owned(),
        "limit_post" => "body too large (limit-post)".to_owned(),
        "slow_head" => "head too slow (socket-header-timeout)".to_owned(),
        "slow_body" => "body too slow (socket-body-timeout)".to_owned(),
        "slow_reader" => "response taken too slowly (socket-response-timeout)".to_owned(),
        other => other.to_owned(),
    };
    let told = socket.refused.iter().map(|end| format!("{} {}", end.count, words(&end.reason)));
    let text = format!("refused: {}", told.collect::<Vec<_>>().join(", "));
    below(&text, width, Paint::Hint)
}

/// The front of a router process.
fn front(context: &Context<'_>, picture: &Picture, at: usize, gateway: &Gateway) -> Row {
    let name = format!("{} router, process {}", gateway.name, gateway.process.pid);
    let mut cells = vec![Cell::text(name), Cell::text("front")];
    cells.extend(queue(context, gateway.listen_queue, gateway.max_queue));
    if picture.deep {
        let past = &context.state.past;
        let drops = |picture: &Picture| picture.gateways.get(at).map(|gateway| gateway.drops);
        cells.extend([Cell::none(), Cell::none(), Cell::none()]);
        cells.push(unwanted(gateway.drops, Paint::Bad));
        cells.push(rate(past.rate(drops)));
        cells.extend([Cell::none(), unwanted(gateway.bad_requests, Paint::Warn)]);
    }
    Row::new(format!("front:{at}"), cells)
}

/// Queue and bound of the socket that is closest to its bound.
fn fullest(picture: &Picture) -> Option<(u64, u64)> {
    let sockets = picture.sockets.iter().map(|socket| (socket.queue, socket.max_queue));
    let fronts = picture.gateways.iter().map(|gateway| (gateway.listen_queue, gateway.max_queue));
    let told = sockets.chain(fronts).filter(|(_, most)| *most > 0);
    let share = |(queue, most): &(u64, u64)| *queue as f64 / *most as f64;
    told.max_by(|a, b| share(a).total_cmp(&share(b)))
}

/// ` 10 of 64 wait in the fullest queue; 12 connections turned away so far, 3/s now`.
fn summary(context: &Context<'_>, picture: &Picture) -> Line {
    let mut line = match fullest(picture) {
        Some((queue, most)) => {
            let paint = match fullness(queue as f64 / most as f64) {
                Paint::Plain => Paint::Strong,
                paint => paint,
            };
            Line::of(format!(" {queue} of {most} wait in the fullest queue"), paint)
        }
        None => Line::of(" the source does not tell how many wait", Paint::Hint),
    };
    let drops = |picture: &Picture| {
        let sockets = picture.sockets.iter().filter_map(|socket| socket.drops);
        let fronts = picture.gateways.iter().map(|gateway| gateway.drops);
        sockets.chain(fronts).fold(0, u64::saturating_add)
    };
    let lost = drops(picture);
    let told = picture.sockets.iter().any(|socket| socket.drops.is_some());
    if told && lost == 0 {
        line = line.and("; nobody was turned away", Paint::Plain);
    } else if lost > 0 {
        let now = context.state.past.rate(|picture| Some(drops(picture)));
        let now = now.map(|rate| format!(", {}/s now", human::rate(Some(rate))));
        let text = format!("; {lost} turned away so far{}", now.unwrap_or_default());
        line = line.and(text, Paint::Bad);
    }
    line
}

/// What the numbers do not say by themselves.
fn notes(context: &Context<'_>, picture: &Picture) -> Vec<Line> {
    let mut notes = Vec::new();
    let largest = picture.sockets.iter().map(|socket| socket.max_queue).max().unwrap_or(0);
    match picture.somaxconn {
        Some(most) if largest >= most => notes.push(format!(
            "The backlog is as long as the kernel allows (net.core.somaxconn = {most}): raise that \
             before listen."
        )),
        Some(most) => notes.push(format!(
            "listen may be raised up to {most} (net.core.somaxconn) if queues come close to it."
        )),
        None => {}
    }
    if !picture.deep && picture.sockets.iter().any(|socket| socket.max_queue == 0) {
        notes.push("The server does not tell the queues of UNIX sockets.".to_owned());
    }
    notes.iter().flat_map(|note| below(note, context.width, Paint::Hint)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;
    use crate::picture::{Accept, End, Process};
    use crate::screens;
    use crate::state::Key;

    const DOCUMENT: &[u8] = include_bytes!("../../tests/documents/c-requests.json");

    fn sockets(second: u64) -> Picture {
        let accept = Accept {
            count: 5_000,
            p50: 120,
            p99: 480_000,
            established: 5_000,
            depth_sum: 190_000,
            full: 31,
            retransmits: Some(7),
        };
        let socket = |name: &str, proto: &str, queue, drops| Socket {
            name: name.to_owned(),
            proto: proto.to_owned(),
            queue,
            max_queue: 100,
            accepted: Some(90_000 + 260 * second),
            drops: Some(drops),
            waited: Some(400),
            requests: Some(180_000 + 520 * second),
            aborted: Some(17),
            ..Socket::default()
        };
        let mut busy = socket("0.0.0.0:8080", "http", 97 - 20 * second, 12 + 3 * second);
        busy.accept = Some(accept);
        busy.refused = vec![
            End { reason: "oversize".into(), count: 3 },
            End { reason: "eof".into(), count: 41 },
        ];
        let quiet = socket("/run/uwsgi/app.sock", "uwsgi", 0, 0);
        let only_probed = Socket { name: "0.0.0.0:443".into(), ..Socket::default() };
        let front = Gateway {
            name: "http".into(),
            process: Process { pid: 4_100, ..Process::default() },
            listen_queue: 2,
            max_queue: 100,
            ..Gateway::default()
        };
        Picture {
            sockets: vec![busy, quiet, only_probed],
            gateways: vec![front],
            somaxconn: Some(4_096),
            ..screens::deep(second)
        }
    }

    #[test]
    fn screens_of_the_view() {
        screens::view(Id::Sockets, sockets);
    }

    #[test]
    fn a_document_of_the_c_server_says_what_it_cannot_tell() {
        let mut app = screens::fed(|_| parse(DOCUMENT).unwrap());
        app.press(Key::View(Id::Sockets));
        let screen = screens::grid(&mut app, true, (80, 24));
        screens::same_as_file("sockets-plain-80x24.txt", &screen);
        assert!(screen.contains("does not tell the queues of UNIX sockets"), "{screen}");
    }

    #[test]
    fn nobody_is_said_to_be_welcome_where_drops_are_not_told() {
        let said = |drops| {
            let mut app = screens::fed(move |second| {
                let mut picture = sockets(second);
                picture.sockets.iter_mut().for_each(|socket| socket.drops = drops);
                picture
            });
            app.press(Key::View(Id::Sockets));
            screens::grid(&mut app, true, (200, 60)).contains("nobody was turned away")
        };
        assert_eq!((said(Some(0)), said(Some(1)), said(None)), (true, false, false));
    }

    #[test]
    fn the_backlog_at_the_bound_of_the_kernel_is_told() {
        let picture = |most| Picture { somaxconn: Some(most), ..sockets(0) };
        let told = |most| {
            let mut app = screens::fed(move |_| picture(most));
            app.press(Key::View(Id::Sockets));
            screens::grid(&mut app, true, (200, 60))
        };
        assert!(told(100).contains("raise that before listen"));
        assert!(told(4_096).contains("listen may be raised up to 4096"));
    }
}
