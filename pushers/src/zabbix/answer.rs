//! What a server answers. Pure.

use serde_json::Value;

/// An answer to values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It read them.
    Taken {
        /// Values that it did not want.
        failed: u64,
        /// All values; 0 when it does not say.
        total: u64,
    },
    /// It did not, with its reason.
    Failed(String),
    /// A proxy of a group: somebody else has the host now.
    Elsewhere(String),
    /// The same, but nobody knows who.
    Nowhere,
}

/// An item that a server wants of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its key.
    pub(super) key: String,
    /// Seconds between two values; 0 when each one is wanted.
    pub(super) every_s: u64,
}

/// Reads the answer to values.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &[u8]) -> Result<Answer, &'static str> {
    let answer: Value = serde_json::from_slice(text).map_err(|_| "the answer is no JSON")?;
    if let Some(elsewhere) = redirect(&answer) {
        return Ok(elsewhere);
    }
    let info = answer["info"].as_str().unwrap_or_default();
    match answer["response"].as_str() {
        Some("success") => Ok(Answer::Taken {
            failed: count(info, "failed").unwrap_or(0),
            total: count(info, "total").unwrap_or(0),
        }),
        Some(_) => Ok(Answer::Failed(shown(info))),
        None => Err("the answer says neither success nor failure"),
    }
}

/// The items in an answer that says success.
pub(super) fn wanted(text: &[u8]) -> Vec<Wanted> {
    let answer: Value = serde_json::from_slice(text).unwrap_or_default();
    let items = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(item).collect()
}

fn item(item: &Value) -> Option<Wanted> {
    let key = item["key"].as_str()?.to_owned();
    let every_s = match &item["delay"] {
        Value::Number(seconds) => seconds.as_u64()?,
        Value::String(text) => seconds(text),
        _ => 0,
    };
    Some(Wanted { key, every_s })
}

/// `30`, `30s`, `5m;...`: what stands behind the first semicolon are times of day, which the server
/// does not wait for either.
fn seconds(text: &str) -> u64 {
    let first = text.split(';').next().unwrap_or_default();
    let digits = first.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &first[digits.len()..] {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 1,
    };
    digits.parse::<u64>().unwrap_or(0).saturating_mul(unit)
}

fn redirect(answer: &Value) -> Option<Answer> {
    let redirect = answer.get("redirect")?;
    Some(match redirect["address"].as_str() {
        Some(address) => Answer::Elsewhere(address.to_owned()),
        None => Answer::Nowhere,
    })
}

/// The number behind `NAME: ` in `processed: 2; failed: 1; total: 3; ...`.
fn count(info: &str, name: &str) -> Option<u64> {
    let (_, value) = info
        .split(';')
        .filter_map(|part| part.split_once(':'))
        .find(|(known, _)| known.trim() == name)?;
    value.trim().parse().ok()
}

/// A text of somebody else for our log.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let info = |text: &str| format!("{{\"response\":\"success\",\"info\":\"{text}\"}}");
        let taken = |failed, total| Ok(Answer::Taken { failed, total });
        for (text, meaning) in [
            (info("processed: 40; failed: 3; total: 43; seconds spent: 0.000144"), taken(3, 43)),
            (info("processed: 1; failed: 0; total: 1; seconds spent: 0.000055"), taken(0, 1)),
            (info("who knows"), taken(0, 0)),
            ("{\"response\":\"success\"}".into(), taken(0, 0)),
            (
                "{\"response\":\"failed\",\"info\":\"no\\nroom\"}".into(),
                Ok(Answer::Failed("no room".into())),
            ),
            (
                "{\"response\":\"failed\",\"redirect\":{\"revision\":2,\"address\":\"b:1\"}}"
                    .into(),
                Ok(Answer::Elsewhere("b:1".into())),
            ),
            ("{\"response\":\"failed\",\"redirect\":{\"reset\":true}}".into(), Ok(Answer::Nowhere)),
            ("{}".into(), Err("the answer says neither success nor failure")),
            ("".into(), Err("the answer is no JSON")),
            ("[1".into(), Err("the answer is no JSON")),
        ] {
            assert_eq!(read(text.as_bytes()), meaning, "{text}");
        }
    }

    #[test]
    fn wanted_items_have_a_key_and_a_period() {
        let text = br#"{"response":"success","data":[{"key":"a","itemid":1,"delay":30},
            {"key":"b","delay":"5m;wd1-5h9-18","mtime":0},{"key":"c"},{"delay":"1h"},{"key":"d","delay":"1h"}]}"#;
        let wanted = wanted(text);
        let short: Vec<_> = wanted.iter().map(|w| (w.key.as_str(), w.every_s)).collect();
        assert_eq!(short, [("a", 30), ("b", 300), ("c", 0), ("d", 3600)]);
    }
}
