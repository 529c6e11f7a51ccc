//! Templates in YAML, as servers from 6.0 on import them. Pure.
//!
//! Where workers are discovered, their items are prototypes of a rule, and the numbers in their keys
//! macros that the rule fills in.

use std::collections::HashSet;
use std::fmt::Write;

use uwsgi_metrics::schema::Item;

use super::super::names::{Names, Place, place};
use super::meaning::{Meaning, meaning};
use super::uuid::uuid;

/// The group of templates that every server has, and its identity there.
const GROUP: (&str, &str) = ("Templates/Applications", "a571c0d144b14fd4a87a9d9b2aa9fcd6");

/// Name of the template.
const NAME: &str = "uWSGI metrics";

/// The version that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// 6.0.
    Six,
    /// 7.0.
    Seven,
}

impl Dialect {
    fn version(self) -> &'static str {
        match self {
            Dialect::Six => "6.0",
            Dialect::Seven => "7.0",
        }
    }

    fn groups(self) -> &'static str {
        match self {
            Dialect::Six => "groups",
            Dialect::Seven => "template_groups",
        }
    }
}

/// Lines under a depth of indentation.
#[derive(Default)]
struct Lines {
    out: String,
    depth: usize,
}

impl Lines {
    /// A line as it is.
    fn line(&mut self, text: &str) {
        // Writing to memory does not fail.
        let _ = writeln!(self.out, "{:1$}{text}", "", self.depth * 2);
    }

    /// A key with a quoted text.
    fn text(&mut self, key: &str, text: &str) {
        self.line(&format!("{key}: '{}'", text.replace('\'', "''")));
    }

    fn deeper(&mut self, by: usize, inner: impl FnOnce(&mut Lines)) {
        self.depth += by;
        inner(self);
        self.depth -= by;
    }
}

/// A rule that finds something, and the items that it makes of it.
struct Rule<'a> {
    key: String,
    name: &'static str,
    /// Macros for worker and core.
    prototypes: Vec<(&'a Item, String, String)>,
}

/// The template.
pub(super) fn text(
    list: &[Item],
    names: &Names,
    resets: &HashSet<String>,
    dialect: Dialect,
) -> String {
    let (plain, rules) = split(list, names);
    let mut out = Lines::default();
    out.line("zabbix_export:");
    out.deeper(1, |out| {
        out.text("version", dialect.version());
        out.line(&format!("{}:", dialect.groups()));
        out.deeper(1, |out| {
            out.line(&format!("- uuid: {}", GROUP.1));
            out.line(&format!("  name: {}", GROUP.0));
        });
        out.line("templates:");
        out.deeper(1, |out| template(out, names, resets, &plain, &rules));
    });
    out.out
}

