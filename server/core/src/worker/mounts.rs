//! The variables as the app shall see them, and `manage-script-name`: which app's mountpoint a path
//! begins with.

use uwsgi_abi::{Pair, Str};
use uwsgi_proto::VarBlock;

use crate::host;
use crate::instance::Instance;
use crate::policy::{Requests, VHost};

/// Mountpoints of a worker's apps, longest first, without trailing slashes.
pub(crate) struct Mounts {
    list: Vec<Vec<u8>>,
    /// How many apps this process had registered then.
    registered: u32,
}

/// A path split at a mountpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewrite<'a> {
    pub(crate) script_name: &'a [u8],
    pub(crate) path_info: &'a [u8],
}

impl Mounts {
    pub(crate) fn new(instance: &Instance, worker: u32) -> Mounts {
        let (registered, apps) = (host::registered(), instance.apps(worker));
        let points = (0..apps).map(|app| instance.arena.app(worker, app).mountpoint.get());
        Mounts { registered, ..Mounts::of(points) }
    }

    /// Looks again when an app has come since.
    pub(crate) fn refresh(&mut self, instance: &Instance, worker: u32) {
        if host::registered() != self.registered {
            *self = Mounts::new(instance, worker);
        }
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
        Mounts { list, registered: 0 }
    }

    /// The longest mountpoint that `path` is, or continues with a slash.
    pub(crate) fn rewrite<'a>(&'a self, path: &'a [u8]) -> Option<Rewrite<'a>> {
        self.list.iter().find_map(|mount| {
            let rest = path.strip_prefix(mount.as_slice())?;
            (rest.is_empty() || rest[0] == b'/')
                .then_some(Rewrite { script_name: mount, path_info: rest })
        })
    }
}

/// Fills `pairs` with the variables as the app shall see them, and answers the key by which the
/// app is chosen. With `mounts`, the longest mountpoint moves from the path to the script name.
/// `key` is room for a key that is put together.
pub(super) fn route<'a>(
    mounts: Option<&'a Mounts>,
    options: &Requests,
    vars: &'a VarBlock,
    key: &'a mut Vec<u8>,
    pairs: &mut Vec<Pair>,
) -> &'a [u8] {
    let known = vars.known();
    let rewrite = mounts.and_then(|m| m.rewrite(known.path_info()));
    pairs.clear();
    let pair = |(key, value): (&[u8], &[u8])| Pair { key: Str::new(key), value: Str::new(value) };
    match &rewrite {
        None => pairs.extend(vars.iter().map(pair)),
        Some(r) => pairs.extend(vars.iter().filter_map(|(key, value)| match key {
            b"PATH_INFO" => Some(pair((key, r.path_info))),
            b"SCRIPT_NAME" => None,
            _ => Some(pair((key, value))),
        })),
    }
    let script_name = rewrite.map_or(known.script_name(), |r| r.script_name);
    if mounts.is_some() {
        pairs.push(Pair { key: Str::new(b"SCRIPT_NAME"), value: Str::new(script_name) });
    }
    match known.app_id() {
        b"" => {}
        id => return id,
    }
    if let Some(vhost) = options.vhost {
        return of_host(vhost, vars, script_name, key, pairs);
    }
    if options.ignore_script_name { b"" } else { script_name }
}

/// The variable that has the key of an app of one host.
pub(crate) const KEY_OF_HOST: &[u8] = b"UWSGI_APPID";

/// The key of an app of one host, which the app sees as its id.
fn of_host<'a>(
    vhost: VHost,
    vars: &VarBlock,
    script_name: &[u8],
    key: &'a mut Vec<u8>,
    pairs: &mut Vec<Pair>,
) -> &'a [u8] {
    key.clear();
    key.extend_from_slice(match vhost {
        VHost::Any => vars.known().host(),
        VHost::Header => vars.get(b"HTTP_HOST").unwrap_or_default(),
    });
    key.push(b'|');
    key.extend_from_slice(script_name);
    pairs.push(Pair { key: Str::new(KEY_OF_HOST), value: Str::new(key) });
    key
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

    /// The key of these variables, and the id that the app sees.
    fn key(vars: &[(&str, &str)], options: &Requests) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut block = VarBlock::new();
        vars.iter().for_each(|(k, v)| block.push(k.as_bytes(), v.as_bytes()).unwrap());
        let (mut pairs, mut room) = (Vec::new(), Vec::new());
        let key = route(None, options, &block, &mut room, &mut pairs).to_vec();
        let seen = |pair: &Pair| pair.key.len == b"UWSGI_APPID".len();
        let id = pairs.len() > vars.len() && pairs.last().is_some_and(seen);
        (key.clone(), id.then_some(key))
    }

    #[test]
    fn an_id_chooses_the_app_and_the_mountpoint_the_script_name() {
        let mounts = Mounts::of([b"/m".to_vec()].into_iter());
        // The strings are told apart by their lengths.
        let seen = |pairs: &[Pair], wanted: &[u8]| {
            let found = pairs.iter().rev().find(|pair| pair.key.len == wanted.len());
            found.map(|pair| pair.value.len)
        };
        for (vars, key, script_name, path_info) in [
            (vec![("PATH_INFO", "/m/x")], "/m", "/m", "/x"),
            (vec![("PATH_INFO", "/m/x"), ("UWSGI_APPID", "id")], "id", "/m", "/x"),
            (vec![("PATH_INFO", "/o/x"), ("UWSGI_APPID", "id")], "id", "", "/o/x"),
            (vec![("PATH_INFO", "/o/x"), ("SCRIPT_NAME", "/s")], "/s", "/s", "/o/x"),
        ] {
            let mut block = VarBlock::new();
            vars.iter().for_each(|(k, v)| block.push(k.as_bytes(), v.as_bytes()).unwrap());
            let (mut pairs, mut room) = (Vec::new(), Vec::new());
            let options = Requests::default();
            let chosen = route(Some(&mounts), &options, &block, &mut room, &mut pairs);
            assert_eq!(chosen, key.as_bytes(), "{vars:?}");
            assert_eq!(seen(&pairs, b"SCRIPT_NAME"), Some(script_name.len()), "{vars:?}");
            assert_eq!(seen(&pairs, b"PATH_INFO"), Some(path_info.len()), "{vars:?}");
        }
    }

    #[test]
    fn an_app_is_chosen_by_id_then_host_then_script_name() {
        let plain = Requests::default();
        let ignoring = Requests { ignore_script_name: true, ..Requests::default() };
        let any = Requests { vhost: Some(VHost::Any), ..Requests::default() };
        let header = Requests { vhost: Some(VHost::Header), ..Requests::default() };
        let vars = [("SCRIPT_NAME", "/s"), ("SERVER_NAME", "name")];
        let with_id = [("SCRIPT_NAME", "/s"), ("UWSGI_APPID", "id")];
        let named = |key: &str| (key.as_bytes().to_vec(), Some(key.as_bytes().to_vec()));
        assert_eq!(key(&vars, &plain), (b"/s".to_vec(), None));
        assert_eq!(key(&vars, &ignoring), (b"".to_vec(), None));
        assert_eq!(key(&vars, &any), named("name|/s"));
        assert_eq!(key(&vars, &header), named("|/s"));
        assert_eq!(key(&[("HTTP_HOST", "host")], &any), named("host|"));
        for options in [&plain, &ignoring, &any, &header] {
            assert_eq!(key(&with_id, options), (b"id".to_vec(), None));
        }
    }
}
