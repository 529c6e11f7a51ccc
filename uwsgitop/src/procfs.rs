//! What `/proc` tells about other processes.
//!
//! Owns the reading of a few lines of it. Everything may be gone or forbidden at any moment, so
//! every answer may be none.

use std::fs;

/// By the name of its program, or the kernel's short name of it.
pub(crate) fn is_server(pid: u64) -> bool {
    let named = |name: &str| name.starts_with("uwsgi") && !name.starts_with("uwsgitop");
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    named(&exe.file_name().unwrap_or_default().to_string_lossy()) || named(&comm)
}

/// Its user: the real one, not the effective one.
pub(crate) fn user_of(pid: u64) -> Option<u64> {
    status(pid, "Uid:")?.split_whitespace().next()?.parse().ok()
}

/// Its parent.
pub(crate) fn parent_of(pid: u64) -> Option<u64> {
    status(pid, "PPid:")?.trim().parse().ok()
}

/// Those it started that still run, as far as the kernel tells.
pub(crate) fn children(pid: u64) -> Vec<u32> {
    let line = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// What it is in its own process namespace, and whether that is ours.
pub(crate) fn inner(pid: u64) -> Option<(u64, bool)> {
    let line = status(pid, "NSpid:")?;
    let pids: Vec<u64> = line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    Some((*pids.last()?, pids.len() == 1))
}

/// The words it was started with.
pub(crate) fn words(pid: u64) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0);
    words.map(|word| crate::human::clean(&String::from_utf8_lossy(word))).collect()
}

/// All processes that are seen from here.
pub(crate) fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether it is there.
pub(crate) fn runs(pid: u64) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap_or(false)
}

fn status(pid: u64, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_told_as_it_is() {
        let me = u64::from(std::process::id());
        assert!(runs(me) && !is_server(me));
        assert_eq!(inner(me), Some((me, true)));
        assert_eq!(user_of(me), Some(u64::from(rustix::process::getuid().as_raw())));
        assert_eq!(
            parent_of(me),
            rustix::process::getppid().map(|p| p.as_raw_nonzero().get() as u64)
        );
        assert!(all().contains(&std::process::id()) && !words(me).is_empty());
    }

    #[test]
    fn nobody_is_told_as_none() {
        let nobody = 1 << 40;
        assert!(!runs(nobody) && !is_server(nobody));
        assert_eq!((inner(nobody), user_of(nobody), parent_of(nobody)), (None, None, None));
    }
}
