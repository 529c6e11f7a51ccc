//! Writing a trace, so that a recorder and the reader agree on the form.

use std::fmt::{self, Display, Formatter};

use super::{Event, Machine, Trace, What, duration::exact};

impl Display for Trace {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let Machine { cores, start_up_us, listen, rss } = self.machine;
        writeln!(to, "uwsgi-cheaper-trace 1")?;
        writeln!(to, "set cores {cores}\nset start-up {}", exact(start_up_us))?;
        writeln!(to, "set listen {listen}\nset rss {rss}\nset cycle {}", exact(self.cycle_us))?;
        if let Some(seed) = self.seed {
            writeln!(to, "set seed {seed}")?;
        }
        self.events.iter().try_for_each(|event| event.fmt(to))
    }
}

impl Display for Event {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let at = exact(self.at_us);
        match self.what {
            What::Cycle { count, service_us } => {
                writeln!(to, "{at} cycle {count} {}", exact(service_us))
            }
            What::Request { count, service_us } => {
                writeln!(to, "{at} request {} x{count}", exact(service_us))
            }
            What::Fifo(0) => writeln!(to, "{at} fifo +-"),
            What::Fifo(delta) => {
                let sign = if delta > 0 { "+" } else { "-" };
                let count = usize::try_from(delta.unsigned_abs().min(1_000)).unwrap_or(1_000);
                writeln!(to, "{at} fifo {}", sign.repeat(count))
            }
            What::Rss(bytes) => writeln!(to, "{at} rss {bytes}"),
            What::End => writeln!(to, "{at} end"),
        }
    }
}
