//! The `msgpack` encoder: a list of items behind each other, `|` between them.
//!
//! The forms are those that the original writes, which are not always the shortest. Format: the
//! MessagePack specification.

use crate::Moment;
use crate::template::bare;

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Map(u32),
    Array(u32),
    Str(Vec<u8>),
    Bin(Vec<u8>),
    Int(i64),
    Float(f64),
    Nil,
    Bool(bool),
    /// The message: with its newline, as bytes rather than text.
    Message {
        whole: bool,
        binary: bool,
    },
    Unix,
    Micros,
    Date(String),
}

/// Reads the list; items that nobody knows are left out. The error is the line for the log.
pub(super) fn parse(list: &str) -> Result<Vec<Item>, String> {
    let items: Vec<Item> =
        list.split('|').filter_map(|text| item(text).transpose()).collect::<Result<_, _>>()?;
    match items.is_empty() {
        true => Err("log encoder \"msgpack\" has nothing to write".to_owned()),
        false => Ok(items),
    }
}

fn item(text: &str) -> Result<Option<Item>, String> {
    let (name, arg) = text.split_once(':').unwrap_or((text, ""));
    let wrong = || format!("log encoder \"msgpack\": \"{text}\" is no number");
    let count = || arg.parse().map_err(|_| wrong());
    Ok(Some(match name {
        "map" => Item::Map(count()?),
        "array" => Item::Array(count()?),
        "str" => Item::Str(arg.into()),
        "bin" => Item::Bin(arg.into()),
        "int" => Item::Int(arg.parse().map_err(|_| wrong())?),
        "float" => Item::Float(arg.parse().map_err(|_| wrong())?),
        "nil" => Item::Nil,
        "true" => Item::Bool(true),
        "false" => Item::Bool(false),
        "msg" => Item::Message { whole: false, binary: false },
        "msgbin" => Item::Message { whole: false, binary: true },
        "msgnl" => Item::Message { whole: true, binary: false },
        "msgbinnl" => Item::Message { whole: true, binary: true },
        "unix" => Item::Unix,
        "micros" => Item::Micros,
        "strftime" => Item::Date(arg.to_owned()),
        _ => return Ok(None),
    }))
}

/// Appends all items.
pub(super) fn encode(items: &[Item], message: &[u8], at: Moment, out: &mut Vec<u8>) {
    for item in items {
        match item {
            Item::Map(n) => counted(*n, 0x80, 0xde, out),
            Item::Array(n) => counted(*n, 0x90, 0xdc, out),
            Item::Str(text) => string(text, out),
            Item::Bin(bytes) => binary(bytes, out),
            Item::Int(n) => integer(*n, out),
            Item::Float(f) => float(*f, out),
            Item::Nil => out.push(0xc0),
            Item::Bool(is) => out.push(if *is { 0xc3 } else { 0xc2 }),
            Item::Message { whole, binary: as_bytes } => {
                let text = if *whole { message } else { bare(message) };
                if *as_bytes { binary(text, out) } else { string(text, out) }
            }
            Item::Unix => integer(i64::try_from(at.seconds()).unwrap_or(i64::MAX), out),
            Item::Micros => integer(i64::try_from(at.0).unwrap_or(i64::MAX), out),
            Item::Date(format) => string(at.strftime(format).as_bytes(), out),
        }
    }
}

/// A count of pairs or items: in the marker itself up to 15, else in two or four bytes.
fn counted(n: u32, short: u8, long: u8, out: &mut Vec<u8>) {
    match u16::try_from(n) {
        Ok(n @ 0..=15) => out.push(short | n as u8),
        Ok(n) => {
            out.push(long);
            out.extend(n.to_be_bytes());
        }
        Err(_) => {
            out.push(long + 1);
            out.extend(n.to_be_bytes());
        }
    }
}

