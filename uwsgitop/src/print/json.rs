//! JSON for scripts: the stats document as it is, or lines that say where and when they are from.
//!
//! One source asked once gives its document unchanged. Several sources, repetition or a view give
//! one object per line: `time` (epoch seconds), `source`, and `stats` (the document), `error` (a
//! sentence), or `view` and `rows` (objects of raw values by column title, null where nothing is
//! known).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::Printer;
use super::rows::{self, Rows, Value};

/// What one source gives to this refresh.
///
/// # Errors
/// Why a view has no rows.
pub(super) fn print(
    printer: &mut Printer<'_>,
    document: Option<Result<Vec<u8>, String>>,
    at: Duration,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let told = match document {
        Some(Ok(bytes)) if !printer.is_repeated() => {
            out.extend_from_slice(&bytes);
            out.push(b'\n');
            return Ok(());
        }
        Some(Ok(bytes)) => format!("\"stats\":{}", String::from_utf8_lossy(&compact(&bytes))),
        Some(Err(reason)) => format!("\"error\":{}", json!(reason)),
        None => {
            let rows = objects(&rows::of(printer, at)?);
            let view = printer.app.view.view().name;
            format!("\"view\":{},\"rows\":{rows}", json!(view))
        }
    };
    let (moment, source) = (seconds(printer.now), json!(printer.app.feed().name));
    out.extend_from_slice(format!("{{\"time\":{moment},\"source\":{source},{told}}}\n").as_bytes());
    Ok(())
}

/// Epoch seconds with milliseconds.
pub(super) fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn objects(rows: &Rows) -> serde_json::Value {
    let object = |row: &Vec<Value>| {
        let pairs = rows.columns.iter().enumerate();
        let pairs = pairs.map(|(at, name)| ((*name).to_owned(), value(row.get(at))));
        serde_json::Value::Object(pairs.collect::<Map<_, _>>())
    };
    rows.rows.iter().map(object).collect()
}

fn value(value: Option<&Value>) -> serde_json::Value {
    match value {
        None | Some(Value::Nothing) => serde_json::Value::Null,
        Some(Value::Text(text)) => json!(text),
        Some(Value::Real(number)) => json!(number),
        // What neither type of whole numbers holds is past what a float keeps exactly anyway.
        Some(Value::Whole(number)) => match (u64::try_from(*number), i64::try_from(*number)) {
            (Ok(number), _) => json!(number),
            (_, Ok(number)) => json!(number),
            _ => json!(*number as f64),
        },
    }
}

/// A JSON text without what stands between its tokens, so that it is one line.
fn compact(bytes: &[u8]) -> Vec<u8> {
    let (mut kept, mut inside, mut escaped) = (Vec::with_capacity(bytes.len()), false, false);
    for byte in bytes {
        if inside {
            inside = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            inside = *byte == b'"';
        }
        kept.push(*byte);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_one_line_and_stays_the_same() {
        let spread = b"{\n\t\"a b\": \"x \\\" y\\\\\" ,\r\n\t\"c\" : [ 1 , -2.50e1 ] }";
        let line = compact(spread);
        assert_eq!(line, b"{\"a b\":\"x \\\" y\\\\\",\"c\":[1,-2.50e1]}");
        let parsed = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        assert_eq!(parsed(&line), parsed(spread));
    }

    #[test]
    fn rows_are_objects_by_title() {
        let rows = vec![vec![Value::Whole(u64::MAX.into()), Value::Text("a\"".into())]];
        let rows = Rows { columns: vec!["N", "T", "-"], rows };
        let wanted = json!([{"N": u64::MAX, "T": "a\"", "-": null}]);
        assert_eq!(objects(&rows), wanted);
    }

    #[test]
    fn moments_have_milliseconds() {
        assert_eq!(
            seconds(Timestamp::from_millisecond(1_795_162_608_042).unwrap()),
            "1795162608.042"
        );
        assert_eq!(seconds(Timestamp::from_millisecond(5).unwrap()), "0.005");
    }
}
