//! Finds the servers of this machine by the arenas that processes have open.
//!
//! Owns one look over `/proc`, with a sentence for each server that cannot be shown: who, why, and
//! what would help. Each arena is one server, whichever of its processes has it open. Asks no
//! server for anything.

pub(crate) mod watch;

use std::collections::BTreeMap;
use std::io;

use uwsgi_metrics::Reader;

use crate::arena::find::{Found, find};
use crate::procfs::{all, inner, is_server, parent_of, user_of, words};

/// What one look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Masters with an arena that can be read, by process id as seen from here.
    pub(crate) masters: Vec<u32>,
    /// Servers that cannot be shown.
    pub(crate) remarks: Vec<String>,
}

/// Looks at all processes.
pub(crate) fn look() -> Seen {
    let mut arenas: BTreeMap<(u64, u64), Vec<(u32, Found)>> = BTreeMap::new();
    let mut seen = Seen::default();
    for pid in all() {
        match find(pid) {
            Ok(Some(found)) => arenas.entry(found.id).or_default().push((pid, found)),
            Ok(None) if is_master(pid) => seen.remarks.push(without_arena(pid)),
            Err(error) if denied(&error) && is_master(pid) => {
                seen.remarks.push(forbidden(pid));
            }
            // It has ended, or is none of ours.
            _ => {}
        }
    }
    for group in arenas.values() {
        match master(group) {
            Ok(pid) => seen.masters.push(pid),
            Err(remark) => seen.remarks.extend(remark),
        }
    }
    seen.masters.sort_unstable();
    seen.remarks.sort_unstable();
    seen
}

/// The master among the processes that share an arena; else what there is to say about it.
fn master(group: &[(u32, Found)]) -> Result<u32, Option<String>> {
    let [(first, found), ..] = group else { return Err(None) };
    let reader = Reader::attach(&found.path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Some(forbidden(eldest(group))),
        io::ErrorKind::InvalidData => Some(format!(
            "process {}: {error}; use the uwsgitop that came with that server",
            eldest(group)
        )),
        // All of them have ended meanwhile.
        _ => None,
    })?;
    let told = reader.globals().master_pid.get();
    let is_it = |pid: u32| inner(u64::from(pid)).is_some_and(|(inside, _)| inside == told);
    let named = group.iter().map(|(pid, _)| *pid).find(|pid| is_it(*pid));
    // An arena without a master is one that is just being made.
    named.ok_or_else(|| {
        (told != 0).then(|| {
            format!("process {first}: its master, process {told}, has ended; use --pid {first}")
        })
    })
}

/// The one whose parent is not among them.
fn eldest(group: &[(u32, Found)]) -> u32 {
    let has = |parent: u64| group.iter().any(|(pid, _)| u64::from(*pid) == parent);
    let first =
        group.iter().map(|(pid, _)| *pid).find(|pid| !parent_of((*pid).into()).is_some_and(has));
    first.unwrap_or_default()
}

/// A server of any make that no other one started.
fn is_master(pid: u32) -> bool {
    let pid = u64::from(pid);
    is_server(pid) && !parent_of(pid).is_some_and(is_server) && !words(pid).concat().is_empty()
}

fn denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn forbidden(pid: u32) -> String {
    let owner = user_of(pid.into()).filter(|uid| *uid != 0);
    let owner = owner.map_or_else(String::new, |uid| format!(" or as user {uid}"));
    format!("process {pid}: it belongs to somebody else; run uwsgitop as root{owner}")
}

fn without_arena(pid: u32) -> String {
    let address = stats_of(&words(pid.into()));
    let hint = address.map_or_else(
        || "give its stats address".to_owned(),
        |address| format!("try its stats address: uwsgitop {address}"),
    );
    format!("process {pid}: a uWSGI server without an arena; {hint}")
}

/// The stats address among the words of a command line.
fn stats_of(words: &[String]) -> Option<String> {
    let names = ["--stats", "--stats-server"];
    let web = words.iter().any(|word| word == "--stats-http");
    let inline = |word: &String| {
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then(|| value.to_owned())
    };
    let next = words.windows(2).find_map(|pair| match pair {
        [name, value] if names.contains(&name.as_str()) => Some(value.clone()),
        _ => None,
    });
    let address = next.or_else(|| words.iter().find_map(inline))?;
    let address = match address.strip_prefix(':') {
        Some(port) => format!("127.0.0.1:{port}"),
        None => address,
    };
    // It is offered to be typed into a shell, and anybody can start a process with any words.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/@:._-[]".contains(c);
    if !address.chars().all(plain) || address.starts_with('-') {
        return None;
    }
    let named = address.starts_with(['/', '@']) || !address.contains(':');
    match web {
        false => Some(address),
        // Nothing asks by HTTP through a UNIX socket.
        true if named => None,
        true => Some(format!("http://{address}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        stats_of(&words)
    }

    #[test]
    fn the_stats_address_of_a_command_line_is_the_hint() {
        assert_eq!(told("uwsgi --stats :1717 -M").as_deref(), Some("127.0.0.1:1717"));
        assert_eq!(told("uwsgi --stats-server=/run/s").as_deref(), Some("/run/s"));
        assert_eq!(told("uwsgi --stats h:1 --stats-http").as_deref(), Some("http://h:1"));
        assert_eq!(told("uwsgi --stats /run/s --stats-http"), None);
        assert_eq!(told("uwsgi --ini site.ini --stats"), None);
        for address in ["x;id", "$(id)", "`id`", "a|b", "--help", "a\u{202e}b", "a'b", "&"] {
            assert_eq!(told(&format!("uwsgi --stats {address}")), None, "nobody should type it");
        }
    }

    #[test]
    fn an_arena_that_cannot_be_read_is_told_with_its_reason() {
        let group = |path: &str| [(std::process::id(), Found { path: path.into(), id: (0, 0) })];
        let told = master(&group("/proc/self/exe")).unwrap_err();
        let told = told.expect("a sentence");
        assert!(told.contains("not an arena") && told.contains("uwsgitop that came"), "{told}");
        assert_eq!(master(&group("/nowhere")), Err(None));
        assert_eq!(master(&[]), Err(None));
    }

    #[test]
    fn a_look_over_this_machine_ends() {
        // What runs here is not known; that nothing fails on odd processes is.
        assert!(look().masters.iter().all(|pid| *pid > 0));
    }
}
