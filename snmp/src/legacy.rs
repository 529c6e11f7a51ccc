//! The answer to a GET of one name, byte for byte as uWSGI gives it.
//!
//! It is the request with another tag, the value put in and the lengths raised: all lengths in one
//! octet, the request's own spelling of its numbers kept, and values of a fixed width without the
//! zero that BER wants in front. Monitoring that takes such answers apart by position goes on.

use crate::value::Value;

/// The longest request that is understood in this way.
const LONGEST: usize = 119;

/// The answer to a request of that form; nothing for any other one.
pub(crate) fn answer(request: &[u8], value: &Value) -> Option<Vec<u8>> {
    let value = fixed(value)?;
    let lengths = lengths(request)?;
    let mut out = request.to_vec();
    out.truncate(request.len() - 2);
    out.extend_from_slice(&value);
    let more = u8::try_from(value.len() - 2).ok()?;
    for at in lengths {
        *out.get_mut(at)? += more;
    }
    // The tag of the PDU stands in front of its length.
    *out.get_mut(lengths[1] - 1)? = 0xa2;
    Some(out)
}

fn fixed(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Null => vec![5, 0],
        Value::Counter64(number) => [&[value.tag(), 8][..], &number.to_be_bytes()].concat(),
        Value::Counter32(number) | Value::Gauge32(number) => {
            [&[value.tag(), 4][..], &number.to_be_bytes()].concat()
        }
        _ => return None,
    })
}

/// Where the lengths of message, PDU, list and binding stand, when nothing else is there.
fn lengths(request: &[u8]) -> Option<[usize; 4]> {
    let size = request.len();
    if size > LONGEST {
        return None;
    }
    let at = |index: usize| request.get(index).map(|octet| usize::from(*octet));
    // The element at `from` has this tag and fills the rest.
    let rest =
        |from, tag| (at(from)? == tag && from + 2 + at(from + 1)? == size).then_some(from + 2);
    // The element at `from` has this tag; what follows it.
    let skip =
        |from, tag| (at(from)? == tag && at(from + 1)? < 128).then_some(from + 2 + at(from + 1)?);
    let version = rest(0, 0x30)?;
    let pdu = skip(skip(version, 2)?, 4)?;
    let request_id = rest(pdu, 0xa0)?;
    let status = skip(request_id, 2)?;
    let list = skip(skip(status, 2)?, 2)?;
    let binding = rest(list, 0x30)?;
    let name = rest(binding, 0x30)?;
    let value = skip(name, 6)?;
    let plain = version + 3 == skip(version, 2)?
        && request.get(status..list)? == [2, 1, 0, 2, 1, 0]
        && request.get(value..)? == [5, 0];
    plain.then_some([1, pdu + 1, list + 1, binding + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"\x30\x29\x02\x01\x01\x04\x03foo\xa0\x1f\x02\x04\x12\x34\x56\x78\
        \x02\x01\x00\x02\x01\x00\x30\x11\x30\x0f\x06\x0b\x2b\x06\x01\x04\x01\x82\x92\x54\x11\x01\x01\x05\x00";

    #[test]
    fn the_known_request_has_the_known_answer() {
        let want = b"\x30\x31\x02\x01\x01\x04\x03foo\xa2\x27\x02\x04\x12\x34\x56\x78\
            \x02\x01\x00\x02\x01\x00\x30\x19\x30\x17\x06\x0b\x2b\x06\x01\x04\x01\x82\x92\x54\x11\x01\x01\
            \x46\x08\x00\x00\x00\x00\x00\x00\x00\x09";
        assert_eq!(answer(REQUEST, &Value::Counter64(9)).unwrap(), want);
    }

    #[test]
    fn an_unset_value_and_32_bits_keep_their_width() {
        let null = answer(REQUEST, &Value::Null).unwrap();
        assert_eq!((null.len(), &null[null.len() - 2..]), (REQUEST.len(), &[5, 0][..]));
        let gauge = answer(REQUEST, &Value::Gauge32(1)).unwrap();
        assert_eq!(&gauge[gauge.len() - 6..], [0x42, 4, 0, 0, 0, 1]);
        assert_eq!(gauge[1], 0x29 + 4);
    }

    #[test]
    fn other_forms_are_left_to_the_agent() {
        assert_eq!(answer(REQUEST, &Value::NoSuchInstance), None);
        for (at, byte) in [(1, 0x28), (10, 0xa1), (11, 0x1e), (20, 1), (25, 0x10), (42, 4)] {
            let mut other = REQUEST.to_vec();
            other[at] = byte;
            assert_eq!(answer(&other, &Value::Null), None, "{at}");
        }
        for cut in 0..REQUEST.len() {
            assert_eq!(answer(&REQUEST[..cut], &Value::Null), None);
        }
    }
}
