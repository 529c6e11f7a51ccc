//! Reading `metric-threshold`: which keys go together, and what is refused.
//!
//! The keys of the original keep their meaning in every combination. What only this server reads is
//! refused when it contradicts itself, with a text that names the key, its value and the way out.

use super::quantity::{self, Quantity};
use super::spec::{Burn, Op, Over, Pair, Repeat, Spec, What};
use crate::keyval;

/// Why a threshold is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub text: String,
    /// What would be right.
    pub remedy: String,
}

/// Seconds of a window that nobody gave.
const WINDOW: u64 = 60;

/// Longest window: more would keep more than the evaluation is worth.
const LONGEST: u64 = 3 * 86_400;

/// The pairs of windows of a burn rate that nobody gave: two hundredths of a month's budget in an
/// hour, five in six hours.
const BURN: &str = "1h:5m:14.4;6h:30m:6";

/// Keys the original reads.
const CLASSIC: [&str; 6] = ["key", "value", "alarm", "rate", "msg", "reset"];

/// Reads one threshold.
///
/// # Errors
/// Says which key contradicts what.
pub fn parse(text: &str) -> Result<Spec, Refusal> {
    let keys = Keys { text, pairs: keyval::pairs(text) };
    let what = what(&keys)?;
    let burn = matches!(what, What::Burn(_));
    let mut remarks = Vec::new();
    let bound = if burn { Quantity::Plain(0.0) } else { keys.quantity("value", &mut remarks) };
    let op = op(&keys, burn)?;
    let clear = keys.get("clear").map(|_| keys.quantity("clear", &mut remarks));
    in_order(&keys, op, bound, clear)?;
    let classic = keys.is_classic();
    let repeat = match keys.duration("rate") {
        Ok(Some(seconds)) => Repeat::After(seconds),
        Ok(None) if classic => Repeat::After(0),
        Ok(None) => Repeat::Never,
        // The original reads the digits in front and stops.
        Err(_) => Repeat::After(keys.whole("rate", &mut remarks).max(0).cast_unsigned()),
    };
    Ok(Spec {
        text: text.to_owned(),
        what,
        op,
        bound,
        clear,
        hold: keys.duration("for")?.unwrap_or(0),
        alarm: keys.get("alarm").filter(|name| !name.is_empty()).map(str::to_owned),
        repeat,
        message: keys.get("msg").map(str::to_owned),
        recovery: keys.get("clear-msg").or(keys.get("recovery")).map(str::to_owned),
        reset: keys.get("reset").map(|_| keys.whole("reset", &mut remarks)),
        least: least(&keys, burn)?,
        classic,
        remarks,
    })
}

fn what(keys: &Keys<'_>) -> Result<What, Refusal> {
    let forms = ["delta", "rate-over", "per", "percentile", "objective"];
    let mut given = forms.into_iter().filter(|form| keys.get(form).is_some());
    let form = given.next();
    if let Some((one, other)) = form.zip(given.next()) {
        return Err(keys.refuse(other, &format!("stands beside {one}"), "one of the two"));
    }
    if form != Some("objective") && (keys.get("key").is_none() || keys.get("value").is_none()) {
        let text = format!("metric's threshold requires a key and a value: {}", keys.text);
        return Err(Refusal { text, remedy: "a key=value list with key and value".into() });
    }
    strangers(keys, form)?;
    let key = keys.get("key").unwrap_or_default().to_owned();
    Ok(match form {
        Some(form @ ("delta" | "rate-over")) => {
            What::Delta(key, keys.window(form)?.unwrap_or(WINDOW))
        }
        Some("per") => {
            let per = keys.get("per").unwrap_or_default().to_owned();
            What::Ratio(key, per, keys.window("window")?)
        }
        Some("percentile") => {
            What::Percentile(key, percentile(keys)?, keys.window("window")?.unwrap_or(WINDOW))
        }
        Some(_) => What::Burn(burn(keys, key)?),
        None => What::Value(key),
    })
}

