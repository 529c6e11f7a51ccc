//! `STATUS=` and a line for people; nothing while it stays the same.

use uwsgi_metrics::Snapshot;

use crate::datagrams::Datagrams;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
#[derive(Default)]
pub(super) struct Encode {
    told: String,
}

impl Encoder for Encode {
    type Payload = Datagrams;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Datagrams>> {
        let text = status(tick.snapshot);
        if text == self.told {
            return None;
        }
        let mut payload = Datagrams { bytes: text.clone().into_bytes(), ends: Vec::new() };
        payload.end();
        self.told = text;
        Some(Load { values: 1, bytes: payload.bytes.len(), payload })
    }
}

fn status(snapshot: &Snapshot) -> String {
    let running = snapshot.workers.iter().filter(|worker| worker.cells.pid != 0).count();
    let failed: u64 = snapshot.workers.iter().map(|worker| worker.failed_requests).sum();
    format!(
        "STATUS={} requests, {failed} failed; {} of {running} workers busy, {} in flight\n",
        snapshot.requests(),
        snapshot.busy(),
        snapshot.in_flight(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;

    #[test]
    fn the_same_line_is_not_sent_again() {
        with_list(&[], |tick| {
            let mut encode = Encode::default();
            let load = encode.encode(tick).unwrap();
            let lines: Vec<_> = load.payload.iter().map(String::from_utf8_lossy).collect();
            assert_eq!(lines, ["STATUS=0 requests, 0 failed; 0 of 0 workers busy, 0 in flight\n"]);
            assert!(encode.encode(tick).is_none());
        });
    }
}
