//! `blacklist` and `whitelist`: which options may be mentioned at all.
//!
//! Every mention is judged, also one that a block would skip. What a declared option expands
//! to is not: declaring it was allowed. One list of each sort is in force; a new one replaces it.

use super::conditions::words;
use super::{Loader, Step};
use crate::config::Origin;
use crate::finding::Finding;

/// The lists in force.
#[derive(Default)]
pub(super) struct Restrictions {
    black: Option<Vec<String>>,
    white: Option<Vec<String>>,
}

impl Restrictions {
    /// Takes one of the four options.
    pub(super) fn set(&mut self, option: &str, list: &str) {
        let names = || Some(words(list).map(str::to_owned).collect());
        match option {
            "blacklist" => self.black = names(),
            "whitelist" => self.white = names(),
            "end-blacklist" => self.black = None,
            _ => self.white = None,
        }
    }

    /// The list that forbids `key`, by its name.
    fn against(&self, key: &str) -> Option<&'static str> {
        let listed = |list: &Vec<String>| list.iter().any(|name| name.eq_ignore_ascii_case(key));
        if self.black.as_ref().is_some_and(listed) {
            return Some("blacklist");
        }
        // The end of a whitelist is always allowed: nobody could write anything behind it.
        let outside = self.white.as_ref().is_some_and(|list| !listed(list));
        (outside && key != "end-whitelist").then_some("whitelist")
    }
}

impl Loader<'_> {
    /// Refuses a mention that a list forbids.
    pub(super) fn permit(&self, key: &str, value: Option<&str>, origin: &Origin) -> Step {
        let Some(list) = self.restrictions.against(key) else { return Ok(()) };
        let text = format!("uWSGI error: forbidden option \"{key}\" (by {list})");
        Err(Finding::fault(text).at(key, value, origin).into())
    }
}
