//! Identities that are the same each time: importing a template again changes it, instead of adding
//! another one. Pure.

/// Mixes a text into 128 bits (FNV-1a, and a last round that spreads the end of the text).
pub(in crate::zabbix) fn hash(text: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in text.bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    }
    hash ^= hash >> 67;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    hash ^ hash >> 64
}

/// The identity of what a text names, in the form of a random UUID (version 4) without dashes, which
/// is the only one that Zabbix takes.
pub(super) fn uuid(text: &str) -> String {
    let version = 0xf << 76;
    let variant = 0x3 << 62;
    let bits = hash(text) & !version & !variant | 0x4 << 76 | 0x2 << 62;
    format!("{bits:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identities_are_stable_distinct_and_of_version_4() {
        assert_eq!(uuid("item uwsgi.core.overloaded"), uuid("item uwsgi.core.overloaded"));
        let all: HashSet<String> = (0..10_000).map(|n| uuid(&format!("uwsgi.{n}"))).collect();
        assert_eq!(all.len(), 10_000);
        for uuid in &all {
            assert_eq!(uuid.len(), 32);
            assert!(uuid.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            assert_eq!(&uuid[12..13], "4");
            assert!(matches!(&uuid[16..17], "8" | "9" | "a" | "b"), "{uuid}");
        }
        let variants: HashSet<&str> = all.iter().map(|uuid| &uuid[16..17]).collect();
        assert_eq!(variants.len(), 4);
    }
}
