//! Templates of the `format` and `json` encoders: text with `${variables}`.
//!
//! | variable | value |
//! |---|---|
//! | `${msg}` | the message without one newline at its end |
//! | `${msgnl}` | the message as it is |
//! | `${unix}`, `${millis}`, `${micros}` | time since the epoch |
//! | `${strftime:FORMAT}` | local time |
//!
//! Another variable is empty. A `$` without a brace, and a brace that nobody closes, are text.

use crate::Moment;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Message,
    MessageAsIs,
    Unix,
    Millis,
    Micros,
    Date(String),
}

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// How values are written into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    None,
    /// As the inside of a JSON string.
    Json,
}

impl Template {
    /// Reads `text`.
    pub fn parse(text: &str) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            push(&mut pieces, before);
            pieces.extend(variable(name));
            rest = after;
        }
        push(&mut pieces, rest);
        Template(pieces)
    }

    /// Appends the text for `message`.
    pub fn render(&self, message: &[u8], at: Moment, escape: Escape, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Message => value(bare(message), escape, out),
                Piece::MessageAsIs => value(message, escape, out),
                Piece::Unix => value(at.seconds().to_string().as_bytes(), escape, out),
                Piece::Millis => value(at.millis().to_string().as_bytes(), escape, out),
                Piece::Micros => value(at.0.to_string().as_bytes(), escape, out),
                Piece::Date(format) => value(at.strftime(format).as_bytes(), escape, out),
            }
        }
    }
}

/// The message without one newline at its end.
pub fn bare(message: &[u8]) -> &[u8] {
    message.strip_suffix(b"\n").unwrap_or(message)
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}

fn variable(name: &str) -> Option<Piece> {
    Some(match name {
        "msg" => Piece::Message,
        "msgnl" => Piece::MessageAsIs,
        "unix" => Piece::Unix,
        "millis" => Piece::Millis,
        "micros" => Piece::Micros,
        _ => Piece::Date(name.strip_prefix("strftime:")?.to_owned()),
    })
}

fn value(bytes: &[u8], escape: Escape, out: &mut Vec<u8>) {
    match escape {
        Escape::None => out.extend_from_slice(bytes),
        Escape::Json => json(bytes, out),
    }
}

/// Appends `bytes` as the inside of a JSON string; what is no UTF-8 becomes U+FFFD.
pub fn json(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            character(c, out);
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn character(c: char, out: &mut Vec<u8>) {
    let short = match c {
        '\t' => "\\t",
        '\n' => "\\n",
        '\r' => "\\r",
        '"' => "\\\"",
        '\\' => "\\\\",
        c if c < ' ' || c == '\u{7f}' => {
            return out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes());
        }
        c => return out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    out.extend_from_slice(short.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Moment = Moment(1_795_162_864_387_001);

    fn rendered(template: &str, message: &[u8], escape: Escape) -> String {
        let mut out = Vec::new();
        Template::parse(template).render(message, AT, escape, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn variables_are_replaced_and_everything_else_is_text() {
        let template = r#"{"u":${unix},"m":"${msg}","nl":"${msgnl}","mi":${millis},"us":${micros},"x":"${nope}","$y"}"#;
        assert_eq!(
            rendered(template, b"Exception: boom\n", Escape::Json),
            r#"{"u":1795162864,"m":"Exception: boom","nl":"Exception: boom\n","mi":1795162864387,"us":1795162864387001,"x":"","$y"}"#
        );
        for text in ["${", "a$", "a${msg", "", "$$", "}"] {
            assert_eq!(rendered(text, b"m", Escape::None), text);
        }
        assert_eq!(rendered("${strftime:%Y}!", b"", Escape::None), "2026!");
    }

    #[test]
    fn only_one_newline_is_taken_off() {
        assert_eq!(rendered("${msg}|${msgnl}", b"a\n\n", Escape::None), "a\n|a\n\n");
    }

    proptest! {
        #[test]
        fn every_message_becomes_a_string_of_json(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = rendered(r#"{"m":"${msgnl}"}"#, &message, Escape::Json);
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read["m"].as_str().unwrap(), String::from_utf8_lossy(&message));
        }

        #[test]
        fn any_template_is_read(text in ".{0,60}") {
            rendered(&text, b"m", Escape::None);
        }
    }
}
