//! Texts of thresholds: words in braces are filled in, when a text asks for them.
//!
//! A text without such a word is sent byte for byte as it was written.

use super::spec::{Over, Spec, What};

/// Words that are filled in.
const WORDS: [&str; 7] = ["value", "bound", "key", "since", "held", "host", "op"];

/// What a text may tell.
pub(super) struct Facts<'a> {
    pub(super) spec: &'a Spec,
    pub(super) value: f64,
    pub(super) bound: f64,
    /// Values are microseconds.
    pub(super) is_time: bool,
    /// Epoch seconds.
    pub(super) since: u64,
    /// Seconds since then.
    pub(super) held: u64,
    pub(super) host: &'a str,
}

/// True when a text contains a word that is filled in.
pub(super) fn asks(text: &str) -> bool {
    WORDS.iter().any(|word| text.contains(&format!("{{{word}}}")))
}

/// The text of an alarm.
pub(super) fn alarm(facts: &Facts<'_>) -> String {
    let spec = facts.spec;
    match &spec.message {
        Some(text) => fill(text, facts),
        None if spec.classic => spec.key().to_owned(),
        None => fill(&format!("{} is {{value}} ({{op}} {{bound}})", subject(&spec.what)), facts),
    }
}

/// The text when it is over.
pub(super) fn recovery(facts: &Facts<'_>) -> String {
    let spec = facts.spec;
    match spec.recovery.as_deref() {
        None | Some("") => fill(&format!("{} is back at {{value}}", subject(&spec.what)), facts),
        Some(text) => fill(text, facts),
    }
}

/// What is compared, for a person.
fn subject(what: &What) -> String {
    match what {
        What::Value(key) => key.clone(),
        What::Delta(key, window) => format!("{key} per second over {window}s"),
        What::Ratio(key, per, None) => format!("{key} per {per}"),
        What::Ratio(key, per, Some(window)) => format!("{key} per {per} over {window}s"),
        What::Percentile(key, quantile, window) => {
            format!("{key} p{} over {window}s", number(quantile * 100.0))
        }
        What::Burn(burn) => match &burn.over {
            Over::Counters { bad, total } => format!("burn rate of {bad} per {total}"),
            Over::Latency { key, .. } => format!("burn rate of {key}"),
        },
    }
}

fn fill(text: &str, facts: &Facts<'_>) -> String {
    if !asks(text) {
        return text.to_owned();
    }
    let shown = |value: f64| if facts.is_time { time(value) } else { number(value) };
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let word = rest[1..].split_once('}').map(|(word, _)| word).filter(|w| WORDS.contains(w));
        let Some(word) = word else {
            out.push('{');
            rest = &rest[1..];
            continue;
        };
        match word {
            "value" => out.push_str(&shown(facts.value)),
            "bound" => out.push_str(&shown(facts.bound)),
            "key" => out.push_str(facts.spec.key()),
            "since" => out.push_str(&utc(facts.since)),
            "held" => out.push_str(&facts.held.to_string()),
            "op" => out.push_str(facts.spec.op.sign()),
            _ => out.push_str(facts.host),
        }
        rest = &rest[word.len() + 2..];
    }
    out + rest
}

/// A number without needless digits.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "nothing".into();
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Microseconds in the largest unit that leaves a number of at least one.
fn time(us: f64) -> String {
    match us.abs() {
        n if n >= 1e6 => number(us / 1e6) + "s",
        n if n >= 1e3 => number(us / 1e3) + "ms",
        n if n.is_nan() => number(us),
        _ => number(us) + "us",
    }
}

/// Epoch seconds as a date of the proleptic Gregorian calendar, in UTC.
fn utc(epoch: u64) -> String {
    let (days, seconds) = (epoch / 86_400, epoch % 86_400);
    // Years of this count begin in March, so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::parse;

    fn facts<'a>(spec: &'a Spec, value: f64, is_time: bool) -> Facts<'a> {
        Facts {
            spec,
            value,
            bound: 250_000.0,
            is_time,
            since: 1_795_195_817,
            held: 12,
            host: "web1",
        }
    }

    #[test]
    fn only_known_words_are_filled_in() {
        let cases = [
            ("plain {text} {", "plain {text} {"),
            ("{key}={value}{op}{bound}", "a=312ms>=250ms"),
            ("{host}: {since} ({held}s) {x}", "web1: 2026-11-20T17:30:17Z (12s) {x}"),
            ("{{value}}", "{312ms}"),
            ("é{value", "é{value"),
        ];
        for (text, want) in cases {
            let spec = parse(&format!("key=a,value=1,msg={text}")).unwrap();
            assert_eq!(alarm(&facts(&spec, 312_000.0, true)), want);
        }
    }

    #[test]
    fn texts_that_nobody_wrote_tell_what_happened() {
        let cases = [
            ("key=a,value=1", false, "a"),
            ("key=a,value=1,op=>", false, "a is 0.5 (> 250000)"),
            ("key=a,value=1,delta=5", false, "a per second over 5s is 0.5 (>= 250000)"),
            ("key=a,per=b,value=1,window=9", false, "a per b over 9s is 0.5 (>= 250000)"),
            (
                "key=core.request_duration,percentile=99.5,value=1s",
                true,
                "core.request_duration p99.5 over 60s is 0.5us (>= 250ms)",
            ),
            ("objective=99,bad=a,total=b", false, "burn rate of a per b is 0.5 (>= 250000)"),
        ];
        for (text, is_time, want) in cases {
            let spec = parse(text).unwrap();
            assert_eq!(alarm(&facts(&spec, 0.5, is_time)), want, "{text}");
        }
        let spec = parse("key=a,value=1,clear-msg=").unwrap();
        assert_eq!(recovery(&facts(&spec, f64::NAN, false)), "a is back at nothing");
        let spec = parse("key=a,value=1,recovery=all well: {value}").unwrap();
        assert_eq!(recovery(&facts(&spec, 2e6, true)), "all well: 2s");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ];
        for (epoch, want) in cases {
            assert_eq!(utc(epoch), want);
        }
    }
}
