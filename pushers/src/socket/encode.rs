//! `PREFIX.NAME TYPE VALUE`, the type as its number, without a newline.

use std::io::Write;

use crate::datagrams::Datagrams;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
pub(super) struct Encode {
    pub(super) prefix: String,
}

impl Encoder for Encode {
    type Payload = Datagrams;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Datagrams>> {
        let mut out = Datagrams::default();
        for item in tick.list {
            out.bytes.extend_from_slice(self.prefix.as_bytes());
            out.bytes.push(b'.');
            out.bytes.extend_from_slice(&item.name);
            // Writing to memory does not fail.
            let _ = write!(out.bytes, " {} {}", item.kind as u64, item.value);
            out.end();
        }
        let (values, bytes) = (out.ends.len() as u64, out.bytes.len());
        (values > 0).then_some(Load { payload: out, values, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::Kind::{Alias, Counter, Gauge};

    #[test]
    fn one_datagram_for_each_metric() {
        let list = [
            ("core.routed_signals", Counter, 0),
            ("vsz_size", Alias, 78_716_928),
            ("g", Gauge, -4),
        ];
        with_list(&list, |tick| {
            let load = Encode { prefix: "uwsgi".into() }.encode(tick).unwrap();
            let lines: Vec<_> = load.payload.iter().map(String::from_utf8_lossy).collect();
            assert_eq!(
                lines,
                ["uwsgi.core.routed_signals 0 0", "uwsgi.vsz_size 3 78716928", "uwsgi.g 1 -4"]
            );
            assert_eq!(load.values, 3);
        });
    }

    #[test]
    fn without_metrics_there_is_nothing_to_push() {
        with_list(&[], |tick| assert!(Encode { prefix: "x".into() }.encode(tick).is_none()));
    }
}
