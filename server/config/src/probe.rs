//! Parts of the engine one by one, for fuzz targets and property tests. It is no interface:
//! whoever wants a configuration calls [`load`](crate::load).

use std::collections::HashMap;

use crate::expand::{self, Keys};
use crate::format::{Asked, Format};
use crate::getopt::{Getopt, Item};
use crate::registry::Registry;

/// One option of a file: name, value and line.
pub type Read = (String, String, u32);

/// Reads one section with the reader that a suffix names.
///
/// # Errors
/// The text of the reader, or that no reader has this suffix.
pub fn read(suffix: &str, content: &[u8], section: &str) -> Result<Vec<Read>, String> {
    let format = Format::of_suffix(suffix).ok_or("no such format")?;
    let asked = Asked { path: "probe", section, mode: None };
    let document = format.read(content, &asked).map_err(|malformed| malformed.text)?;
    Ok(document.lines.into_iter().map(|line| (line.key, line.value, line.number)).collect())
}

/// Runs the `$` and the `%` pass over a value; `keys` answer both.
///
/// # Errors
/// The text of the pass that gave up.
pub fn expand(value: &str, known: &[(String, String)]) -> Result<String, String> {
    let env: HashMap<String, String> = known.iter().cloned().collect();
    let mut keys = Keys::default();
    for (key, value) in known {
        keys.add(key, Some(value));
    }
    let mut variables = |inner: &str| Ok(expand::variable(&env, inner));
    let once = expand::pass(value, '$', &mut variables)?;
    let once = once.unwrap_or_else(|| value.to_owned());
    let twice = expand::pass(&once, '%', &mut |inner| Ok(keys.expression(inner)))?;
    Ok(twice.unwrap_or(once))
}

/// Everything a command line gives, up to the first error.
#[must_use]
pub fn getopt(args: &[String], posix: bool) -> Vec<(String, Option<String>)> {
    let (names, mut items) = (Registry::default(), Vec::new());
    let mut getopt = Getopt::new("probe", args, posix);
    while let Some(Ok(item)) = getopt.item(&names) {
        items.push(match item {
            Item::Option { name, value } => (name, value),
            Item::Positional(text) => (String::new(), Some(text)),
        });
    }
    items
}
