//! Where a vassal of an emperor can be looked at.
//!
//! Owns the search, which looks at the vassal's process and its files and asks nobody: its arena or
//! that of a process it started, then the stats address of its command line, then that of its
//! configuration. Refuses to look at a process that is no child of the emperor, because process ids
//! mean nothing across machines and namespaces, and to try sockets of which it does not know that
//! they serve statistics: an application would have to answer.

mod config;

use std::fs;
use std::path::{Path, PathBuf};

use crate::arena::Place;
use crate::arena::find::find;
use crate::args::Origin;
use crate::picture::Vassal;
use crate::procfs::{children, parent_of, runs, words};
use crate::source::address::Address;
use config::{Found, Kind};

/// Processes looked at for an arena: a vassal behind wrappers has few.
const MOST: usize = 32;

/// Where the statistics of a vassal are; `emperor` is the process that started it, where known.
///
/// # Errors
/// A sentence that says what was looked at and what would help.
pub(crate) fn origin(vassal: &Vassal, emperor: Option<u64>) -> Result<Origin, String> {
    let id = &vassal.id;
    let pid = u32::try_from(vassal.pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| format!("{id} does not run: there is nothing to look at"))?;
    if !runs(pid.into()) {
        return Err(format!("{id}: process {pid} is not seen from here"));
    }
    if emperor.is_some() && parent_of(pid.into()) != emperor {
        return Err(format!(
            "{id}: process {pid} is no child of the emperor here: look from the emperor's own \
             machine and process namespace"
        ));
    }
    match arena(pid) {
        Some(pid) => Ok(Origin::Arena(Place::Process(pid))),
        None => address(vassal, pid).map(Origin::Address),
    }
}

/// The first process with an arena, from this one down.
fn arena(pid: u32) -> Option<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(pid) = family.get(next).copied().filter(|_| next < MOST) {
        if matches!(find(pid), Ok(Some(_))) {
            return Some(pid);
        }
        family.extend(children(pid.into()));
        next += 1;
    }
    None
}

/// The stats address that it was given.
fn address(vassal: &Vassal, pid: u32) -> Result<Address, String> {
    let id = &vassal.id;
    let words = words(pid.into());
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    if let Some(found) = config::of_words(&words) {
        return parsed(id, &found, &cwd);
    }
    let Some((path, kind)) = file(vassal, &words, &cwd) else {
        return Err(format!(
            "{id}: process {pid} has no arena that can be read, and no configuration is known: \
             give its stats address"
        ));
    };
    let text = config::read(&path).map_err(|error| {
        format!("{id}: process {pid} has no arena that can be read, and {error}")
    })?;
    match config::of_text(&text, kind, &path)? {
        Some(found) => parsed(id, &found, &cwd),
        None => {
            Err(format!("{id}: no option stats in {}: there is nothing to look at", path.display()))
        }
    }
}

/// The configuration: as the command line names it, else as the emperor's monitor found it.
fn file(vassal: &Vassal, words: &[String], cwd: &Path) -> Option<(PathBuf, Kind)> {
    let named = words.windows(2).find_map(|pair| match pair {
        [option, value] => {
            let kind = Kind::of(option.strip_prefix("--")?)?;
            Some((cwd.join(value.strip_prefix("file://").unwrap_or(value)), kind))
        }
        _ => None,
    });
    let found = || {
        let path = Path::new(&vassal.monitor).join(&vassal.id);
        let kind = Kind::of(path.extension()?.to_str()?)?;
        path.is_absolute().then_some((path, kind))
    };
    named.or_else(found)
}

/// An address as a server takes it, as one that can be asked.
fn parsed(id: &str, found: &Found, cwd: &Path) -> Result<Address, String> {
    let text = found.address.as_str();
    let is_path = !text.contains(':') && !text.starts_with('@') && !text.starts_with('/');
    let word = if is_path { cwd.join(text).display().to_string() } else { text.to_owned() };
    // What listens everywhere is here as well.
    let word = match word.rsplit_once(':').filter(|_| !word.starts_with('/')) {
        Some(("" | "0.0.0.0" | "*", port)) => format!("127.0.0.1:{port}"),
        _ => word,
    };
    let http = found.http && word.contains(':') && !word.starts_with('/');
    let word = if http { format!("http://{word}") } else { word };
    Address::parse(&word).map_err(|error| format!("{id}: option stats: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str, http: bool) -> String {
        let found = Found { address: address.to_owned(), http };
        parsed("v", &found, Path::new("/srv")).unwrap().to_string()
    }

    #[test]
    fn addresses_are_asked_from_where_we_are() {
        for (told, http, wanted) in [
            ("127.0.0.1:1717", false, "127.0.0.1:1717"),
            (":1717", false, "127.0.0.1:1717"),
            ("0.0.0.0:1717", true, "http://127.0.0.1:1717"),
            ("/run/a:b.sock", true, "/run/a:b.sock"),
            ("stats.sock", false, "/srv/stats.sock"),
            ("@name", false, "@name"),
        ] {
            assert!(asked(told, http).starts_with(wanted), "{told}: {}", asked(told, http));
        }
        let odd = Found { address: "h:x".into(), http: false };
        assert!(parsed("v", &odd, Path::new("/")).unwrap_err().starts_with("v: option stats"));
    }

    #[test]
    fn a_vassal_that_cannot_be_found_says_why() {
        let vassal = |pid| Vassal { id: "a.ini".into(), pid, ..Vassal::default() };
        let me = i64::from(std::process::id());
        for (vassal, emperor, part) in [
            (vassal(-1), None, "does not run"),
            (vassal(i64::MAX), None, "does not run"),
            (vassal(4_000_000_000), None, "is not seen from here"),
            (vassal(me), Some(1 << 40), "no child of the emperor"),
            (vassal(me), None, "no configuration is known"),
        ] {
            let error = origin(&vassal, emperor).unwrap_err();
            assert!(error.starts_with("a.ini") && error.contains(part), "{error}");
        }
    }
}
