//! One push: a line for each metric of the list, then the times of requests.

use std::collections::HashMap;
use std::io::Write;

use uwsgi_metrics::Kind;
use uwsgi_metrics::schema::Item;

use super::form::{Dialect, Form, Line, Timing};
use super::increase::{Increase, Known};
use super::pack::Pack;
use super::timers::{Counted, Sample, rate, sampled};
use crate::datagrams::Datagrams;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
pub(crate) struct Encode {
    form: Form,
    increase: Increase,
    counted: Counted,
}

impl Encode {
    /// `all_is_new` when nothing was ever pushed to this receiver.
    /// `told` is what an earlier image of the server has told it, when that is known.
    pub(crate) fn new(form: Form, all_is_new: bool, told: Option<HashMap<Vec<u8>, i64>>) -> Encode {
        let increase = match told {
            Some(told) => Increase::after(told),
            None => Increase::new(all_is_new),
        };
        Encode { form, increase, counted: Counted::new(all_is_new) }
    }

    fn item(&mut self, item: &Item, known: Option<&Known<'_>>, line: &Line, out: &mut Put) {
        let Some(known) = known else {
            let gauge = self.form.all_gauges || item.kind == Kind::Gauge;
            return out.value(line, item.value, if gauge { "g" } else { "c" });
        };
        if known.is_gauge(item) {
            // A sign would make it a change of the gauge, except for agents of Datadog.
            let signed = item.value < 0 && self.form.dialect != Dialect::DogStatsD;
            return if signed {
                out.below_zero(line, item.value)
            } else {
                out.value(line, item.value, "g")
            };
        }
        let gained = self.increase.of(item, known);
        if gained > 0 {
            out.value(line, gained, "c");
        }
    }

    fn timers(&mut self, timing: &Timing, tick: &Tick<'_>, out: &mut Put) {
        let mut line = Line::default();
        for (what, new) in self.counted.since(tick.snapshot) {
            let name = format!("latency.{}", what.as_str());
            if self.form.line(name.as_bytes(), &mut line) {
                for sample in sampled(&new, timing.most, timing.every) {
                    out.sample(&line, &sample, &timing.kind);
                }
            }
        }
    }
}

impl Encoder for Encode {
    type Payload = Datagrams;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Datagrams>> {
        let stamp = self.form.timestamps.then(|| format!("|T{}", tick.at_s()));
        let several = self.form.dialect == Dialect::DogStatsD && self.form.mtu > 0;
        let room = several.then_some(self.form.mtu);
        let mut out =
            Put { pack: Pack::new(self.form.mtu), stamp: stamp.unwrap_or_default(), room };
        let known = self.form.delta.then(|| Known::of(tick.list, tick.snapshot));
        let mut line = Line::default();
        for item in tick.list {
            if self.form.line(&item.name, &mut line) {
                self.item(item, known.as_ref(), &line, &mut out);
            }
        }
        self.increase.pushed();
        if let Some(timing) = self.form.timing.clone() {
            self.timers(&timing, tick, &mut out);
        }
        let (payload, values) = out.pack.finish();
        let bytes = payload.bytes.len();
        (values > 0).then_some(Load { payload, values, bytes })
    }
}

/// Writes the lines.
struct Put {
    pack: Pack,
    /// The field with the time; empty for none.
    stamp: String,
    /// Size up to which several values may stand in one line; nothing where they may not.
    room: Option<usize>,
}

impl Put {
    // Writing to memory does not fail.
    fn value(&mut self, line: &Line, value: i64, kind: &str) {
        let stamp = &self.stamp;
        self.pack.line(1, |out| {
            out.extend_from_slice(&line.head);
            let _ = write!(out, ":{value}|{kind}");
            out.extend_from_slice(&line.tail);
            out.extend_from_slice(stamp.as_bytes());
        });
    }

    /// Zero, and down from there; both in the same datagram, because order is kept nowhere else.
    fn below_zero(&mut self, line: &Line, value: i64) {
        let stamp = &self.stamp;
        self.pack.line(1, |out| {
            for (value, end) in [(0, "\n"), (value, "")] {
                out.extend_from_slice(&line.head);
                let _ = write!(out, ":{value}|g");
                out.extend_from_slice(&line.tail);
                out.extend_from_slice(stamp.as_bytes());
                out.extend_from_slice(end.as_bytes());
            }
        });
    }

    fn sample(&mut self, line: &Line, sample: &Sample, kind: &str) {
        let rate = match sample.weight {
            1 => String::new(),
            weight => format!("|@{}", rate(weight)),
        };
        let end = [b"|", kind.as_bytes(), rate.as_bytes(), &line.tail].concat();
        let fixed = line.head.len() + end.len();
        let mut values = Vec::new();
        let mut count = 0;
        for value in &sample.values {
            let text = format!(":{value}");
            let full = self.room.is_none_or(|room| fixed + values.len() + text.len() > room);
            if full && count > 0 {
                self.pack.line(count, |out| {
                    out.extend([&line.head, &values, &end].into_iter().flatten())
                });
                values.clear();
                count = 0;
            }
            values.extend_from_slice(text.as_bytes());
            count += 1;
        }
        if count > 0 {
            self.pack
                .line(count, |out| out.extend([&line.head, &values, &end].into_iter().flatten()));
        }
    }
}

#[cfg(test)]
mod tests;
