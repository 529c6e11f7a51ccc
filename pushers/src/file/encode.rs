//! The document, then the separator.

use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
pub(super) struct Encode {
    pub(super) separator: String,
}

impl Encoder for Encode {
    type Payload = Vec<u8>;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Vec<u8>>> {
        let mut payload = (tick.document)().to_vec();
        payload.extend_from_slice(self.separator.as_bytes());
        Some(Load { bytes: payload.len(), values: 1, payload })
    }
}
