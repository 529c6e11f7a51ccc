//! Where the files of this process's control groups are, in both versions of the file system.

use std::path::{Path, PathBuf};

/// Path of a file of the own control group.
pub(super) fn path_of(file: &str) -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    candidates(&groups, &mounts, file).into_iter().find(|path| path.exists())
}

/// Where the file may be: the hierarchy of its controller first, the unified one then.
fn candidates(groups: &str, mounts: &str, file: &str) -> Vec<PathBuf> {
    let controller = file.split('.').next().unwrap_or_default();
    let mut found = Vec::new();
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':');
        let (Some(_), Some(names), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let unified = names.is_empty();
        if !unified && !names.split(',').any(|name| name == controller) {
            continue;
        }
        let wanted = if unified { None } else { Some(controller) };
        let places = mounts.lines().filter_map(|line| mounted(line, wanted));
        let at = |(root, point): (&str, &str)| below(Path::new(root), Path::new(point), path);
        found.extend(places.map(at).map(|directory| (unified, directory.join(file))));
    }
    found.sort_by_key(|(unified, _)| *unified);
    found.into_iter().map(|(_, path)| path).collect()
}

/// Root and mount point of a line of mountinfo that holds the hierarchy.
fn mounted<'a>(line: &'a str, controller: Option<&str>) -> Option<(&'a str, &'a str)> {
    let (mount, system) = line.split_once(" - ")?;
    let mut system = system.split(' ');
    let (kind, options) = (system.next()?, system.nth(1)?);
    let fits = match controller {
        None => kind == "cgroup2",
        Some(name) => kind == "cgroup" && options.split(',').any(|option| option == name),
    };
    let mut fields = mount.split(' ').skip(3);
    Some((fields.next()?, fields.next()?)).filter(|_| fits)
}

/// The directory of a group: in a container the mount may begin at the group itself.
fn below(root: &Path, point: &Path, group: &str) -> PathBuf {
    let group = Path::new(group);
    match group.strip_prefix(root) {
        Ok(rest) => point.join(rest),
        Err(_) => point.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "33 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      34 23 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
    const INSIDE: &str =
        "33 23 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";

    #[test]
    fn files_are_found_in_both_versions_and_in_containers() {
        let table = [
            ("0::/app.slice\n", V2, "memory.current", "/sys/fs/cgroup/app.slice/memory.current"),
            ("0::/\n", V2, "cpu.stat", "/sys/fs/cgroup/cpu.stat"),
            ("0::/../other\n", V2, "cpu.stat", "/sys/fs/cgroup/../other/cpu.stat"),
            (
                "5:cpu,cpuacct:/a\n4:memory:/b\n",
                V1,
                "memory.usage_in_bytes",
                "/sys/fs/cgroup/memory/b/memory.usage_in_bytes",
            ),
            (
                "5:cpu,cpuacct:/a\n4:memory:/b\n",
                V1,
                "cpuacct.usage",
                "/sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage",
            ),
            (
                "4:memory:/docker/abc\n",
                INSIDE,
                "memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ),
        ];
        for (groups, mounts, file, expected) in table {
            assert_eq!(candidates(groups, mounts, file), [PathBuf::from(expected)], "{groups}");
        }
        assert!(candidates("4:memory:/b\n", V1, "pids.max").is_empty());
        assert!(candidates("rubbish\n", "rubbish", "x").is_empty());
    }
}
