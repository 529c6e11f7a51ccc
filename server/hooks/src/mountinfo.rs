//! In which order the mounts below a directory are unmounted, from `/proc/self/mountinfo`. Pure.
//!
//! A path means the mount on top of it, so a mount can go when nothing is mounted on it and nothing
//! lies over it. What lies under a mount that stays cannot be reached by any path.

use std::collections::HashMap;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: u32,
    parent: u32,
    path: String,
}

/// The mount points strictly below `target`, each as often as something has to be unmounted there,
/// in an order in which every call meets the right mount. Lines that cannot be read are left out.
pub fn below(text: &str, target: &str) -> Vec<String> {
    let target = target.trim_end_matches('/');
    let entries: Vec<_> = text.lines().filter_map(entry).collect();
    let mut tree = Tree::of(&entries);
    let is_below =
        |path: &str| path.strip_prefix(target).is_some_and(|p| p.len() > 1 && p.starts_with('/'));
    let mut left: Vec<_> = entries.iter().filter(|entry| is_below(&entry.path)).collect();
    // The youngest first where more than one could go.
    left.reverse();
    let mut order = Vec::new();
    loop {
        let before = left.len();
        left.retain(|entry| {
            let free = tree.free(entry);
            if free {
                tree.remove(entry);
                order.push(entry.path.clone());
            }
            !free
        });
        if left.len() == before {
            return order;
        }
    }
}

/// What is mounted where, as far as it still is.
struct Tree<'a> {
    by_id: HashMap<u32, &'a Entry>,
    /// Number of mounts on a mount.
    on: HashMap<u32, usize>,
    /// Number of mounts on a mount at a path.
    at: HashMap<(u32, &'a str), usize>,
}

impl<'a> Tree<'a> {
    fn of(entries: &'a [Entry]) -> Tree<'a> {
        let mut tree = Tree { by_id: HashMap::new(), on: HashMap::new(), at: HashMap::new() };
        for entry in entries {
            tree.by_id.insert(entry.id, entry);
            // The first mount of all may be its own parent, and lies over nothing.
            if entry.id == entry.parent {
                continue;
            }
            *tree.on.entry(entry.parent).or_default() += 1;
            *tree.at.entry((entry.parent, entry.path.as_str())).or_default() += 1;
        }
        tree
    }

    /// Nothing is mounted on it, and its path leads to it.
    fn free(&self, entry: &Entry) -> bool {
        self.on.get(&entry.id).is_none_or(|count| *count == 0) && self.reachable(entry)
    }

    fn reachable(&self, entry: &Entry) -> bool {
        let mut entry = entry;
        // A tree has fewer levels than mounts; a damaged text may go in circles.
        for _ in 0..=self.by_id.len() {
            if self.covered(entry) {
                return false;
            }
            match self.by_id.get(&entry.parent) {
                Some(parent) if parent.id != entry.id => entry = parent,
                _ => return true,
            }
        }
        false
    }

    /// Another mount on the same parent lies over a directory on its way.
    fn covered(&self, entry: &Entry) -> bool {
        let ends = entry.path.match_indices('/').map(|(at, _)| at.max(1));
        let mut ways = ends.filter_map(|end| entry.path.get(..end)).filter(|w| *w != entry.path);
        ways.any(|way| self.at.get(&(entry.parent, way)).is_some_and(|count| *count > 0))
    }

    fn remove(&mut self, entry: &'a Entry) {
        if let Some(count) = self.on.get_mut(&entry.parent) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.at.get_mut(&(entry.parent, entry.path.as_str())) {
            *count = count.saturating_sub(1);
        }
    }
}

/// `id parent major:minor root mountpoint ...`
fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let (id, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let path = unescape(words.nth(2)?);
    path.starts_with('/').then_some(Entry { id, parent, path })
}

/// A backslash and three octal digits stand for a byte.
fn unescape(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| first == b'\\');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "mountinfo_test.rs"]
mod tests;
