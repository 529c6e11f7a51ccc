//! Object identifiers: arcs in order, which is also the order of a walk.

use std::fmt;

use crate::ber::Error;

/// The most arcs an object identifier of SNMP may have.
const MOST: usize = 128;

/// An object identifier. Ordered as SNMP orders them: arc by arc, a prefix before what it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// The branch of this server: `1.3.6.1.4.1.35156.17`.
    pub const BRANCH: [u32; 8] = [1, 3, 6, 1, 4, 1, 35156, 17];

    /// From its arcs.
    pub fn new(arcs: &[u32]) -> Oid {
        Oid(arcs.to_vec())
    }

    /// Below the branch of this server.
    pub fn ours(arcs: &[u32]) -> Oid {
        Oid([&Oid::BRANCH[..], arcs].concat())
    }

    /// From its text, with or without a dot in front; nothing when that is not digits and dots,
    /// an arc exceeds 32 bits or there are more than 128 of them.
    pub fn parse(text: &str) -> Option<Oid> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let arcs = text.split('.').map(|arc| {
            let digits = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
            arc.parse().ok().filter(|_| digits)
        });
        let arcs = arcs.collect::<Option<Vec<u32>>>()?;
        (arcs.len() <= MOST).then_some(Oid(arcs))
    }

    /// Its arcs.
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// This one with more arcs behind.
    pub fn join(&self, arcs: &[u32]) -> Oid {
        Oid([&self.0[..], arcs].concat())
    }

    /// What follows the branch of this server; nothing outside of it.
    pub fn in_branch(&self) -> Option<&[u32]> {
        self.0.strip_prefix(&Oid::BRANCH)
    }

    /// From the content of an element. Nothing at all stands for `0.0`, as other agents read it.
    pub fn decode(content: &[u8]) -> Result<Oid, Error> {
        let mut arcs = Vec::with_capacity(content.len() + 1);
        let mut value = 0_u32;
        let mut begun = false;
        for octet in content {
            if value >> 25 != 0 {
                return Err(Error::Oid);
            }
            value = value << 7 | u32::from(octet & 0x7f);
            begun = octet & 0x80 != 0;
            if !begun {
                push(&mut arcs, value);
                value = 0;
            }
        }
        match arcs.len() {
            _ if begun => Err(Error::Oid),
            0 => Ok(Oid(vec![0, 0])),
            1..=MOST => Ok(Oid(arcs)),
            _ => Err(Error::Oid),
        }
    }

    /// Appends the content of an element. The first two arcs share a number, so less than two are
    /// filled up with zeroes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first = self.0.first().copied().unwrap_or(0);
        let second = self.0.get(1).copied().unwrap_or(0);
        base128(out, u64::from(first) * 40 + u64::from(second));
        self.0.iter().skip(2).for_each(|arc| base128(out, (*arc).into()));
    }
}

/// The first number of an encoding holds two arcs.
fn push(arcs: &mut Vec<u32>, value: u32) {
    if arcs.is_empty() {
        let first = (value / 40).min(2);
        arcs.push(first);
        arcs.push(value - 40 * first);
    } else {
        arcs.push(value);
    }
}

fn base128(out: &mut Vec<u8>, value: u64) {
    let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.push(more | (value >> (7 * group)) as u8 & 0x7f);
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arc) in self.0.iter().enumerate() {
            write!(out, "{}{arc}", if i > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_has_the_bytes_that_managers_send() {
        let mut out = Vec::new();
        Oid::ours(&[1, 1]).encode(&mut out);
        assert_eq!(out, [0x2b, 6, 1, 4, 1, 0x82, 0x92, 0x54, 0x11, 1, 1]);
        let oid = Oid::decode(&out).unwrap();
        assert_eq!(
            (oid.to_string().as_str(), oid.in_branch()),
            ("1.3.6.1.4.1.35156.17.1.1", Some(&[1, 1][..]))
        );
        assert_eq!(Oid::new(&[1, 3, 6]).in_branch(), None);
    }

    #[test]
    fn what_is_no_object_identifier_is_refused() {
        for (content, want) in [
            (&[0x82_u8][..], Err(Error::Oid)),
            (&[0x2b, 0x90, 0x80, 0x80, 0x80, 0x00], Err(Error::Oid)),
            (&[0x2b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Err(Error::Oid)),
            (&[1; 128], Err(Error::Oid)),
            (&[], Ok(vec![0, 0])),
            (&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f], Ok(vec![1, 3, u32::MAX])),
            (&[0x88, 0x37], Ok(vec![2, 999])),
            (&[0x2b, 0x80, 0x01], Ok(vec![1, 3, 1])),
        ] {
            assert_eq!(Oid::decode(content).map(|oid| oid.0), want, "{content:02x?}");
        }
        assert!(Oid::decode(&[1; 127]).is_ok());
    }

    #[test]
    fn texts_are_digits_and_dots() {
        for (text, want) in [
            ("1.3.6", Some(vec![1, 3, 6])),
            (".1.3", Some(vec![1, 3])),
            ("4294967295", Some(vec![u32::MAX])),
            ("4294967296", None),
            ("", None),
            ("1..2", None),
            ("1.", None),
            ("+1", None),
            ("a", None),
        ] {
            assert_eq!(Oid::parse(text).map(|oid| oid.0), want, "{text}");
        }
    }

    #[test]
    fn a_prefix_comes_before_what_it_begins_and_arcs_compare_as_numbers() {
        let mut all: Vec<Oid> = ["1.10", "1.2", "1.2.5", "1", "2", "1.2.40"]
            .iter()
            .filter_map(|t| Oid::parse(t))
            .collect();
        all.sort();
        let texts: Vec<String> = all.iter().map(Oid::to_string).collect();
        assert_eq!(texts, ["1", "1.2", "1.2.5", "1.2.40", "1.10", "2"]);
    }
}
