//! Probes in the kernel, and what they count that nothing else can.
//!
//! Answers: does each probe work, and if not, what would help; what do they cost; who ended a
//! worker? Other forms: what do requests wait for and how often are they put off the processor,
//! which system calls take their time, what happens to connections on the way to clients?

mod calls;
mod health;
mod network;
mod workers;

use super::parts::forms;
use super::{Context, Id, View};
use crate::page::{Cell, Line, Page, Paint, Table};
use crate::picture::{Picture, Times};
use crate::state::past::Past;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Probes,
    key: 'e',
    name: "probes",
    answers: "Do the probes in the kernel work, what do they cost, who killed a worker?",
    keys: &[
        ("m", "probes, waits of workers, system calls, network"),
        ("Enter", "waits of a worker; a class of system calls by worker"),
    ],
    absent: "The source has no probes in the kernel (option ebpf).",
    present: |_, picture| !picture.probes.is_empty(),
    build: page,
};

const FORMS: &[&str] = &["probes", "workers", "calls", "network"];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let (form, names) = forms(FORMS, context.choice.form);
    let (head, table) = match form {
        0 => health::form(context, picture),
        1 => workers::form(context, picture),
        2 => calls::form(context, picture),
        _ => network::form(context, picture),
    };
    Page { head: vec![head], table: Some(table), tail: vec![names] }
}

/// A form whose numbers the source does not have, or not yet.
fn nothing(picture: &Picture, probe: &str) -> (Line, Table) {
    let text = if attached(picture, probe) {
        " The source does not tell these numbers; --pid and --arena do, and stats-http of a server of now."
            .into()
    } else {
        format!(" The probe \"{probe}\" is not loaded; the option \"ebpf\" lists it.")
    };
    (Line::of(text, Paint::Hint), Table::new(&[], Vec::new()))
}

/// Whether a probe counts anything.
fn attached(picture: &Picture, name: &str) -> bool {
    picture.probes.iter().any(|probe| probe.name == name && probe.programs > 0)
}

/// How many and how long since the last look, and seconds since then.
struct Grown {
    count: u64,
    sum: u64,
    seconds: f64,
}

impl Grown {
    fn of(past: &Past, times: impl Fn(&Picture) -> Option<Times>) -> Option<Self> {
        Some(Self {
            count: past.grown(|p| Some(times(p)?.count))?,
            sum: past.grown(|p| Some(times(p)?.sum))?,
            seconds: past.seconds()?,
        })
    }

    /// Each second.
    fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// Nanoseconds of each; nothing where there was none.
    fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.count)
    }

    /// Part of the time; above one where several did it at once.
    fn share(&self) -> f64 {
        self.sum as f64 / 1e9 / self.seconds
    }
}

