//! The heat map: which share of the requests of a moment took how long.
//!
//! Owns the bands that are shown and the shade of a share. Moments before the screen opened are
//! known by their percentiles only: half of the requests are drawn at the median, four tenths at
//! p90, the rest at p99, and the caption says from when on it is measured.

use super::clock::{Clock, moments};
use crate::human;
use crate::page::{Line, Paint, Span};
use crate::state::State;
use crate::state::heat::{BANDS, BOUNDS, Bands, band_of};

/// Least share of a column for each shade above none.
const SHADES: [f64; 8] = [0.0, 0.005, 0.02, 0.05, 0.12, 0.25, 0.45, 0.7];

const UTF8: [char; 9] = [' ', '·', '░', '░', '▒', '▒', '▓', '▓', '█'];
const PLAIN: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '%', '#'];

/// Requests by band for each column.
#[derive(Debug, PartialEq)]
pub(super) struct Map {
    columns: Vec<Bands>,
    /// The first column that is measured, not drawn from percentiles.
    measured: usize,
}

impl Map {
    /// `None` where nothing is known of any moment.
    pub(super) fn of(state: &State, clock: &Clock) -> Option<Self> {
        let mut columns: Vec<Bands> = vec![[0; BANDS]; clock.count];
        let mut measured = clock.count;
        for (moment, bands) in state.heat.columns(clock.span.step) {
            let Some(column) = clock.column(*moment) else { continue };
            measured = measured.min(column);
            if let Some(sum) = columns.get_mut(column) {
                sum.iter_mut().zip(bands).for_each(|(sum, new)| *sum = sum.saturating_add(*new));
            }
        }
        let told = estimate(state, clock, columns.get_mut(..measured).unwrap_or_default());
        (told || measured < clock.count).then_some(Self { columns, measured })
    }

    /// The bands in use, from the fastest to the slowest, in at most `height` groups: (first, end).
    fn groups(&self, height: usize) -> Vec<(usize, usize)> {
        let used = |band: &usize| self.columns.iter().any(|c| c.get(*band).is_some_and(|n| *n > 0));
        let first = (0..BANDS).find(used).unwrap_or(3);
        let last = (0..BANDS).rev().find(used).unwrap_or(first);
        // Room around what is used, so that the map does not jump with every slow request.
        let (first, last) = (first.saturating_sub(1), (last + 1).min(BANDS - 1));
        let each = (last - first + 1).div_ceil(height.max(1));
        (first..=last).step_by(each).map(|from| (from, (from + each).min(BANDS))).collect()
    }

    /// How many of `height` lines its rows take.
    pub(super) fn height(&self, height: usize) -> usize {
        self.groups(height).len()
    }

    /// The rows of the map, the slowest on top, at most `height` of them; `gutter` columns hold the
    /// latency that a row ends with.
    pub(super) fn lines(&self, height: usize, gutter: usize, utf8: bool) -> Vec<Line> {
        let groups = self.groups(height);
        let totals: Vec<u64> =
            self.columns.iter().map(|c| crate::picture::total(c.iter().copied())).collect();
        let line = |(from, end): &(usize, usize)| {
            let label = match BOUNDS.get(end.saturating_sub(1)) {
                Some(bound) => format!("to {}", brief(*bound)),
                None => format!("over {}", brief(BOUNDS.last().copied().unwrap_or(0))),
            };
            let mut line = Line::of(format!("{label:>gutter$} "), Paint::Hint);
            for (column, total) in self.columns.iter().zip(&totals) {
                let count = crate::picture::total(
                    column.get(*from..*end).unwrap_or_default().iter().copied(),
                );
                push(&mut line, shade(count, *total), utf8);
            }
            line
        };
        groups.iter().rev().map(line).collect()
    }

    /// What is known how, for the caption.
    pub(super) fn origin(&self, clock: &Clock, at: impl Fn(u64) -> String) -> Option<String> {
        let moment = clock.begin() + self.measured as u64 * clock.length;
        match self.measured {
            0 => None,
            all if all >= clock.count => Some(", by p50/p90/p99".to_owned()),
            _ => Some(format!(", p50/p90/p99 till {}", at(moment))),
        }
    }
}

/// Columns from percentiles; false where the source tells none.
fn estimate(state: &State, clock: &Clock, columns: &mut [Bands]) -> bool {
    let step = clock.span.step;
    let Some(requests) = state.trail("requests", step) else { return false };
    let quantiles = ["p50", "p90", "p99"].map(|name| state.trail(name, step));
    let mut any = false;
    for (trail, tenths) in quantiles.into_iter().zip([5, 4, 1]) {
        let Some(trail) = trail.filter(|t| t.end == requests.end) else { continue };
        let rates = requests.values.iter().rev();
        let past: Vec<_> = moments(trail).collect();
        for ((moment, us), rate) in past.into_iter().rev().zip(rates) {
            let column = clock.column(moment).and_then(|column| columns.get_mut(column));
            if let Some(band) = column.and_then(|c| c.get_mut(band_of(us))).filter(|_| us > 0) {
                *band = band.saturating_add(rate.saturating_mul(tenths));
                any = true;
            }
        }
    }
    any
}

