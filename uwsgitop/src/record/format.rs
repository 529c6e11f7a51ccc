//! The bytes of a recording: heads, bodies, and what is refused in them.
//!
//! Pure. What comes from a file may be damaged or made by somebody else: sizes are bounded before
//! memory is taken, texts are made safe for a terminal.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::Crc;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document;
use crate::human;
use crate::picture::Picture;
use crate::source::Fault;
use crate::source::transport::Reading;

/// The first line; its number changes when an older program could not read the blocks.
pub(crate) const MAGIC: &[u8] = b"uwsgitop-recording 1\n";

/// Begins every block. The first byte is none of ASCII and no beginning of a character, so that
/// text, compressed or not, is rarely mistaken for it.
pub(crate) const MARK: [u8; 4] = [0x9e, b'T', b'O', b'P'];

/// Bytes of a head.
pub(crate) const HEAD: usize = 24;

/// Largest body that is kept or believed; a thousand workers with a hundred cores stay below it.
const LARGEST_BODY: usize = 64 << 20;

/// Largest JSON that is unpacked, the limit of stats documents.
const LARGEST_TEXT: u64 = 256 << 20;

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Number of the source.
    pub(crate) source: u16,
    /// Bytes of the body.
    pub(crate) length: u32,
    /// Moment of the reading, epoch microseconds.
    pub(crate) moment: u64,
}

impl Head {
    fn bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let told = [
            &MARK[..],
            &self.source.to_le_bytes(),
            &[0, 0],
            &self.length.to_le_bytes(),
            &self.moment.to_le_bytes(),
        ]
        .concat();
        let whole = [&told[..], &checksum(&told).to_le_bytes()].concat();
        for (place, byte) in bytes.iter_mut().zip(whole) {
            *place = byte;
        }
        bytes
    }

    /// The head in these bytes; `None` when they are none.
    pub(crate) fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let (told, sum) = bytes.split_last_chunk::<4>()?;
        let (mark, rest) = told.split_first_chunk::<4>()?;
        let (source, rest) = rest.split_first_chunk::<2>()?;
        let (_, rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (moment, _) = rest.split_first_chunk::<8>()?;
        let head = Self {
            source: u16::from_le_bytes(*source),
            length: u32::from_le_bytes(*length),
            moment: u64::from_le_bytes(*moment),
        };
        let whole = *mark == MARK && checksum(told) == u32::from_le_bytes(*sum);
        (whole && head.length as usize <= LARGEST_BODY).then_some(head)
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The body of a block.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    /// What the source was read from.
    pub(crate) name: String,
    /// The shown host.
    pub(crate) host: String,
    /// What the reading gave.
    pub(crate) told: Told,
}

/// What a reading gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Told {
    /// A picture.
    Picture(Box<Picture>),
    /// Nobody answered; the reason.
    Failure(String),
}

impl Default for Told {
    fn default() -> Self {
        Self::Failure("the recording does not say".to_owned())
    }
}

impl Told {
    /// What is kept of a reading; nothing of a document that was skipped.
    pub(crate) fn of(reading: &Reading) -> Option<Self> {
        match reading {
            Ok(picture) => Some(Self::Picture(Box::new(picture.clone()))),
            Err(Fault::Unreachable(reason)) => Some(Self::Failure(reason.clone())),
            Err(Fault::Unreadable(_)) => None,
        }
    }

    /// The reading again.
    pub(crate) fn reading(self) -> Reading {
        match self {
            Self::Picture(picture) => Ok(*picture),
            Self::Failure(reason) => Err(Fault::Unreachable(reason)),
        }
    }
}

/// A whole block.
///
/// # Errors
/// A sentence, when the picture is larger than a block may be.
pub(crate) fn encode(source: u16, moment: u64, entry: &Entry) -> Result<Vec<u8>, String> {
    // Pictures resemble each other within, so the quickest level saves most already.
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut packer, entry).map_err(|error| error.to_string())?;
    packer.flush().map_err(|error| error.to_string())?;
    let body = packer.finish().map_err(|error| error.to_string())?;
    if body.len() > LARGEST_BODY {
        return Err(format!("a picture of {} bytes is larger than a recording holds", body.len()));
    }
    let length = u32::try_from(body.len()).map_err(|error| error.to_string())?;
    Ok([&Head { source, length, moment }.bytes()[..], &body].concat())
}

