//! The machine and the control group, as the observer of an instance sees them.

use uwsgi_metrics::{SystemCells, stall_at};

use crate::picture::System;

/// `None` where nobody has measured anything.
pub(super) fn system(row: &SystemCells) -> Option<System> {
    if row.looks == 0 {
        return None;
    }
    let load = |index: usize| row.load.get(index).copied().flatten().map(|l| l as f64 / 100.0);
    let [one, five, fifteen] = [0, 1, 2].map(load);
    Some(System {
        load: one.zip(five).zip(fifteen).map(|((one, five), fifteen)| [one, five, fifteen]),
        mem_available: row.mem_available,
        memory_usage: row.memory_usage,
        memory_limit: row.memory_limit,
        oom_kills: row.memory_events.get(3).copied().flatten(),
        cpu_limit_milli: row.cpu_limit_milli,
        cpu_throttled: row.cpu_throttled_us,
        stalls: [0, 1, 2].map(|resource| stall(row, resource)),
    })
}

/// The group's own where it has one, the machine's otherwise, in percent.
fn stall(row: &SystemCells, resource: usize) -> Option<f64> {
    let at = stall_at(resource, false, 0);
    let of = |stalls: &[Option<u64>]| stalls.get(at).copied().flatten();
    let share = of(&row.group_stalls).or_else(|| of(&row.machine_stalls))?;
    Some(share as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::tests::Folder;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn what_nobody_measured_is_absent() {
        let folder = Folder::new("uwsgitop-system");
        let arena = Arena::create_at(&folder.0.join("arena"), &Shape::default()).unwrap();
        assert_eq!(system(&arena.snapshot().system), None);
        let row = arena.system();
        row.looks.set(1);
        (0..3).for_each(|i| row.load[i].set(Some(150 + i as u64)));
        row.machine_stalls[stall_at(1, false, 0)].set(Some(1234));
        let seen = system(&arena.snapshot().system).unwrap();
        assert_eq!(seen.load, Some([1.5, 1.51, 1.52]));
        assert_eq!((seen.stalls, seen.memory_limit), ([None, Some(12.34), None], None));
    }
}
