//! The instance at a glance.
//!
//! Answers: is it well now; since when is it not; is it slow for everybody or for a few; is work
//! waiting, and for what; what does the machine say; what ended lately? Owns the layout: numbers
//! over time, the heat map of latencies below them on the same time axis, then sentences. What
//! weighs most comes first where the terminal is small. All findings of the diagnosis are
//! there, the worst first, where there are more than the one that the status line shows: on top, or
//! behind the first numbers where there is little room.

mod clock;
mod facts;
mod heat;
mod rows;

use super::{Context, Id, View, spark};
use crate::page::{Line, Page, Paint};
use crate::picture::Picture;
use clock::{Clock, Span};
use heat::Map;
use rows::Row;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Overview,
    key: 'o',
    name: "overview",
    answers: "Is it well now, since when is it not, and what limits it?",
    keys: &[("m", "over 5 minutes, 2 hours, 24 hours")],
    absent: "The source has no workers.",
    present: |_, picture| !picture.workers().is_empty(),
    build: page,
};

/// Columns of the names and the values of now, left of the graphs.
const GUTTER: usize = 21;

/// Columns of what the whole span says, right of them.
const WHOLE: usize = 9;

/// Fewest and most bands of the heat map.
const HEAT: (usize, usize) = (5, 18);

/// A map of more lines, its caption included, has the axis below it once more.
const AXIS: usize = 8;

/// Most lines of a graph that is drawn large.
const TALL: usize = 6;

/// With fewer rows than these the page is one to scroll through.
const LEAST_ROWS: usize = 5;

/// Rows of numbers in front of the findings where the page is one to scroll through.
const FIRST_ROWS: usize = 4;

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let width = context.width.saturating_sub(GUTTER + 1 + WHOLE);
    let clock = Clock::new(Span::of(context.choice.form), width, newest(context, picture));
    let parts = Parts {
        findings: findings(context),
        rows: rows::rows(context.state, picture, &clock),
        facts: facts::lines(context, picture),
        map: Map::of(context.state, &clock),
        clock,
        context,
    };
    let least = 1 + LEAST_ROWS.min(parts.rows.len()) + parts.said() + parts.least_heat();
    let lines = if context.height < least { parts.small() } else { parts.whole() };
    Page { tail: lines, ..Page::default() }
}

/// What the page is made of.
struct Parts<'a> {
    findings: Vec<Line>,
    rows: Vec<Row>,
    facts: Vec<Line>,
    map: Option<Map>,
    clock: Clock,
    context: &'a Context<'a>,
}

