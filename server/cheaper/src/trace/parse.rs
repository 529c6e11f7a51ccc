//! Reading a trace. Any bytes give a trace or a fault with its line; nothing panics.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use super::{Event, LONGEST_US, MOST_REQUESTS, Trace, What, duration};

/// Why a text is no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it and what is expected.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for Fault {}

impl FromStr for Trace {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            let words = line.split('#').next().unwrap_or_default();
            let fault = |text| Fault { line: index + 1, text };
            reader.line(words).map_err(fault)?;
        }
        match reader.begun {
            true => Ok(reader.trace),
            false => Err(Fault { line: 1, text: EXPECTED.into() }),
        }
    }
}

const EXPECTED: &str = "the first line of a trace is \"uwsgi-cheaper-trace 1\"";

#[derive(Default)]
struct Reader {
    trace: Trace,
    begun: bool,
    ended: bool,
    requests: u64,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return Ok(()) };
        if !self.begun {
            self.begun = line.split_whitespace().eq(["uwsgi-cheaper-trace", "1"]);
            return if self.begun { Ok(()) } else { Err(EXPECTED.into()) };
        }
        match first {
            "set" => self.set(&mut words)?,
            time => self.event(time, &mut words)?,
        }
        match words.next() {
            None => Ok(()),
            Some(word) => Err(format!("\"{word}\" is one word too many")),
        }
    }

    fn set(&mut self, words: &mut SplitWhitespace<'_>) -> Result<(), String> {
        if !self.trace.events.is_empty() {
            return Err("\"set\" comes before the first time".into());
        }
        let name = next(words, "a name after \"set\"")?;
        let value = next(words, "a value after the name")?;
        let trace = &mut self.trace;
        match name {
            "cores" => trace.machine.cores = bounded(name, value, 1, 65_536)?,
            "start-up" => trace.machine.start_up_us = time(name, value)?,
            "listen" => trace.machine.listen = bounded(name, value, 0, 1 << 32)?,
            "rss" => trace.machine.rss = bounded(name, value, 0, 1 << 48)?,
            "cycle" => trace.cycle_us = time(name, value)?.max(1),
            "seed" => trace.seed = Some(bounded(name, value, 0, u64::MAX)?),
            _ => {
                return Err(format!(
                    "\"{name}\" is not one of cores, start-up, listen, rss, cycle, seed"
                ));
            }
        }
        Ok(())
    }

    fn event(&mut self, at: &str, words: &mut SplitWhitespace<'_>) -> Result<(), String> {
        let at_us = time("the time of a line", at)?;
        if self.ended {
            return Err("nothing follows \"end\"".into());
        }
        if self.trace.events.last().is_some_and(|event| event.at_us > at_us) {
            return Err(format!("\"{at}\" is before the time of the line above"));
        }
        let what = match next(words, "a word after the time")? {
            "cycle" => {
                let count = self.count(next(words, "a number of requests")?)?;
                What::Cycle { count, service_us: service(words)? }
            }
            "request" => {
                let service_us = service(words)?;
                let times = words.next().unwrap_or("x1");
                let count =
                    times.strip_prefix('x').ok_or_else(|| wrong("x and a number", times))?;
                What::Request { count: self.count(count)?, service_us }
            }
            "fifo" => What::Fifo(fifo(next(words, "commands")?)?),
            "rss" => What::Rss(bounded("rss", next(words, "a number of bytes")?, 0, 1 << 48)?),
            "end" => What::End,
            word => return Err(wrong("cycle, request, fifo, rss or end", word)),
        };
        self.ended = what == What::End;
        self.trace.events.push(Event { at_us, what });
        Ok(())
    }

    /// A number of requests, within what a trace may hold altogether.
    fn count(&mut self, text: &str) -> Result<u64, String> {
        let count = bounded("the number of requests", text, 0, MOST_REQUESTS)?;
        self.requests += count;
        match self.requests {
            0..=MOST_REQUESTS => Ok(count),
            _ => Err(format!("a trace holds at most {MOST_REQUESTS} requests")),
        }
    }
}

fn next<'a>(words: &mut SplitWhitespace<'a>, what: &str) -> Result<&'a str, String> {
    words.next().ok_or_else(|| format!("the line ends where {what} is expected"))
}

fn wrong(expected: &str, seen: &str) -> String {
    format!("\"{seen}\" is not {expected}")
}

