//! What runs beside requests: mules, spoolers, crons, daemons, locks; the server's own processes.
//!
//! Mules and processes are told by our server only. A daemon of the older one keeps the process id
//! of its last life while it is dead.

use serde_json::{Map, Value};

use super::{list, number, objects, text};
use crate::human::clean;
use crate::picture::{Cron, Daemon, Kill, Late, Lock, Mule, Picture, Process, Spooler};

pub(super) fn read(top: &Map<String, Value>, picture: &mut Picture) {
    picture.mules = objects(top, "mules").map(mule).collect();
    picture.spoolers = objects(top, "spoolers").map(spooler).collect();
    picture.crons = objects(top, "crons").map(cron).collect();
    picture.daemons = objects(top, "daemons").map(daemon).collect();
    picture.locks =
        list(top, "locks").iter().filter_map(Value::as_object).flatten().map(lock).collect();
    picture.kills = objects(top, "kills").map(kill).collect();
    // The master has its process id at the top of the document.
    let master = top.get("master").and_then(Value::as_object).map(process);
    picture.master = master.map(|master| Process { pid: number(top, "pid"), ..master });
    picture.observer = top.get("observer").and_then(Value::as_object).map(process);
}

/// A process of our server, whatever else its object tells.
pub(super) fn process(row: &Map<String, Value>) -> Process {
    Process {
        pid: number(row, "pid"),
        cpu_time: number(row, "cpu_user_us").saturating_add(number(row, "cpu_system_us")),
        rss: number(row, "rss"),
        vsz: number(row, "vsz"),
        swap: number(row, "swap"),
        open_fds: number(row, "open_fds"),
        threads: number(row, "threads"),
        switches: [number(row, "voluntary_switches"), number(row, "involuntary_switches")],
        faults: [number(row, "minor_faults"), number(row, "major_faults")],
        late: row.get("lateness").and_then(Value::as_object).map(late),
    }
}

fn late(row: &Map<String, Value>) -> Late {
    let [count, sum, last, max] =
        ["count", "sum_us", "last_us", "max_us"].map(|key| number(row, key));
    Late { count, sum, last, max }
}

fn mule(row: &Map<String, Value>) -> Mule {
    Mule {
        id: number(row, "id"),
        process: process(row),
        status: text(row, "status"),
        signals: number(row, "signals"),
        signal_queue: number(row, "signal_queue"),
        messages: number(row, "messages"),
        dropped: number(row, "messages_dropped"),
        harakiri_count: number(row, "harakiri_count"),
        last_spawn: number(row, "last_spawn"),
        respawn_count: number(row, "respawn_count"),
    }
}

fn spooler(row: &Map<String, Value>) -> Spooler {
    Spooler {
        dir: text(row, "dir"),
        pid: number(row, "pid"),
        tasks: number(row, "tasks"),
        respawns: number(row, "respawns"),
        running: number(row, "running") != 0,
    }
}

fn cron(row: &Map<String, Value>) -> Cron {
    let signed = |key: &str, absent| row.get(key).and_then(Value::as_i64).unwrap_or(absent);
    Cron {
        when: ["minute", "hour", "day", "month", "week"].map(|key| signed(key, -1)),
        command: text(row, "command"),
        unique: number(row, "unique") != 0,
        legion: text(row, "legion"),
        pid: signed("pid", -1),
        started_at: number(row, "started_at"),
    }
}

fn daemon(row: &Map<String, Value>) -> Daemon {
    Daemon {
        command: text(row, "cmd"),
        pid: number(row, "pid"),
        respawns: number(row, "respawns"),
        state: text(row, "state"),
        since: number(row, "since"),
        throttle: number(row, "throttle"),
        last_exit: text(row, "last_exit"),
    }
}

fn lock((name, holder): (&String, &Value)) -> Lock {
    Lock { name: clean(name), holder: holder.as_u64().unwrap_or(0) }
}

fn kill(row: &Map<String, Value>) -> Kill {
    Kill { signal: text(row, "signal"), by: text(row, "by"), count: number(row, "count") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn a_document_of_the_older_server_is_read() {
        let picture = parse(include_bytes!("../../tests/documents/jobs-2.0.31.json")).unwrap();
        let spooler = &picture.spoolers[0];
        assert_eq!((spooler.dir.as_str(), spooler.running), ("/srv/app/spool", true));
        let whens: Vec<[i64; 5]> = picture.crons.iter().map(|cron| cron.when).collect();
        assert_eq!(whens[1..], [[30, 4, -1, -1, 1], [-15, -1, -1, -1, -1], [0, 3, -1, -1, -1]]);
        assert!(picture.crons[0].pid > 0 && picture.crons[0].started_at > 0, "it runs");
        assert!(picture.crons[1].unique && picture.crons[3].legion == "x");
        assert_eq!(picture.crons[1].pid, -1);
        let commands: Vec<&str> = picture.daemons.iter().map(|one| one.command.as_str()).collect();
        assert_eq!(commands, ["sleep 1000", "false"]);
        assert!(picture.locks.iter().any(|lock| lock.name == "signal" && lock.holder == 0));
        assert_eq!((picture.mules.len(), &picture.master), (0, &None), "it does not tell");
    }

    #[test]
    fn our_processes_are_read() {
        let json =
            br#"{"pid":9,"workers":[],"mules":[{"id":1,"pid":12,"status":"sig3","messages":4,
            "messages_dropped":1,"cpu_user_us":5,"cpu_system_us":6,"open_fds":7}],
            "master":{"lateness":{"count":2,"sum_us":30,"last_us":10,"max_us":20},"rss":4096,
            "voluntary_switches":3,"involuntary_switches":1},"observer":{"pid":10},
            "daemons":[{"cmd":"redis","pid":13,"respawns":2,"state":"up","since":99,"throttle":1,
            "last_exit":"signal 9"}],
            "kills":[{"signal":"SIGKILL","by":"oom-killer","count":2}],"locks":[{"a":12},7,{}]}"#;
        let picture = parse(json).unwrap();
        let mule = &picture.mules[0];
        assert_eq!((mule.process.cpu_time, mule.process.open_fds, mule.dropped), (11, 7, 1));
        let master = picture.master.unwrap();
        assert_eq!((master.pid, master.rss, master.switches), (9, 4096, [3, 1]));
        assert_eq!(master.late, Some(Late { count: 2, sum: 30, last: 10, max: 20 }));
        let daemon = &picture.daemons[0];
        assert_eq!((daemon.state.as_str(), daemon.since, daemon.throttle), ("up", 99, 1));
        assert_eq!((daemon.last_exit.as_str(), daemon.respawns), ("signal 9", 2));
        assert_eq!((picture.observer.unwrap().pid, picture.kills[0].count), (10, 2));
        assert_eq!(picture.locks, [Lock { name: "a".to_owned(), holder: 12 }]);
    }

    #[test]
    fn odd_types_are_survived() {
        let json = br#"{"crons":[{"minute":"x","pid":1e99}],"locks":{"a":1},"daemons":[3],
            "mules":[{"id":-1}],"master":[],"observer":5,"spoolers":null}"#;
        let picture = parse(json).unwrap();
        assert_eq!((picture.crons[0].when, picture.crons[0].pid), ([-1; 5], -1));
        assert_eq!((picture.mules[0].id, picture.master, picture.observer), (0, None, None));
        assert!(picture.locks.is_empty() && picture.daemons.is_empty());
    }
}
