//! What the machine and the control group of the instance say, read once per second.
//!
//! The groups are found once: a process does not change its group while it runs. What the kernel
//! does not tell stays unmeasured in the arena.

use std::path::Path;

use uwsgi_metrics::{STALLS, SystemRow, stall_at};
use uwsgi_sys::cgroup::{self, Group, Places};
use uwsgi_sys::machine::{self, Pressure};

/// Files of the machine, in the order of the resources.
const PRESSURE: [&str; 3] = ["/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"];

/// Where to look.
pub(super) struct Machine {
    places: Places,
}

impl Machine {
    pub(super) fn new() -> Machine {
        Machine { places: Places::own() }
    }

    /// Reads everything into the row.
    pub(super) fn look(&self, row: &SystemRow) {
        let load = machine::load();
        for (n, cell) in row.load.iter().enumerate() {
            cell.set(load.map(|load| load[n]));
        }
        row.mem_available.set(machine::mem_available());
        let stalls = PRESSURE.map(|path| machine::pressure(Path::new(path)));
        for (cell, reading) in row.machine_stalls.iter().zip(readings(&stalls)) {
            cell.set(reading);
        }
        note(row, &cgroup::read(&self.places));
        row.looks.add(1);
    }
}

fn note(row: &SystemRow, group: &Group) {
    let (memory, cpu) = (&group.memory, &group.cpu);
    row.memory_limit.set(memory.limit);
    row.memory_high.set(memory.high);
    row.memory_usage.set(memory.usage);
    let events = [memory.high_events, memory.max_events, memory.oom_events, memory.oom_kills];
    for (cell, event) in row.memory_events.iter().zip(events) {
        cell.set(event);
    }
    row.cpu_limit_milli.set(cpu.limit_milli);
    row.cpu_usage_us.set(cpu.usage_us);
    row.cpu_periods.set(cpu.periods);
    row.cpu_throttled.set(cpu.throttled);
    row.cpu_throttled_us.set(cpu.throttled_us);
    row.pids_limit.set(group.pids_limit);
    row.pids_current.set(group.pids_current);
    for (cell, reading) in row.group_stalls.iter().zip(readings(&group.pressure)) {
        cell.set(reading);
    }
}

/// The stalls of three resources as the row keeps them.
fn readings(all: &[Option<Pressure>; 3]) -> [Option<u64>; STALLS] {
    let mut out = [None; STALLS];
    for (resource, pressure) in all.iter().enumerate() {
        for full in [false, true] {
            let stall = pressure.and_then(|p| if full { p.full } else { p.some });
            for what in 0..4 {
                out[stall_at(resource, full, what)] =
                    stall.map(|s| s.avg.get(what).copied().unwrap_or(s.total_us));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};
    use uwsgi_sys::machine::Stall;

    #[test]
    fn stalls_lie_where_readers_look_for_them() {
        let stall = |n| Some(Stall { avg: [n, n + 1, n + 2], total_us: n + 3 });
        let memory = Some(Pressure { some: stall(10), full: None });
        let io = Some(Pressure { some: stall(20), full: stall(30) });
        let got = readings(&[None, memory, io]);
        assert_eq!(got[stall_at(1, false, 0)], Some(10));
        assert_eq!(got[stall_at(2, true, 3)], Some(33));
        assert_eq!(got.iter().flatten().count(), 12, "what is not told is absent");
    }

    #[test]
    fn a_look_tells_what_this_machine_tells() {
        let arena = Arena::create(&Shape::default()).unwrap();
        Machine::new().look(arena.system());
        let cells = arena.system().read();
        assert!(cells.mem_available.is_some() && cells.load.iter().all(Option::is_some));
        let told = machine::pressure(Path::new(PRESSURE[1])).is_some();
        assert_eq!(cells.machine_stalls[stall_at(1, false, 3)].is_some(), told);
    }
}
