//! Documents of emperors and routers, and what an instance tells of its routers and legions.

use serde_json::{Map, Value};

use super::{list, number, objects, text};
use crate::human::clean;
use crate::picture::{
    Banned, Emperor, Gateway, Legion, Member, Node, Router, StaticNode, Subscription, Vassal,
};

/// The document of an emperor; `None` of anybody else.
pub(super) fn emperor(top: &Map<String, Value>) -> Option<Emperor> {
    top.contains_key("vassals").then(|| Emperor {
        monitors: texts(top, "emperor"),
        tyrant: number(top, "emperor_tyrant"),
        vassals: objects(top, "vassals").map(vassal).collect(),
        banned: objects(top, "blacklist").map(banned).collect(),
    })
}

fn vassal(row: &Map<String, Value>) -> Vassal {
    Vassal {
        id: text(row, "id"),
        pid: row.get("pid").and_then(Value::as_i64).unwrap_or(0),
        born: number(row, "born"),
        last_mod: number(row, "last_mod"),
        last_heartbeat: number(row, "last_heartbeat"),
        loyal: number(row, "loyal") != 0,
        ready: number(row, "ready") != 0,
        accepting: number(row, "accepting") != 0,
        first_run: number(row, "first_run"),
        last_run: number(row, "last_run"),
        cursed: number(row, "cursed"),
        zerg: number(row, "zerg") != 0,
        on_demand: text(row, "on_demand"),
        uid: number(row, "uid"),
        gid: number(row, "gid"),
        monitor: text(row, "monitor"),
        respawns: number(row, "respawns"),
    }
}

fn banned(row: &Map<String, Value>) -> Banned {
    Banned {
        id: text(row, "id"),
        throttle_level: number(row, "throttle_level"),
        attempts: number(row, "attempt"),
        first_attempt: number(row, "first_attempt"),
        last_attempt: number(row, "last_attempt"),
    }
}

/// The document of a router's own stats server; `None` of anybody else. The list of its sockets is
/// named after it.
pub(super) fn router(top: &Map<String, Value>) -> Option<Router> {
    let is_router = top.contains_key("active_sessions") && !top.contains_key("workers");
    let words = |value: &Value| value.as_array().is_some_and(|l| l.iter().all(Value::is_string));
    let others = ["static_nodes", "subscriptions"];
    let sockets = top.iter().find(|(name, value)| words(value) && !others.contains(&name.as_str()));
    let name = sockets.map(|(name, _)| name.as_str()).unwrap_or_default();
    is_router.then(|| Router {
        name: clean(name),
        active_sessions: number(top, "active_sessions"),
        sockets: texts(top, name),
        cheap: number(top, "cheap") != 0,
        static_nodes: objects(top, "static_nodes").map(static_node).collect(),
        subscriptions: objects(top, "subscriptions").map(subscription).collect(),
    })
}

fn static_node(row: &Map<String, Value>) -> StaticNode {
    StaticNode { name: text(row, "name"), hits: number(row, "hits"), grace: number(row, "grace") }
}

fn subscription(row: &Map<String, Value>) -> Subscription {
    Subscription {
        key: text(row, "key"),
        hits: number(row, "hits"),
        nodes: objects(row, "nodes").map(node).collect(),
    }
}

fn node(row: &Map<String, Value>) -> Node {
    Node {
        name: text(row, "name"),
        pid: number(row, "pid"),
        requests: number(row, "requests"),
        last_check: number(row, "last_check"),
        tx: number(row, "tx"),
        rx: number(row, "rx"),
        cores: number(row, "cores"),
        load: number(row, "load"),
        weight: number(row, "weight"),
        references: number(row, "ref"),
        failures: number(row, "failcnt"),
        death_mark: number(row, "death_mark") != 0,
    }
}

/// The routers of an instance of ours.
pub(super) fn gateways(top: &Map<String, Value>) -> Vec<Gateway> {
    objects(top, "gateways").map(gateway).collect()
}

fn gateway(row: &Map<String, Value>) -> Gateway {
    let nothing = Map::new();
    let waits = row.get("waits").and_then(Value::as_object).unwrap_or(&nothing);
    Gateway {
        name: text(row, "name"),
        process: super::jobs::process(row),
        respawns: number(row, "respawns"),
        active_sessions: number(row, "active_sessions"),
        requests: number(row, "requests"),
        rx: number(row, "rx"),
        tx: number(row, "tx"),
        errors: number(row, "errors"),
        bad_requests: number(row, "bad_requests"),
        timeouts: number(row, "timeouts"),
        queue: number(row, "queue"),
        waits: (number(waits, "count"), number(waits, "sum_us")),
        listen_queue: number(row, "listen_queue"),
        max_queue: number(row, "max_queue"),
        drops: number(row, "drops"),
    }
}

