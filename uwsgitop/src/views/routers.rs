//! Routers, their backends and subscriptions.
//!
//! Is a router where requests are lost or wait? Which backend is left alone, which gets the
//! requests, when was each heard last? An instance of ours tells of its own routers, process by
//! process; the stats server of a router of the C server tells of its backends.

use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Body, Gateway, Node, Picture, Router, StaticNode, Subscription};
use crate::state::past::Past;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Routers,
    key: '7',
    name: "routers",
    answers: "Do routers keep up, and which backends do they reach?",
    keys: &[],
    absent: "The source has no routers.",
    present: |_, picture| !picture.gateways.is_empty() || matches!(picture.body, Body::Router(_)),
    build: page,
};

const GATEWAYS: &[Column] = &[
    flexible("ROUTER", 0, 11),
    column("SESSIONS", true, 1),
    column("REQ", true, 3),
    column("RPS", true, 0),
    column("ERR", true, 1),
    column("TIMEOUT", true, 2),
    column("BAD", true, 5),
    column("WAITING", true, 1),
    column("WAIT", true, 4),
    column("QUEUE", true, 2),
    column("DROPS", true, 2),
    column("RX/s", true, 6),
    column("TX/s", true, 6),
    column("CPU", true, 7),
    column("RSS", true, 8),
    column("FDS", true, 11),
    column("PID", true, 9),
    column("SPAWNS", true, 10),
];

const NODES: &[Column] = &[
    flexible("KEY", 0, 16),
    flexible("NODE", 0, 14),
    column("STATE", false, 0),
    column("HEARD", true, 1),
    column("REQ", true, 2),
    column("RPS", true, 1),
    column("SHARE", true, 3),
    column("FAILED", true, 2),
    column("NOW", true, 3),
    column("LOAD", true, 5),
    column("WEIGHT", true, 4),
    column("CORES", true, 6),
    column("RX/s", true, 7),
    column("TX/s", true, 7),
    column("PID", true, 8),
];

/// The page; also the classic view of the document of a router, which has no workers.
pub(crate) fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    match &picture.body {
        Body::Router(router) => Page {
            head: vec![title(router)],
            table: Some(Table {
                empty: "no backends: nobody has subscribed and none is configured",
                ..Table::new(NODES, nodes(context, router))
            }),
            tail: Vec::new(),
        },
        _ => {
            let rows = picture.gateways.iter().enumerate();
            let rows = rows.map(|(at, gateway)| gateway_row(&context.state.past, at, gateway));
            let table = Table::new(GATEWAYS, rows.collect());
            Page { table: Some(table), ..Page::default() }
        }
    }
}

fn gateway_row(past: &Past, at: usize, gateway: &Gateway) -> Row {
    let of = |value: fn(&Gateway) -> u64| {
        past.rate(|picture: &Picture| {
            let same = |other: &&Gateway| other.name == gateway.name;
            picture.gateways.get(at).filter(same).map(value)
        })
    };
    let grows = |value: fn(&Gateway) -> u64| of(value).is_some_and(|rate| rate > 0.0);
    let alarming = |value: fn(&Gateway) -> u64| {
        let paint = if grows(value) { Paint::Bad } else { Paint::Plain };
        Cell::count(value(gateway)).painted(paint)
    };
    let process = &gateway.process;
    let state = if process.pid == 0 { " (down)" } else { "" };
    let name = Cell::text(format!("{}{state}", gateway.name));
    let full = gateway.max_queue > 0 && gateway.listen_queue >= gateway.max_queue;
    let queue = format!("{}/{}", gateway.listen_queue, gateway.max_queue);
    let cpu = of(|gateway| gateway.process.cpu_time).map(|micros| micros / 1e6);
    let cells = vec![
        name,
        Cell::count(gateway.active_sessions),
        Cell::count(gateway.requests),
        rate(of(|gateway| gateway.requests)),
        alarming(|gateway| gateway.errors),
        alarming(|gateway| gateway.timeouts),
        alarming(|gateway| gateway.bad_requests),
        Cell::count(gateway.queue).painted(if gateway.queue > 0 {
            Paint::Warn
        } else {
            Paint::Plain
        }),
        wait(past, at, gateway),
        Cell::number(gateway.listen_queue as f64, queue).painted(if full {
            Paint::Bad
        } else {
            Paint::Plain
        }),
        alarming(|gateway| gateway.drops),
        speed(of(|gateway| gateway.rx)),
        speed(of(|gateway| gateway.tx)),
        cpu.map_or_else(Cell::none, |cpu| Cell::number(cpu, human::share(cpu))),
        Cell::number(process.rss as f64, human::size(process.rss)),
        Cell::count(process.open_fds),
        Cell::count(process.pid),
        Cell::count(gateway.respawns),
    ];
    let row = Row::new(format!("{}/{at}", gateway.name), cells);
    row.painted(if process.pid == 0 { Paint::Bad } else { Paint::Plain })
}

