//! Facts of the machine for the magic variables, read once per use.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use uwsgi_config::Facts;

/// What is true right now.
pub(super) fn now() -> Facts {
    let text = |path: Option<PathBuf>| path.map(|p| p.to_string_lossy().into_owned());
    let (uid, gid) = identity();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Facts {
        cwd: text(std::env::current_dir().ok()).unwrap_or_default(),
        hostname: crate::boot::hostname(),
        binary: text(std::env::current_exe().ok()).unwrap_or_default(),
        cpus: online_cpus(&first_line("/sys/devices/system/cpu/online")),
        user: (uid, name_of("/etc/passwd", uid)),
        group: (gid, name_of("/etc/group", gid)),
        started_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
    }
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Effective user and group, read from the owner of `/proc/self`.
fn identity() -> (u32, u32) {
    fs::metadata("/proc/self").map(|meta| (meta.uid(), meta.gid())).unwrap_or_default()
}

/// The name that belongs to `id` in a passwd-like file, or the number as text.
fn name_of(file: &str, id: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let wanted = id.to_string();
    let hit = text.lines().find(|line| line.split(':').nth(2) == Some(wanted.as_str()));
    hit.and_then(|line| line.split(':').next()).map_or(wanted.clone(), str::to_owned)
}

/// Counts a kernel CPU list such as `0-3,6`; at least 1.
fn online_cpus(list: &str) -> u32 {
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => last.saturating_sub(first) + 1,
            _ => 0,
        },
        None => u32::from(range.parse::<u32>().is_ok()),
    };
    list.trim().split(',').map(count).sum::<u32>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        for (list, count) in [("0", 1), ("0-3", 4), ("0-1,4-5,7", 5), ("", 1), ("x-y", 1)] {
            assert_eq!(online_cpus(list), count, "{list:?}");
        }
    }
}
