//! The container this process runs in, as its control group or its mounts name it. Pure but for
//! [`find`].

use std::fs;

/// The identifier; nothing outside of containers, and where nothing tells it.
pub(super) fn find() -> Option<String> {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    in_group(&text("/proc/self/cgroup")).or_else(|| in_mounts(&text("/proc/self/mountinfo")))
}

/// Lines `number:controllers:path`; the last segment of a path that holds an identifier counts.
fn in_group(text: &str) -> Option<String> {
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.flat_map(|path| path.rsplit('/')).find_map(identifier)
}

/// With a namespace of its own the group says nothing, but files of the runtime are mounted.
fn in_mounts(text: &str) -> Option<String> {
    let roots = text.lines().filter_map(|line| line.split(' ').nth(3));
    let ours = roots.filter(|root| root.contains("/containers/") || root.contains("/sandboxes/"));
    ours.filter(|root| root.ends_with("/hostname"))
        .flat_map(|root| root.rsplit('/'))
        .find_map(identifier)
}

/// 64 hexadecimal digits, with the name of a runtime before them or `.scope` behind them, or an
/// identifier of ECS: 32 of them, a dash, and a number.
fn identifier(segment: &str) -> Option<String> {
    let segment = segment.strip_suffix(".scope").unwrap_or(segment);
    let is_hex =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    let start = segment.len().checked_sub(64).filter(|start| segment.is_char_boundary(*start));
    if let Some((runtime, id)) = start.map(|start| segment.split_at(start)) {
        return (is_hex(id) && (runtime.is_empty() || runtime.ends_with('-')))
            .then(|| id.to_owned());
    }
    let (task, number) = segment.split_once('-')?;
    let whole = task.len() == 32 && is_hex(task);
    let counted = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (whole && counted).then(|| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8c046cb0b72cd4c99f51b5591cd5b095967f58ee003710a45280c28ee1a9c7fa";

    #[test]
    fn the_group_names_the_container() {
        for (text, found) in [
            (format!("0::/docker/{ID}\n"), Some(ID)),
            (format!("12:cpu,cpuacct:/kubepods/burstable/pod2d3da189/{ID}\n11:pids:/\n"), Some(ID)),
            (format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n"), Some(ID)),
            (
                "9:perf_event:/ecs/user-ecs/5a0d5ceddf6c/34dc0b5e626f2c5c4c5170e34b10e765-1234567890\n".into(),
                Some("34dc0b5e626f2c5c4c5170e34b10e765-1234567890"),
            ),
            ("0::/user.slice/user-1000.slice/session-2.scope\n".into(), None),
            ("0::/\n".into(), None),
            (String::new(), None),
            (format!("0::/odd{ID}\n"), None),
        ] {
            assert_eq!(in_group(&text).as_deref(), found, "{text}");
        }
    }

    #[test]
    fn mounted_files_of_the_runtime_name_it_too() {
        let line = format!(
            "608 554 254:1 /docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
        );
        assert_eq!(in_mounts(&line).as_deref(), Some(ID));
        let other = format!("608 554 254:1 /backup/{ID}/hostname /mnt rw - ext4 /dev/vda1 rw\n");
        assert_eq!(in_mounts(&other), None);
    }
}
