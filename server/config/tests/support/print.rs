//! A list of options written down in each format, so that a reader can be asked for it again.

use std::fmt::Write as _;

/// The suffixes of all formats.
pub(crate) const FORMATS: &[&str] = &["ini", "xml", "yaml", "json"];

/// Writes the list as the section `uwsgi` of a file with this suffix.
pub(crate) fn print(suffix: &str, list: &[(String, String)]) -> String {
    let body = |line: fn(&str, &str) -> String| {
        list.iter().fold(String::new(), |text, (key, value)| text + &line(key, value))
    };
    match suffix {
        "ini" => format!("[uwsgi]\n{}", body(|key, value| format!("{key} = {value}\n"))),
        "xml" => format!("<uwsgi>\n{}</uwsgi>\n", body(element)),
        "yaml" if list.is_empty() => "uwsgi:\n".into(),
        "yaml" => {
            format!("uwsgi:\n{}", body(|key, value| format!("  {}: {}\n", yaml(key), yaml(value))))
        }
        _ => {
            let members: Vec<String> =
                list.iter().map(|(key, value)| format!("{}: {}", json(key), json(value))).collect();
            format!("{{\"uwsgi\": {{\n{}\n}}}}\n", members.join(",\n"))
        }
    }
}

/// An element without content means `1`, so an empty value is an empty CDATA section.
fn element(key: &str, value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#13;"),
            c => text.push(c),
        }
    }
    let text = if text.is_empty() { "<![CDATA[]]>" } else { &text };
    format!("<{key}>{text}</{key}>\n")
}

/// A double quoted scalar; what might not be printable goes by number.
fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted + "\""
}

/// Text in quotes; only what must not stand in it as it is goes by number.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\0'..='\x1f' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
