//! The classic set: a fixed list of keys and their order, which dashboards rely on.

use uwsgi_metrics::{Snapshot, Status, WorkerSnap};

/// What happens to the average response time when nothing was served since the last push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdleAverage {
    /// The value of before.
    #[default]
    Last,
    /// 0.
    Zero,
    /// No line.
    None,
}

impl IdleAverage {
    /// Reads the word.
    pub(super) fn parse(word: &str) -> Option<IdleAverage> {
        match word {
            "last" => Some(IdleAverage::Last),
            "zero" => Some(IdleAverage::Zero),
            "none" => Some(IdleAverage::None),
            _ => None,
        }
    }
}

/// Which lines there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Classic {
    /// Lines of single workers.
    pub(super) workers: bool,
    /// Memory was measured.
    pub(super) memory: bool,
    /// Workers come and go by demand.
    pub(super) cheaper: bool,
    /// The lines of version 2.1.
    pub(super) extended: bool,
    pub(super) idle_average: IdleAverage,
}

/// What the sums are made of.
#[derive(Default)]
struct Sums {
    rss: u64,
    vsz: u64,
    average: u64,
    tx: u64,
    busyness: u64,
    active: u64,
    busy: u64,
    harakiri: u64,
    respawns: u64,
    exceptions: u64,
}

/// Gives every line to `put`: the worker it is about, its key, its value.
pub(super) fn lines(
    what: Classic,
    snapshot: &Snapshot,
    busyness: &[u64],
    idle: bool,
    mut put: impl FnMut(Option<u32>, &str, u64),
) {
    let mut sums = Sums::default();
    let average = |value: u64| match what.idle_average {
        IdleAverage::None if idle => None,
        IdleAverage::Zero if idle => Some(0),
        _ => Some(value),
    };
    put(None, "requests", snapshot.requests());
    for (worker, busyness) in snapshot.workers.iter().zip(busyness) {
        let away = worker.status == Status::Cheap;
        let busyness = if away { 0 } else { *busyness };
        let mean = if away { 0 } else { worker.cells.avg_rt_us };
        sums.add(worker, away, mean, busyness);
        if what.workers {
            of_worker(what, worker, average(mean), busyness, &mut put);
        }
    }
    sums.put(what, average, snapshot.workers.len() as u64, put);
}

fn of_worker(
    what: Classic,
    worker: &WorkerSnap,
    average: Option<u64>,
    busyness: u64,
    put: &mut impl FnMut(Option<u32>, &str, u64),
) {
    let mut put = |key: &str, value: u64| put(Some(worker.index), key, value);
    put("requests", worker.requests);
    if what.memory {
        put("rss_size", worker.cells.rss);
        put("vsz_size", worker.cells.vsz);
    }
    if let Some(average) = average {
        put("avg_rt", average);
    }
    put("tx", worker.tx);
    put("busyness", busyness);
    put("harakiri", worker.cells.harakiri_count);
    if what.extended {
        put("respawns", worker.cells.respawn_count);
        put("exceptions", worker.exceptions);
    }
}

impl Sums {
    fn add(&mut self, worker: &WorkerSnap, away: bool, average: u64, busyness: u64) {
        self.tx += worker.tx;
        self.harakiri += worker.cells.harakiri_count;
        self.respawns += worker.cells.respawn_count;
        self.exceptions += worker.exceptions;
        if away {
            return;
        }
        self.active += 1;
        self.busy += u64::from(matches!(worker.status, Status::Busy | Status::Sig(_)));
        self.rss += worker.cells.rss;
        self.vsz += worker.cells.vsz;
        self.average += average;
        self.busyness += busyness;
    }

