//! Rows as CSV: one header line, then one line per row, each with its moment and its source.
//!
//! Quotes as RFC 4180 says; lines end in a line feed alone, as other Unix tools expect. A cell
//! that could be taken for a formula is not changed: numbers and names are what they are.

use std::time::Duration;

use super::rows::{self, Rows, Value};
use super::{Printer, json::seconds};

/// The lines of one source, and the header in front of the first ones.
///
/// # Errors
/// Why there are no rows.
pub(super) fn print(
    printer: &mut Printer<'_>,
    at: Duration,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let rows = rows::of(printer, at)?;
    if printer.first && out.is_empty() {
        out.extend_from_slice(header(&rows).as_bytes());
    }
    let (moment, source) = (seconds(printer.now), quoted(&printer.app.feed().name));
    for row in &rows.rows {
        out.extend_from_slice(line(&moment, &source, row, rows.columns.len()).as_bytes());
    }
    Ok(())
}

fn header(rows: &Rows) -> String {
    let titles = rows.columns.iter().map(|title| quoted(title));
    let all: Vec<String> =
        ["time", "source"].map(str::to_owned).into_iter().chain(titles).collect();
    all.join(",") + "\n"
}

fn line(moment: &str, source: &str, row: &[Value], columns: usize) -> String {
    let mut line = format!("{moment},{source}");
    for column in 0..columns {
        line.push(',');
        line.push_str(&row.get(column).map(text).unwrap_or_default());
    }
    line.push('\n');
    line
}

fn text(value: &Value) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Whole(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_quoted() {
        for (given, wanted) in
            [("plain", "plain"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("", "")]
        {
            assert_eq!(quoted(given), wanted);
        }
    }

    #[test]
    fn every_line_has_every_column() {
        let row = [Value::Whole(7), Value::Nothing, Value::Real(0.5)];
        assert_eq!(line("1.5", "/s", &row, 4), "1.5,/s,7,,0.5,\n");
        let rows = Rows { columns: vec!["A", "B,C"], rows: Vec::new() };
        assert_eq!(header(&rows), "time,source,A,\"B,C\"\n");
    }
}
