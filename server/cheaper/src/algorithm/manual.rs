//! manual: the number changes only through the master FIFO and the limits of memory.

use super::{Algorithm, View};
use crate::Line;

#[derive(Debug)]
pub(super) struct Manual;

impl Algorithm for Manual {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn decide(&mut self, _: &View<'_>, _: &mut Vec<Line>) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::tests::ask;
    use crate::fixture::{at, settings};

    #[test]
    fn no_load_moves_it() {
        let settings = settings("manual");
        for (second, counts) in [(1, (1, 0, 3)), (2, (0, 4, 0)), (3, (0, 0, 4))] {
            let snapshot = crate::Snapshot { backlog: 900, ..at(second, counts) };
            assert_eq!(ask(&mut Manual, &settings, &snapshot, true), (0, Vec::new()));
        }
    }
}
