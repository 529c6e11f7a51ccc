//! `UWSGI-MIB.txt`: a name for each object of the agent, from the table.
//!
//! The agent's objects have no instance suffix and the number of a worker lies in front of the
//! figure, so that SMI's tables cannot tell them; each is a scalar of its own, for as many workers,
//! sockets and so on as [`COUNTS`] says. Objects beyond these answer as well and show their numbers
//! instead of names.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use uwsgi_metrics::Kind;
use uwsgi_metrics::schema::{Group, Metric, TABLE, Unit};

/// How many of a kind are named: group, first, last.
const COUNTS: [(Group, u32, u32); 13] = [
    // Worker 0 is the sum of all.
    (Group::Worker, 0, 16),
    (Group::Core, 1, 4),
    (Group::App, 1, 8),
    (Group::Socket, 0, 7),
    (Group::Gateway, 1, 4),
    (Group::Mule, 1, 8),
    (Group::Alarm, 1, 8),
    (Group::Pusher, 0, 7),
    (Group::KernelWorker, 1, 16),
    (Group::KernelSocket, 0, 7),
    (Group::Probe, 1, 8),
    (Group::Daemon, 1, 8),
    (Group::Logger, 1, 8),
];
/// Cores of a worker that are named.
const CORES: u32 = 4;
/// Applications of a worker that are named.
const APPS: u32 = 2;
/// Workers that the older branch 1 names: 31 is worker 1.
const OLD_WORKERS: u32 = 16;
/// Changes with the meaning of objects, not with every build.
const REVISION: &str = "202611200000Z";

const HEAD: &str = r#"IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, Counter64, Gauge32, enterprises
        FROM SNMPv2-SMI
    TEXTUAL-CONVENTION
        FROM SNMPv2-TC
    MODULE-COMPLIANCE, OBJECT-GROUP, NOTIFICATION-GROUP
        FROM SNMPv2-CONF;
"#;

