//! The table below the heading: which rows, which cells, which paint.
//!
//! Owns the content, shared by the screen and by `--once`; widths and colours are decided by
//! those who show it. Pure.

use jiff::tz::TimeZone;

use crate::human;
use crate::picture::{Body, Core, Emperor, Worker};
use crate::rates::Rates;
use crate::state::{Cores, State};

/// One column.
#[derive(Debug, PartialEq)]
pub(crate) struct Column {
    /// Its title, as tools know it.
    pub(crate) title: &'static str,
    /// Numbers stand to the right.
    pub(crate) right: bool,
    /// When the terminal is narrow the highest goes first; 0 never goes.
    pub(crate) shed: u8,
}

const fn column(title: &'static str, right: bool, shed: u8) -> Column {
    Column { title, right, shed }
}

/// The worker table. What says "is it healthy, is it busy" is shed last.
pub(crate) const WORKERS: &[Column] = &[
    column("WID", false, 0),
    column("%", true, 9),
    column("PID", true, 6),
    column("REQ", true, 1),
    column("RPS", true, 1),
    column("EXC", true, 3),
    column("SIG", true, 14),
    column("STATUS", false, 0),
    column("AVG", true, 2),
    column("RSS", true, 4),
    column("VSZ", true, 15),
    column("TX", true, 10),
    column("ReSpwn", true, 8),
    column("HC", true, 7),
    column("RunT", true, 13),
    column("LastSpwn", true, 12),
];

/// The vassal table.
pub(crate) const VASSALS: &[Column] = &[column("VASSAL", false, 0), column("PID", true, 0)];

/// Meaning of a row's colour; the status cell says the same in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Idle and everything else.
    Plain,
    /// In a request.
    Busy,
    /// Cheaped.
    Cheap,
    /// In a signal handler.
    Signal,
    /// Suspended.
    Pause,
}

impl Paint {
    fn of(status: &str) -> Self {
        match status {
            "busy" => Self::Busy,
            "cheap" => Self::Cheap,
            "pause" => Self::Pause,
            _ if status.starts_with("sig") => Self::Signal,
            _ => Self::Plain,
        }
    }
}

/// One row; it may have fewer cells than the table has columns.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    /// Texts by column.
    pub(crate) cells: Vec<String>,
    /// Colour.
    pub(crate) paint: Paint,
}

/// A whole table.
#[derive(Debug, PartialEq)]
pub(crate) struct Table {
    /// Titles and habits.
    pub(crate) columns: &'static [Column],
    /// From top to bottom.
    pub(crate) rows: Vec<Row>,
}

/// The table of the last picture; `None` where there is nothing to tabulate.
pub(crate) fn of(state: &State, zone: &TimeZone) -> Option<Table> {
    match &state.picture.as_ref()?.body {
        Body::Workers(workers) => {
            let sheet = Sheet { workers, rates: &state.rates, zone };
            let rows = match state.cores {
                Cores::Hidden => sheet.alone(),
                Cores::Merged => sheet.merged(),
                Cores::Below => sheet.below(),
            };
            Some(Table { columns: WORKERS, rows })
        }
        Body::Emperor(emperor) if !emperor.vassals.is_empty() => Some(vassals(emperor)),
        Body::Emperor(_) | Body::Nothing => None,
    }
}

fn vassals(emperor: &Emperor) -> Table {
    let row = |(id, pid): &(String, i64)| Row {
        cells: vec![id.clone(), pid.to_string()],
        paint: Paint::Plain,
    };
    Table { columns: VASSALS, rows: emperor.vassals.iter().map(row).collect() }
}

/// What a row of the worker table is made from.
struct Sheet<'a> {
    workers: &'a [Worker],
    rates: &'a Rates,
    zone: &'a TimeZone,
}

/// What differs between the row of a worker and that of one of its cores.
struct Line<'a> {
    id: String,
    requests: u64,
    rate: Option<f64>,
    status: &'a str,
}

impl<'a> Sheet<'a> {
    fn alone(&self) -> Vec<Row> {
        self.by_requests().into_iter().map(|(index, worker)| self.worker(index, worker)).collect()
    }

    fn below(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (index, worker) in self.by_requests() {
            rows.push(self.worker(index, worker));
            let cores = used_cores(worker).into_iter();
            rows.extend(cores.map(|(core_index, core)| self.core(index, core_index, core)));
        }
        rows
    }

