//! One value more: from the state of a file, a time and a value to the new state and the rows that
//! are finished. Pure. The arithmetic is that of rrdtool, operation by operation, because both may
//! write to the same file and `against_tests` compares them bit by bit.
//!
//! ```text
//!          last update            now
//! ──┬──────────┼────┬────────┬─────┼──┬──▶    steps begin at multiples of their length
//!              ├─pre┤        ├post─┤          pre: up to the end of the last whole step
//!              ├─────────────┤                elapsed: steps that ended (here 2)
//! ```

use super::archive::{Archive, Consolidation};
use super::layout::{Shape, Source, State, TEXT, UNKNOWN, Unfinished};

/// A row to be written: archive, row, value.
pub(super) type Row = (usize, u64, f64);

/// What rrdtool adds for counters of 32 bits that went round (one too few), and then of 64.
const TURN_32: f64 = 4_294_967_295.0;
const TURN_64: f64 = 18_446_744_069_414_584_320.0;

/// Time from the last update on, as the steps cut it.
#[derive(Clone, Copy)]
struct Span {
    interval: f64,
    pre: f64,
    post: f64,
    /// Steps that ended in it.
    elapsed: u64,
    /// Number of the step that was under way at its beginning.
    first: u64,
    /// The value times the seconds of the interval, or unknown.
    amount: f64,
}

/// Takes a value at a time (epoch microseconds).
///
/// # Errors
/// The time is not after the last update.
pub(super) fn update(
    shape: &Shape,
    state: &mut State,
    at_us: u64,
    value: i64,
) -> Result<Vec<Row>, String> {
    let now = (at_us / 1_000_000, at_us % 1_000_000);
    let last = state.last;
    if now <= last {
        return Err(format!(
            "illegal attempt to update using time {} when last update time is {} (minimum one second step)",
            now.0, last.0
        ));
    }
    let interval = (now.0 - last.0) as f64 + (now.1 as f64 - last.1 as f64) / 1e6;
    let amount = amount(shape, state, interval, value);
    let begun = last.0 - last.0 % shape.step;
    let ended = now.0 - now.0 % shape.step;
    let elapsed = (ended - begun) / shape.step;
    let mut rows = Vec::new();
    if elapsed == 0 {
        within_a_step(state, interval, amount);
    } else {
        let pre = (ended - last.0) as f64 - last.1 as f64 / 1e6;
        let post = (now.0 % shape.step) as f64 + now.1 as f64 / 1e6;
        let first = begun / shape.step;
        let mut span = Span { interval, pre, post, elapsed, first, amount };
        // Whole seconds, as rrdtool takes them.
        let head = (pre as u64 % shape.step) as f64;
        if elapsed > 1 && head > 0.0 {
            // The step that was under way has a past of its own.
            let part = amount * head / interval;
            let own =
                Span { interval: head, pre: head, post: 0.0, elapsed: 1, first, amount: part };
            steps(shape, state, &own, &mut rows);
            span.amount -= part;
            span.interval -= head;
            span.pre -= head;
            span.elapsed -= 1;
            span.first += 1;
        }
        steps(shape, state, &span, &mut rows);
    }
    state.last = now;
    Ok(rows)
}

/// The value times its seconds; remembers the value.
fn amount(shape: &Shape, state: &mut State, interval: f64, value: i64) -> f64 {
    let heartbeat = shape.heartbeat as f64;
    if interval > heartbeat {
        remember(&mut state.text, "U");
    }
    let mut amount = UNKNOWN;
    if interval <= heartbeat {
        amount = match shape.source {
            Source::Gauge => number(value.into()) * interval,
            Source::Absolute => number(value.into()),
            Source::Derive | Source::Counter => difference(shape.source, &state.text, value),
        };
        let rate = amount / interval;
        // Comparisons with a bound that is not there are false.
        if rate > shape.max || rate < shape.min {
            amount = UNKNOWN;
        }
    }
    remember(&mut state.text, &value.to_string());
    amount
}

/// How much a counter has grown since the value that is remembered as text.
fn difference(source: Source, text: &[u8; TEXT], value: i64) -> f64 {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(TEXT);
    let last = std::str::from_utf8(&text[..end]).ok().and_then(|text| text.parse::<i128>().ok());
    let Some(last) = last else { return UNKNOWN };
    let grown = number(i128::from(value).wrapping_sub(last));
    match source {
        Source::Counter if grown < 0.0 && grown + TURN_32 < 0.0 => grown + TURN_32 + TURN_64,
        Source::Counter if grown < 0.0 => grown + TURN_32,
        _ => grown,
    }
}

/// A number as rrdtool reads its text, digit by digit: beyond 2^53 that rounds more than once.
fn number(n: i128) -> f64 {
    if n.unsigned_abs() < 1 << 53 {
        return n as f64;
    }
    let digits = n.unsigned_abs().to_string();
    let size = digits.bytes().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0'));
    if n < 0 { -size } else { size }
}