impl Parts<'_> {
    /// Lines of the smallest map with its caption.
    fn least_heat(&self) -> usize {
        if self.map.is_some() { 1 + HEAT.0 } else { 0 }
    }

    /// Lines of sentences.
    fn said(&self) -> usize {
        self.findings.len() + self.facts.len()
    }

    /// By weight, to be scrolled through.
    fn small(mut self) -> Vec<Line> {
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.weight));
        // What weighs most is seen however much there is to say.
        let said = if self.findings.is_empty() { 2 } else { 1 + self.findings.len() };
        let first = self.context.height.saturating_sub(said).max(FIRST_ROWS).min(self.rows.len());
        let (first, rest) = self.rows.split_at(first);
        let height = HEAT.1.min(self.context.height.saturating_sub(1));
        let mut lines = vec![title(&self.clock)];
        lines.extend(first.iter().flat_map(|row| self.graph(row, 1)));
        lines.extend(self.findings.iter().cloned());
        lines.extend(self.facts.iter().cloned());
        lines.extend(self.heat(height));
        lines.extend(rest.iter().flat_map(|row| self.graph(row, 1)));
        lines
    }

    /// Everything in its place; rows that weigh least stand at the end when there is no room.
    fn whole(self) -> Vec<Line> {
        let room = self.context.height.saturating_sub(1 + self.said() + self.least_heat());
        let mut weights: Vec<_> = self.rows.iter().map(|row| row.weight).enumerate().collect();
        weights.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let kept: Vec<usize> = weights.iter().take(room).map(|(index, _)| *index).collect();
        let mut spare = room.saturating_sub(kept.len());
        let mut heat = self.least_heat();
        if let Some(map) = &self.map {
            // What is left makes the map finer, the axis below it included, then graphs grow.
            let finer = heat + spare.min(1 + HEAT.1 - HEAT.0);
            let caption = 1 + usize::from(finer > AXIS);
            let taken = caption + map.height(finer - caption);
            spare = (spare + heat).saturating_sub(taken);
            heat = finer;
        }
        let large = |row: &Row| matches!(row.name, "rate" | "p99" | "mean time" | "workers");
        let tall = self.rows.iter().filter(|row| large(row)).count().max(1);
        let tall = (1 + spare / tall).min(TALL);
        let (mut lines, mut rest) = (self.findings.clone(), Vec::new());
        lines.push(title(&self.clock));
        for (index, row) in self.rows.iter().enumerate() {
            match kept.contains(&index) {
                true => lines.extend(self.graph(row, if large(row) { tall } else { 1 })),
                false => rest.extend(self.graph(row, 1)),
            }
        }
        lines.extend(self.heat(heat));
        lines.extend(self.facts);
        lines.extend(rest);
        lines
    }

    /// One row, over as many lines as it may take.
    fn graph(&self, row: &Row, height: usize) -> Vec<Line> {
        let drawn = spark::tall(&row.columns, height, self.context.utf8);
        let last = drawn.len().saturating_sub(1);
        let paint = if row.paint == Paint::Bad { Paint::Bad } else { Paint::Strong };
        let lines = drawn.into_iter().enumerate().map(|(index, text)| {
            let graph = format!("{text:<width$}", width = self.clock.count);
            if index < last {
                return Line::plain(" ".repeat(GUTTER)).and(graph, paint);
            }
            Line::title(format!(" {:<10}", row.name))
                .and(format!("{:>9} ", row.now), row.paint)
                .and(graph, paint)
                .and(format!("{:>WHOLE$}", row.whole), Paint::Plain)
        });
        lines.collect()
    }

    /// The heat map in so many lines, its caption included.
    fn heat(&self, height: usize) -> Vec<Line> {
        let Some(map) = self.map.as_ref().filter(|_| height > 1) else { return Vec::new() };
        let at = |moment: u64| crate::human::clock(moment, self.context.zone);
        let origin = map.origin(&self.clock, at).unwrap_or_default();
        let legend = heat::legend(self.context.utf8);
        let mut lines = vec![
            Line::title(" LATENCY   ").and(format!("{legend} of requests{origin}"), Paint::Hint),
        ];
        let axis = usize::from(height > AXIS);
        lines.extend(map.lines(height - 1 - axis, GUTTER - 1, self.context.utf8));
        lines.extend((axis > 0).then(|| axis_of(&self.clock)));
        lines
    }
}

/// What the diagnosis says, the worst first; nothing where the status line says all of it.
fn findings(context: &Context<'_>) -> Vec<Line> {
    let all = &context.state.findings;
    let listed = all.iter().filter(|_| all.len() > 1);
    listed.flat_map(|finding| finding.line().folded(context.width, 2)).collect()
}

/// The moment the graphs end with: that of the picture.
fn newest(context: &Context<'_>, picture: &Picture) -> u64 {
    match picture.taken / 1_000_000 {
        0 => u64::try_from(context.now.as_second()).unwrap_or(0),
        taken => taken,
    }
}

fn title(clock: &Clock) -> Line {
    let each = match clock.length {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    };
    let span = format!("the last {}, by {each}", clock.span.name);
    Line::title(format!(
        " {:<10}{:>9} {span:<width$}{:>WHOLE$}",
        "",
        "NOW",
        "PEAK",
        width = clock.count
    ))
}

