//! The three expansion passes: `$(NAME)`, `@(source)`, `%(expression)`.
//!
//! One scanner serves all three; a pass is a symbol and a lookup. Text whose lookup finds
//! nothing stays as it is, so that `log-format = %(method)` survives. It refuses endless
//! expansion: a value that keeps growing or turning in circles is an error.

use std::collections::{HashMap, HashSet};

/// How deep replacements may lie inside each other. Real values use two or three levels.
const MAX_DEPTH: usize = 32;
/// Bytes looked at for one value before it counts as circular: wide circles grow slowly, and
/// parentheses in parentheses are looked up again and again.
const MAX_WORK: usize = 256 << 20;
/// Bytes of one value before it counts as circular; a file read by `@()` may be large.
const MAX_LENGTH: usize = 16 << 20;
/// Longest text that is remembered as the name of a key.
const MAX_NAME: usize = 256;

/// What a pass looks up: the text, nothing, or an error text.
pub(crate) type Lookup<'a> = dyn FnMut(&str) -> Result<Option<String>, String> + 'a;

/// Expands every `symbol(...)` of `value`. `None` means that nothing changed.
pub(crate) fn pass(
    value: &str,
    symbol: char,
    lookup: &mut Lookup<'_>,
) -> Result<Option<String>, String> {
    let opening = [symbol, '('].iter().collect::<String>();
    let (mut text, mut replaced, mut from, mut work) = (value.to_owned(), false, 0, 0_usize);
    // How many bytes lie behind each replacement that may still reach over the place at hand.
    let mut around: Vec<usize> = Vec::new();
    let mut pairs = None;
    while let Some(start) = text.get(from..).and_then(|rest| rest.find(&opening)) {
        let start = from + start;
        from = start + 1;
        let known = pairs.get_or_insert_with(|| {
            work += text.len();
            parentheses(&text)
        });
        let Some(end) = closing(known, start + 1) else { continue };
        work += end - start;
        if work > MAX_WORK {
            return Err(endless(value));
        }
        let Some(new) = lookup(&text[start + 2..end])? else { continue };
        // Parentheses that pair up differently after a replacement may have cut into what was behind.
        around.retain(|behind| text.len().saturating_sub(*behind) > start);
        around.push(text.len() - end - 1);
        replaced = true;
        text.replace_range(start..=end, &new);
        if around.len() > MAX_DEPTH || text.len() > MAX_LENGTH {
            return Err(endless(value));
        }
        // The scan starts over, so results are expanded too; the very first byte is not looked
        // at again, which lets `a = %(a)` end.
        from = text.chars().next().map_or(0, char::len_utf8);
        pairs = None;
    }
    Ok(replaced.then_some(text))
}

fn endless(value: &str) -> String {
    let shown: String = value.chars().take(80).collect();
    format!("\"{shown}\" expands without end")
}

/// Every opening parenthesis that is closed, with its closing one, in the order of the former.
fn parentheses(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut pairs) = (Vec::new(), Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open.push(at),
            b')' => pairs.extend(open.pop().map(|opened| (opened, at))),
            _ => {}
        }
    }
    pairs.sort_unstable();
    pairs
}

/// The parenthesis that closes the one at `opened`.
fn closing(pairs: &[(usize, usize)], opened: usize) -> Option<usize> {
    let found = pairs.binary_search_by_key(&opened, |(opened, _)| *opened).ok()?;
    pairs.get(found).map(|(_, closed)| *closed)
}

/// The lookup of `$(NAME)`, `$(NAME:-default)` and `$(NAME-default)`.
pub(crate) fn variable(env: &HashMap<String, String>, expression: &str) -> Option<String> {
    if let Some(value) = env.get(expression) {
        return Some(value.clone());
    }
    let (name, default) = expression.split_once('-')?;
    match name.strip_suffix(':') {
        Some(name) => {
            let filled = env.get(name).filter(|value| !value.is_empty());
            Some(filled.map_or_else(|| default.to_owned(), Clone::clone))
        }
        None => Some(env.get(name).map_or_else(|| default.to_owned(), Clone::clone)),
    }
}

/// The first value of every key, and which keys were asked for.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    first: HashMap<String, Option<String>>,
    used: HashSet<String>,
}

impl Keys {
    /// Takes a key with its value; only the first of a name counts.
    pub(crate) fn add(&mut self, key: &str, value: Option<&str>) {
        self.first.entry(key.to_owned()).or_insert_with(|| value.map(str::to_owned));
    }

    /// Replaces the value of a key after its own expansion.
    pub(crate) fn update(&mut self, key: &str, old: Option<&str>, new: &str) {
        if let Some(slot) = self.first.get_mut(key).filter(|slot| slot.as_deref() == old) {
            *slot = Some(new.to_owned());
        }
    }

    /// The first value of a key; nothing too when its first mention had none.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.first.get(key)?.as_deref()
    }

    /// True when some expression named this key.
    pub(crate) fn was_used(&self, key: &str) -> bool {
        self.used.contains(key)
    }

    fn using(&mut self, name: &str) {
        if name.len() <= MAX_NAME && !self.used.contains(name) {
            self.used.insert(name.to_owned());
        }
    }

    /// The lookup of `%(expression)`.
    pub(crate) fn expression(&mut self, expression: &str) -> Option<String> {
        if !expression.contains(' ') {
            self.using(expression);
            return self.first.get(expression).cloned().flatten();
        }
        let mut sum = Sum::default();
        for token in expression.split(' ').filter(|token| !token.is_empty()) {
            sum.token(token, |name| {
                self.using(name);
                self.first.get(name).cloned().flatten().unwrap_or_default()
            });
        }
        Some(sum.text)
    }
}