/// The mean wait of those that waited in the last second, or of all when none did.
fn wait(past: &Past, at: usize, gateway: &Gateway) -> Cell {
    let grown = |value: fn(&Gateway) -> u64| {
        past.grown(|picture| picture.gateways.get(at).map(value)).unwrap_or(0)
    };
    let lately = (grown(|gateway| gateway.waits.0), grown(|gateway| gateway.waits.1));
    let (count, sum) = if lately.0 > 0 { lately } else { gateway.waits };
    let mean = sum.checked_div(count);
    mean.map_or_else(Cell::none, |mean| Cell::number(mean as f64, human::duration(mean)))
}

fn rate(rate: Option<f64>) -> Cell {
    rate.map_or_else(Cell::none, |rate| Cell::number(rate, human::per_second(rate)))
}

fn speed(rate: Option<f64>) -> Cell {
    rate.map_or_else(Cell::none, |rate| Cell::number(rate, human::size(rate as u64)))
}

fn title(router: &Router) -> Line {
    let sockets = router.sockets.join(", ");
    let (name, sessions) = (&router.name, router.active_sessions);
    let line = Line::title(format!(" {name} on {sockets}: "));
    let line = line.and(format!("{sessions} sessions"), Paint::Strong);
    match router.cheap {
        true => line.and(" - cheap: it waits for a subscription", Paint::Warn),
        false => line,
    }
}

/// Backends of the configuration first, then each key with its nodes, those that fail on top.
fn nodes(context: &Context<'_>, router: &Router) -> Vec<Row> {
    let all: u64 = router.static_nodes.iter().map(|node| node.hits).fold(0, u64::saturating_add);
    let fixed = router.static_nodes.iter().map(|node| static_row(context, node, all));
    let mut keys: Vec<&Subscription> = router.subscriptions.iter().collect();
    keys.sort_by_key(|one| std::cmp::Reverse(one.hits));
    let named = keys.into_iter().flat_map(|one| one.nodes.iter().map(move |node| (one, node)));
    let mut rows: Vec<Row> =
        fixed.chain(named.map(|(key, node)| node_row(context, key, node))).collect();
    rows.sort_by_key(|row| row.paint == Paint::Plain);
    rows
}

fn static_row(context: &Context<'_>, node: &StaticNode, all: u64) -> Row {
    let left = node.grace.saturating_sub(context.seconds());
    let (state, paint) = match (node.grace, left) {
        (0, _) => ("ok".to_owned(), Paint::Plain),
        (_, 0) => ("tried again".to_owned(), Paint::Warn),
        _ => (format!("left alone {}", human::age(left)), Paint::Bad),
    };
    let name = node.name.as_str();
    let hits = context.state.past.rate(|picture| {
        let Body::Router(router) = &picture.body else { return None };
        router.static_nodes.iter().find(|node| node.name == name).map(|node| node.hits)
    });
    let mut cells = vec![
        Cell::text("(configured)"),
        Cell::text(name),
        Cell::text(state),
        Cell::none(),
        Cell::count(node.hits),
        rate(hits),
        share(node.hits, all),
    ];
    cells.extend(std::iter::repeat_n(Cell::none(), NODES.len() - cells.len()));
    Row::new(name, cells).painted(paint)
}