/// A node of the tree by its OID relative to the server's branch.
enum Node {
    /// A name for a branch.
    Branch(String),
    /// A number.
    Object { name: String, kind: Kind, unit: Option<&'static str>, text: String },
}

impl Node {
    fn name(&self) -> &str {
        match self {
            Node::Branch(name) | Node::Object { name, .. } => name,
        }
    }
}

type Tree = BTreeMap<Vec<u32>, Node>;

/// The module.
pub(crate) fn text() -> String {
    let tree = tree();
    let mut out = String::from(
        "-- Made from the table of metrics: `make docs`.\nUWSGI-MIB DEFINITIONS ::= BEGIN\n\n",
    );
    out.push_str(HEAD);
    identity(&mut out);
    for (oid, node) in &tree {
        let parent = match oid.split_last() {
            Some((_, above)) if !above.is_empty() => tree.get(above).map_or("uwsgi", Node::name),
            _ => "uwsgi",
        };
        let last = oid.last().copied().unwrap_or_default();
        write_node(&mut out, node, &format!("{{ {parent} {last} }}"));
    }
    ends(&mut out, &tree);
    out.push_str("END\n");
    out
}

/// All nodes, with a branch above each object that has none.
fn tree() -> Tree {
    let mut tree = Tree::new();
    older(&mut tree);
    for metric in TABLE {
        let Some((name, oid)) = metric.classic else { continue };
        for (n, m) in indices(metric) {
            // Of two metrics with one OID the first answers.
            tree.entry(numbers(oid, n, m)).or_insert_with(|| object(metric, name, n, m));
        }
    }
    let objects: Vec<Vec<u32>> = tree.keys().cloned().collect();
    for oid in objects {
        for length in 1..oid.len() {
            let above = oid[..length].to_vec();
            tree.entry(above.clone()).or_insert_with(|| Node::Branch(branch(&above)));
        }
    }
    tree
}

/// Branch 1: the numbers of the time before the metric list.
fn older(tree: &mut Tree) {
    let count =
        |name: String, text: String| Node::Object { name, kind: Kind::Counter, unit: None, text };
    let all = count("uwsgiRequests".to_owned(), "Requests closed by all workers.".to_owned());
    tree.insert(vec![1, 1], all);
    for worker in 1..=OLD_WORKERS {
        let name = format!("uwsgiRequestsOfWorker{worker}");
        tree.insert(
            vec![1, 30 + worker],
            count(name, format!("Requests closed by worker {worker}.")),
        );
    }
}

fn indices(metric: &Metric) -> Vec<(u32, u32)> {
    let known = COUNTS.iter().find(|(group, ..)| *group == metric.group);
    let (first, last) = known.map_or((0, 0), |(_, first, last)| (*first, *last));
    let within = match metric.group {
        Group::Core => CORES,
        Group::App => APPS,
        _ => 1,
    };
    (first..=last).flat_map(|n| (0..within).map(move |m| (n, m))).collect()
}

/// The OID with numbers for its letters.
fn numbers(oid: &str, n: u32, m: u32) -> Vec<u32> {
    let part = |part: &str| match part {
        "N" | "K" => n,
        "M" => m,
        number => number.parse().unwrap_or_default(),
    };
    oid.split('.').map(part).collect()
}

fn object(metric: &'static Metric, name: &str, n: u32, m: u32) -> Node {
    let family = metric.family.map(|family| format!(" Prometheus: {family}.")).unwrap_or_default();
    let zero =
        if metric.group == Group::Worker && n == 0 { " Worker 0 is all of them." } else { "" };
    Node::Object {
        name: camel(name, n, m),
        kind: metric.kind,
        unit: unit(metric.unit),
        text: format!("{}{zero} Metric {}.{family}", metric.help, filled(name, n, m)),
    }
}

fn filled(name: &str, n: u32, m: u32) -> String {
    let parts = name.split('.').map(|part| match part {
        "N" | "K" => n.to_string(),
        "M" => m.to_string(),
        word => word.to_owned(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// `worker.N.avg_rt` becomes `uwsgiWorker3AvgRt`.
fn camel(name: &str, n: u32, m: u32) -> String {
    let mut out = String::from("uwsgi");
    for word in filled(name, n, m).split(['.', '_']) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// The name of a branch, after the objects that lie in it.
fn branch(oid: &[u32]) -> String {
    let under = |metric: &&Metric| {
        let pattern = metric.classic.map(|(_, oid)| oid).unwrap_or_default();
        pattern.split('.').next().and_then(|first| first.parse().ok()) == oid.first().copied()
    };
    let word = TABLE.iter().find(under).and_then(|metric| metric.classic?.0.split('.').next());
    let word = match oid[0] {
        1 => "older",
        // These lie beside the figures of the instance.
        5 => "instance",
        // A worker and a number lie in front of the figure.
        16 => "worker.app",
        20 => "kernel.worker",
        21 => "kernel.socket",
        _ => word.unwrap_or("other"),
    };
    let mut name = camel(word, 0, 0);
    name.push_str(if oid.len() == 1 && oid[0] != 1 { "Branch" } else { "" });
    for (depth, number) in oid.iter().enumerate().skip(1) {
        let _ = write!(name, "{}{number}", if depth > 1 { "At" } else { "" });
    }
    name
}

fn unit(unit: Unit) -> Option<&'static str> {
    (unit != Unit::Count).then(|| unit.as_str())
}

fn identity(out: &mut String) {
    let objects = carried();
    let _ = write!(
        out,
        r#"
uwsgi MODULE-IDENTITY
    LAST-UPDATED "{REVISION}"
    ORGANIZATION "uwsgi-rs"
    CONTACT-INFO "The documentation of the server, docs/snmp.md."
    DESCRIPTION
        "The numbers of an instance of the uWSGI application server.
         Objects have no instance suffix: ask for them as they are named here,
         without a final .0. Gauges are 32 bits wide, everything else is a
         Counter64. Branch 2 holds what the application sets, 2.1 to 2.100."
    REVISION "{REVISION}"
    DESCRIPTION "The metric list with its extension."
    ::= {{ unbit 17 }}

unbit OBJECT IDENTIFIER ::= {{ enterprises 35156 }}

UwsgiText ::= TEXTUAL-CONVENTION
    DISPLAY-HINT "1024t"
    STATUS current
    DESCRIPTION "Text in UTF-8; longer than a DisplayString, and in any language."
    SYNTAX OCTET STRING (SIZE (0..1024))

uwsgiNotifications OBJECT IDENTIFIER ::= {{ uwsgi 0 }}

uwsgiAlarm NOTIFICATION-TYPE
    OBJECTS {{ uwsgiAlarmMessage, uwsgiAlarmName }}
    STATUS current
    DESCRIPTION
        "An alarm was raised. One of a threshold also carries its key, value,
         bound, state and since when."
    ::= {{ uwsgiNotifications 1 }}

uwsgiAlarmObjects OBJECT IDENTIFIER ::= {{ uwsgiNotifications 2 }}

{objects}
uwsgiApplicationBranch OBJECT IDENTIFIER ::= {{ uwsgi 2 }}

"#
    );
}

/// What notifications carry: name, syntax, description, in the order of their numbers.
const CARRIED: [(&str, &str, &str); 7] = [
    ("uwsgiAlarmMessage", "UwsgiText", "The message as it was raised, at most 1024 bytes."),
    ("uwsgiAlarmName", "UwsgiText", "The name of the alarm."),
    ("uwsgiAlarmKey", "UwsgiText", "Of a threshold: its metric."),
    ("uwsgiAlarmValue", "UwsgiText", "Of a threshold: the number that was compared."),
    ("uwsgiAlarmBound", "UwsgiText", "Of a threshold: what it was compared with."),
    (
        "uwsgiAlarmState",
        "INTEGER { firing(1), resolved(2) }",
        "Of a threshold: whether it began or ended.",
    ),
    ("uwsgiAlarmSince", "Counter64", "Of a threshold: since when, epoch seconds."),
];

fn carried() -> String {
    let one = |(number, (name, syntax, text)): (usize, &(&str, &str, &str))| {
        format!(
            "{name} OBJECT-TYPE\n    SYNTAX {syntax}\n    MAX-ACCESS accessible-for-notify\n    STATUS current\n    DESCRIPTION \"{text}\"\n    ::= {{ uwsgiAlarmObjects {number} }}\n\n"
        )
    };
    (1..).zip(&CARRIED).map(one).collect()
}

fn write_node(out: &mut String, node: &Node, place: &str) {
    let _ = match node {
        Node::Branch(name) => write!(out, "{name} OBJECT IDENTIFIER ::= {place}\n\n"),
        Node::Object { name, kind, unit, text } => {
            let syntax = if *kind == Kind::Gauge { "Gauge32" } else { "Counter64" };
            let units = unit.map(|unit| format!("    UNITS \"{unit}\"\n")).unwrap_or_default();
            write!(
                out,
                "{name} OBJECT-TYPE\n    SYNTAX {syntax}\n{units}    MAX-ACCESS read-only\n    STATUS current\n    DESCRIPTION \"{text}\"\n    ::= {place}\n\n"
            )
        }
    };
}

/// What belongs together, and that an agent may leave out what it does not have.
fn ends(out: &mut String, tree: &Tree) {
    let names: Vec<&str> =
        tree.values().filter(|node| matches!(node, Node::Object { .. })).map(Node::name).collect();
    let _ = write!(
        out,
        r#"uwsgiConformance OBJECT IDENTIFIER ::= {{ uwsgi 1000 }}

uwsgiNumbers OBJECT-GROUP
    OBJECTS {{
        {}
    }}
    STATUS current
    DESCRIPTION "All numbers that have a name."
    ::= {{ uwsgiConformance 1 }}

uwsgiAlarmNumbers OBJECT-GROUP
    OBJECTS {{
        uwsgiAlarmMessage, uwsgiAlarmName, uwsgiAlarmKey, uwsgiAlarmValue,
        uwsgiAlarmBound, uwsgiAlarmState, uwsgiAlarmSince
    }}
    STATUS current
    DESCRIPTION "What notifications carry."
    ::= {{ uwsgiConformance 4 }}

uwsgiMessages NOTIFICATION-GROUP
    NOTIFICATIONS {{ uwsgiAlarm }}
    STATUS current
    DESCRIPTION "What is sent without being asked for."
    ::= {{ uwsgiConformance 2 }}

uwsgiCompliance MODULE-COMPLIANCE
    STATUS current
    DESCRIPTION "An agent has the objects of the workers, sockets and so on that exist."
    MODULE
        GROUP uwsgiNumbers
        DESCRIPTION "As far as they exist."
        GROUP uwsgiAlarmNumbers
        DESCRIPTION "As far as an alarm has them."
        GROUP uwsgiMessages
        DESCRIPTION "When an alarm of the configuration sends them."
    ::= {{ uwsgiConformance 3 }}

"#,
        names.join(",\n        ")
    );
}
