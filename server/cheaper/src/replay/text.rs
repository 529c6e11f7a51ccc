//! A report as a text for a terminal: a table of the outcomes, then workers over time.

use std::fmt::{self, Display, Formatter};

use super::report::{Outcome, Report};

/// Rows of the course at most.
const ROWS: u64 = 40;

const HEAD: [&str; 12] = [
    "algorithm",
    "mean",
    "min",
    "max",
    "spawned",
    "emergency",
    "cheaped",
    "dropped",
    "wait p50",
    "p90",
    "p99",
    "max",
];

impl Display for Report {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "{} requests in {}, {} to {} workers, a cycle every {}",
            self.requests,
            time(self.length_us),
            self.floor,
            self.processes,
            time(self.cycle_us)
        )?;
        let head = HEAD.map(String::from).to_vec();
        let rows = self.outcomes.iter().map(row);
        write!(to, "\n{}", table([head].into_iter().chain(rows).collect()))?;
        write!(to, "\n{}", table(self.course()))?;
        self.outcomes.iter().try_for_each(|outcome| notes(outcome, to))
    }
}

impl Report {
    /// Workers of each algorithm at the end of every stretch of the load.
    fn course(&self) -> Vec<Vec<String>> {
        let cycles = self.length_us.div_ceil(self.cycle_us.max(1));
        let stretch = cycles.div_ceil(ROWS).max(1).saturating_mul(self.cycle_us);
        let names = self.outcomes.iter().map(|outcome| outcome.name.clone());
        let mut rows: Vec<Vec<String>> =
            vec![["time".to_owned()].into_iter().chain(names).collect()];
        let stops = (0..=ROWS).map(|row| row.saturating_mul(stretch));
        rows.extend(stops.take_while(|at| *at <= self.length_us).map(|at| {
            let workers = self.outcomes.iter().map(|outcome| outcome.workers_at(at).to_string());
            [time(at)].into_iter().chain(workers).collect()
        }));
        rows
    }
}

fn row(outcome: &Outcome) -> Vec<String> {
    let queue = &outcome.queue;
    let numbers = [
        outcome.min_workers as u64,
        outcome.max_workers as u64,
        outcome.spawned,
        outcome.emergency,
        outcome.cheaped,
        outcome.dropped,
    ];
    let waits = [queue.p50_us, queue.p90_us, queue.p99_us, queue.max_us];
    [outcome.name.clone(), format!("{:.2}", outcome.mean_workers)]
        .into_iter()
        .chain(numbers.iter().map(ToString::to_string))
        .chain(waits.map(time))
        .collect()
}

fn notes(outcome: &Outcome, to: &mut Formatter<'_>) -> fmt::Result {
    if outcome.unserved > 0 {
        let name = &outcome.name;
        writeln!(to, "\n{name}: {} requests still waited when it was given up", outcome.unserved)?;
    }
    Ok(())
}

/// Columns as wide as their longest word; the first to the left, numbers to the right.
fn table(rows: Vec<Vec<String>>) -> String {
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") }
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Microseconds in a unit that leaves three digits or more, with at most one decimal.
fn time(us: u64) -> String {
    let (size, unit) = match us {
        0 => return "0".into(),
        1..1_000 => (1, "us"),
        1_000..1_000_000 => (1_000, "ms"),
        _ => (1_000_000, "s"),
    };
    let tenths = us / (size / 10).max(1) % 10;
    match tenths {
        1.. if size > 1 => format!("{}.{tenths}{unit}", us / size),
        _ => format!("{}{unit}", us / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_at_most_one_decimal() {
        let cases = [
            (0, "0"),
            (7, "7us"),
            (999, "999us"),
            (1_000, "1ms"),
            (1_560, "1.5ms"),
            (999_999, "999.9ms"),
            (60_000_000, "60s"),
            (61_500_000, "61.5s"),
        ];
        for (us, want) in cases {
            assert_eq!(time(us), want);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_word() {
        let rows = [["a", "b", "c"], ["long", "1", "2000"]];
        let rows = rows.map(|row| row.map(String::from).to_vec()).to_vec();
        assert_eq!(table(rows), "a     b     c\nlong  1  2000\n");
        assert_eq!(table(Vec::new()), "");
    }
}
