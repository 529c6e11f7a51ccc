//! Words of an argument, with quotes.

/// Splits at blanks and tabs. A part in single or double quotes is taken as it stands, empty ones
/// too; outside of single quotes a backslash takes the next character as it stands.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == c => quote = None,
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().push(rest.next().unwrap_or('\\'));
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        for (text, words) in [
            ("a b\tc", vec!["a", "b", "c"]),
            ("  a  ", vec!["a"]),
            ("\"a b\" c", vec!["a b", "c"]),
            ("'a \"b' c", vec!["a \"b", "c"]),
            ("\"\" a ''", vec!["", "a", ""]),
            ("a\\ b 'c\\d' \"e\\\"f\"", vec!["a b", "c\\d", "e\"f"]),
            ("a\"b\"c", vec!["abc"]),
            ("'open end", vec!["open end"]),
            ("end\\", vec!["end\\"]),
            ("", vec![]),
        ] {
            assert_eq!(split(text), words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[^\"\\\\]{0,9}", 0..9)) {
            let text: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            prop_assert_eq!(split(&text.join(" \t")), words);
        }
    }
}