fn string(text: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    match u16::try_from(len) {
        Ok(n @ 0..=31) => out.push(0xa0 | n as u8),
        Ok(n) => {
            out.push(0xda);
            out.extend(n.to_be_bytes());
        }
        Err(_) => {
            out.push(0xdb);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn binary(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if let Ok(n) = u8::try_from(len) {
        out.extend([0xc4, n]);
    } else if let Ok(n) = u16::try_from(len) {
        out.push(0xc5);
        out.extend(n.to_be_bytes());
    } else {
        out.push(0xc6);
        out.extend(len.to_be_bytes());
    }
    out.extend_from_slice(bytes);
}

/// One byte from 1 to 127 and from -31 to -1, else signed in the least of one, two, four or eight.
fn integer(n: i64, out: &mut Vec<u8>) {
    if let -31..=-1 | 1..=127 = n {
        out.push(n as u8);
    } else if let Ok(n) = i8::try_from(n) {
        out.extend([0xd0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(0xd1);
        out.extend(n.to_be_bytes());
    } else if let Ok(n) = i32::try_from(n) {
        out.push(0xd2);
        out.extend(n.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend(n.to_be_bytes());
    }
}

fn float(f: f64, out: &mut Vec<u8>) {
    if (-126.0..=127.0).contains(&f) {
        out.push(0xca);
        out.extend((f as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend(f.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Moment = Moment(1_795_162_864_387_001);

    fn encoded(list: &str, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&parse(list).unwrap(), message, AT, &mut out);
        out
    }

    #[test]
    fn the_sample_of_the_documentation_is_a_map_of_four() {
        let list =
            "map:4|str:message|msg|str:hostname|str:box|str:version|str:2.0|str:appname|str:myapp";
        let bytes = encoded(list, b"hello\n");
        let read = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
        let map = read.as_map().unwrap();
        assert_eq!(map.len(), 4);
        assert_eq!(map[0].1.as_str(), Some("hello"));
        assert_eq!(map[3].1.as_str(), Some("myapp"));
    }

    #[test]
    fn each_form_begins_at_its_size() {
        let heads: [(&str, &[u8]); 22] = [
            ("map:15", &[0x8f]),
            ("map:16", &[0xde, 0, 16]),
            ("map:65536", &[0xdf, 0, 1, 0, 0]),
            ("array:3", &[0x93]),
            ("array:16", &[0xdc, 0, 16]),
            ("array:65536", &[0xdd, 0, 1, 0, 0]),
            ("int:0", &[0xd0, 0]),
            ("int:1", &[1]),
            ("int:127", &[127]),
            ("int:128", &[0xd1, 0, 128]),
            ("int:-1", &[0xff]),
            ("int:-31", &[0xe1]),
            ("int:-32", &[0xd0, 0xe0]),
            ("int:32768", &[0xd2, 0, 0, 0x80, 0]),
            ("int:2147483648", &[0xd3, 0, 0, 0, 0, 0x80, 0, 0, 0]),
            ("float:1.5", &[0xca, 0x3f, 0xc0, 0, 0]),
            ("float:128", &[0xcb, 0x40, 0x60, 0, 0, 0, 0, 0, 0]),
            ("nil", &[0xc0]),
            ("true", &[0xc3]),
            ("false", &[0xc2]),
            ("nope:1|str:a", &[0xa1, b'a']),
            ("msgbin", &[0xc4, 1, b'm']),
        ];
        for (list, head) in heads {
            assert_eq!(encoded(list, b"m\n"), head, "{list}");
        }
        assert_eq!(encoded("msgnl|msgbinnl", b"m\n"), [0xa2, b'm', b'\n', 0xc4, 2, b'm', b'\n']);
        assert_eq!(encoded("msg", &[b'a'; 32])[..3], [0xda, 0, 32]);
        assert_eq!(encoded("msg", &[b'a'; 65_536])[..5], [0xdb, 0, 1, 0, 0]);
        assert_eq!(encoded("msgbin", &[b'a'; 256])[..3], [0xc5, 1, 0]);
        assert_eq!(encoded("msgbin", &[b'a'; 65_536])[..5], [0xc6, 0, 1, 0, 0]);
    }

    #[test]
    fn times_are_numbers_and_texts() {
        let bytes = encoded("unix|micros|strftime:%Y", b"");
        let mut rest = &bytes[..];
        let mut next = || rmpv::decode::read_value(&mut rest).unwrap();
        assert_eq!(next().as_u64(), Some(AT.seconds()));
        assert_eq!(next().as_u64(), Some(AT.0));
        assert_eq!(next().as_str(), Some("2026"));
    }

    proptest! {
        #[test]
        fn numbers_come_back(n in any::<i64>()) {
            let bytes = encoded(&format!("int:{n}"), b"");
            prop_assert_eq!(rmpv::decode::read_value(&mut &bytes[..]).unwrap().as_i64(), Some(n));
        }
    }
}
