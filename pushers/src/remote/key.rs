//! The identity of a series: its labels in order of their names, as version 1.0 writes them.
//!
//! The same bytes are what is sent, what is remembered to tell later that the series is gone, and
//! what version 2.0 is made of.

use uwsgi_metrics::protobuf::push_varint;

/// Tags of the fields `TimeSeries.labels`, `Label.name` and `Label.value`: number and kind.
const LABEL: u8 = 1 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;

/// The label that holds the name.
const OF_NAME: &str = "__name__";

/// Writes the key of a series into `out`. Labels of the series itself win over `fixed`; empty ones
/// do not exist.
pub(super) fn write(
    out: &mut Vec<u8>,
    name: &[u8],
    labels: &[(&str, &[u8])],
    more: Option<(&str, &[u8])>,
    fixed: &[(String, String)],
) {
    let own = labels.iter().copied().chain(more).chain([(OF_NAME, name)]);
    let fixed = fixed.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut all: Vec<(&str, &[u8])> = Vec::with_capacity(labels.len() + 2 + fixed.len());
    all.extend(own.chain(fixed));
    // Stable: of two with one name the first, which is the series' own, stays.
    all.sort_by_key(|(name, _)| *name);
    all.dedup_by(|(later, _), (first, _)| later == first);
    out.clear();
    for (name, value) in all {
        match str::from_utf8(value) {
            Ok("") => {}
            Ok(_) => label(out, name, value),
            Err(_) => label(out, name, readable(value).as_bytes()),
        }
    }
}

/// Appends a label. Lengths are known beforehand, so nothing is moved.
fn label(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let inner = sized(name.len()) + sized(value.len());
    out.push(LABEL);
    push_varint(out, inner as u64);
    out.push(NAME);
    push_varint(out, name.len() as u64);
    out.extend_from_slice(name.as_bytes());
    out.push(VALUE);
    push_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Bytes of a text with its tag and length.
fn sized(length: usize) -> usize {
    let bits = (usize::BITS - length.leading_zeros()).max(1) as usize;
    1 + bits.div_ceil(7) + length
}

/// A stray byte is shown by its Latin-1 reading, as the text expositions show it.
fn readable(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len() * 2);
    for chunk in value.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text
}

/// The texts of a key: name, value, name, value ...
pub(super) fn texts(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = key;
    let mut label: &[u8] = &[];
    std::iter::from_fn(move || {
        if label.is_empty() {
            label = field(&mut rest)?;
        }
        field(&mut label)
    })
}

/// The next field of a message that has none but texts and messages.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (_tag, after) = rest.split_first()?;
    let (mut length, mut shift, mut at) = (0usize, 0, 0);
    loop {
        let byte = *after.get(at)?;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        (shift, at) = (shift + 7, at + 1);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let text = after.get(at..at.checked_add(length)?)?;
    *rest = after.get(at + length..)?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_come_back() {
        let fixed = [("job".to_owned(), "j".to_owned()), ("zone".to_owned(), "z".repeat(300))];
        let labels: [(&str, &[u8]); 3] = [("zone", b"own"), ("Z", b"1"), ("empty", b"")];
        let mut key = vec![1, 2, 3];
        write(&mut key, b"up", &labels, Some(("le", b"+Inf")), &fixed);
        let found: Vec<_> = texts(&key).map(|text| str::from_utf8(text).unwrap()).collect();
        assert_eq!(found, ["Z", "1", "__name__", "up", "job", "j", "le", "+Inf", "zone", "own"]);
        write(&mut key, b"up", &[("odd", b"a\xff")], None, &fixed);
        let found: Vec<_> = texts(&key).collect();
        assert_eq!((found[5], found.last().unwrap().len()), ("aÿ".as_bytes(), 300));
    }
}
