//! Where the files of a process's groups lie. Pure over the text of two files of `/proc`.
//!
//! `/proc/PID/cgroup` names the group in each hierarchy, `/proc/PID/mountinfo` where hierarchies are
//! mounted and which group is the root of that mount. In a container either may be cut: a mount that
//! begins at the group itself (the path then starts with the mount's root), or a namespace in which
//! the group is `/`. A path that leads out of the mount names a group nobody here can see.

use std::path::{Component, Path, PathBuf};

/// One group as a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The group's directory.
    pub dir: PathBuf,
    /// The mount point above it: its root is the highest group that can be seen.
    pub top: PathBuf,
    /// Whether it speaks the second version.
    pub unified: bool,
}

/// Where each controller's files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Memory.
    pub memory: Option<Place>,
    /// Processor limits.
    pub cpu: Option<Place>,
    /// Processor accounts, where they are apart.
    pub cpuacct: Option<Place>,
    /// Number of tasks.
    pub pids: Option<Place>,
    /// The group in the unified hierarchy.
    pub unified: Option<PathBuf>,
}

impl Places {
    /// The groups of this process, as far as they can be seen.
    pub fn own() -> Places {
        let text = |path| std::fs::read(path).map_or_else(|_| String::new(), lossy);
        Places::find(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo"))
    }

    /// See the module.
    pub fn find(cgroup: &str, mountinfo: &str) -> Places {
        let mounts: Vec<_> = mountinfo.lines().filter_map(mount).collect();
        let unified = place(cgroup, &mounts, "");
        // A controller is in the first version, or else in the second, never in both.
        let controller = |name: &str| place(cgroup, &mounts, name).or_else(|| unified.clone());
        Places {
            memory: controller("memory"),
            cpu: controller("cpu"),
            cpuacct: place(cgroup, &mounts, "cpuacct"),
            pids: controller("pids"),
            unified: unified.map(|place| place.dir),
        }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A mounted hierarchy.
struct Mount<'a> {
    root: String,
    point: PathBuf,
    /// Controllers of the first version; `None` for the second.
    controllers: Option<Vec<&'a str>>,
}

/// `ID PARENT DEV ROOT POINT OPTIONS [TAGS ...] - TYPE SOURCE SUPER`
fn mount(line: &str) -> Option<Mount<'_>> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let controllers = match kind.next()? {
        "cgroup2" => None,
        "cgroup" => Some(kind.nth(1)?.split(',').collect()),
        _ => return None,
    };
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    Some(Mount { root, point: PathBuf::from(point), controllers })
}

/// Blanks and the like are written as three octal digits.
fn unescape(text: &str) -> String {
    const CODES: [(&str, &str); 4] =
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    CODES.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// The group in the hierarchy of `controller`; the empty name is that of the unified hierarchy.
fn place(cgroup: &str, mounts: &[Mount<'_>], controller: &str) -> Option<Place> {
    let path = cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        names.split(',').any(|name| name == controller).then_some(path)
    })?;
    let unified = controller.is_empty();
    let mut fitting = mounts.iter().filter(|mount| match &mount.controllers {
        None => unified,
        Some(names) => !unified && names.contains(&controller),
    });
    fitting.find_map(|mount| {
        let below = below(path, &mount.root)?;
        let (dir, top) = (mount.point.join(below), mount.point.clone());
        Some(Place { dir, top, unified })
    })
}

/// The way from the root of a mount to a group, none when the group lies outside of it.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a Path> {
    let path = Path::new(path);
    let below = path.strip_prefix(root).or_else(|_| path.strip_prefix("/")).ok()?;
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then_some(below)
}
