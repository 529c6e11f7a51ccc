//! A message as a mail: the bytes between DATA and the dot.
//!
//! Pure. What the text holds beyond ASCII, and lines that are too long for SMTP, go as base64, which
//! every receiver reads.

use uwsgi_net::base64;

/// The longest line SMTP carries, without its end.
const LONGEST: usize = 998;

/// What a mail says besides its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a [String],
    pub(crate) subject: &'a str,
    /// Without brackets.
    pub(crate) id: &'a str,
    pub(crate) at_us: u64,
    pub(crate) text: &'a [u8],
}

impl Mail<'_> {
    /// Headers and body with the line ends of mail, not yet stuffed with dots.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (encoding, body) = body(self.text);
        let charset = match std::str::from_utf8(self.text) {
            Ok(_) if self.text.is_ascii() => "us-ascii",
            Ok(_) => "utf-8",
            Err(_) => "unknown-8bit",
        };
        let headers = [
            ("From", self.from.to_owned()),
            ("To", self.to.join(",\r\n ")),
            ("Subject", header(self.subject)),
            ("Date", date(self.at_us)),
            ("Message-ID", format!("<{}>", self.id)),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", format!("text/plain; charset={charset}")),
            ("Content-Transfer-Encoding", encoding.to_owned()),
        ];
        let mut out = Vec::with_capacity(body.len() + 512);
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
        out
    }
}

/// Doubles each dot that begins a line and ends with the lone dot.
pub(crate) fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 16);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// The time of a mail, in the time zone of nobody.
fn date(at_us: u64) -> String {
    let stamp = i64::try_from(at_us).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    let zoned = stamp.unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::rfc2822::to_string(&zoned).unwrap_or_default()
}

/// A header's value: one line, and beyond ASCII in encoded words of whole characters.
fn header(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.is_ascii() && line.len() < LONGEST - 20 {
        return line;
    }
    let mut words = vec![String::new()];
    for c in line.chars() {
        // 45 bytes become 60 of base64, and the word stays under the 75 that are allowed.
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 45) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", base64(word.as_bytes())));
    words.collect::<Vec<_>>().join("\r\n ")
}

fn body(text: &[u8]) -> (&'static str, Vec<u8>) {
    let plain = text.is_ascii()
        && !text.contains(&0)
        && text.split(|byte| *byte == b'\n').all(|line| line.len() <= LONGEST);
    if plain {
        return ("7bit", with_mail_ends(text));
    }
    let mut out = Vec::new();
    for line in base64(text).as_bytes().chunks(76) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    ("base64", out)
}

/// Every line end as CR LF, a lone CR as well, and one behind the last line.
fn with_mail_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut last = 0;
    for &byte in text {
        match byte {
            b'\n' if last == b'\r' => {}
            b'\n' | b'\r' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
        last = byte;
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str, text: &[u8]) -> String {
        let to = ["a@x".to_owned(), "root".to_owned()];
        let mail = Mail {
            from: "me@h",
            to: &to,
            subject,
            id: "1.2@h",
            at_us: 1_700_000_000_000_001,
            text,
        };
        String::from_utf8(mail.encode()).unwrap()
    }

    #[test]
    fn a_mail_has_every_header_that_receivers_want() {
        let expected = "From: me@h\r\nTo: a@x,\r\n root\r\nSubject: help !!!\r\n\
            Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1.2@h>\r\n\
            Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\
            \r\none\r\n.two\r\nthree\r\n";
        assert_eq!(mail("help !!!", b"one\n.two\r\nthree"), expected);
    }

    #[test]
    fn what_mail_cannot_carry_goes_as_base64() {
        for (text, charset, body) in [
            ("é".as_bytes(), "utf-8", "w6k=\r\n"),
            (b"\xff", "unknown-8bit", "/w==\r\n"),
            (b"\0", "us-ascii", "AA==\r\n"),
        ] {
            let mail = mail("s", text);
            assert!(mail.ends_with(&format!("\r\n\r\n{body}")), "{mail}");
            assert!(mail.contains(&format!("charset={charset}\r\n")), "{mail}");
        }
        let long = mail("s", &[b'x'; 999]);
        assert!(long.contains("Encoding: base64\r\n"));
        assert!(long.lines().all(|line| line.len() <= 76), "{long}");
    }

    #[test]
    fn a_subject_is_one_header_whatever_it_holds() {
        for (subject, expected) in
            [("a\r\nBcc: x@y", "a  Bcc: x@y"), ("Größe", "=?utf-8?B?R3LDtsOfZQ==?="), ("", "")]
        {
            assert_eq!(header(subject), expected);
        }
        let long = header(&"ü".repeat(100));
        assert!(long.lines().all(|line| line.trim().len() <= 75), "{long}");
        assert_eq!(long.lines().count(), 5);
    }

    #[test]
    fn dots_that_begin_lines_are_doubled() {
        for (mail, expected) in [
            ("a\r\n.b\r\n", "a\r\n..b\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a.b", "a.b\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(mail.as_bytes()), expected.as_bytes());
        }
    }
}