fn template(
    out: &mut Lines,
    names: &Names,
    resets: &HashSet<String>,
    plain: &[&Item],
    rules: &[Rule<'_>],
) {
    let anew = |item: &Item| resets.contains(&*String::from_utf8_lossy(&item.name));
    out.line(&format!("- uuid: {}", uuid(&format!("template {NAME}"))));
    out.deeper(1, |out| {
        out.text("template", NAME);
        out.text("name", NAME);
        out.text("description", "Values that a uWSGI server pushes with stats-push = zabbix.");
        out.line("groups:");
        out.line(&format!("  - name: {}", GROUP.0));
        if !plain.is_empty() {
            out.line("items:");
        }
        for item in plain {
            let name = String::from_utf8_lossy(&item.name);
            let (title, key) = (name.replace('.', " "), names.key(&name));
            out.deeper(1, |out| entry(out, "item", &title, &key, &meaning(item, anew(item)), &[]));
        }
        if !rules.is_empty() {
            out.line("discovery_rules:");
        }
        for rule in rules {
            out.deeper(1, |out| write_rule(out, rule));
        }
    });
}

fn write_rule(out: &mut Lines, rule: &Rule<'_>) {
    out.line(&format!("- uuid: {}", uuid(&format!("rule {}", rule.key))));
    out.deeper(1, |out| {
        out.text("name", rule.name);
        out.line("type: TRAP");
        out.text("key", &rule.key);
        out.text("delay", "0");
        out.line("item_prototypes:");
        for (item, title, key) in &rule.prototypes {
            let macros = ["{#WORKER}"];
            out.deeper(1, |out| {
                entry(out, "prototype", title, key, &meaning(item, false), &macros)
            });
        }
    });
}

fn entry(out: &mut Lines, what: &str, title: &str, key: &str, meaning: &Meaning, workers: &[&str]) {
    out.line(&format!("- uuid: {}", uuid(&format!("{what} {key}"))));
    out.deeper(1, |out| {
        out.text("name", title);
        out.line("type: TRAP");
        out.text("key", key);
        out.text("delay", "0");
        if !meaning.unsigned {
            out.line("value_type: FLOAT");
        }
        if !meaning.units.is_empty() {
            out.text("units", meaning.units);
        }
        if !meaning.help.is_empty() {
            out.text("description", meaning.help);
        }
        if !meaning.steps.is_empty() {
            out.line("preprocessing:");
        }
        for (step, parameter) in &meaning.steps {
            out.line(&format!("  - type: {step}"));
            out.line("    parameters:");
            out.line(&format!("      - '{parameter}'"));
        }
        out.line("tags:");
        tag(out, "component", meaning.component);
        workers.iter().for_each(|worker| tag(out, "worker", worker));
    });
}

fn tag(out: &mut Lines, tag: &str, value: &str) {
    out.line(&format!("  - tag: {tag}"));
    out.deeper(2, |out| out.text("value", value));
}

/// The items of the instance, and the rules for those of workers and cores.
fn split<'a>(list: &'a [Item], names: &Names) -> (Vec<&'a Item>, Vec<Rule<'a>>) {
    if !names.discovery {
        return (list.iter().collect(), Vec::new());
    }
    let prefix = &names.prefix;
    let rule = |key, name| Rule { key, name, prototypes: Vec::new() };
    let mut workers = rule(names.workers(), "workers");
    let mut cores = rule(names.cores(), "cores");
    let mut plain = Vec::new();
    let mut known = HashSet::new();
    for item in list {
        let Ok(name) = std::str::from_utf8(&item.name) else { continue };
        let (rule, title, key) = match place(name) {
            Place::Instance(_) => {
                plain.push(item);
                continue;
            }
            Place::Worker(_, metric) => (
                &mut workers,
                format!("worker {{#WORKER}} {metric}"),
                format!("{prefix}.worker.{metric}[{{#WORKER}}]"),
            ),
            Place::Core(_, _, metric) => (
                &mut cores,
                format!("worker {{#WORKER}} core {{#CORE}} {metric}"),
                format!("{prefix}.worker.core.{metric}[{{#WORKER}},{{#CORE}}]"),
            ),
        };
        if known.insert(key.clone()) {
            rule.prototypes.push((item, title, key));
        }
    }
    let rules = [workers, cores].into_iter().filter(|rule| !rule.prototypes.is_empty());
    (plain, rules.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::Kind;

    fn list() -> Vec<Item> {
        [
            ("core.overloaded", Kind::Counter),
            ("worker.1.total_tx", Kind::Counter),
            ("worker.1.core.0.requests", Kind::Counter),
            ("worker.2.total_tx", Kind::Counter),
            ("socket.0.listen_queue", Kind::Gauge),
        ]
        .into_iter()
        .map(|(name, kind)| Item { name: name.into(), oid: Vec::new(), kind, value: 0 })
        .collect()
    }

    fn made(discovery: bool, dialect: Dialect) -> String {
        let names = Names { prefix: "uwsgi".into(), discovery };
        text(&list(), &names, &HashSet::new(), dialect)
    }

    #[test]
    fn an_item_says_what_is_done_with_its_values() {
        let text = made(false, Dialect::Six);
        let item = text.split("\n        - uuid: ").find(|part| part.contains("worker 1 total_tx"));
        let (_, item) = item.unwrap().split_once('\n').unwrap();
        let expected = "
          name: 'worker 1 total_tx'
          type: TRAP
          key: 'uwsgi.worker.1.total_tx'
          delay: '0'
          value_type: FLOAT
          units: 'Bps'
          description: 'Bytes sent in responses.'
          preprocessing:
            - type: CHANGE_PER_SECOND
              parameters:
                - ''
          tags:
            - tag: component
              value: 'worker'";
        let known = expected.lines().filter(|line| !line.contains("description"));
        let item = item.lines().filter(|line| !line.contains("description"));
        assert_eq!(item.collect::<Vec<_>>(), known.skip(1).collect::<Vec<_>>());
    }

    #[test]
    fn versions_differ_in_their_groups() {
        let (six, seven) = (made(false, Dialect::Six), made(false, Dialect::Seven));
        assert!(six.contains("  version: '6.0'\n  groups:\n    - uuid: "));
        assert!(seven.contains("  version: '7.0'\n  template_groups:\n    - uuid: "));
        let body = |text: &str| text.split_once("  templates:").unwrap().1.to_owned();
        assert_eq!(body(&six), body(&seven));
    }

    #[test]
    fn workers_are_discovered() {
        let text = made(true, Dialect::Seven);
        for key in [
            "uwsgi.core.overloaded",
            "uwsgi.socket.0.listen_queue",
            "uwsgi.workers.discovery",
            "uwsgi.cores.discovery",
            "uwsgi.worker.total_tx[{#WORKER}]",
            "uwsgi.worker.core.requests[{#WORKER},{#CORE}]",
        ] {
            assert_eq!(text.matches(&format!("key: '{key}'\n")).count(), 1, "{key}");
        }
        assert!(!text.contains("worker.1") && !text.contains("worker.2"));
        let mut ids: Vec<_> = text.lines().filter(|line| line.contains("uuid")).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "every identity is its own");
    }
}
