//! JSON as the C server writes it wrong: a comma behind the last socket of a router when it has
//! another router, and what clients send as it came, controls included. One odd request must not
//! blind the screen.

/// The text without commas that stand right before a closing bracket, and with a `?` for each
/// control character within a string; else strings are left alone.
pub(super) fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Length of `out` in front of a comma after which nothing but blanks came.
    let mut comma = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = c == '\\' && !escaped;
            }
            ']' | '}' => {
                if let Some(place) = comma {
                    out.truncate(place);
                }
            }
            '"' => quoted = true,
            _ => {}
        }
        match c {
            ',' if !quoted => comma = Some(out.len()),
            _ if c.is_whitespace() => {}
            _ => comma = None,
        }
        out.push(if quoted && c < ' ' { '?' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::mended as clean;

    #[test]
    fn only_commas_before_a_closing_bracket_go() {
        for (text, wanted) in [
            ("[1,2]", "[1,2]"),
            ("[1,\n\t]", "[1]"),
            ("{\"a\":[\"x\", ] ,}", "{\"a\":[\"x\"] }"),
            ("[\",]\",\"\\\",]\"]", "[\",]\",\"\\\",]\"]"),
            ("[\"\\\\\",]", "[\"\\\\\"]"),
            ("[\"a ,\"]", "[\"a ,\"]"),
            ("[\"a\tb\u{1}\\\\\n\"\n]", "[\"a?b?\\\\?\"\n]"),
        ] {
            let seen = clean(text);
            assert_eq!(
                seen.replace(char::is_whitespace, ""),
                wanted.replace(char::is_whitespace, "")
            );
        }
    }
}