fn service(words: &mut SplitWhitespace<'_>) -> Result<u64, String> {
    time("the length of a request", next(words, "the length of a request")?)
}

fn time(name: &str, text: &str) -> Result<u64, String> {
    let us = duration::parse(text).ok_or_else(|| {
        format!("{name} is a number with us, ms, s, m or h, such as 1.5s, not \"{text}\"")
    })?;
    match us {
        0..=LONGEST_US => Ok(us),
        _ => Err(format!("{name} is at most 31 days, not \"{text}\"")),
    }
}

fn bounded<T: TryFrom<u64>>(name: &str, text: &str, least: u64, most: u64) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{name} is a whole number from {least} to {most}, not \"{text}\""))
}

fn fifo(text: &str) -> Result<i64, String> {
    let step = |sum: i64, sign: char| match sign {
        '+' => Ok(sum + 1),
        '-' => Ok(sum - 1),
        _ => Err(wrong("a row of + and -", text)),
    };
    text.chars().try_fold(0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Trace, String> {
        format!("uwsgi-cheaper-trace 1\n{lines}").parse().map_err(|fault: Fault| fault.to_string())
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let trace = read(
            "set cores 2\nset start-up 800ms\nset listen 64\nset rss 80\nset cycle 2s\nset seed 9\n\
             0 cycle 40 120ms # as counted\n\n# nothing\n1.25 request 2s\n1.25\trequest 90ms x5\n\
             7 fifo ++-\n9s rss 120\n1m end\n",
        )
        .unwrap();
        let machine = trace.machine;
        let seen = (machine.cores, machine.start_up_us, machine.listen, machine.rss);
        assert_eq!(seen, (2, 800_000, 64, 80));
        assert_eq!((trace.cycle_us, trace.seed), (2_000_000, Some(9)));
        let event = |at_us, what| Event { at_us, what };
        assert_eq!(
            trace.events,
            [
                event(0, What::Cycle { count: 40, service_us: 120_000 }),
                event(1_250_000, What::Request { count: 1, service_us: 2_000_000 }),
                event(1_250_000, What::Request { count: 5, service_us: 90_000 }),
                event(7_000_000, What::Fifo(1)),
                event(9_000_000, What::Rss(120)),
                event(60_000_000, What::End),
            ]
        );
    }

    #[test]
    fn faults_name_their_line_and_what_is_expected() {
        let cases = [
            ("set", "line 2: the line ends where a name after \"set\" is expected"),
            ("set cores", "line 2: the line ends where a value after the name is expected"),
            ("set cores 0", "line 2: cores is a whole number from 1 to 65536, not \"0\""),
            (
                "set colour 3",
                "line 2: \"colour\" is not one of cores, start-up, listen, rss, cycle, seed",
            ),
            ("0 end\n\n1 fifo +", "line 4: nothing follows \"end\""),
            ("2 fifo +\n1 fifo +", "line 3: \"1\" is before the time of the line above"),
            ("2 fifo +\nset cores 2", "line 3: \"set\" comes before the first time"),
            ("1 fifo +C", "line 2: \"+C\" is not a row of + and -"),
            ("1 request", "line 2: the line ends where the length of a request is expected"),
            ("1 request 1s 5", "line 2: \"5\" is not x and a number"),
            ("1 request 1s x1 y", "line 2: \"y\" is one word too many"),
            ("1 dance", "line 2: \"dance\" is not cycle, request, fifo, rss or end"),
            ("1", "line 2: the line ends where a word after the time is expected"),
            (
                "1 cycle 5 fast",
                "line 2: the length of a request is a number with us, ms, s, m or h, such as 1.5s, \
                 not \"fast\"",
            ),
            ("32000h end", "line 2: the time of a line is at most 31 days, not \"32000h\""),
            ("0 cycle 5000000 1s\n0 request 1s", "line 3: a trace holds at most 5000000 requests"),
        ];
        for (lines, want) in cases {
            assert_eq!(read(lines).unwrap_err(), want);
        }
    }

    #[test]
    fn a_text_without_its_first_line_is_no_trace() {
        for text in ["", "\n# nothing\n", "0 end", "uwsgi-cheaper-trace 2\n"] {
            let fault = text.parse::<Trace>().unwrap_err();
            assert_eq!(fault.text, EXPECTED, "{text:?}");
        }
        assert!("# recorded\n\n uwsgi-cheaper-trace 1 # form\n".parse::<Trace>().is_ok());
    }
}
