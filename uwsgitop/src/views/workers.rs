//! The table below the heading: which rows, which cells, which paint.
//!
//! Owns the content, shared by the screen and by `--once`; widths and colours are decided by
//! those who show it. Pure.

use jiff::tz::TimeZone;

use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Page, Paint, Row, Table, column};
use crate::picture::{Body, Core, Emperor, Vassal, Worker};
use crate::state::State;
use crate::state::past::Past;
use crate::state::ui::Cores;

/// The classic view.
pub(crate) const VIEW: View = View {
    id: Id::Workers,
    key: '1',
    name: "workers",
    answers: "Which workers are busy, which grow, which die; as ever.",
    keys: &[
        ("a", "cores: none, as rows of their own, below their worker"),
        ("l", "latencies and requests in flight below the table"),
        ("Enter", "one worker below the table: its ends, processor, memory, applications"),
    ],
    absent: "The source has neither workers nor vassals.",
    present: |_, picture| !matches!(picture.body, Body::Nothing),
    build: page,
};

/// The page: the table, and what only our own server knows below it.
pub(crate) fn page(context: &Context<'_>) -> Page {
    if context.picture().is_some_and(|picture| matches!(picture.body, Body::Router(_))) {
        return super::routers::page(context);
    }
    let mut tail = context.picture().map(|p| super::worker::lines(context, p)).unwrap_or_default();
    let picture = context.picture().filter(|picture| picture.deep && context.app.details);
    let deep = picture.map(|p| super::detail_lines(p, context.width, context.utf8));
    tail.extend(deep.unwrap_or_default());
    Page { head: Vec::new(), table: of(context.state, context.app.cores, context.zone), tail }
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

/// The table of the last picture; `None` where there is nothing to tabulate.
pub(crate) fn of(state: &State, cores: Cores, zone: &TimeZone) -> Option<Table> {
    match &state.picture.as_ref()?.body {
        Body::Workers(workers) => {
            let total = workers.iter().map(|worker| worker.requests);
            let total = total.fold(0, u64::saturating_add);
            let sheet = Sheet { workers, total, past: &state.past, zone };
            let rows = match cores {
                Cores::Hidden => sheet.alone(),
                Cores::Merged => sheet.merged(),
                Cores::Below => sheet.below(),
            };
            Some(Table::new(WORKERS, rows))
        }
        Body::Emperor(emperor) if !emperor.vassals.is_empty() => Some(vassals(emperor)),
        Body::Emperor(_) | Body::Router(_) | Body::Nothing => None,
    }
}

fn vassals(emperor: &Emperor) -> Table {
    let row = |vassal: &Vassal| {
        let pid = Cell::number(vassal.pid as f64, vassal.pid.to_string());
        Row::new(vassal.id.as_str(), vec![Cell::text(vassal.id.as_str()), pid])
    };
    Table::new(VASSALS, emperor.vassals.iter().map(row).collect())
}

/// What a row of the worker table is made from.
struct Sheet<'a> {
    workers: &'a [Worker],
    /// Requests of all of them.
    total: u64,
    past: &'a Past,
    zone: &'a TimeZone,
}

/// What differs between the row of a worker and that of one of its cores.
struct Line<'a> {
    key: String,
    id: Cell,
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
                    key: format!("{}:{}", index + 1, core.id),
                    id: Cell::text(format!("{}:{}", worker.id, core.id)),
                    requests: core.requests,
                    rate: self.past.core(index, core_index),
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
            // Those that were never spawned have no number yet.
            key: (index + 1).to_string(),
            id: Cell::count(worker.id),
            requests: worker.requests,
            rate: self.past.worker(index),
            status: &worker.status,
        };
        self.full(worker, line)
    }

    fn full(&self, worker: &Worker, line: Line<'_>) -> Row {
        let count = Cell::count;
        let sized = |bytes: u64| Cell::number(bytes as f64, human::size(bytes));
        let cells = vec![
            line.id,
            self.share(line.requests),
            count(worker.pid),
            count(line.requests),
            rate(line.rate),
            count(worker.exceptions),
            count(worker.signals),
            Cell::text(line.status),
            Cell::number(worker.avg_rt as f64, human::average(worker.avg_rt)),
            sized(worker.rss),
            sized(worker.vsz),
            sized(worker.tx),
            count(worker.respawn_count),
            count(worker.harakiri_count),
            Cell::number(worker.running_time as f64, human::running_time(worker.running_time)),
            Cell::number(worker.last_spawn as f64, human::clock(worker.last_spawn, self.zone)),
        ];
        Row::new(line.key, cells).painted(Paint::of(line.status))
    }

    /// A core under its worker: what only a process has is a dash, up to the respawn column.
    fn core(&self, index: usize, core_index: usize, core: &Core) -> Row {
        let status = if core.in_request { "busy" } else { "idle" };
        let mut cells = vec![
            Cell::text(format!(" :{}", core.id)),
            self.share(core.requests),
            Cell::none(),
            Cell::count(core.requests),
            rate(self.past.core(index, core_index)),
            Cell::none(),
            Cell::none(),
            Cell::text(status),
        ];
        cells.extend(std::iter::repeat_n(Cell::none(), 5));
        let row = Row::new(format!("{}:{}", index + 1, core.id), cells);
        Row { attached: true, ..row.painted(Paint::of(status)) }
    }

    fn share(&self, requests: u64) -> Cell {
        let total = self.total;
        let share = if total == 0 { 0.0 } else { 100.0 * requests as f64 / total as f64 };
        Cell::number(share, human::percent(total, requests))
    }
}

fn rate(rate: Option<f64>) -> Cell {
    Cell::number(rate.unwrap_or(f64::NEG_INFINITY), human::rate(rate))
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
        Core { id, requests, in_request, ..Core::default() }
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
        let mut state = State::default();
        for (second, extra) in [(0, 0), (1, 60)] {
            let body = Body::Workers(workers(extra));
            state.ingest(Ok(Picture { body, ..Picture::default() }), Duration::from_secs(second));
        }
        of(&state, mode, &TimeZone::UTC).unwrap().rows
    }

    fn text(row: &Row) -> String {
        row.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn joined(rows: &[Row]) -> Vec<String> {
        rows.iter().map(text).collect()
    }

    #[test]
    fn a_hundred_thousand_workers_are_a_table_soon() {
        let all = (0..100_000).map(|id| crate::screens::worker(id, id, "idle")).collect();
        let mut state = State::default();
        let picture = Picture { body: Body::Workers(all), ..Picture::default() };
        state.ingest(Ok(picture), std::time::Duration::ZERO);
        let table = of(&state, Cores::Hidden, &TimeZone::UTC).unwrap();
        assert_eq!(table.rows.len(), 100_000);
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
        let ids: Vec<&str> = rows.iter().map(|row| row.cells[0].text.as_str()).collect();
        assert_eq!(ids, ["2", " :1", " :0", "1"]);
        assert_eq!(text(&rows[1]), " :1 10.0 - 10 0 - - busy - - - - -");
        assert_eq!(rows[1].paint, Paint::Busy);
        assert_eq!(rows[2].cells[7].text, "idle");
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
