//! What the agent knows: names in walk order with their values, as they were at one instant.

use crate::oid::Oid;
use crate::pdu::VarBind;
use crate::value::Value;

/// A sorted list of names with values; a request costs a binary search for each name.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    rows: Vec<VarBind>,
}

impl Tree {
    /// From rows in any order. Of two with one name the earlier counts.
    pub fn new(mut rows: Vec<VarBind>) -> Tree {
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows.dedup_by(|later, earlier| later.name == earlier.name);
        Tree { rows }
    }

    /// All of them in order.
    pub fn rows(&self) -> &[VarBind] {
        &self.rows
    }

    /// The value of a name. Where there is none, the reason: the numbers 1 to 100 of the two fixed
    /// tables are there without a value, what else is missing in our branch has no instance.
    pub fn get(&self, name: &Oid) -> Value {
        match self.rows.binary_search_by(|row| row.name.cmp(name)) {
            Ok(at) => self.rows.get(at).map_or(Value::Null, |row| row.value.clone()),
            Err(_) => match name.in_branch() {
                Some([1 | 2, 1..=100]) => Value::Null,
                Some(_) => Value::NoSuchInstance,
                None => Value::NoSuchObject,
            },
        }
    }

    /// What comes after a name, whether or not there is such a name.
    pub fn after(&self, name: &Oid) -> &[VarBind] {
        let at = self.rows.partition_point(|row| row.name <= *name);
        self.rows.get(at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(arcs: &[u32], value: u32) -> VarBind {
        VarBind { name: Oid::ours(arcs), value: Value::Gauge32(value) }
    }

    #[test]
    fn the_first_of_two_rows_with_one_name_counts() {
        let tree = Tree::new(vec![row(&[9, 1], 1), row(&[3, 1], 2), row(&[9, 1], 3)]);
        assert_eq!(tree.get(&Oid::ours(&[9, 1])), Value::Gauge32(1));
        assert_eq!(tree.rows().len(), 2);
    }

    #[test]
    fn what_is_missing_says_how() {
        let tree = Tree::new(vec![row(&[1, 1], 1)]);
        for (name, want) in [
            (Oid::ours(&[1, 1]), Value::Gauge32(1)),
            (Oid::ours(&[1, 2]), Value::Null),
            (Oid::ours(&[2, 100]), Value::Null),
            (Oid::ours(&[2, 101]), Value::NoSuchInstance),
            (Oid::ours(&[2, 0]), Value::NoSuchInstance),
            (Oid::ours(&[1, 1, 0]), Value::NoSuchInstance),
            (Oid::ours(&[5]), Value::NoSuchInstance),
            (Oid::new(&[1, 3, 6, 1]), Value::NoSuchObject),
        ] {
            assert_eq!(tree.get(&name), want, "{name}");
        }
    }

    #[test]
    fn a_walk_begins_anywhere() {
        let tree = Tree::new(vec![row(&[3, 10], 3), row(&[3, 2], 1), row(&[3, 2, 5], 2)]);
        for (name, left) in [
            (Oid::new(&[1]), 3),
            (Oid::ours(&[3, 2]), 2),
            (Oid::ours(&[3, 2, 4]), 2),
            (Oid::ours(&[3, 9]), 1),
            (Oid::ours(&[3, 10]), 0),
            (Oid::new(&[2]), 0),
        ] {
            assert_eq!(tree.after(&name).len(), left, "{name}");
        }
    }
}
