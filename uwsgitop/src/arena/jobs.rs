//! Mules, daemons, the master and the observer.

use uwsgi_metrics::{DaemonCells, GlobalCells, MuleCells, Snapshot, SpreadCells, UsedCells};

use crate::human::clean;
use crate::picture::{Daemon, Late, Mule, Picture, Process};

pub(super) fn read(snapshot: &Snapshot, picture: &mut Picture) {
    let globals = &snapshot.globals;
    picture.mules = snapshot.mules.iter().map(mule).collect();
    picture.daemons = snapshot.daemons.iter().map(daemon).collect();
    picture.master = Some(master(globals));
    picture.observer = (globals.observer_respawns > 0).then(|| observer(globals));
}

fn master(globals: &GlobalCells) -> Process {
    Process {
        pid: globals.master_pid,
        rss: globals.master_rss,
        vsz: globals.master_vsz,
        swap: globals.master_swap,
        open_fds: globals.master_open_fds,
        threads: globals.master_threads,
        late: Some(late(&globals.master_lateness)),
        ..used(&globals.master_used)
    }
}

fn observer(globals: &GlobalCells) -> Process {
    Process {
        pid: globals.observer_pid,
        rss: globals.observer_rss,
        vsz: globals.observer_vsz,
        swap: globals.observer_swap,
        open_fds: globals.observer_open_fds,
        threads: globals.observer_threads,
        late: Some(late(&globals.observer_lateness)),
        ..used(&globals.observer_used)
    }
}

fn mule(row: &MuleCells) -> Mule {
    let status = if row.sig == 0 { "idle".to_owned() } else { format!("sig{}", row.signum) };
    Mule {
        id: row.id,
        process: Process {
            pid: row.pid,
            rss: row.rss,
            vsz: row.vsz,
            swap: row.swap,
            open_fds: row.open_fds,
            threads: row.threads,
            ..used(&row.used)
        },
        status,
        signals: row.signals,
        signal_queue: row.signal_queue,
        messages: row.messages,
        dropped: row.dropped,
        harakiri_count: row.harakiri_count,
        last_spawn: row.last_spawn,
        respawn_count: row.respawn_count,
    }
}

fn daemon(row: &DaemonCells) -> Daemon {
    Daemon {
        command: clean(&String::from_utf8_lossy(&row.command)),
        pid: row.pid,
        respawns: row.respawns(),
        state: row.state_name().to_owned(),
        since: row.since,
        throttle: row.throttle_s,
        last_exit: row.exit_text(),
    }
}

/// A process of which only this is known.
pub(super) fn used(used: &UsedCells) -> Process {
    Process {
        cpu_time: used.cpu_us(),
        switches: [used.voluntary, used.involuntary],
        faults: [used.minor_faults, used.major_faults],
        ..Process::default()
    }
}

fn late(spread: &SpreadCells) -> Late {
    let SpreadCells { sum_us, last_us, max_us, .. } = *spread;
    Late { count: spread.count(), sum: sum_us, last: last_us, max: max_us }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn processes_beside_the_workers_are_read() {
        let shape = Shape { mules: 1, daemons: 1, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        let daemon = arena.daemon(0);
        daemon.assign("redis");
        daemon.state.set(uwsgi_metrics::DaemonState::Throttled as u64);
        daemon.spawns.set(3);
        daemon.last_exit.set(1 + 137);
        arena.mule(1).id.set(1);
        arena.mule(1).pid.set(50);
        arena.mule(1).sig.set(1);
        arena.mule(1).signum.set(17);
        arena.mule(1).messages.set(9);
        let globals = arena.globals();
        globals.master_pid.set(40);
        globals
            .master_used
            .look(40, &UsedCells { user_us: 7, system_us: 5, ..UsedCells::default() });
        globals.master_lateness.record(250);
        let mut picture = Picture::default();
        read(&arena.snapshot(), &mut picture);
        let mule = &picture.mules[0];
        assert_eq!((mule.process.pid, mule.status.as_str(), mule.messages), (50, "sig17", 9));
        let master = picture.master.unwrap();
        assert_eq!((master.pid, master.cpu_time), (40, 12));
        assert_eq!(master.late, Some(Late { count: 1, sum: 250, last: 250, max: 250 }));
        let daemon = &picture.daemons[0];
        assert_eq!((daemon.command.as_str(), daemon.respawns), ("redis", 2));
        assert_eq!((daemon.state.as_str(), daemon.last_exit.as_str()), ("throttled", "signal 9"));
        assert_eq!(picture.observer, None, "there never was one");
    }
}