/// What only this probe counts; a dash where it is not loaded.
fn only(loaded: bool, cell: Cell) -> Cell {
    if loaded { cell } else { Cell::none() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Calls, Kernel, KernelSocket, KernelWorker, Kill, Probe};
    use crate::screens::{app_of, at_every_size, fed, grid, instance, same_as_file, view};
    use crate::state::ui::Move;
    use crate::state::{App, Key};

    fn times(count: u64, mean: u64) -> Times {
        Times { count, sum: count * mean, p99: if count > 0 { mean * 6 } else { 0 } }
    }

    fn worker(id: u64, second: u64) -> KernelWorker {
        let n = 1_000 * id + second * 50 * id;
        let waited = [("run_queue", 30), ("disk", 4), ("network", 210), ("lock", 0), ("memory", 0)];
        let call = |class: &str, each, mean| Calls {
            class: class.to_owned(),
            times: times(n * each, mean),
            errors: if class == "read" { second * id } else { 0 },
        };
        KernelWorker {
            id,
            run_queue: times(n, 90_000),
            off_cpu: times(n, 4_400_000),
            switches: [n, n / 9],
            migrations: n / 25,
            waited: waited
                .map(|(name, ms)| (name.to_owned(), ms * 1_000_000 * (10 + second * id)))
                .to_vec(),
            calls: vec![
                call("read", 4, 2_100),
                call("write", 2, 5_400),
                call("poll", 3, 1_200_000),
                call("futex", 1, 900),
                call("file", 0, 0),
            ],
            faults: [n * 3, n / 50],
            block: [times(n / 50, 400_000), times(n / 10, 1_800_000)],
            block_bytes: [n * 4096, n * 512],
            block_errors: 0,
            oom: u64::from(id == 3),
        }
    }

    fn socket(name: &str, second: u64, bad: u64) -> KernelSocket {
        let n = 90_000 + 250 * second;
        KernelSocket {
            name: name.to_owned(),
            established: n,
            live: 210,
            stalled: bad,
            retransmits: bad * (40 + 3 * second),
            resets: [bad, bad * 12],
            zero_windows: [bad * (5 + second), 0],
            bytes: [n * 700, n * 21_000],
            rtt: times(n, 24_000_000),
            live_rtt: 31_500_000,
            limited: [bad * 400_000_000 * second, 0],
            ..KernelSocket::default()
        }
    }

    fn probe(name: &str, state: &str, second: u64) -> Probe {
        Probe {
            name: name.to_owned(),
            state: state.to_owned(),
            programs: if state == "off" { 0 } else { 3 },
            runs: 1_000_000 + second * 4_000,
            run_ns: 250_000_000 + second * 1_100_000,
            ..Probe::default()
        }
    }

    fn probed(second: u64) -> Picture {
        let degraded = Probe {
            reason:
                "network_zero (closed windows): this kernel has no tracepoint tcp:tcp_send_window"
                    .into(),
            remedy: "a kernel from 6.8 on".into(),
            ..probe("network", "degraded", second)
        };
        let failed = Probe {
            programs: 0,
            runs: 0,
            run_ns: 0,
            reason: "bpf() is not permitted: CAP_BPF and CAP_PERFMON are missing".into(),
            remedy: "AmbientCapabilities=CAP_BPF CAP_PERFMON in the unit".into(),
            ..probe("signals", "unsupported", second)
        };
        let kill =
            |signal: &str, by: &str, count| Kill { signal: signal.into(), by: by.into(), count };
        Picture {
            probes: vec![
                probe("accept", "healthy", second),
                probe("scheduler", "healthy", second),
                degraded,
                failed,
                probe("syscalls", "healthy", second),
                probe("memory", "healthy", second),
                Probe { runs: 0, run_ns: 0, ..probe("usdt", "off", second) },
            ],
            kernel: Some(Kernel {
                workers: (1..=4).map(|id| worker(id, second)).collect(),
                sockets: vec![socket("127.0.0.1:8080", second, 0), socket("[::]:443", second, 7)],
            }),
            kills: vec![kill("SIGKILL", "oom-killer", 3), kill("SIGTERM", "bash", 1)],
            ..instance(second)
        }
    }

    fn form(number: usize) -> App {
        let mut app = fed(probed);
        app.press(Key::View(Id::Probes));
        (0..number).for_each(|_| app.press(Key::Form));
        app
    }

    #[test]
    fn probes_that_do_not_work_are_on_top_at_every_size() {
        view(Id::Probes, probed);
    }

    #[test]
    fn every_form_fits_every_size() {
        for (number, name) in FORMS.iter().enumerate().skip(1) {
            at_every_size(&format!("probes-{name}"), &mut form(number));
        }
    }

    #[test]
    fn a_row_that_is_opened_tells_more() {
        for number in [1, 2] {
            let mut app = form(number);
            grid(&mut app, true, (100, 30));
            app.press(Key::Go(Move::First));
            app.press(Key::Open);
            let name = format!("probes-{}-open-100x30.txt", FORMS[number]);
            same_as_file(&name, &grid(&mut app, true, (100, 30)));
        }
    }

    #[test]
    fn forms_without_numbers_say_where_they_are() {
        let told = |probes: Vec<Probe>| {
            let picture = Picture { kernel: None, probes, ..probed(0) };
            let mut app = app_of([(0, picture)]);
            app.press(Key::View(Id::Probes));
            app.press(Key::Form);
            grid(&mut app, true, (120, 20))
        };
        assert!(told(vec![probe("scheduler", "healthy", 0)]).contains("--pid and --arena"));
        let other = told(vec![probe("accept", "healthy", 0)]);
        assert!(other.contains("\"scheduler\" is not loaded"), "{other}");
    }

    #[test]
    fn what_the_kernel_does_not_count_is_no_zero() {
        let free = |second| {
            let mut picture = probed(second);
            for probe in &mut picture.probes {
                (probe.runs, probe.run_ns) = (0, 0);
            }
            picture
        };
        let mut app = fed(free);
        app.press(Key::View(Id::Probes));
        let seen = grid(&mut app, true, (120, 30));
        assert!(seen.contains("kernel.bpf_stats_enabled=1"), "{seen}");
    }
}