/// The body in these bytes.
///
/// # Errors
/// A sentence, when they are damaged.
pub(crate) fn decode(body: &[u8]) -> Result<Entry, String> {
    let mut text = String::new();
    // The decoder compares the checksum at the end of the stream, which is read for that.
    let read = ZlibDecoder::new(body).take(LARGEST_TEXT).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    document::bounded(text.as_bytes())?;
    if harmless(&text) {
        return serde_json::from_str(&text).map_err(|error| error.to_string());
    }
    let mut value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    clean(&mut value);
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Nothing that steers a terminal can be in it: JSON has the controls of ASCII escaped.
fn harmless(text: &str) -> bool {
    !text.contains('\\') && !text.chars().any(human::steers)
}

/// Makes every text safe for a terminal.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = human::clean(text),
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Worker};
    use proptest::prelude::*;

    fn picture(requests: u64, status: &str) -> Picture {
        let worker = Worker { requests, status: status.into(), ..Worker::default() };
        Picture { body: Body::Workers(vec![worker]), ..Picture::default() }
    }

    fn split(block: &[u8]) -> (Head, &[u8]) {
        let (head, body) = block.split_first_chunk::<HEAD>().unwrap();
        (Head::parse(head).unwrap(), body)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            source: u16, moment: u64, requests: u64, status in "[^\\p{C}\\u{2028}\\u{2029}]*", failed: bool,
        ) {
            let told = if failed {
                Told::Failure(status.clone())
            } else {
                Told::Picture(Box::new(picture(requests, &status)))
            };
            let entry = Entry { name: status, host: "h".into(), told };
            let block = encode(source, moment, &entry).unwrap();
            let (head, body) = split(&block);
            prop_assert_eq!((head.source, head.moment), (source, moment));
            prop_assert_eq!(head.length as usize, body.len());
            prop_assert_eq!(decode(body).unwrap(), entry);
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            if let Some(head) = bytes.first_chunk::<HEAD>() {
                prop_assert_eq!(Head::parse(head), None);
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_seen_wherever_it_is() {
        let entry = Entry { told: Told::of(&Ok(picture(7, "idle"))).unwrap(), ..Entry::default() };
        let block = encode(3, 9, &entry).unwrap();
        for at in 0..block.len() {
            for bit in 0..8 {
                let mut damaged = block.clone();
                damaged[at] ^= 1 << bit;
                let (head, body) = damaged.split_first_chunk::<HEAD>().unwrap();
                let read = Head::parse(head).map(|_| decode(body));
                // A few bits of a zlib stream mean nothing; then the text is what it was.
                let same = matches!(&read, Some(Ok(read)) if *read == entry);
                assert!(same || !matches!(read, Some(Ok(_))), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_small_block_that_unpacks_to_very_much_is_refused() {
        let packed = |head: &str, row: &str, count: usize, tail: &str| {
            let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(head.as_bytes()).unwrap();
            let rows = row.repeat(10_000);
            (0..count / 10_000).for_each(|_| packer.write_all(rows.as_bytes()).unwrap());
            packer.write_all(tail.as_bytes()).unwrap();
            packer.finish().unwrap()
        };
        let workers = "{\"told\":{\"picture\":{\"body\":{\"Workers\":[";
        let bomb = packed(workers, "{},", 2_000_000, "{}]}}}}");
        assert!(bomb.len() < 100_000 && decode(&bomb).unwrap_err().contains("objects"));
        let few = packed(workers, "{},", 10_000, "{}]}}}}");
        let Ok(read) = decode(&few).unwrap().told.reading() else { panic!("it is readable") };
        assert_eq!(read.workers().len(), 10_001);
    }

    #[test]
    fn texts_of_strangers_are_made_safe() {
        let entry = Entry {
            name: "a\u{1b}[2Jb".into(),
            host: "c\u{9b}d\u{202e}".into(),
            told: Told::Failure("\"quoted\"".into()),
        };
        let block = encode(0, 0, &entry).unwrap();
        let read = decode(split(&block).1).unwrap();
        assert_eq!((read.name.as_str(), read.host.as_str()), ("a?[2Jb", "c?d?"));
        assert_eq!(read.told, Told::Failure("\"quoted\"".into()));
    }

    #[test]
    fn a_picture_of_another_age_is_read_as_far_as_it_goes() {
        let text = br#"{"name":"n","told":{"picture":{"pid":5,"new":[1]}},"more":{}}"#;
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text).unwrap();
        let entry = decode(&packer.finish().unwrap()).unwrap();
        let Ok(read) = entry.told.reading() else { panic!("a picture was recorded") };
        assert_eq!((read.pid, entry.host.as_str()), (Some(5), ""));
    }
}
