//! The probes themselves: their states, what they cost, and who ended workers.

use super::super::Context;
use super::super::parts::{below, nanos, rate};
use crate::human;
use crate::page::{Cell, Column, Line, Paint, Row, Table, column, flexible};
use crate::picture::{Kill, Picture, Probe};

const PROBES: &[Column] = &[
    column("STATE", false, 0),
    column("PROBE", false, 0),
    column("PROGRAMS", true, 3),
    column("RUNS/S", true, 2),
    column("EACH", true, 1),
    column("CPU", true, 0),
    column("RUNS", true, 4),
    column("MEAN", true, 5),
];

const KILLS: &[Column] =
    &[column("TIMES", true, 0), column("SIGNAL", false, 0), flexible("SENT BY", 0, 10)];

/// Part of a processor above which a probe's cost is worth a look.
const DEAR: f64 = 0.01;

pub(super) fn form(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let mut probes: Vec<(usize, &Probe)> = picture.probes.iter().enumerate().collect();
    probes.sort_by_key(|(_, probe)| std::cmp::Reverse(trouble(probe)));
    let costs: Vec<Option<f64>> = (0..picture.probes.len()).map(|at| cost(context, at)).collect();
    let rows = probes
        .into_iter()
        .map(|(at, probe)| row(context, at, probe, costs.get(at).copied().flatten()));
    let table = Table::new(PROBES, rows.collect());
    let head = summary(picture, &costs);
    if picture.kills.is_empty() {
        return (head, table);
    }
    let mut kills: Vec<&Kill> = picture.kills.iter().collect();
    kills.sort_by_key(|kill| std::cmp::Reverse(kill.count));
    let caption = Line::title(" workers ended by signals");
    let kills = Table::new(KILLS, kills.into_iter().map(kill).collect()).under(caption);
    (head, Table { more: vec![kills], ..table })
}

/// How much attention a state wants.
fn trouble(probe: &Probe) -> u8 {
    match probe.state.as_str() {
        "failed" => 4,
        "unsupported" => 3,
        "degraded" => 2,
        "healthy" => 1,
        _ => 0,
    }
}

/// Part of a processor that a probe's programs take.
fn cost(context: &Context<'_>, at: usize) -> Option<f64> {
    let counted = |p: &Picture| p.probes.get(at).filter(|probe| probe.runs > 0).map(|p| p.run_ns);
    Some(context.state.past.rate(counted)? / 1e9)
}

fn summary(picture: &Picture, costs: &[Option<f64>]) -> Line {
    let wanted = picture.probes.iter().filter(|probe| trouble(probe) > 0).count();
    let broken: Vec<&str> =
        picture.probes.iter().filter(|p| trouble(p) > 1).map(|p| p.name.as_str()).collect();
    let mut line = match broken.len() {
        0 => Line::of(format!(" all of {wanted} probes work"), Paint::Good),
        _ => Line::of(format!(" NOT working: {}", broken.join(", ")), Paint::Bad),
    };
    line = match picture.kills.iter().map(|kill| kill.count).fold(0, u64::saturating_add) {
        0 => line,
        1 => line.and("; 1 worker ended by a signal", Paint::Warn),
        ended => line.and(format!("; {ended} workers ended by signals"), Paint::Warn),
    };
    let known: Vec<f64> = costs.iter().copied().flatten().collect();
    if picture.probes.iter().all(|probe| probe.runs == 0) {
        let how = "; their cost is not counted (sysctl kernel.bpf_stats_enabled=1)";
        line.and(how, Paint::Hint)
    } else if known.is_empty() {
        line
    } else {
        let sum = percent(known.iter().sum());
        line.and(format!("; all cost {sum} of a processor"), Paint::Plain)
    }
}

/// Shares of a processor that are small but not nothing.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.1 => format!("{percent:.2}%"),
        _ => human::share(share),
    }
}

fn row(context: &Context<'_>, at: usize, probe: &Probe, cost: Option<f64>) -> Row {
    let (state, paint) = match trouble(probe) {
        4 => ("FAILED", Paint::Bad),
        3 => ("UNSUPPORTED", Paint::Bad),
        2 => ("DEGRADED", Paint::Warn),
        1 => ("healthy", Paint::Good),
        _ => ("off", Paint::Hint),
    };
    let past = &context.state.past;
    let counted = probe.runs > 0;
    let runs = past.rate(|p| Some(p.probes.get(at)?.runs)).filter(|_| counted);
    let each = past
        .grown(|p| Some(p.probes.get(at)?.run_ns))
        .and_then(|ns| ns.checked_div(past.grown(|p| Some(p.probes.get(at)?.runs))?));
    let cells = vec![
        Cell::text(state).painted(paint),
        Cell::text(probe.name.as_str()),
        Cell::count(probe.programs),
        rate(runs),
        nanos(each),
        cost.map_or_else(Cell::none, |cost| {
            let cell = Cell::number(cost, percent(cost));
            if cost > DEAR { cell.painted(Paint::Warn) } else { cell }
        }),
        if counted { Cell::count(probe.runs) } else { Cell::none() },
        nanos(probe.run_ns.checked_div(probe.runs)),
    ];
    let mut row = Row::new(format!("probe {}", probe.name), cells);
    if trouble(probe) != 1 && !probe.reason.is_empty() {
        row.below = below(&format!("! {}", probe.reason), context.width, paint);
    }
    if trouble(probe) > 1 && !probe.remedy.is_empty() {
        let text = format!("helps: {}", probe.remedy);
        row.below.extend(below(&text, context.width, Paint::Strong));
    }
    row
}

fn kill(kill: &Kill) -> Row {
    let paint = match kill.signal.as_str() {
        "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" => Paint::Plain,
        _ => Paint::Bad,
    };
    let cells = vec![
        Cell::count(kill.count),
        Cell::text(kill.signal.as_str()).painted(paint),
        Cell::text(kill.by.as_str()),
    ];
    Row::new(format!("kill {} {}", kill.signal, kill.by), cells)
}
