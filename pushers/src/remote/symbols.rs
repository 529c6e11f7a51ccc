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
    /// Help and unit of the family before, which is mostly that of the next series.
    about: [(String, u64); 2],
}

/// Texts for which there is room from the start: about one for each series of a message.
const ROOM: usize = 2_048;

impl Symbols {
    /// The first is empty, by the rules.
    pub(super) fn new() -> Symbols {
        let numbers = HashMap::with_capacity_and_hasher(ROOM, Quick::default());
        let (written, key, of_key, about) = Default::default();
        let mut symbols = Symbols { numbers, written, key, of_key, about };
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

    /// The numbers of help and unit of a family.
    pub(super) fn of_family(&mut self, texts: [&str; 2]) -> [u64; 2] {
        let mut about = std::mem::take(&mut self.about);
        for ((last, number), text) in about.iter_mut().zip(texts) {
            if last != text {
                text.clone_into(last);
                *number = self.number(text.as_bytes());
            }
        }
        self.about = about;
        self.about.each_ref().map(|(_, number)| *number)
    }

    /// The numbers of the texts of a key.
    pub(super) fn of_key(&mut self, key: &[u8]) -> &[u64] {
        let (mut last, mut numbers) =
            (std::mem::take(&mut self.key), std::mem::take(&mut self.of_key));
        let mut count = 0;
        {
            let mut before = texts(&last);
            for text in texts(key) {
                if before.next() != Some(text) {
                    let number = self.number(text);
                    match numbers.get_mut(count) {
                        Some(place) => *place = number,
                        None => numbers.push(number),
                    }
                }
                count += 1;
            }
        }
        numbers.truncate(count);
        last.clear();
        last.extend_from_slice(key);
        (self.key, self.of_key) = (last, numbers);
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