    fn put(
        &self,
        what: Classic,
        average: impl Fn(u64) -> Option<u64>,
        workers: u64,
        mut put: impl FnMut(Option<u32>, &str, u64),
    ) {
        let mut put = |key: &str, value: u64| put(None, key, value);
        let mean = |sum: u64| sum.checked_div(self.active).unwrap_or(0);
        if what.memory {
            put("rss_size", self.rss);
            put("vsz_size", self.vsz);
        }
        if let Some(average) = average(mean(self.average)) {
            put("avg_rt", average);
        }
        put("tx", self.tx);
        put("busyness", mean(self.busyness).min(100));
        put("active_workers", self.active);
        if what.extended {
            put("busy_workers", self.busy);
            put("idle_workers", self.active - self.busy);
        }
        if what.cheaper {
            put("cheaped_workers", workers - self.active);
        }
        put("harakiri", self.harakiri);
        if what.extended {
            put("respawns", self.respawns);
            put("exceptions", self.exceptions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::WorkerCells;

    const ALL: Classic = Classic {
        workers: true,
        memory: true,
        cheaper: true,
        extended: false,
        idle_average: IdleAverage::Last,
    };

    /// Worker 1 served 2 requests and is at one, worker 2 was put away after 8.
    fn snapshot() -> Snapshot {
        let worker = |index, requests, status, cells| WorkerSnap {
            index,
            requests,
            status,
            cells,
            tx: 100 * u64::from(index),
            exceptions: 3,
            ..WorkerSnap::default()
        };
        let cells =
            WorkerCells { rss: 7, vsz: 9, avg_rt_us: 50, respawn_count: 1, ..Default::default() };
        let away = WorkerCells { harakiri_count: 4, ..cells.clone() };
        let workers = vec![worker(1, 2, Status::Busy, cells), worker(2, 8, Status::Cheap, away)];
        Snapshot { workers, ..Snapshot::default() }
    }

    fn said(what: Classic, idle: bool) -> String {
        let mut out = Vec::new();
        lines(what, &snapshot(), &[40, 90], idle, |worker, key, value| {
            let worker = worker.map(|n| format!("worker{n}.")).unwrap_or_default();
            out.push(format!("{worker}{key} {value}"));
        });
        out.join("\n")
    }

    #[test]
    fn the_order_and_the_values_are_fixed() {
        assert_eq!(
            said(ALL, false),
            "requests 10\n\
             worker1.requests 2\nworker1.rss_size 7\nworker1.vsz_size 9\nworker1.avg_rt 50\n\
             worker1.tx 100\nworker1.busyness 40\nworker1.harakiri 0\n\
             worker2.requests 8\nworker2.rss_size 7\nworker2.vsz_size 9\nworker2.avg_rt 0\n\
             worker2.tx 200\nworker2.busyness 0\nworker2.harakiri 4\n\
             rss_size 7\nvsz_size 9\navg_rt 50\ntx 300\nbusyness 40\nactive_workers 1\n\
             cheaped_workers 1\nharakiri 4"
        );
    }

    #[test]
    fn lines_come_and_go_with_what_is_on() {
        let few = Classic { workers: false, memory: false, cheaper: false, ..ALL };
        assert_eq!(
            said(few, false),
            "requests 10\navg_rt 50\ntx 300\nbusyness 40\nactive_workers 1\nharakiri 4"
        );
        let more = Classic { extended: true, ..few };
        assert_eq!(
            said(more, false),
            "requests 10\navg_rt 50\ntx 300\nbusyness 40\nactive_workers 1\nbusy_workers 1\n\
             idle_workers 0\nharakiri 4\nrespawns 2\nexceptions 6"
        );
        let workers = said(Classic { workers: true, ..more }, false);
        assert!(workers.contains("worker1.harakiri 0\nworker1.respawns 1\nworker1.exceptions 3\n"));
    }

    #[test]
    fn the_average_of_the_idle_is_last_zero_or_nothing() {
        for (word, idle, expected) in [
            ("last", true, "worker1.avg_rt 50 avg_rt 50"),
            ("zero", true, "worker1.avg_rt 0 avg_rt 0"),
            ("zero", false, "worker1.avg_rt 50 avg_rt 50"),
            ("none", true, ""),
            ("none", false, "worker1.avg_rt 50 avg_rt 50"),
        ] {
            let idle_average = IdleAverage::parse(word).unwrap();
            let said = said(Classic { idle_average, ..ALL }, idle);
            let found = said.lines().filter(|line| line.contains("avg_rt"));
            let found: Vec<_> = found.filter(|line| !line.starts_with("worker2")).collect();
            assert_eq!(found.join(" "), expected, "{word} {idle}");
        }
        assert_eq!(IdleAverage::parse("nil"), None);
    }
}
