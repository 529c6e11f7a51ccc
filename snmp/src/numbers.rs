//! The tree of an instance: the two fixed tables, the metrics under their OIDs, the system group.
//!
//! Under the branch lie `1` (requests of all and of each worker) and `2` (values of applications);
//! everything else is a metric whose OID it is, so metrics whose OID begins with `1` or `2` are not
//! to be seen. There are no instance numbers at the end.

use uwsgi_metrics::schema::Item;
use uwsgi_metrics::{Kind, Snapshot, SnmpValueCells};

use crate::oid::Oid;
use crate::pdu::VarBind;
use crate::tree::Tree;
use crate::value::Value;

/// How numbers become values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Gauges are 64 bits wide, as counters are.
    pub gauge64: bool,
    /// Gauges that do not fit show their lower 32 bits, as uWSGI does, instead of the nearest bound.
    pub wrap: bool,
}

/// What the system group says.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// sysDescr.
    pub description: String,
    /// sysName.
    pub name: String,
    /// sysUpTime: hundredths of a second.
    pub uptime: u32,
}

/// The tree of this instant.
pub fn tree(snapshot: &Snapshot, items: &[Item], system: &System, rules: Rules) -> Tree {
    let mut rows = Vec::with_capacity(items.len() + snapshot.workers.len() + 8);
    let mut add = |name: Oid, value: Value| rows.push(VarBind { name, value });
    group(system).into_iter().for_each(|(name, value)| add(name, value));
    add(Oid::ours(&[1, 1]), Value::Counter64(snapshot.requests()));
    // The table ends at 100; the metrics of the workers beyond are under 3.
    for worker in snapshot.workers.iter().filter(|worker| worker.index <= 70) {
        add(Oid::ours(&[1, 30 + worker.index]), Value::Counter64(worker.requests));
    }
    for (number, cells) in &snapshot.snmp_values {
        add(Oid::ours(&[2, *number]), application(cells));
    }
    let named = items.iter().filter_map(|item| Some((place(&item.oid)?, metric(item, rules))));
    named.for_each(|(name, value)| add(name, value));
    Tree::new(rows)
}

/// Where a metric stands; nothing for one that has no place.
fn place(oid: &[u8]) -> Option<Oid> {
    let oid = Oid::parse(std::str::from_utf8(oid).ok()?)?;
    let shadowed = matches!(oid.arcs().first(), Some(1 | 2));
    // Longer ones cannot be asked for.
    (!shadowed && oid.arcs().len() <= 100).then(|| Oid::ours(oid.arcs()))
}

fn metric(item: &Item, rules: Rules) -> Value {
    if item.kind != Kind::Gauge || rules.gauge64 {
        return Value::Counter64(item.value.cast_unsigned());
    }
    let nearest = item.value.clamp(0, u32::MAX.into()) as u32;
    Value::Gauge32(if rules.wrap { item.value as u32 } else { nearest })
}

/// The types of 32 bits are counted in 64 and wrap where they are shown.
fn application(cells: &SnmpValueCells) -> Value {
    match cells.kind {
        0x41 => Value::Counter32(cells.value as u32),
        0x42 => Value::Gauge32(cells.value as u32),
        _ => Value::Counter64(cells.value),
    }
}

/// 1.3.6.1.2.1.1: what every tool asks an agent first.
fn group(system: &System) -> [(Oid, Value); 4] {
    let name = |arc| Oid::new(&[1, 3, 6, 1, 2, 1, 1, arc, 0]);
    [
        (name(1), Value::Octets(system.description.clone().into_bytes())),
        (name(2), Value::Oid(Oid::ours(&[]))),
        (name(3), Value::TimeTicks(system.uptime)),
        (name(5), Value::Octets(system.name.clone().into_bytes())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    fn item(oid: &str, kind: Kind, value: i64) -> Item {
        Item { name: b"x".to_vec(), oid: oid.into(), kind, value }
    }

    #[test]
    fn every_number_has_its_place_and_type() {
        let shape = Shape { workers: 80, cores: 1, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        arena.core(2, 0).requests.set(5);
        arena.core(80, 0).requests.set(1);
        arena.snmp_value(7).set(0x41, u64::from(u32::MAX));
        arena.snmp_value(7).add(0x41, 2);
        arena.snmp_value(100).set(0x42, 7);
        arena.snmp_value(100).add(0x42, 9_u64.wrapping_neg());
        arena.snmp_value(101).set(0x46, 1);
        let items = [
            item("3.0.1", Kind::Counter, -1),
            item("100.1", Kind::Gauge, 5_000_000_000),
            item("100.2", Kind::Gauge, -20),
            item("100.1", Kind::Counter, 3),
            item("1.1", Kind::Counter, 77),
            item("2.9", Kind::Counter, 77),
            item("9", Kind::Absolute, 4),
            item("", Kind::Counter, 77),
            item("99999999999", Kind::Counter, 77),
        ];
        let snapshot = arena.snapshot();
        let system = System::default();
        let rules = |gauge64, wrap| Rules { gauge64, wrap };
        let of =
            |rules, arcs: &[u32]| tree(&snapshot, &items, &system, rules).get(&Oid::ours(arcs));
        let plain = Rules::default();
        for (rules, arcs, want) in [
            (plain, &[1, 1][..], Value::Counter64(6)),
            (plain, &[1, 32], Value::Counter64(5)),
            (plain, &[1, 100], Value::Counter64(0)),
            (plain, &[1, 101], Value::NoSuchInstance),
            (plain, &[2, 7], Value::Counter32(1)),
            (plain, &[2, 100], Value::Gauge32(4_294_967_294)),
            (plain, &[2, 9], Value::Null),
            (plain, &[3, 0, 1], Value::Counter64(u64::MAX)),
            (plain, &[100, 1], Value::Gauge32(u32::MAX)),
            (rules(false, true), &[100, 1], Value::Gauge32(705_032_704)),
            (rules(true, false), &[100, 1], Value::Counter64(5_000_000_000)),
            (plain, &[100, 2], Value::Gauge32(0)),
            (rules(false, true), &[100, 2], Value::Gauge32(4_294_967_276)),
            (plain, &[9], Value::Counter64(4)),
        ] {
            assert_eq!(of(rules, arcs), want, "{arcs:?} {rules:?}");
        }
    }
}
