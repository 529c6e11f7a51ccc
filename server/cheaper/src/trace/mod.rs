//! Recorded load: what arrived when, and how long it took.
//!
//! A trace is a text. Its first line is `uwsgi-cheaper-trace 1`; `#` begins a comment, empty lines
//! are nothing. Words are separated by blanks. A length of time is a number with up to six decimals
//! and `us`, `ms`, `s`, `m` or `h`; without a unit it is seconds.
//!
//! ```text
//! uwsgi-cheaper-trace 1
//! set cores 1          # requests a worker serves at once (1)
//! set start-up 800ms   # from the fork of a worker to its first request (0)
//! set listen 100       # connections that may wait; more are dropped (100)
//! set rss 80000000     # resident memory of a worker in bytes (0)
//! set cycle 1s         # what a line `cycle` spans (1s)
//! set seed 7           # spreads the arrivals of a cycle at random; without it, evenly
//! 0    cycle 40 120ms  # 40 requests of 120 ms in the cycle that begins at 0
//! 1    cycle 38 125ms
//! 1.25 request 2s      # one request that takes 2 s
//! 1.5  request 90ms x5 # five at once
//! 7    fifo ++-        # commands of the master FIFO
//! 9    rss 120000000   # from now on a worker is that large
//! 60   end             # the load is over; without it, with the last line
//! ```
//!
//! One line per cycle is what counters give once a second, one line per request is what a request
//! log gives. Times never go back from line to line; `set` comes before the first time.

mod duration;
mod parse;
mod write;

pub use parse::Fault;

/// Requests a trace may hold: each costs memory and time.
pub const MOST_REQUESTS: u64 = 5_000_000;

/// Microseconds a trace may last: 31 days.
pub const LONGEST_US: u64 = 31 * 24 * 3_600 * 1_000_000;

/// A recorded load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What the workers are like.
    pub machine: Machine,
    /// What a line `cycle` spans, in microseconds.
    pub cycle_us: u64,
    /// Spreads arrivals of a cycle at random.
    pub seed: Option<u64>,
    /// What happened, in order of time.
    pub events: Vec<Event>,
}

/// What every worker is like, and the queue before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Requests a worker serves at once.
    pub cores: u32,
    /// Microseconds from the fork to the first request.
    pub start_up_us: u64,
    /// Connections that may wait.
    pub listen: u64,
    /// Resident memory of a worker in bytes.
    pub rss: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { cores: 1, start_up_us: 0, listen: 100, rss: 0 }
    }
}

/// Something at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since the start.
    pub at_us: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Requests that arrived over the cycle that begins here.
    Cycle {
        /// How many.
        count: u64,
        /// Microseconds each takes.
        service_us: u64,
    },
    /// Requests that arrived at once.
    Request {
        /// How many.
        count: u64,
        /// Microseconds each takes.
        service_us: u64,
    },
    /// `+` minus `-` through the master FIFO.
    Fifo(i64),
    /// Workers are that large from here on, in bytes.
    Rss(u64),
    /// The load is over.
    End,
}

impl Default for Trace {
    fn default() -> Self {
        let machine = Machine::default();
        Self { machine, cycle_us: 1_000_000, seed: None, events: Vec::new() }
    }
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Microseconds since the start.
    pub at_us: u64,
    /// Microseconds it takes.
    pub service_us: u64,
}

impl Trace {
    /// Every request in the order of arrival.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        let mut dice = self.seed.map(Dice);
        let mut arrivals = Vec::new();
        for event in &self.events {
            let (count, service_us, span) = match event.what {
                What::Cycle { count, service_us } => (count, service_us, self.cycle_us),
                What::Request { count, service_us } => (count, service_us, 0),
                What::Fifo(_) | What::Rss(_) | What::End => continue,
            };
            arrivals.extend((0..count.min(MOST_REQUESTS)).map(|index| {
                let offset = match &mut dice {
                    Some(dice) if span > 0 => dice.below(span),
                    _ => share(span, index, count),
                };
                Arrival { at_us: event.at_us.saturating_add(offset), service_us }
            }));
        }
        arrivals.sort_by_key(|arrival| arrival.at_us);
        arrivals
    }

    /// Microseconds from the start to the end of the load.
    #[must_use]
    pub fn length_us(&self) -> u64 {
        let end = |event: &Event| match event.what {
            What::Cycle { .. } => event.at_us.saturating_add(self.cycle_us),
            _ => event.at_us,
        };
        self.events.iter().map(end).max().unwrap_or(0)
    }
}

/// Where the `index`th of `count` begins in a span.
fn share(span: u64, index: u64, count: u64) -> u64 {
    let exact = u128::from(span) * u128::from(index) / u128::from(count.max(1));
    u64::try_from(exact).unwrap_or(span)
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(trace: &str) -> Vec<u64> {
        let trace: Trace = format!("uwsgi-cheaper-trace 1\n{trace}").parse().unwrap();
        trace.arrivals().iter().map(|arrival| arrival.at_us / 1_000).collect()
    }

    #[test]
    fn the_example_of_the_module_is_a_trace() {
        let header = include_str!("mod.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let fenced = header.skip_while(|line| *line != " ```text").skip(1);
        let text: String =
            fenced.take_while(|line| *line != " ```").map(|line| format!("{line}\n")).collect();
        let trace: Trace = text.parse().unwrap();
        assert_eq!((trace.events.len(), trace.length_us()), (7, 60_000_000));
    }

    #[test]
    fn arrivals_of_a_cycle_are_spread_evenly_and_mixed_in_order() {
        assert_eq!(
            times("0 cycle 4 1ms\n0.3 request 5ms x2\n1 cycle 1 1ms"),
            [0, 250, 300, 300, 500, 750, 1000]
        );
    }

    #[test]
    fn a_seed_spreads_them_at_random_but_always_alike() {
        let text = "set seed 7\n2 cycle 50 1ms";
        let (once, again) = (times(text), times(text));
        assert_eq!(once, again);
        assert!(once.iter().all(|at| (2_000..3_000).contains(at)));
        assert_ne!(once, times("set seed 8\n2 cycle 50 1ms"));
        assert_ne!(once, times("2 cycle 50 1ms"));
    }

    #[test]
    fn the_load_lasts_until_its_last_line_has_passed() {
        let cases = [("", 0), ("3 request 9s", 3), ("3 cycle 1 9s", 4), ("3 cycle 1 1s\n8 end", 8)];
        for (text, seconds) in cases {
            let trace: Trace = format!("uwsgi-cheaper-trace 1\n{text}").parse().unwrap();
            assert_eq!(trace.length_us(), seconds * 1_000_000, "{text}");
        }
    }
}