/// The accumulator of a token pipeline, left to right, without precedence.
#[derive(Debug, Default)]
struct Sum {
    text: String,
    operator: Option<u8>,
}

impl Sum {
    fn token(&mut self, token: &str, mut lookup: impl FnMut(&str) -> String) {
        match token {
            "+" | "-" | "*" | "/" => self.operator = Some(token.as_bytes()[0]),
            "++" => self.text = number(&self.text).wrapping_add(1).to_string(),
            "--" => self.text = number(&self.text).wrapping_sub(1).to_string(),
            _ if token.bytes().all(|byte| byte.is_ascii_digit()) => self.operand(token),
            _ => self.operand(&lookup(token)),
        }
    }

    fn operand(&mut self, operand: &str) {
        let (left, right) = (number(&self.text), number(operand));
        let result = match self.operator.take() {
            // Beyond the bound the pass refuses the result, whatever else would follow.
            None if self.text.len() > MAX_LENGTH => return,
            None => {
                self.text.push_str(operand);
                return;
            }
            Some(b'+') => left.wrapping_add(right),
            Some(b'-') => left.wrapping_sub(right),
            Some(b'*') => left.wrapping_mul(right),
            Some(_) => left.checked_div(right).unwrap_or(0),
        };
        self.text = result.to_string();
    }
}

fn number(text: &str) -> i64 {
    crate::value::int(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let mut keys = Keys::default();
        for (key, value) in [("foo", "17"), ("bar", "30"), ("a", "x%(b)"), ("b", "y%(foo)")] {
            keys.add(key, Some(value));
        }
        keys.add("loop", Some("x%(loop)"));
        keys.add("self", Some("%(self)"));
        keys.add("name", Some("foo"));
        keys.add("foo", Some("later"));
        keys.add("flag", None);
        keys
    }

    fn percent(value: &str) -> Result<String, String> {
        let mut keys = keys();
        let changed = pass(value, '%', &mut |inner| Ok(keys.expression(inner)))?;
        Ok(changed.unwrap_or_else(|| value.to_owned()))
    }

    #[test]
    fn expressions_give_the_documented_results() {
        for (value, expected) in [
            ("%(foo + bar + 3)", "50"),
            ("%(foo + bar + 3 * 2)", "100"),
            ("%(foo ++)", "18"),
            ("%(foo bar ++)", "1731"),
            ("%(foo - bar)", "-13"),
            ("%(bar / 0)", "0"),
            ("%(nope + 1)", "1"),
            ("%(nope)", "%(nope)"),
            ("%(2 * 4)", "8"),
            ("%(foo)-%(bar)", "17-30"),
            ("x %(a)", "x xy17"),
            ("x%(%(name))", "x17"),
            ("%(flag)", "%(flag)"),
            ("%(self)", "%(self)"),
            ("%(unclosed", "%(unclosed"),
            ("%((x %(foo) ) y", "%((x 17 ) y"),
            (") %(foo)) %((", ") 17) %(("),
            ("%(method) %(uri)", "%(method) %(uri)"),
            ("%(9223372036854775807 + 1)", "-9223372036854775808"),
        ] {
            assert_eq!(percent(value).as_deref(), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn nesting_has_a_limit_and_width_has_none() {
        let mut chain = Keys::default();
        for level in 0..40 {
            chain.add(&format!("k{level}"), Some(&format!("x%(k{})", level + 1)));
        }
        chain.add("k40", Some("end"));
        let mut deep = |from: usize| {
            pass(&format!("x%(k{from})"), '%', &mut |inner| Ok(chain.expression(inner)))
        };
        assert_eq!(deep(9), Ok(Some("x".repeat(32) + "end")));
        assert_eq!(deep(8), Err("\"x%(k8)\" expands without end".to_owned()));
        let wide = "%(foo)".repeat(2000);
        assert_eq!(percent(&wide), Ok("17".repeat(2000)));
        assert_eq!(percent(&"%(".repeat(20_000)), Ok("%(".repeat(20_000)));
    }

    #[test]
    fn a_circle_is_an_error() {
        assert!(percent("%(loop)").expect_err("endless").contains("expands without end"));
        let deep = format!("{}{}", "%(".repeat(20_000), ")".repeat(20_000));
        assert!(percent(&deep).expect_err("too much work").contains("expands without end"));
        let open = "%(".repeat(100_000);
        assert_eq!(percent(&open), Ok(open), "what is never closed costs one look");
    }

    #[test]
    fn variables_know_both_kinds_of_default() {
        let env = HashMap::from([("SET".into(), "v".into()), ("EMPTY".into(), String::new())]);
        for (expression, expected) in [
            ("SET", Some("v")),
            ("EMPTY", Some("")),
            ("UNSET", None),
            ("UNSET:-d", Some("d")),
            ("UNSET-d", Some("d")),
            ("EMPTY:-d", Some("d")),
            ("EMPTY-d", Some("")),
            ("SET:-d", Some("v")),
        ] {
            assert_eq!(variable(&env, expression).as_deref(), expected, "{expression}");
        }
    }
}
