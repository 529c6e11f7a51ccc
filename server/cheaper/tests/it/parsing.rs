//! Traces nobody wrote with care.

use proptest::prelude::*;
use uwsgi_cheaper::trace::{Event, Machine, Trace, What};
use uwsgi_cheaper::{Settings, replay};

const HEAD: &str = "uwsgi-cheaper-trace 1\n";

/// Words of traces in any order, and some that are none.
fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "set",
        "cores",
        "start-up",
        "listen",
        "rss",
        "cycle",
        "seed",
        "request",
        "fifo",
        "end",
        "x3",
        "x",
        "+-",
        "+++",
        "0",
        "1",
        "2.5",
        "3ms",
        "7us",
        "1h",
        "9999999999999999999999",
        "-1",
        "#",
        "é",
        "1.0000001",
        "\t",
    ]);
    prop::collection::vec(words, 0..6).prop_map(|words| words.join(" "))
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        (0..40u64, 0..5_000_000u64)
            .prop_map(|(count, service_us)| What::Cycle { count, service_us }),
        (0..40u64, 0..5_000_000u64)
            .prop_map(|(count, service_us)| What::Request { count, service_us }),
        (-9..9i64).prop_map(What::Fifo),
        (0..1u64 << 48).prop_map(What::Rss),
    ]
}

prop_compose! {
    fn trace()(
        cores in 1..9u32,
        start_up_us in 0..9_000_000u64,
        listen in 0..99u64,
        rss in 0..1u64 << 48,
        cycle_us in 1..9_000_000u64,
        seed in prop::option::of(any::<u64>()),
        steps in prop::collection::vec((0..4_000_000u64, what()), 0..30),
        end in any::<bool>(),
    ) -> Trace {
        let mut at_us = 0;
        let mut events: Vec<_> = steps
            .into_iter()
            .map(|(step, what)| {
                at_us += step;
                Event { at_us, what }
            })
            .collect();
        events.extend(end.then_some(Event { at_us, what: What::End }));
        Trace { machine: Machine { cores, start_up_us, listen, rss }, cycle_us, seed, events }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_trace_or_a_fault_with_a_line_of_it(text in "\\PC{0,200}|(.|\n){0,200}") {
        if let Err(fault) = text.parse::<Trace>() {
            prop_assert!(fault.line >= 1 && fault.line <= text.lines().count().max(1));
            prop_assert!(!fault.text.is_empty());
        }
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(lines in prop::collection::vec(line(), 0..8)) {
        let text = format!("{HEAD}{}", lines.join("\n"));
        match text.parse::<Trace>() {
            Ok(trace) => prop_assert_eq!(trace.to_string().parse::<Trace>().unwrap(), trace),
            Err(fault) => prop_assert!(fault.line >= 2 && fault.line <= lines.len() + 1),
        }
    }

    #[test]
    fn what_is_written_is_read_again(trace in trace()) {
        prop_assert_eq!(trace.to_string().parse::<Trace>(), Ok(trace));
    }

    #[test]
    fn arrivals_are_in_order_and_none_is_lost(trace in trace()) {
        let arrivals = trace.arrivals();
        prop_assert!(arrivals.is_sorted_by_key(|arrival| arrival.at_us));
        let want: u64 = trace.events.iter().map(|event| match event.what {
            What::Cycle { count, .. } | What::Request { count, .. } => count,
            _ => 0,
        }).sum();
        prop_assert_eq!(arrivals.len() as u64, want);
        prop_assert!(arrivals.last().is_none_or(|last| last.at_us <= trace.length_us()));
    }

    #[test]
    fn every_trace_can_be_replayed(trace in trace(), floor in 1..4usize) {
        let settings = Settings { processes: 4, cheaper: floor.min(3), ..Settings::default() };
        let report = replay(&trace, &settings, &["spare", "busyness"]);
        prop_assert_eq!(report.outcomes.len(), 2);
        prop_assert!(!report.to_string().is_empty());
    }
}
