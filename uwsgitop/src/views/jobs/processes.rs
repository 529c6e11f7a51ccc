//! What each process beside the workers uses of the machine.

use super::super::Context;
use super::super::parts::rate;
use super::rows::share;
use crate::human;
use crate::page::{Cell, Column, Paint, Row, column};
use crate::picture::{Picture, Process};

pub(super) const COLUMNS: &[Column] = &[
    column("PROCESS", false, 0),
    column("PID", true, 3),
    column("CPU", true, 0),
    column("RSS", true, 0),
    column("VSZ", true, 8),
    column("SWAP", true, 6),
    column("FDS", true, 2),
    column("THREADS", true, 4),
    column("SWITCH/S", true, 5),
    column("FORCED/S", true, 5),
    column("FAULTS/S", true, 7),
    column("LATE", true, 1),
    column("LONGEST", true, 2),
];

/// A turn that begins so late is worth a look, µs.
const LATE: u64 = 500_000;

/// Where a process is found in a picture.
type Place = dyn Fn(&Picture) -> Option<&Process>;

pub(super) fn all(context: &Context<'_>, picture: &Picture) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: String, place: &Place| {
        rows.extend(place(picture).map(|process| row(context, name, process, place)));
    };
    add("master".to_owned(), &|p| p.master.as_ref());
    add("observer".to_owned(), &|p| p.observer.as_ref());
    for (at, gateway) in picture.gateways.iter().enumerate() {
        let name = format!("router {} {}", gateway.name, at + 1);
        add(name, &move |p| p.gateways.get(at).map(|gateway| &gateway.process));
    }
    for at in 0..picture.mules.len() {
        let name = format!("mule {}", at + 1);
        add(name, &move |p| p.mules.get(at).map(|mule| &mule.process));
    }
    rows
}

fn row(context: &Context<'_>, name: String, process: &Process, place: &Place) -> Row {
    let some = |value: u64, text: fn(u64) -> String| match value {
        0 => Cell::none(),
        _ => Cell::number(value as f64, text(value)),
    };
    let growing =
        |value: fn(&Process) -> u64| rate(context.state.past.rate(|p| Some(value(place(p)?))));
    let cpu = share(context, place);
    let late = |micros: u64| {
        let cell = Cell::number(micros as f64, human::duration(micros));
        if micros >= LATE { cell.painted(Paint::Warn) } else { cell }
    };
    let cells = vec![
        Cell::text(name.as_str()),
        match process.pid {
            0 => Cell::text("DEAD").painted(Paint::Bad),
            pid => Cell::count(pid),
        },
        cpu.map_or_else(Cell::none, |cpu| Cell::number(cpu, human::share(cpu))),
        some(process.rss, human::size),
        some(process.vsz, human::size),
        Cell::number(process.swap as f64, human::size(process.swap)),
        some(process.open_fds, |count| count.to_string()),
        some(process.threads, |count| count.to_string()),
        growing(|process| process.switches[0]),
        growing(|process| process.switches[1]),
        growing(|process| process.faults[0].saturating_add(process.faults[1])),
        process.late.map_or_else(Cell::none, |spread| late(spread.last)),
        process.late.map_or_else(Cell::none, |spread| late(spread.max)),
    ];
    Row::new(name, cells)
}
