//! `STATUS=` and a line for people; while it stays the same, only now and then, because what was
//! sent may have been lost.

use uwsgi_metrics::Snapshot;

use crate::datagrams::Datagrams;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// The same line is sent again after this many seconds.
const AGAIN: u64 = 60;

/// See the module.
#[derive(Default)]
pub(super) struct Encode {
    told: String,
    at_s: u64,
}

impl Encoder for Encode {
    type Payload = Datagrams;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Datagrams>> {
        let text = status(tick.snapshot);
        let passed = tick.at_s().checked_sub(self.at_s);
        if text == self.told && passed.is_some_and(|passed| passed < AGAIN) {
            return None;
        }
        let mut payload = Datagrams { bytes: text.clone().into_bytes(), ends: Vec::new() };
        payload.end();
        (self.told, self.at_s) = (text, tick.at_s());
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
            for (seconds, sent) in [(0, false), (59, false), (60, true), (61, false), (-9, true)] {
                let at_us = tick.at_us.checked_add_signed(seconds * 1_000_000).unwrap();
                let later = Tick { at_us, ..*tick };
                assert_eq!(encode.encode(&later).is_some(), sent, "{seconds} s later");
            }
        });
    }
}