    fn merged(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (index, worker) in self.workers.iter().enumerate() {
            for (core_index, core) in used_cores(worker) {
                let elsewhere = worker.status == "busy" && !core.in_request;
                let line = Line {
                    id: format!("{}:{}", worker.id, core.id),
                    requests: core.requests,
                    rate: self.rates.core(index, core_index),
                    status: if elsewhere { "-" } else { &worker.status },
                };
                rows.push((core.requests, self.full(worker, line)));
            }
        }
        rows.sort_by_key(|(requests, _)| std::cmp::Reverse(*requests));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Busiest first; equals keep the order of the document.
    fn by_requests(&self) -> Vec<(usize, &'a Worker)> {
        let mut workers: Vec<_> = self.workers.iter().enumerate().collect();
        workers.sort_by_key(|(_, worker)| std::cmp::Reverse(worker.requests));
        workers
    }

    fn worker(&self, index: usize, worker: &Worker) -> Row {
        let line = Line {
            id: worker.id.to_string(),
            requests: worker.requests,
            rate: self.rates.worker(index),
            status: &worker.status,
        };
        self.full(worker, line)
    }

    fn full(&self, worker: &Worker, line: Line<'_>) -> Row {
        let cells = vec![
            line.id,
            human::percent(self.total(), line.requests),
            worker.pid.to_string(),
            line.requests.to_string(),
            human::rate(line.rate),
            worker.exceptions.to_string(),
            worker.signals.to_string(),
            line.status.to_owned(),
            human::average(worker.avg_rt),
            human::size(worker.rss),
            human::size(worker.vsz),
            human::size(worker.tx),
            worker.respawn_count.to_string(),
            worker.harakiri_count.to_string(),
            human::running_time(worker.running_time),
            human::clock(worker.last_spawn, self.zone),
        ];
        Row { cells, paint: Paint::of(line.status) }
    }

    /// A core under its worker: what only a process has is a dash, up to the respawn column.
    fn core(&self, index: usize, core_index: usize, core: &Core) -> Row {
        let status = if core.in_request { "busy" } else { "idle" };
        let mut cells = vec![
            format!(" :{}", core.id),
            human::percent(self.total(), core.requests),
            "-".to_owned(),
            core.requests.to_string(),
            human::rate(self.rates.core(index, core_index)),
            "-".to_owned(),
            "-".to_owned(),
            status.to_owned(),
        ];
        cells.extend(std::iter::repeat_n("-".to_owned(), 5));
        Row { cells, paint: Paint::of(status) }
    }

    fn total(&self) -> u64 {
        crate::heading::sum(self.workers, |worker| worker.requests)
    }
}

/// Cores that have served, idlest first, with their position.
fn used_cores(worker: &Worker) -> Vec<(usize, &Core)> {
    let mut cores: Vec<_> =
        worker.cores.iter().enumerate().filter(|(_, core)| core.requests > 0).collect();
    cores.sort_by_key(|(_, core)| core.requests);
    cores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use std::time::Duration;

    fn core(id: u64, requests: u64, in_request: bool) -> Core {
        Core { id, requests, in_request }
    }

    fn workers(extra: u64) -> Vec<Worker> {
        let cores = |a, b| vec![core(0, a, false), core(1, b, true), core(2, 0, false)];
        vec![
            Worker { id: 1, requests: 10, status: "idle".into(), ..Worker::default() },
            Worker {
                id: 2,
                pid: 77,
                requests: 30 + extra,
                status: "busy".into(),
                avg_rt: 2500,
                cores: cores(20 + extra, 10),
                ..Worker::default()
            },
        ]
    }

    fn shown(mode: Cores) -> Vec<Row> {
        let mut state = State { cores: mode, ..State::default() };
        for (second, extra) in [(0, 0), (1, 60)] {
            let body = Body::Workers(workers(extra));
            state.ingest(Ok(Picture { body, ..Picture::default() }), Duration::from_secs(second));
        }
        of(&state, &TimeZone::UTC).unwrap().rows
    }

    fn joined(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| row.cells.join(" ")).collect()
    }

    #[test]
    fn workers_are_sorted_by_requests() {
        let rows = shown(Cores::Hidden);
        assert_eq!(
            joined(&rows),
            [
                "2 90.0 77 90 60 0 0 busy 2ms 0 0 0 0 0 0.0 --:--:--",
                "1 10.0 0 10 0 0 0 idle 0ms 0 0 0 0 0 0.0 --:--:--",
            ]
        );
        assert_eq!((rows[0].paint, rows[1].paint), (Paint::Busy, Paint::Plain));
    }

    #[test]
    fn merged_cores_are_rows_and_only_the_working_one_is_busy() {
        let rows = shown(Cores::Merged);
        assert_eq!(
            joined(&rows),
            [
                "2:0 80.0 77 80 60 0 0 - 2ms 0 0 0 0 0 0.0 --:--:--",
                "2:1 10.0 77 10 0 0 0 busy 2ms 0 0 0 0 0 0.0 --:--:--",
            ],
            "unused cores and workers without used cores have no row"
        );
    }

    #[test]
    fn cores_below_their_worker_are_sorted_upwards() {
        let rows = shown(Cores::Below);
        let ids: Vec<&str> = rows.iter().map(|row| row.cells[0].as_str()).collect();
        assert_eq!(ids, ["2", " :1", " :0", "1"]);
        assert_eq!(rows[1].cells.join(" "), " :1 10.0 - 10 0 - - busy - - - - -");
        assert_eq!(rows[1].paint, Paint::Busy);
        assert_eq!(rows[2].cells[7], "idle");
    }

    #[test]
    fn every_status_has_its_paint() {
        for (status, paint) in [
            ("idle", Paint::Plain),
            ("busy", Paint::Busy),
            ("cheap", Paint::Cheap),
            ("pause", Paint::Pause),
            ("sig17", Paint::Signal),
            ("-", Paint::Plain),
            ("", Paint::Plain),
        ] {
            assert_eq!(Paint::of(status), paint, "{status}");
        }
    }
}
