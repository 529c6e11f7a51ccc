//! The part of the table about reloads: how many of each kind, how they ended, and when one was
//! refused.

use super::build::{at, head, i, nth};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::Globals;
use Unit::{Count, Epoch};

const GRACEFUL: &[(&str, &str)] = &[("kind", "graceful")];
const BRUTAL: &[(&str, &str)] = &[("kind", "brutal")];
const WORKERS: &[(&str, &str)] = &[("kind", "workers")];
const CHAIN: &[(&str, &str)] = &[("kind", "chain")];
const MULES: &[(&str, &str)] = &[("kind", "mules")];
const FORK: &[(&str, &str)] = &[("kind", "fork")];

/// The `n`-th pair of [`RELOADS`](crate::rows::RELOADS).
macro_rules! reloads {
    ($n:literal, $outcome:literal, $kind:ident) => {
        head(|s| i(s.globals.reload_outcomes[$n]), Counter, Count, "Reloads by kind and outcome.")
            .family("uwsgi_reload_outcomes_total")
            .label("outcome", $outcome)
            .labels($kind)
            .cell(nth(at!(Globals.reload_outcomes), $n))
    };
}

pub(super) const ROWS: &[Metric] = &[
    reloads!(0, "done", GRACEFUL),
    reloads!(1, "refused", GRACEFUL),
    reloads!(2, "failed", GRACEFUL),
    reloads!(3, "done", BRUTAL),
    reloads!(4, "refused", BRUTAL),
    reloads!(5, "failed", BRUTAL),
    reloads!(6, "done", WORKERS),
    reloads!(7, "done", CHAIN),
    reloads!(8, "failed", CHAIN),
    reloads!(9, "done", MULES),
    reloads!(10, "done", FORK),
    reloads!(11, "failed", FORK),
    head(
        |s| i(s.globals.reload_refused_at),
        Gauge,
        Epoch,
        "Last reload that was refused or failed.",
    )
    .family("uwsgi_reload_refused_timestamp_seconds")
    .cell(at!(Globals.reload_refused_at)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::RELOADS;

    #[test]
    fn every_pair_has_its_row_under_its_words() {
        for ((kind, outcome), metric) in RELOADS.iter().zip(ROWS) {
            assert_eq!(metric.more, [("kind", *kind)]);
            assert_eq!(metric.label, Some(("outcome", *outcome)));
        }
        assert_eq!(ROWS.len(), RELOADS.len() + 1);
    }
}
