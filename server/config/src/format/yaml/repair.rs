//! Lines that only a line-by-line reader of `key: value` understands, made plain YAML.
//!
//! Configurations written for such a reader hold values that start with `%`, `@` or `*.`, that
//! go on after a closing quote or bracket, that hold `: `, and lines indented by tabs. This
//! runs only on a text that is no YAML, and it touches only values that no YAML parser takes.
//! Every line keeps its number. It refuses to guess at anything that spans lines.

use std::collections::HashSet;

/// The text with offending values quoted and tabs at the start of lines made spaces.
pub(super) fn repair(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len() + 64);
    let mut block: Option<usize> = None;
    let marks = Marks::of(text);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        let blank = indent == content.len();
        if block.is_some_and(|outer| blank || indent > outer) {
            fixed.push_str(line);
            continue;
        }
        block = opens_block(content).then_some(indent);
        fixed.push_str(&content[..indent].replace('\t', "        "));
        fixed.push_str(&mended(&content[indent..], &marks));
        fixed.push_str(&line[content.len()..]);
    }
    fixed
}

/// True for a line whose value is a block of text on the following lines.
fn opens_block(line: &str) -> bool {
    let Some((_, value)) = value_of(line.trim_start()) else { return false };
    let value = without_comment(value);
    value.starts_with(['|', '>'])
        && value[1..].chars().all(|c| matches!(c, '+' | '-') || c.is_ascii_digit())
}

/// One line without its indentation, the value quoted when it must be.
fn mended(line: &str, marks: &Marks<'_>) -> String {
    let Some((key, value)) = value_of(line) else { return line.to_owned() };
    let bare = without_comment(value);
    if !offends(bare, marks) {
        return line.to_owned();
    }
    format!("{key}'{}'", bare.replace('\'', "''"))
}

/// Splits a line behind `key: ` or behind `- `; list marks count as part of the key.
fn value_of(line: &str) -> Option<(&str, &str)> {
    let marks = line.len() - line.trim_start_matches(['-', ' ']).len();
    let item = line.starts_with("- ").then_some(marks);
    let rest = &line[item.unwrap_or(0)..];
    if rest.starts_with(['#', '\'', '"', '[', '{']) {
        return None;
    }
    let colon = rest.match_indices(':').map(|(at, _)| at + 1).find(|at| {
        let after = &rest[*at..];
        after.starts_with([' ', '\t'])
    });
    // An item that starts with a mark of its own is a value, whatever colons it holds.
    let key = match (item, colon) {
        (Some(marks), _) if rest.starts_with(['%', '@', '`']) => marks,
        (item, Some(colon)) => item.unwrap_or(0) + colon,
        (Some(marks), None) => marks,
        (None, None) => return None,
    };
    let value = line[key..].trim_start_matches([' ', '\t']);
    Some(line.split_at(line.len() - value.len()))
}

/// A comment starts at a `#` behind a blank.
fn without_comment(value: &str) -> &str {
    let cut = value
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| *at == 0 || value[..*at].ends_with([' ', '\t']));
    value[..cut.unwrap_or(value.len())].trim_end()
}

/// The words that follow a `&` and a `*` anywhere: a value is an anchor or an alias only where
/// the other one may be in the text.
struct Marks<'a> {
    anchors: HashSet<&'a str>,
    aliases: HashSet<&'a str>,
}

impl<'a> Marks<'a> {
    fn of(text: &'a str) -> Self {
        let behind = |mark: char| {
            text.split(mark).skip(1).filter_map(|rest| rest.split_whitespace().next()).collect()
        };
        Self { anchors: behind('&'), aliases: behind('*') }
    }
}

/// True for a value that cannot stand in YAML without quotes.
fn offends(value: &str, marks: &Marks<'_>) -> bool {
    let rest = value.get(1..).unwrap_or_default();
    match value.chars().next() {
        None => false,
        Some('%' | '@' | '`' | ']' | '}' | ',') => true,
        Some('-') => rest.starts_with(' ') || value.contains(": "),
        Some('*') => !is_name(rest) && !marks.anchors.contains(rest),
        Some('&') => {
            let name = rest.split(' ').next().unwrap_or_default();
            name.is_empty() || rest.contains(' ') && !marks.aliases.contains(name)
        }
        Some('!') => rest.is_empty() || rest.contains(' '),
        Some(quote @ ('"' | '\'')) => !ends_at(rest, quote),
        Some('[') => goes_on_behind(value, '[', ']'),
        Some('{') => goes_on_behind(value, '{', '}'),
        Some('|' | '>') => rest.contains(|c: char| c != '-' && c != '+' && !c.is_ascii_digit()),
        Some(_) => value.contains(": ") || value.ends_with(':'),
    }
}

/// True for what people call an anchor. An alias that is one and leads nowhere is a mistake, while
/// `*.py` is a pattern.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// True when the first closing quote of `rest` is its end, or when it closes on a later line.
fn ends_at(rest: &str, quote: char) -> bool {
    let mut escaped = false;
    let closing = rest.char_indices().find(|(_, c)| {
        let closes = *c == quote && !escaped;
        escaped = *c == '\\' && quote == '"' && !escaped;
        closes
    });
    closing.is_none_or(|(at, _)| at + 1 == rest.len() || rest[at + 1..].starts_with(quote))
}

/// True when text follows the bracket that closes the first one.
fn goes_on_behind(value: &str, opening: char, closing: char) -> bool {
    let mut depth = 0_usize;
    for (at, c) in value.char_indices() {
        if c == opening {
            depth += 1;
        } else if c == closing {
            depth -= 1;
        }
        if depth == 0 {
            return at + 1 < value.len();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_no_parser_takes_are_quoted() {
        for (line, expected) in [
            ("a: %(_)", "a: '%(_)'"),
            ("  a: @(file) # why", "  a: '@(file)'"),
            ("- %(x): y", "- '%(x): y'"),
            ("- a: %(x)", "- a: '%(x)'"),
            ("a: b: c", "a: 'b: c'"),
            ("a: it's: x", "a: 'it''s: x'"),
            ("a: \"x\" y", "a: '\"x\" y'"),
            ("a: [0-9]+ x", "a: '[0-9]+ x'"),
            ("a: * * x", "a: '* * x'"),
            ("\ta: b", "        a: b"),
            ("a: b # c: d", "a: b # c: d"),
            ("a: \"x: y\"", "a: \"x: y\""),
            ("a: 'it''s'", "a: 'it''s'"),
            ("a: [x, y]", "a: [x, y]"),
            ("a: [x,", "a: [x,"),
            ("a: *.py", "a: '*.py'"),
            ("a: *anchor", "a: *anchor"),
            ("a: &x 1\nb: *x", "a: &x 1\nb: *x"),
            ("a: & x", "a: '& x'"),
            ("a: - b", "a: '- b'"),
            ("a: ]b", "a: ']b'"),
            ("a: -1", "a: -1"),
            ("a: &anchor b", "a: '&anchor b'"),
            ("a:", "a:"),
            ("# a: %b", "# a: %b"),
            ("a: |", "a: |"),
            ("http: :8080", "http: :8080"),
        ] {
            assert_eq!(repair(line), expected, "{line}");
        }
    }

    #[test]
    fn blocks_of_text_stay() {
        let text = "a: |\n  b: %c\n\n  d: @e\nf: %g\n";
        assert_eq!(repair(text), "a: |\n  b: %c\n\n  d: @e\nf: '%g'\n");
    }
}
