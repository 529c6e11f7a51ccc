//! What a request waited for, in words: for the line of a slow request, for `log-format`, and for
//! what the master says of requests that hang or were lost.
//!
//! Owns the wording. Pure but for asking which probes are attached. Parts of a line always make up
//! its total: what was waited for nowhere was running.

use std::fmt::Write as _;

use uwsgi_ebpf::{Live, Waited};
use uwsgi_metrics::WAITS;

/// What probes know of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    waited: Waited,
    /// The probe that tells waits apart is attached.
    classes: bool,
}

impl Waits {
    /// Nothing where neither waits nor system calls are measured.
    pub(crate) fn of(live: &Live, waited: Waited) -> Option<Waits> {
        let classes = live.has("scheduler");
        (classes || live.has("syscalls")).then_some(Waits { waited, classes })
    }

    /// `2140 ms = 120 running + 1800 network + 20 disk; slowest call recvfrom 1500 ms`
    pub(crate) fn text(&self, total_us: u64) -> String {
        let mut text = format!("{} ms", total_us / 1_000);
        if self.classes {
            let mut parts = self.parts_us(total_us).map(|us| us / 1_000).into_iter().zip(WAITS);
            let mut parts: Vec<_> = parts.by_ref().filter(|(ms, _)| *ms > 0).collect();
            parts.sort_by_key(|(ms, _)| std::cmp::Reverse(*ms));
            let waited: u64 = parts.iter().map(|(ms, _)| ms).sum();
            let _ = write!(text, " = {} running", (total_us / 1_000).saturating_sub(waited));
            for (ms, wait) in parts {
                let _ = write!(text, " + {ms} {}", wait.replace('_', " "));
            }
        }
        if let Some((call, ns)) = self.waited.slowest {
            let _ = write!(text, "; slowest call {} {} ms", call_name(call), ns / 1_000_000);
        }
        text
    }

    /// `waits for network; in recvfrom for 1500 ms`, or that it runs.
    pub(crate) fn now(&self) -> String {
        let mut text = match self.waited.now.and_then(|now| WAITS.get(now)) {
            Some(wait) => format!("waits for {}", wait.replace('_', " ")),
            None if self.classes => "runs".to_owned(),
            None => String::new(),
        };
        if let Some((call, ns)) = self.waited.call {
            let and = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{and}in {} for {} ms", call_name(call), ns / 1_000_000);
        }
        text
    }

    /// A variable of `log-format`, behind `wait.`: times in microseconds.
    pub(crate) fn value(&self, name: &str, total_us: u64) -> Option<String> {
        let us = match name {
            "slowest" => return self.waited.slowest.map(|(call, _)| call_name(call)),
            "slowest_us" => self.waited.slowest?.1 / 1_000,
            _ if !self.classes => return None,
            "running" => total_us.saturating_sub(self.parts_us(total_us).iter().sum()),
            _ => self.parts_us(total_us)[WAITS.iter().position(|wait| *wait == name)?],
        };
        Some(us.to_string())
    }

    /// Waits within `total_us`, in the order of [`WAITS`]: the clocks of the two sides are read at
    /// slightly different moments.
    fn parts_us(&self, total_us: u64) -> [u64; WAITS.len()] {
        let mut left = total_us;
        self.waited.ns.map(|ns| {
            let us = (ns / 1_000).min(left);
            left -= us;
            us
        })
    }
}

fn call_name(call: u64) -> String {
    uwsgi_ebpf::call_name(call).map_or_else(|| format!("number {call}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(of: [u64; WAITS.len()]) -> [u64; WAITS.len()] {
        let [a, b, c, d, e, f] = of;
        const M: u64 = 1_000_000;
        [a * M, b * M, c * M, d * M, e * M, f * M]
    }

    fn waits(classes: bool, of: [u64; WAITS.len()], slowest: Option<(u64, u64)>) -> Waits {
        Waits { waited: Waited { ns: ms(of), slowest, ..Waited::default() }, classes }
    }

    #[test]
    fn parts_make_up_the_total_and_the_largest_comes_first() {
        let slow = waits(true, [200, 20, 1_800, 0, 0, 0], Some((u64::MAX, 1_500_000_000)));
        let name = call_name(u64::MAX);
        assert_eq!(
            slow.text(2_140_900),
            format!(
                "2140 ms = 120 running + 1800 network + 200 run queue + 20 disk; slowest call {name} 1500 ms"
            )
        );
        assert_eq!(waits(true, [0; 6], None).text(70_000), "70 ms = 70 running");
        let more = waits(true, [0, 0, 90, 0, 0, 30], None);
        assert_eq!(more.text(100_000), "100 ms = 0 running + 90 network + 10 system call");
    }

    #[test]
    fn what_is_not_measured_is_not_told() {
        let calls = waits(false, [9, 0, 0, 0, 0, 0], None);
        assert_eq!(calls.text(50_000), "50 ms");
        assert_eq!(calls.value("network", 50_000), None);
        assert_eq!(calls.now(), "");
    }

    #[test]
    fn variables_are_microseconds() {
        let slow = waits(true, [0, 5, 10, 0, 0, 0], None);
        for (name, value) in [
            ("disk", Some("5000")),
            ("network", Some("10000")),
            ("run_queue", Some("0")),
            ("running", Some("5500")),
            ("slowest", None),
            ("nothing", None),
        ] {
            assert_eq!(slow.value(name, 20_500).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn a_running_wait_is_named() {
        let waited =
            Waited { now: Some(2), call: Some((u64::MAX, 3_000_000)), ..Waited::default() };
        let name = call_name(u64::MAX);
        assert_eq!(
            Waits { waited, classes: true }.now(),
            format!("waits for network; in {name} for 3 ms")
        );
        assert_eq!(Waits { classes: true, ..Waits::default() }.now(), "runs");
    }
}
