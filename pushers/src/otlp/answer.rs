//! What receivers answer: how much they did not take, and how long they want to be left alone.
//!
//! The reading half of two small messages of Protocol Buffers and their JSON form.

use std::time::Duration;

use uwsgi_net::base64_decode;
use uwsgi_net::http::Answer;

use crate::web::Said;

/// The answer over HTTP. Only what the protocol names may be tried again.
pub(super) fn judge(answer: &Answer) -> Said {
    match answer.status.as_u16() {
        200..=299 => {
            let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            let rejected = match kind.is_some_and(|kind| kind.contains("json")) {
                true => of_json(&answer.body),
                false => of_proto(&answer.body),
            };
            rejected.map_or(Said::Taken, |(lost, line)| Said::Partly(lost, line))
        }
        429 | 502..=504 => Said::Refused(true),
        _ => Said::Refused(false),
    }
}

/// How many values a partial success left out, and the line about it.
pub(super) fn of_proto(body: &[u8]) -> Option<(u64, String)> {
    let (_, Field::Bytes(partial)) = fields(body).find(|(number, _)| *number == 1)? else {
        return None;
    };
    let (mut rejected, mut why) = (0, String::new());
    for field in fields(partial) {
        match field {
            (1, Field::Number(number)) => rejected = number.cast_signed(),
            (2, Field::Bytes(text)) => why = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    line(rejected, &why)
}

fn of_json(body: &[u8]) -> Option<(u64, String)> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let rejected = partial.get("rejectedDataPoints");
    let number = rejected.and_then(|n| n.as_i64().or_else(|| n.as_str()?.parse().ok()));
    let why = partial.get("errorMessage").and_then(|why| why.as_str());
    line(number.unwrap_or(0), why.unwrap_or_default())
}

fn line(rejected: i64, why: &str) -> Option<(u64, String)> {
    let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    let rejected = u64::try_from(rejected).unwrap_or(0);
    let line = match (rejected, why.is_empty()) {
        (0, true) => return None,
        (0, false) => format!("warned: {why}"),
        (_, true) => format!("rejected {rejected} data points"),
        (_, false) => format!("rejected {rejected} data points: {why}"),
    };
    Some((rejected, line))
}

/// The pause that the details of a status of gRPC ask for.
pub(super) fn retry_delay(details: &str) -> Option<Duration> {
    let status = base64_decode(details.trim())?;
    let infos = fields(&status).filter_map(|field| match field {
        (3, Field::Bytes(any)) => Some(any),
        _ => None,
    });
    for any in infos {
        let bytes = |wanted| {
            fields(any).find_map(|field| match field {
                (number, Field::Bytes(bytes)) if number == wanted => Some(bytes),
                _ => None,
            })
        };
        if !bytes(1).is_some_and(|url| url.ends_with(b"google.rpc.RetryInfo")) {
            continue;
        }
        let Some(info) = bytes(2) else { continue };
        let Some((1, Field::Bytes(delay))) = fields(info).next() else { continue };
        let mut pause = Duration::ZERO;
        for field in fields(delay) {
            match field {
                (1, Field::Number(seconds)) => pause += Duration::from_secs(seconds.min(86_400)),
                (2, Field::Number(nanos)) => pause += Duration::from_nanos(nanos.min(999_999_999)),
                _ => {}
            }
        }
        return Some(pause);
    }
    None
}

/// A field's value, as far as anybody here asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message, until its end or until it makes no sense.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut rest)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut rest)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(length)?;
                rest = after;
                Field::Bytes(bytes)
            }
            wire @ (1 | 5) => {
                rest = rest.get(if wire == 1 { 8 } else { 4 }..)?;
                Field::Fixed
            }
            _ => return None,
        };
        Some((tag >> 3, field))
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::protobuf::Message;

    #[test]
    fn a_partial_success_is_a_line() {
        let mut body = Vec::new();
        Message::new(&mut body).message(1, |partial| {
            partial.uint(1, 3);
            partial.string(2, "too old\n");
        });
        let want = Some((3, "rejected 3 data points: too old".to_owned()));
        assert_eq!(of_proto(&body), want);
        let json = br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
        assert_eq!(of_json(json), want);
        let warned = br#"{"partialSuccess":{"errorMessage":"soon"}}"#;
        assert_eq!(of_json(warned), Some((0, "warned: soon".to_owned())));
        for whole in [&b""[..], b"\x0a\x00", b"{}", b"\xff\xff", b"\x0a\x7f"] {
            assert_eq!(of_proto(whole), None, "{whole:?}");
            assert_eq!(of_json(whole), None, "{whole:?}");
        }
    }

    #[test]
    fn the_pause_lies_in_the_details() {
        let mut status = Vec::new();
        let mut message = Message::new(&mut status);
        message.uint(1, 14);
        message.message(3, |any| {
            any.string(1, "type.googleapis.com/google.rpc.RetryInfo");
            any.message(2, |info| {
                info.message(1, |delay| {
                    delay.uint(1, 7);
                    delay.uint(2, 500_000_000);
                });
            });
        });
        let details = uwsgi_net::base64(&status);
        let want = Some(Duration::from_millis(7_500));
        assert_eq!(retry_delay(&details), want);
        assert_eq!(retry_delay(details.trim_end_matches('=')), want, "senders leave padding out");
        assert_eq!(retry_delay("!"), None);
    }
}
