//! JSON text, written in one fixed form so that generated files can be compared line by line.
//!
//! A value whose text is short stays on one line. It refuses floats: nothing here has any.

/// A value to be written.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    /// Members in order.
    Object(Vec<(String, Json)>),
}

/// Longest text of a list or an object on one line.
const SHORT: usize = 240;

impl Json {
    /// An object from pairs.
    pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// A list of texts.
    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// The whole document, with a newline at its end.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(value) => out.push_str(&value.to_string()),
            Self::Text(text) => quote(out, text),
            Self::List(items) => {
                let items = items.iter().map(|item| (None, item));
                block(out, depth, ['[', ']'], items);
            }
            Self::Object(members) => {
                let members = members.iter().map(|(key, value)| (Some(key.as_str()), value));
                block(out, depth, ['{', '}'], members);
            }
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Json {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

/// Members on one line where they are short, else one per line.
fn block<'a>(
    out: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    members: impl Iterator<Item = (Option<&'a str>, &'a Json)>,
) {
    let texts: Vec<String> = members.map(|(key, value)| member(key, value, depth + 1)).collect();
    let long = texts.iter().map(|text| text.len() + 2).sum::<usize>() > SHORT;
    let broken = long || texts.iter().any(|text| text.contains('\n'));
    out.push(open);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match (broken, index) {
            (true, _) => line(out, depth + 1),
            (false, 0) => {}
            (false, _) => out.push(' '),
        }
        out.push_str(text);
    }
    if broken {
        line(out, depth);
    }
    out.push(close);
}

fn member(key: Option<&str>, value: &Json, depth: usize) -> String {
    let mut text = String::new();
    if let Some(key) = key {
        quote(&mut text, key);
        text.push_str(": ");
    }
    value.write(&mut text, depth);
    text
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_stay_on_one_line_and_long_ones_do_not() {
        let short = Json::object([("a", Json::Number(-1)), ("b", Json::texts(["x", "y"]))]);
        assert_eq!(short.document(), "{\"a\": -1, \"b\": [\"x\", \"y\"]}\n");
        let long = Json::object([("a", Json::texts(vec!["x".repeat(160); 2])), ("b", Json::Null)]);
        let x = "x".repeat(160);
        let expected =
            format!("{{\n  \"a\": [\n    \"{x}\",\n    \"{x}\"\n  ],\n  \"b\": null\n}}\n");
        assert_eq!(long.document(), expected);
    }

    #[test]
    fn every_character_is_written_so_that_it_can_be_read() {
        let text = Json::from("a\"b\\c\n\t\r\u{1}\u{7f}é");
        assert_eq!(text.document(), "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007fé\"\n");
        assert_eq!(Json::Object(Vec::new()).document(), "{}\n");
    }
}