fn node_row(context: &Context<'_>, key: &Subscription, node: &Node) -> Row {
    let (state, paint) = match node {
        Node { death_mark: true, .. } => ("to be removed", Paint::Bad),
        Node { failures: 1.., .. } => ("fails", Paint::Bad),
        _ => ("ok", Paint::Plain),
    };
    let of = |value: fn(&Node) -> u64| {
        context.state.past.rate(|picture| {
            let Body::Router(router) = &picture.body else { return None };
            let same = router.subscriptions.iter().find(|other| other.key == key.key)?;
            same.nodes.iter().find(|other| other.name == node.name).map(value)
        })
    };
    let all = key.nodes.iter().map(|node| node.requests).fold(0, u64::saturating_add);
    let heard = context.since(node.last_check);
    let heard = heard.map_or_else(Cell::none, |age| Cell::number(age as f64, human::age(age)));
    let cells = vec![
        Cell::text(key.key.as_str()),
        Cell::text(node.name.as_str()),
        Cell::text(state),
        heard,
        Cell::count(node.requests),
        rate(of(|node| node.requests)),
        share(node.requests, all),
        Cell::count(node.failures),
        Cell::count(node.references),
        Cell::count(node.load),
        Cell::count(node.weight),
        Cell::count(node.cores),
        speed(of(|node| node.rx)),
        speed(of(|node| node.tx)),
        if node.pid == 0 { Cell::none() } else { Cell::count(node.pid) },
    ];
    Row::new(format!("{} {}", key.key, node.name), cells).painted(paint)
}

fn share(part: u64, all: u64) -> Cell {
    if all == 0 {
        return Cell::none();
    }
    let share = part as f64 / all as f64;
    Cell::number(share, human::share(share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Process;
    use crate::screens::{self, NOW_SECONDS};

    fn gateway(second: u64, pid: u64) -> Gateway {
        Gateway {
            name: "http".to_owned(),
            process: Process {
                pid,
                cpu_time: 9_000_000 + 120_000 * second,
                rss: 9 << 20,
                open_fds: 120,
                ..Process::default()
            },
            respawns: 1,
            active_sessions: 37,
            requests: 123_456 + 812 * second,
            rx: 40_000_000 + 200_000 * second,
            tx: 900_000_000 + 3_000_000 * second,
            errors: 12 + second,
            timeouts: 3,
            bad_requests: 1,
            queue: 4,
            waits: (1_000 + 10 * second, 5_000_000 + 24_000 * second),
            listen_queue: 2,
            max_queue: 100,
            ..Gateway::default()
        }
    }

    fn ours(second: u64) -> Picture {
        let down = Gateway { process: Process::default(), ..gateway(0, 0) };
        Picture { gateways: vec![gateway(second, 4711), down], ..screens::deep(second) }
    }

    fn fastrouter(second: u64) -> Picture {
        let node = |name: &str, weight, second: u64| Node {
            name: name.to_owned(),
            requests: 1_000 * weight + 50 * weight * second,
            last_check: NOW_SECONDS - 4,
            tx: 10_000 + 9_000 * second,
            rx: 800 + 70 * second,
            cores: 4,
            load: 12,
            weight,
            references: 2,
            ..Node::default()
        };
        let failing =
            Node { failures: 3, last_check: NOW_SECONDS - 41, ..node("10.0.0.9:3031", 1, 0) };
        let subscriptions = vec![
            Subscription { key: "api.example.org".to_owned(), hits: 9, nodes: vec![failing] },
            Subscription {
                key: "shop.example.org".to_owned(),
                hits: 4_000,
                nodes: vec![node("10.0.0.7:3031", 1, second), node("10.0.0.8:3031", 3, second)],
            },
        ];
        let router = Router {
            name: "fastrouter".to_owned(),
            active_sessions: 5,
            sockets: vec!["127.0.0.1:3030".to_owned(), "127.0.0.1:3029".to_owned()],
            cheap: false,
            static_nodes: vec![StaticNode {
                name: "10.0.0.2:3031".to_owned(),
                hits: 77,
                grace: NOW_SECONDS + 30,
            }],
            subscriptions,
        };
        Picture { body: Body::Router(router), ..screens::instance(second) }
    }

    #[test]
    fn screens() {
        screens::view(Id::Routers, ours);
    }

    #[test]
    fn the_document_of_a_router_is_shown_by_this_view_and_by_the_classic_one() {
        let mut app = screens::fed(fastrouter);
        let classic = screens::grid(&mut app, true, (80, 24));
        app.press(crate::state::Key::View(Id::Routers));
        screens::at_every_size("fastrouter", &mut app);
        let body = |text: &str| text.lines().skip(3).take(9).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(body(&classic), body(&screens::grid(&mut app, true, (80, 24))));
    }
}
