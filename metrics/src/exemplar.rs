//! Examples of requests: the trace that a client said a request belongs to, beside its duration.
//!
//! One record for each magnitude of durations and core, a seqlock whose only writer is the core's
//! thread: the last traced request of that magnitude. A reader sees a whole example or none.

use crate::seqlock::Seq;
use crate::sync::{AtomicU64, Ordering};

/// Attempts to copy a record.
#[cfg_attr(loom, allow(dead_code, reason = "the model makes single attempts"))]
const TRIES: u32 = 64;

/// An example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExemplarView {
    /// Trace id.
    pub trace: [u8; 16],
    /// Span id.
    pub span: [u8; 8],
    /// Duration, microseconds.
    pub value_us: u64,
    /// End of the request, epoch microseconds.
    pub at_us: u64,
}

impl ExemplarView {
    /// What the header `traceparent` says: `00-<32 hex>-<16 hex>-<flags>`. Nothing when it is
    /// malformed, when an id is zero, or when the trace is not sampled.
    pub fn of_traceparent(header: &[u8]) -> Option<ExemplarView> {
        let (view, flags) = parsed(header)?;
        (flags & 1 == 1).then_some(view)
    }

    /// The trace id as text.
    pub fn trace_id(&self) -> [u8; 32] {
        hex(&self.trace)
    }

    /// The span id as text.
    pub fn span_id(&self) -> [u8; 16] {
        hex(&self.span)
    }
}

/// Trace id and span id of a header `traceparent`, as they stand there, sampled or not.
pub fn trace_context(header: &[u8]) -> Option<(&[u8], &[u8])> {
    parsed(header)?;
    Some((header.get(3..35)?, header.get(36..52)?))
}

fn parsed(header: &[u8]) -> Option<(ExemplarView, u8)> {
    let (version, rest) = (header.get(..3)?, header.get(3..)?);
    let (trace, rest) = rest.split_at_checked(32)?;
    let (span, flags) = rest.strip_prefix(b"-")?.split_at_checked(16)?;
    let flags = flags.strip_prefix(b"-")?;
    // Later versions may say more behind the flags; this one may not.
    let whole = flags.len() == 2 || (version != b"00-" && flags.get(2) == Some(&b'-'));
    if !whole || version == b"ff-" || !version.ends_with(b"-") {
        return None;
    }
    let [_version] = unhex(version.get(..2)?)?;
    let [flags] = unhex(flags.get(..2)?)?;
    let view = ExemplarView { trace: unhex(trace)?, span: unhex(span)?, ..ExemplarView::default() };
    (view.trace != [0; 16] && view.span != [0; 8]).then_some((view, flags))
}

/// The record of one example.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Exemplar {
    seq: Seq,
    /// Which requests it is one of; 0 for a record that was never written.
    key: AtomicU64,
    trace: [AtomicU64; 2],
    span: AtomicU64,
    value_us: AtomicU64,
    at_us: AtomicU64,
    /// Keeps two of them in a cache line.
    _reserved: u64,
}

impl Exemplar {
    /// A record outside the mapping.
    #[cfg(all(test, loom))]
    fn new() -> Exemplar {
        let zero = || AtomicU64::new(0);
        let (key, trace, span) = (zero(), [zero(), zero()], zero());
        let (value_us, at_us) = (zero(), zero());
        Exemplar { seq: Seq::new(), key, trace, span, value_us, at_us, _reserved: 0 }
    }

    /// Replaces the example, as the only writer.
    pub(crate) fn store(&self, key: u64, view: &ExemplarView) {
        let [first, second] = halves(view.trace);
        self.seq.write(|| {
            self.key.store(key, Ordering::Relaxed);
            self.trace[0].store(first, Ordering::Relaxed);
            self.trace[1].store(second, Ordering::Relaxed);
            self.span.store(u64::from_be_bytes(view.span), Ordering::Relaxed);
            self.value_us.store(view.value_us, Ordering::Relaxed);
            self.at_us.store(view.at_us, Ordering::Relaxed);
        });
    }

    /// The example with its key; nothing for a record never written, or written at this moment.
    #[cfg(not(loom))]
    pub(crate) fn load(&self) -> Option<(u64, ExemplarView)> {
        let found = self.seq.read(TRIES, || self.copy())?;
        (found.0 != 0).then_some(found)
    }

    fn copy(&self) -> (u64, ExemplarView) {
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let trace = u128::from(load(&self.trace[0])) << 64 | u128::from(load(&self.trace[1]));
        let view = ExemplarView {
            trace: trace.to_be_bytes(),
            span: load(&self.span).to_be_bytes(),
            value_us: load(&self.value_us),
            at_us: load(&self.at_us),
        };
        (load(&self.key), view)
    }
}

fn halves(trace: [u8; 16]) -> [u64; 2] {
    let whole = u128::from_be_bytes(trace);
    [(whole >> 64) as u64, whole as u64]
}

/// Lower case digits, as the header has to have them; others are refused.
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

fn hex<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'0'; M];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_sampled_well_formed_headers_make_an_example() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let view = ExemplarView::of_traceparent(good.as_bytes()).unwrap();
        assert_eq!(view.trace_id(), *b"0af7651916cd43dd8448eb211c80319c");
        assert_eq!(view.span_id(), *b"b7ad6b7169203331");
        assert!(ExemplarView::of_traceparent(good.replace("00-0", "01-0").as_bytes()).is_some());
        let bad = [
            String::new(),
            good.replace("-01", "-00"),
            good.replace("-01", "-01-x"),
            good.replace("-01", ""),
            good.replace("00-0", "ff-0"),
            good.replace("00-0", "000"),
            good.replace("0af7", "0AF7"),
            good.replace("b7ad6b7169203331", "0000000000000000"),
            good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            "\u{e9}".repeat(28),
        ];
        for header in bad {
            assert_eq!(ExemplarView::of_traceparent(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn logs_name_traces_that_nobody_samples_too() {
        let good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let named: (&[u8], &[u8]) = (b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331");
        assert_eq!(trace_context(good), Some(named));
        assert_eq!(trace_context(&good[..54]), None);
        assert_eq!(trace_context(b""), None);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    fn of(n: u8) -> ExemplarView {
        let at = n.into();
        ExemplarView { trace: [n; 16], span: [n; 8], value_us: at, at_us: at }
    }

    #[test]
    fn no_interleaving_shows_halves_of_two_examples() {
        // Seven words in each write: without a bound on switches this runs for minutes, and two of
        // them are what a torn copy takes.
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(|| {
            let shared = Arc::new(Exemplar::new());
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    shared.store(1, &of(1));
                    shared.store(2, &of(2));
                })
            };
            if let Some((key, view)) = shared.seq.try_read(|| shared.copy()) {
                assert_eq!(view, of(key as u8), "halves of two examples");
            }
            writer.join().unwrap();
            assert_eq!(shared.seq.try_read(|| shared.copy()), Some((2, of(2))));
        });
    }
}