/// Keys that belong to another form.
fn strangers(keys: &Keys<'_>, form: Option<&str>) -> Result<(), Refusal> {
    let burn = form == Some("objective");
    let windowed = matches!(form, Some("per" | "percentile"));
    let rules: [(&str, bool, &str); 9] = [
        ("window", windowed, "per or percentile beside it; delta names its own window"),
        ("min", burn || windowed, "per, percentile or objective beside it"),
        ("bad", burn, "objective beside it"),
        ("total", burn, "objective beside it"),
        ("limit", burn, "objective beside it"),
        ("burn", burn, "objective beside it"),
        ("value", !burn, "no value: the bounds of an objective stand in burn"),
        ("reset", form.is_none(), "no reset: only a value can be set back"),
        ("clear", !burn, "no clear: the short windows of an objective end it"),
    ];
    match rules.iter().find(|(key, allowed, _)| !allowed && keys.get(key).is_some()) {
        Some((key, _, remedy)) => Err(keys.refuse(key, "does not belong here", remedy)),
        None => Ok(()),
    }
}

fn percentile(keys: &Keys<'_>) -> Result<f64, Refusal> {
    let percent = keys.number("percentile").filter(|p| *p > 0.0 && *p <= 100.0);
    let wrong = || keys.refuse("percentile", "is no percentile", "a number above 0, up to 100");
    percent.map(|p| p / 100.0).ok_or_else(wrong)
}

fn burn(keys: &Keys<'_>, key: String) -> Result<Burn, Refusal> {
    let objective = keys.number("objective").filter(|p| *p > 0.0 && *p < 100.0);
    let Some(objective) = objective else {
        return Err(keys.refuse("objective", "is no objective", "a percentage such as 99.9"));
    };
    Ok(Burn { budget: (100.0 - objective) / 100.0, over: over(keys, key)?, pairs: pairs(keys)? })
}

fn over(keys: &Keys<'_>, key: String) -> Result<Over, Refusal> {
    let counters = keys.get("bad").zip(keys.get("total"));
    let latency = keys.get("key").zip(keys.get("limit"));
    match (counters, latency) {
        (Some((bad, total)), None) if key.is_empty() => {
            Ok(Over::Counters { bad: bad.into(), total: total.into() })
        }
        (None, Some((_, limit))) if keys.get("bad").is_none() && keys.get("total").is_none() => {
            match quantity::read(limit).0 {
                Quantity::Plain(us) | Quantity::Time(us) if us >= 1.0 => {
                    Ok(Over::Latency { key, limit_us: us as u64 })
                }
                _ => Err(keys.refuse("limit", "is no time", "a time such as 250ms")),
            }
        }
        _ => {
            let remedy = "bad and total (two counters), or key and limit (a histogram)";
            Err(keys.refuse("objective", "does not say what is good and what is bad", remedy))
        }
    }
}

fn pairs(keys: &Keys<'_>) -> Result<Vec<Pair>, Refusal> {
    let text = keys.get("burn").unwrap_or(BURN);
    let one = |item: &str| {
        let mut parts = item.split(':');
        let mut window = || {
            let seconds = quantity::seconds(parts.next()?)?;
            (1..=LONGEST).contains(&seconds).then_some(seconds)
        };
        let (long, short) = (window()?, window()?);
        let factor = parts.next()?.trim().parse().ok().filter(|f: &f64| *f > 0.0)?;
        (short < long && parts.next().is_none()).then_some(Pair { long, short, factor })
    };
    let pairs: Option<Vec<Pair>> = text.split(';').map(one).collect();
    let remedy = format!("LONG:SHORT:FACTOR;... such as {BURN}, the longest of {LONGEST} s");
    pairs.ok_or_else(|| keys.refuse("burn", "is no list of windows", &remedy))
}

fn op(keys: &Keys<'_>, burn: bool) -> Result<Op, Refusal> {
    let Some(sign) = keys.get("op").map(str::trim) else { return Ok(Op::AtLeast) };
    let known = Op::ALL.iter().find(|(known, _)| *known == sign).map(|(_, op)| *op);
    match known {
        Some(op) if !burn || op == Op::AtLeast => Ok(op),
        Some(_) => Err(keys.refuse("op", "does not fit an objective", "no op")),
        None => Err(keys.refuse("op", "is no comparison", ">=, >, <, <= or ==")),
    }
}