/// From 0, nothing, to 8, nearly all.
fn shade(count: u64, total: u64) -> usize {
    let share = count as f64 / total.max(1) as f64;
    if count == 0 { 0 } else { SHADES.partition_point(|least| *least <= share) }
}

/// Adds one cell; neighbours of one shade are one piece.
fn push(line: &mut Line, shade: usize, utf8: bool) {
    let letter = if utf8 { &UTF8 } else { &PLAIN }.get(shade).copied().unwrap_or('?');
    let paint = match shade {
        0 => Paint::Plain,
        _ => Paint::Heat(u8::try_from(shade).unwrap_or(8)),
    };
    match line.spans.last_mut().filter(|last| last.paint == paint) {
        Some(last) => last.text.push(letter),
        None => line.spans.push(Span { text: letter.into(), paint }),
    }
}

/// What the shades mean.
pub(super) fn legend(utf8: bool) -> String {
    let letters = if utf8 { UTF8 } else { PLAIN };
    let mean = |(shade, share): (usize, &str)| {
        format!("{} {share}", letters.get(shade).copied().unwrap_or('?'))
    };
    [(1, "few"), (3, "2%"), (5, "12%"), (7, "45%"), (8, "70%")].map(mean).join(" ")
}

/// A bound without digits that say nothing: `500us`, `20ms`, `5s`.
fn brief(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..60_000_000 => format!("{}s", us / 1_000_000),
        _ => human::duration(us),
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SPANS;
    use super::*;
    use crate::picture::{Latency, Picture, Trail};
    use std::time::Duration;

    const CLOCK: Clock = Clock { span: SPANS[0], length: 2, count: 4, now: 107 };

    fn state(pictures: &[(u64, &[(u64, u64)])], trails: Vec<Trail>) -> State {
        let mut state = State::default();
        for (second, cells) in pictures {
            let cells = cells.to_vec();
            let latency = Latency { name: "request".into(), cells, ..Latency::default() };
            let picture = Picture {
                taken: second * 1_000_000,
                latencies: vec![latency],
                trails: trails.clone(),
                ..Picture::default()
            };
            state.ingest(Ok(picture), Duration::from_secs(*second));
        }
        state
    }

    fn trail(name: &str, end: u64, values: &[u64]) -> Trail {
        Trail { name: name.into(), step: 1, end, scale: 1, values: values.to_vec() }
    }

    fn rows(map: &Map, height: usize) -> Vec<String> {
        map.lines(height, 9, false).iter().map(Line::text).collect()
    }

    #[test]
    fn a_share_has_a_shade_and_anything_is_seen() {
        let shades = [(0, 0), (1, 1000), (10, 1000), (50, 1000), (500, 1000), (1, 1)];
        assert_eq!(shades.map(|(count, total)| shade(count, total)), [0, 1, 2, 4, 7, 8]);
        assert_eq!(shade(5, 0), 8, "more than all is all");
    }

    #[test]
    fn what_was_measured_is_drawn_and_the_slowest_is_on_top() {
        let state =
            state(&[(104, &[]), (105, &[(900, 9)]), (106, &[(900, 18), (40_000, 1)])], vec![]);
        let map = Map::of(&state, &CLOCK).unwrap();
        assert_eq!(map.measured, 2);
        assert_eq!(
            rows(&map, 9),
            [
                " to 100ms     ",
                "  to 50ms    =",
                "  to 20ms     ",
                "  to 10ms     ",
                "   to 5ms     ",
                "   to 2ms     ",
                "   to 1ms   ##",
                " to 500us     "
            ]
        );
        assert_eq!(rows(&map, 3), [" to 200ms    =", "  to 20ms     ", "   to 2ms   ##"]);
    }

    #[test]
    fn the_time_before_is_drawn_from_percentiles_and_said_so() {
        let past = vec![
            trail("requests", 103, &[9, 9, 9, 9]),
            trail("p50", 103, &[0, 900, 900, 900]),
            trail("p90", 103, &[0, 900, 900, 900]),
            trail("p99", 103, &[0, 900, 900, 90_000]),
        ];
        let map = Map::of(&state(&[(104, &[]), (105, &[(900, 9)])], past), &CLOCK).unwrap();
        assert_eq!(map.measured, 2);
        let drawn = rows(&map, 20);
        assert_eq!(drawn.iter().find(|l| l.contains("100ms")).unwrap(), " to 100ms  =  ");
        assert_eq!(drawn.iter().find(|l| l.contains("1ms")).unwrap(), "   to 1ms ### ");
        let said = map.origin(&CLOCK, |moment| moment.to_string());
        assert_eq!(said.unwrap(), ", p50/p90/p99 till 104");
    }

    #[test]
    fn where_nothing_is_known_there_is_no_map() {
        assert_eq!(Map::of(&State::default(), &CLOCK), None);
        let past = vec![trail("requests", 103, &[9; 4])];
        assert_eq!(Map::of(&state(&[(104, &[])], past), &CLOCK), None);
    }
}
