//! The page, or the wish to be forgotten.

use uwsgi_metrics::prometheus::{Format, render};

use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Page {
    /// Replace the group by this.
    Put(Vec<u8>),
    /// Forget the group.
    Delete,
}

/// See the module.
pub(super) struct Encode {
    /// Whether the end of the instance is the end of its numbers.
    pub(super) delete: bool,
}

impl Encoder for Encode {
    type Payload = Page;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Page>> {
        if self.delete && tick.is_last() {
            return Some(Load { payload: Page::Delete, values: 0, bytes: 0 });
        }
        let (_, text) = render(&(tick.full)(), Format::Text, tick.page);
        let samples = text.split(|byte| *byte == b'\n');
        let values = samples.filter(|line| !line.is_empty() && !line.starts_with(b"#")).count();
        Some(Load { bytes: text.len(), values: values as u64, payload: Page::Put(text) })
    }
}
