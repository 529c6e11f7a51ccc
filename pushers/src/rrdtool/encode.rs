//! Every metric under the name of its file.

use uwsgi_metrics::Kind;
use uwsgi_metrics::schema::Item;

use super::layout::Source;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// One push.
#[derive(Debug)]
pub(super) struct Values {
    /// When the numbers were read, epoch microseconds.
    pub(super) at_us: u64,
    pub(super) of: Vec<Value>,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// `worker.1.requests.rrd`
    pub(super) file: String,
    /// What a file is that has to be made first.
    pub(super) source: Source,
    pub(super) value: i64,
}

/// See the module.
pub(super) struct Encode;

impl Encoder for Encode {
    type Payload = Values;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Values>> {
        let of: Vec<Value> = tick.list.iter().map(value).collect();
        let bytes = of.iter().map(|value| value.file.len() + size_of::<Value>()).sum();
        let values = of.len() as u64;
        (values > 0).then_some(Load { payload: Values { at_us: tick.at_us, of }, values, bytes })
    }
}

/// A metric's file, kind and value.
pub(super) fn value(item: &Item) -> Value {
    Value {
        file: format!("{}.rrd", String::from_utf8_lossy(&item.name)),
        source: if item.kind == Kind::Gauge { Source::Gauge } else { Source::Derive },
        value: item.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::Kind::{Alias, Counter, Gauge};

    #[test]
    fn gauges_are_gauges_and_the_rest_grows() {
        let list = [("worker.0.requests", Counter, 7), ("rss_size", Alias, 1), ("g", Gauge, -4)];
        let values = with_list(&list, |tick| Encode.encode(tick).unwrap().payload);
        assert_eq!(values.at_us, 1_795_162_676_000_000);
        let shown: Vec<_> =
            values.of.iter().map(|v| (v.file.as_str(), v.source.name(), v.value)).collect();
        assert_eq!(
            shown,
            [
                ("worker.0.requests.rrd", "DERIVE", 7),
                ("rss_size.rrd", "DERIVE", 1),
                ("g.rrd", "GAUGE", -4)
            ]
        );
    }
}