fn remember(text: &mut [u8; TEXT], value: &str) {
    // The last byte always ends the text.
    let length = value.len().min(TEXT - 1);
    *text = [0; TEXT];
    text[..length].copy_from_slice(&value.as_bytes()[..length]);
}

/// No step ended.
fn within_a_step(state: &mut State, interval: f64, amount: f64) {
    if amount.is_nan() {
        state.unknown = state.unknown.wrapping_add(interval.floor() as u64);
    } else if state.value.is_nan() {
        state.value = amount;
    } else {
        state.value += amount;
    }
}

/// Steps ended: the mean over them goes to every archive.
fn steps(shape: &Shape, state: &mut State, span: &Span, rows: &mut Vec<Row>) {
    let unknown_before = if span.amount.is_nan() { span.pre } else { 0.0 };
    if !span.amount.is_nan() {
        if state.value.is_nan() {
            state.value = 0.0;
        }
        state.value += span.amount / span.interval * span.pre;
    }
    let late = span.interval > shape.heartbeat as f64;
    let mean = if late || shape.step as f64 / 2.0 < state.unknown as f64 {
        UNKNOWN
    } else {
        let known = (span.elapsed * shape.step).wrapping_sub(state.unknown) as f64;
        state.value / (known - unknown_before)
    };
    if span.amount.is_nan() {
        state.unknown = span.post.floor() as u64;
        state.value = UNKNOWN;
    } else {
        state.unknown = 0;
        state.value = span.amount / span.interval * span.post;
    }
    for (index, archive) in shape.archives.iter().enumerate() {
        let unfinished = &mut state.archives[index];
        for nth in 0..consolidate(archive, unfinished, span, mean) {
            unfinished.row = (unfinished.row + 1) % archive.rows;
            let value = if nth == 0 { unfinished.primary } else { unfinished.secondary };
            rows.push((index, unfinished.row, value));
        }
    }
}

/// One archive takes the mean of the steps that ended; returns how many of its rows are finished.
fn consolidate(archive: &Archive, own: &mut Unfinished, span: &Span, mean: f64) -> u64 {
    let missing = archive.steps - span.first % archive.steps;
    let finished = match span.elapsed.checked_sub(missing) {
        Some(beyond) => (beyond / archive.steps + 1).min(archive.rows),
        None => 0,
    };
    if archive.steps == 1 {
        own.primary = mean;
        if span.elapsed >= 2 {
            own.secondary = mean;
        }
        return finished;
    }
    if finished == 0 {
        if mean.is_nan() {
            own.unknown = own.unknown.wrapping_add(span.elapsed);
        } else {
            own.value = added(archive.by, own.value, mean, span.elapsed);
        }
        return 0;
    }
    own.secondary = mean;
    if mean.is_nan() {
        own.unknown = own.unknown.wrapping_add(missing);
    }
    own.primary = if own.unknown as f64 > archive.steps as f64 * archive.xff {
        UNKNOWN
    } else {
        whole(archive, own, mean, missing)
    };
    let begun = (span.elapsed - missing) % archive.steps;
    own.value = carried(archive.by, mean, begun);
    own.unknown = if mean.is_nan() { begun } else { 0 };
    finished
}

/// The row that `missing` steps of this mean finish.
fn whole(archive: &Archive, own: &Unfinished, mean: f64, missing: u64) -> f64 {
    let known = |value: f64, otherwise: f64| if value.is_nan() { otherwise } else { value };
    match archive.by {
        Consolidation::Average => {
            let sum = known(own.value, 0.0) + known(mean, 0.0) * missing as f64;
            sum / archive.steps.wrapping_sub(own.unknown) as f64
        }
        Consolidation::Max => {
            let none = f64::NEG_INFINITY;
            known(own.value, none).max(known(mean, none))
        }
        Consolidation::Min => {
            let none = f64::INFINITY;
            known(own.value, none).min(known(mean, none))
        }
        Consolidation::Last => mean,
    }
}

/// What `begun` steps of the next row come to.
fn carried(by: Consolidation, mean: f64, begun: u64) -> f64 {
    match by {
        Consolidation::Average if begun == 0 || mean.is_nan() => 0.0,
        Consolidation::Average => mean * begun as f64,
        Consolidation::Max if begun == 0 || mean.is_nan() => f64::NEG_INFINITY,
        Consolidation::Min if begun == 0 || mean.is_nan() => f64::INFINITY,
        Consolidation::Last if begun == 0 || mean.is_nan() => UNKNOWN,
        _ => mean,
    }
}

/// An unfinished row and some more steps.
fn added(by: Consolidation, value: f64, mean: f64, steps: u64) -> f64 {
    match by {
        Consolidation::Average if value.is_nan() => mean * steps as f64,
        Consolidation::Average => value + mean * steps as f64,
        _ if value.is_nan() => mean,
        Consolidation::Max => value.max(mean),
        Consolidation::Min => value.min(mean),
        Consolidation::Last => mean,
    }
}
