//! The texts of a message of version 2.0, each written once and named by its number.

use std::collections::HashMap;

use uwsgi_metrics::protobuf::push_varint;

use super::hash::Quick;

/// Tag of `Request.symbols`: number and kind.
const SYMBOLS: u8 = 4 << 3 | 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Symbols {
    numbers: HashMap<Box<[u8]>, u64, Quick>,
    /// The field of each, in order.
    written: Vec<u8>,
}

impl Symbols {
    /// The first is empty, by the rules.
    pub(super) fn new() -> Symbols {
        let mut symbols = Symbols { numbers: HashMap::default(), written: Vec::new() };
        symbols.number(b"");
        symbols
    }

    /// The number of a text, which is UTF-8.
    pub(super) fn number(&mut self, text: &[u8]) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(text.into(), number);
        self.written.push(SYMBOLS);
        push_varint(&mut self.written, text.len() as u64);
        self.written.extend_from_slice(text);
        number
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// The fields.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.written
    }
}
