//! The variables as the app shall see them, and `manage-script-name`: which app's mountpoint a path
//! begins with.

use uwsgi_abi::{Pair, Str};
use uwsgi_proto::VarBlock;

use crate::instance::Instance;

/// Mountpoints of a worker's apps, longest first, without trailing slashes.
pub(crate) struct Mounts(Vec<Vec<u8>>);

/// A path split at a mountpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewrite<'a> {
    pub(crate) script_name: &'a [u8],
    pub(crate) path_info: &'a [u8],
}

impl Mounts {
    pub(crate) fn new(instance: &Instance, worker: u32) -> Mounts {
        let apps = instance.apps(worker);
        Mounts::of((0..apps).map(|app| instance.arena.app(worker, app).mountpoint.get()))
    }

    fn of(mountpoints: impl Iterator<Item = Vec<u8>>) -> Mounts {
        let trim = |mut m: Vec<u8>| {
            while m.last() == Some(&b'/') {
                m.pop();
            }
            m
        };
        let mut list: Vec<Vec<u8>> = mountpoints.map(trim).filter(|m| !m.is_empty()).collect();
        list.sort_by_key(|m| std::cmp::Reverse(m.len()));
        Mounts(list)
    }

    /// The longest mountpoint that `path` is, or continues with a slash.
    pub(crate) fn rewrite<'a>(&'a self, path: &'a [u8]) -> Option<Rewrite<'a>> {
        self.0.iter().find_map(|mount| {
            let rest = path.strip_prefix(mount.as_slice())?;
            (rest.is_empty() || rest[0] == b'/')
                .then_some(Rewrite { script_name: mount, path_info: rest })
        })
    }
}

/// Fills `pairs` with the variables as the app shall see them, and answers the key by which the
/// app is chosen. With `mounts`, the longest mountpoint moves from the path to the script name.
pub(super) fn route<'a>(
    mounts: Option<&'a Mounts>,
    vars: &'a VarBlock,
    pairs: &mut Vec<Pair>,
) -> &'a [u8] {
    let known = vars.known();
    let rewrite = mounts.and_then(|m| m.rewrite(known.path_info()));
    pairs.clear();
    for (key, value) in vars.iter() {
        let value = match (&rewrite, key) {
            (Some(r), b"PATH_INFO") => r.path_info,
            (Some(_), b"SCRIPT_NAME") => continue,
            _ => value,
        };
        pairs.push(Pair { key: Str::new(key), value: Str::new(value) });
    }
    let script_name = match &rewrite {
        Some(r) => r.script_name,
        None if !known.app_id().is_empty() => known.app_id(),
        None => known.script_name(),
    };
    if mounts.is_some() {
        pairs.push(Pair { key: Str::new(b"SCRIPT_NAME"), value: Str::new(script_name) });
    }
    script_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mountpoint_on_a_slash_boundary_wins() {
        let mounts = Mounts::of([b"/m".to_vec(), b"/m/n/".to_vec(), b"".to_vec()].into_iter());
        let table: [(&str, Option<(&str, &str)>); 7] = [
            ("/m", Some(("/m", ""))),
            ("/m/", Some(("/m", "/"))),
            ("/m/x", Some(("/m", "/x"))),
            ("/mx", None),
            ("/m/n/x", Some(("/m/n", "/x"))),
            ("/", None),
            ("", None),
        ];
        for (path, expected) in table {
            let got = mounts.rewrite(path.as_bytes());
            let got = got.map(|r| (r.script_name.to_vec(), r.path_info.to_vec()));
            let expected = expected.map(|(s, p)| (s.as_bytes().to_vec(), p.as_bytes().to_vec()));
            assert_eq!(got, expected, "{path}");
        }
    }
}
