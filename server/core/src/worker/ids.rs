//! Ids of requests, one core's.
//!
//! Owns the id of the running request: 128 bits in hexadecimal digits, or what came with the request
//! where that is believed. Ids are told apart, they are no secrets. Refuses what could be more than an id
//! in a log or a header.

use std::hash::BuildHasher as _;
use std::hash::RandomState;

use uwsgi_proto::VarBlock;

use crate::clock;
use crate::policy::RequestIds;

/// The variable that tells it to applications, and by which a front server may set it.
pub(crate) const VARIABLE: &[u8] = b"REQUEST_ID";

/// The header by which clients may set it.
const HEADER: &[u8] = b"HTTP_X_REQUEST_ID";

/// See the module.
pub(crate) struct Ids {
    state: [u64; 2],
    trust: bool,
    current: Vec<u8>,
}

impl Ids {
    /// Ids that no other core makes.
    pub(crate) fn new(policy: &RequestIds, worker: u32, core: u32) -> Ids {
        let here = (uwsgi_sys::process::pid(), worker, core, clock::epoch_us());
        // The keys are secret, and the same in processes that were forked: what is hashed differs.
        let keys = RandomState::new();
        let state = [0u8, 1].map(|half| keys.hash_one((here, half)));
        Ids { state, trust: policy.trust, current: Vec::with_capacity(LONGEST) }
    }

    /// Gives the request with these variables its id and adds it to them. A packet without any is no
    /// request.
    pub(crate) fn begin(&mut self, vars: &mut VarBlock) {
        self.current.clear();
        if vars.is_empty() {
            return;
        }
        let told = [VARIABLE, HEADER].into_iter().find_map(|name| vars.get(name));
        match told.filter(|id| self.trust && is_id(id)) {
            Some(id) => self.current.extend_from_slice(id),
            None => self.make(),
        }
        // Without room for it the application does not see it; the log does.
        let _ = vars.push(VARIABLE, &self.current);
    }

    /// The id of the running request.
    pub(crate) fn current(&self) -> &[u8] {
        &self.current
    }

    /// No request, no id.
    pub(crate) fn clear(&mut self) {
        self.current.clear();
    }

    fn make(&mut self) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for half in &mut self.state {
            *half = half.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let bits = mixed(*half);
            let digits = (0..16).rev().map(|at| HEX[(bits >> (4 * at)) as usize & 15]);
            self.current.extend(digits);
        }
    }
}

/// No two inputs have the same output, and neighbours look alike in nothing.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Shortest and longest id that is believed.
const SHORTEST: usize = 8;
const LONGEST: usize = 64;

/// Letters, digits, `-`, `_` and `.`, and not too many of them.
fn is_id(text: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (SHORTEST..=LONGEST).contains(&text.len()) && text.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ids(trust: bool) -> Ids {
        Ids::new(&RequestIds { trust, header: None }, 1, 0)
    }

    fn id_of(ids: &mut Ids, vars: &[(&str, &str)]) -> String {
        let mut block = VarBlock::new();
        block.push(b"PATH_INFO", b"/").unwrap();
        vars.iter().for_each(|(k, v)| block.push(k.as_bytes(), v.as_bytes()).unwrap());
        ids.begin(&mut block);
        assert_eq!(block.get(VARIABLE), Some(ids.current()));
        assert_eq!(block.len(), vars.len() + 2);
        String::from_utf8(ids.current().to_vec()).unwrap()
    }

    #[test]
    fn every_request_of_every_core_has_its_own() {
        let (mut one, mut other) = (ids(false), Ids::new(&RequestIds::default(), 2, 0));
        let all = (0..1_000).flat_map(|_| [id_of(&mut one, &[]), id_of(&mut other, &[])]);
        let all: HashSet<String> = all.collect();
        assert_eq!(all.len(), 2_000);
        assert!(all.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    #[test]
    fn what_came_is_kept_only_where_it_is_believed() {
        let sent = [("HTTP_X_REQUEST_ID", "client-0001")];
        let front = [("REQUEST_ID", "front-0001"), ("HTTP_X_REQUEST_ID", "client-0001")];
        assert_eq!(id_of(&mut ids(true), &sent), "client-0001");
        assert_eq!(id_of(&mut ids(true), &front), "front-0001");
        assert_eq!(id_of(&mut ids(false), &sent).len(), 32);
        assert_ne!(id_of(&mut ids(false), &front), "front-0001");
    }

    #[test]
    fn a_packet_without_variables_has_none() {
        let (mut ids, mut vars) = (ids(false), VarBlock::new());
        id_of(&mut ids, &[]);
        ids.begin(&mut vars);
        assert!(vars.is_empty() && ids.current().is_empty());
    }

    #[test]
    fn what_is_no_id_is_replaced() {
        let long = "a".repeat(LONGEST + 1);
        for text in
            ["", "short-1", "with space", "quote\"12", "line\nbreak", "caf\u{e9}-1234", &long]
        {
            let id = id_of(&mut ids(true), &[("HTTP_X_REQUEST_ID", text)]);
            assert!(id.len() == 32 && id != text, "{text}");
        }
        let longest = "a".repeat(LONGEST);
        assert_eq!(id_of(&mut ids(true), &[("HTTP_X_REQUEST_ID", &longest)]), longest);
    }
}