fn least(keys: &Keys<'_>, burn: bool) -> Result<f64, Refusal> {
    match keys.number("min") {
        // A ratio of nothing says nothing.
        None if keys.get("min").is_none() => Ok(if burn { 1.0 } else { 0.0 }),
        Some(least) if least >= 0.0 => Ok(least),
        _ => Err(keys.refuse("min", "is no number of events", "a number from 0")),
    }
}

/// A bound where it ends that lies on the wrong side would hold for ever or flap.
fn in_order(
    keys: &Keys<'_>,
    op: Op,
    bound: Quantity,
    clear: Option<Quantity>,
) -> Result<(), Refusal> {
    let number = |quantity: Quantity| match quantity {
        Quantity::Plain(n) | Quantity::Time(n) | Quantity::Percent(n) => n,
    };
    let Some((clear, same_kind)) = clear.map(|clear| {
        let same = std::mem::discriminant(&clear) == std::mem::discriminant(&bound);
        (number(clear), same)
    }) else {
        return Ok(());
    };
    let bound = number(bound);
    if op == Op::Equal {
        return Err(keys.refuse("clear", "does not fit op ==", "another op, or no clear"));
    }
    if !same_kind {
        return Err(keys.refuse("clear", "has another unit than value", "the same unit for both"));
    }
    let right = if op.is_upper() { clear <= bound } else { clear >= bound };
    let side = if op.is_upper() { "at most" } else { "at least" };
    let remedy = format!("{side} the value");
    if right { Ok(()) } else { Err(keys.refuse("clear", "is on the wrong side", &remedy)) }
}

/// The list and how its values are read.
struct Keys<'a> {
    text: &'a str,
    pairs: Vec<(String, String)>,
}

impl Keys<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        keyval::get(&self.pairs, key)
    }

    fn refuse(&self, key: &str, why: &str, remedy: &str) -> Refusal {
        let value = self.get(key).unwrap_or_default();
        let text = format!("metric's threshold: {key}={value} {why}: {}", self.text);
        Refusal { text, remedy: remedy.to_owned() }
    }

    /// Whether the original reads all of it, and reads it as this server does.
    fn is_classic(&self) -> bool {
        let known =
            |key: &String| CLASSIC.contains(&key.as_str()) || !super::KEYS.contains(&key.as_str());
        self.pairs.iter().all(|(key, _)| known(key))
            && !self.get("msg").is_some_and(super::message::asks)
    }

    fn quantity(&self, key: &str, remarks: &mut Vec<String>) -> Quantity {
        let text = self.get(key).unwrap_or_default();
        let (quantity, odd) = quantity::read(text);
        if odd {
            remarks.push(format!("{key} \"{text}\" is read as a number as far as it is one"));
        }
        quantity
    }

    /// A whole number without a unit, read as far as it is one.
    fn whole(&self, key: &str, remarks: &mut Vec<String>) -> i64 {
        match self.quantity(key, remarks) {
            Quantity::Plain(number) => number as i64,
            Quantity::Time(_) | Quantity::Percent(_) => 0,
        }
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.trim().trim_end_matches('%').parse().ok().filter(|n: &f64| n.is_finite())
    }

    fn duration(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let wrong = || self.refuse(key, "is no duration", "seconds, or a time such as 5m");
        quantity::seconds(text).map(Some).ok_or_else(wrong)
    }

    /// A duration that can be a window.
    fn window(&self, key: &str) -> Result<Option<u64>, Refusal> {
        let wrong = || {
            let remedy = format!("from 1 to {LONGEST} seconds");
            self.refuse(key, "is no window", &remedy)
        };
        match self.duration(key)? {
            Some(seconds) if !(1..=LONGEST).contains(&seconds) => Err(wrong()),
            window => Ok(window),
        }
    }
}

#[cfg(test)]
#[path = "parse_test.rs"]
mod tests;
