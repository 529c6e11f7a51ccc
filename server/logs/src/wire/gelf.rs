//! Datagrams of Graylog: a GELF document, compressed.
//!
//! Format: GELF 1.0 as the original sends it, control characters escaped.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Moment;
use crate::template::{bare, json};

/// Bytes of the short form.
const SHORT: usize = 128;

/// Bytes of the longest datagram.
const LONGEST: usize = 8192;

/// Severity `notice`.
const LEVEL: u8 = 5;

/// The datagram for `message`; `None` for one that is too long even when it is compressed.
pub fn packet(host: &str, version: &str, message: &[u8], at: Moment) -> Option<Vec<u8>> {
    let message = bare(message);
    let mut text = b"{\"version\":\"1.0\",\"host\":\"".to_vec();
    json(host.as_bytes(), &mut text);
    text.extend(b"\",\"short_message\":\"");
    json(start(message), &mut text);
    text.extend(b"\",\"full_message\":\"");
    json(message, &mut text);
    text.extend(format!("\",\"timestamp\":{},\"level\":{LEVEL},", at.seconds()).bytes());
    text.extend(b"\"facility\":\"uWSGI-");
    json(version.as_bytes(), &mut text);
    text.extend(b"\"}");
    let mut stream = ZlibEncoder::new(Vec::new(), Compression::default());
    // A vector takes everything.
    let _ = stream.write_all(&text);
    stream.finish().ok().filter(|packet| packet.len() <= LONGEST)
}

/// At most [`SHORT`] bytes, and no half character.
fn start(message: &[u8]) -> &[u8] {
    let mut end = message.len().min(SHORT);
    while end > 0 && message.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_document_has_what_graylog_wants() {
        let message = format!("\"x\"\u{1}{}\n", "é".repeat(100));
        let packet = packet("web", "2.0", message.as_bytes(), Moment(7_000_000)).unwrap();
        let mut text = String::new();
        flate2::read::ZlibDecoder::new(&packet[..]).read_to_string(&mut text).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["full_message"], message.trim_end());
        assert_eq!(read["short_message"].as_str().unwrap().len(), 128);
        assert_eq!((read["timestamp"].as_u64(), read["level"].as_u64()), (Some(7), Some(5)));
        assert_eq!((&read["host"], &read["facility"]), (&"web".into(), &"uWSGI-2.0".into()));
        assert_eq!(read["version"], "1.0");
    }

    #[test]
    fn what_is_too_long_is_no_datagram() {
        let mut seed = 1u64;
        let mut byte = |_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % 64) as u8 + 35
        };
        let noise: Vec<u8> = (0..60_000).map(&mut byte).collect();
        assert_eq!(packet("h", "2", &noise, Moment(0)), None);
    }
}
