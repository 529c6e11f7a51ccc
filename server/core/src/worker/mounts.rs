//! `manage-script-name`: which app's mountpoint a path begins with.

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
