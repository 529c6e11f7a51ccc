//! The texts of a message of version 2.0, each written once and named by its number.

use std::collections::HashMap;

use uwsgi_metrics::protobuf::push_varint;

use super::hash::Quick;
use super::key::texts;

/// Tag of `Request.symbols`: number and kind.
const SYMBOLS: u8 = 4 << 3 | 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Symbols {
    numbers: HashMap<Box<[u8]>, u64, Quick>,
    /// The field of each, in order.
    written: Vec<u8>,
    /// The key of the series before and the numbers of its texts: most are those of the next one.
    key: Vec<u8>,
    of_key: Vec<u64>,
}

impl Symbols {
    /// The first is empty, by the rules.
    pub(super) fn new() -> Symbols {
        let (numbers, written, key, of_key) = Default::default();
        let mut symbols = Symbols { numbers, written, key, of_key };
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

    /// The numbers of the texts of a key.
    pub(super) fn of_key(&mut self, key: &[u8]) -> &[u64] {
        let (last, before) = (std::mem::take(&mut self.key), std::mem::take(&mut self.of_key));
        let mut known = texts(&last).zip(before);
        let number = |text| match known.next() {
            Some((same, number)) if same == text => number,
            _ => self.number(text),
        };
        self.of_key = texts(key).map(number).collect();
        self.key = key.to_vec();
        &self.of_key
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