/// The legions an instance is in.
pub(super) fn legions(top: &Map<String, Value>) -> Vec<Legion> {
    objects(top, "legions").map(legion).collect()
}

fn legion(row: &Map<String, Value>) -> Legion {
    Legion {
        name: text(row, "legion"),
        addr: text(row, "addr"),
        uuid: text(row, "uuid"),
        valor: number(row, "valor"),
        checksum: number(row, "checksum"),
        quorum: number(row, "quorum"),
        lord_since: number(row, "i_am_the_lord"),
        lord_valor: number(row, "lord_valor"),
        lord_uuid: text(row, "lord_uuid"),
        nodes: texts(row, "nodes"),
        members: objects(row, "members").map(member).collect(),
    }
}

fn member(row: &Map<String, Value>) -> Member {
    Member {
        name: text(row, "name"),
        uuid: text(row, "uuid"),
        valor: number(row, "valor"),
        checksum: number(row, "checksum"),
        last_seen: number(row, "last_seen"),
    }
}

fn texts(row: &Map<String, Value>, key: &str) -> Vec<String> {
    list(row, key).iter().filter_map(Value::as_str).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use crate::document::parse;
    use crate::picture::{Body, Picture};

    fn captured(name: &str) -> Picture {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents/");
        parse(&std::fs::read(format!("{folder}{name}")).unwrap()).unwrap()
    }

    #[test]
    fn an_emperor_of_the_c_server_with_a_vassal_that_fails() {
        let Body::Emperor(emperor) = captured("c-emperor.json").body else { panic!("no emperor") };
        assert_eq!(emperor.monitors, ["/srv/vassals"]);
        let told: Vec<_> = emperor
            .vassals
            .iter()
            .map(|v| (v.id.as_str(), v.pid > 0, v.accepting, v.cursed > 0, v.on_demand.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("shop.ini", true, true, false, ""),
                ("lazy.ini", false, false, false, "/srv/lazy.sock"),
                ("broken.ini", true, false, true, ""),
            ]
        );
        let held: Vec<_> =
            emperor.banned.iter().map(|b| (b.id.as_str(), b.throttle_level, b.attempts)).collect();
        assert_eq!(held, [("broken.ini", 6001, 6), ("stubborn.ini", 1, 0)]);
    }

    #[test]
    fn routers_of_the_c_server() {
        let Body::Router(router) = captured("c-fastrouter.json").body else { panic!("no router") };
        assert_eq!((router.name.as_str(), router.sockets.len()), ("fastrouter", 2));
        let shop = router.subscriptions.iter().find(|s| s.key == "shop.example.org").unwrap();
        let nodes: Vec<_> = shop.nodes.iter().map(|n| (n.name.as_str(), n.weight)).collect();
        assert_eq!(nodes, [("127.0.0.1:19186", 1), ("127.0.0.1:19183", 3)]);
        let Body::Router(router) = captured("c-http-router.json").body else { panic!("no router") };
        assert_eq!(router.name, "http");
        assert_eq!(router.static_nodes[0].hits, 8);
        assert!(router.static_nodes[1].grace > 0);
    }

    /// The C server leaves a comma behind the sockets when it has another router.
    #[test]
    fn a_stray_comma_is_read_over() {
        let Body::Router(router) = captured("c-two-routers.json").body else { panic!("no router") };
        assert_eq!(router.sockets, ["127.0.0.1:19184"]);
    }

    #[test]
    fn a_legion_and_its_members() {
        let picture = captured("c-legion.json");
        let [legion] = picture.legions.as_slice() else { panic!("{:?}", picture.legions) };
        assert_eq!((legion.name.as_str(), legion.quorum, legion.valor), ("fleet", 2, 30));
        assert!(legion.lord_since > 0 && legion.lord_uuid == legion.uuid);
        let valors: Vec<u64> = legion.members.iter().map(|member| member.valor).collect();
        assert_eq!((valors, legion.nodes.len()), (vec![10, 20], 3));
    }

    #[test]
    fn gateways_of_ours_have_their_waits() {
        let json = br#"{"workers":[],"gateways":[{"name":"http","pid":7,"requests":5,"queue":2,
            "waits":{"count":4,"sum_us":800},"cpu_user_us":3,"cpu_system_us":4,"rss":9}, 3]}"#;
        let gateways = parse(json).unwrap().gateways;
        assert_eq!(gateways.len(), 1);
        assert_eq!((gateways[0].waits, gateways[0].process.cpu_time), ((4, 800), 7));
    }
}