/// How long ago, below the map.
fn axis_of(clock: &Clock) -> Line {
    let mut text = String::new();
    let parts = if clock.count >= 60 { 4 } else { 2 };
    for part in 0..parts {
        let column = clock.count * part / parts;
        let ago = (clock.count - column) as u64 * clock.length;
        text = format!("{text:<column$}-{}", facts::long(ago));
    }
    let room = clock.count.saturating_sub(text.len());
    Line::of(format!("{:GUTTER$}{text}{:>room$}", "", "now"), Paint::Hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{End, InFlight, Latency, System, Trail};
    use crate::screens;

    /// A day of a site that is slow since a while.
    fn past(second: u64) -> Vec<Trail> {
        let mut trails = Vec::new();
        let shape = |name: &str, at: u64| match name {
            "requests" => 200_000 + at * 7_919 % 60_000,
            "errors" => u64::from(at % 40 == 3) * 2_000,
            "p50" => 700 + at * 31 % 500,
            "p90" => 2_400 + at * 57 % 900,
            "p99" => {
                if at > 260 {
                    900_000 + at * 997 % 300_000
                } else {
                    9_000 + at * 97 % 9_000
                }
            }
            "application_p99" => 8_000 + at * 97 % 9_000,
            "tx" => 2_000_000_000 + at * 7_919_000,
            "rss" => (150 << 20) + at * 40_000,
            "busy_workers" => at % 5,
            "busy_cores" => at % 5 * 12_000,
            "listen_queue" => u64::from(at > 250) * (at % 40),
            _ => 0,
        };
        let now = screens::NOW_SECONDS + second;
        for (step, count) in crate::rings::RINGS {
            for (name, scale) in [
                ("requests", 1000),
                ("errors", 1000),
                ("exceptions", 1000),
                ("tx", 1000),
                ("busy_workers", 1),
                ("listen_queue", 1),
                ("rss", 1),
                ("p50", 1),
                ("p90", 1),
                ("p99", 1),
                ("application_p99", 1),
                ("kills", 1000),
                ("drops", 1000),
                ("busy_cores", 1000),
            ] {
                let values = (0..count as u64).map(|at| shape(name, at * 300 / count as u64));
                let end = now / step * step - if step > 1 { step } else { 0 };
                trails.push(Trail {
                    name: name.into(),
                    step,
                    end,
                    scale,
                    values: values.collect(),
                });
            }
        }
        trails
    }

    fn picture(second: u64) -> Picture {
        let mut picture = Picture {
            trails: past(second),
            reloads: 2,
            last_reload: screens::NOW_SECONDS - 4_000,
            system: Some(System {
                load: Some([3.5, 2.25, 1.0]),
                mem_available: Some(3 << 30),
                memory_usage: Some(970 << 20),
                memory_limit: Some(1 << 30),
                oom_kills: Some(1),
                cpu_limit_milli: Some(2_000),
                cpu_throttled: Some(1_000_000 + 120_000 * second),
                stalls: [Some(35.0), Some(0.2), Some(12.0)],
            }),
            latencies: vec![Latency {
                cells: vec![
                    (300, 40_000 + 100 * second),
                    (900, 30_000 + 120 * second),
                    (4_000, 30_000 + 36 * second),
                    (950_000, 177 + 4 * second),
                ],
                ..screens::deep(second).latencies[0].clone()
            }],
            ..screens::deep(second)
        };
        if let crate::picture::Body::Workers(workers) = &mut picture.body {
            workers[1].exits = vec![
                End { reason: "recycled".into(), count: 3 },
                End { reason: "signal".into(), count: 1 },
            ];
            workers[1].last_exit = "signal 9".into();
        }
        picture
    }

    #[test]
    fn screens_of_the_overview() {
        screens::view(Id::Overview, picture);
    }

    #[test]
    fn every_span_has_its_screen() {
        let mut app = screens::fed(picture);
        app.press(crate::state::Key::View(Id::Overview));
        for name in ["overview-2h-120x40.txt", "overview-24h-120x40.txt"] {
            app.press(crate::state::Key::Form);
            screens::same_as_file(name, &screens::grid(&mut app, true, (120, 40)));
        }
    }

    #[test]
    fn a_plain_document_has_what_the_screen_saw() {
        let picture = |second| Picture { listen_queue: second % 7, ..screens::instance(second) };
        let mut app = screens::app_of((0..90).map(|second| (second, picture(second))));
        app.press(crate::state::Key::View(Id::Overview));
        screens::same_as_file("overview-plain-80x24.txt", &screens::grid(&mut app, true, (80, 24)));
    }

    #[test]
    fn a_request_with_a_long_uri_is_cut_not_the_age() {
        let request = InFlight { age: 9_000_000, uri: "/x".repeat(200), ..InFlight::default() };
        let mut app =
            screens::fed(|second| Picture { in_flight: vec![request.clone()], ..picture(second) });
        app.press(crate::state::Key::View(Id::Overview));
        let seen = screens::grid(&mut app, true, (80, 40));
        assert!(seen.contains("oldest    9.0s"), "{seen}");
    }
}
