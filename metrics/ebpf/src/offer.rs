//! What this kernel offers and what this process may do, as far as files tell.
//!
//! It decides nothing: whether a probe works is found out by loading it. When something was refused,
//! what stands here is the likely cause, so that the reason can name what is missing. No version of
//! a kernel is looked at.

use std::path::Path;

/// The kernel's types.
pub(crate) const TYPES: &str = "/sys/kernel/btf/vmlinux";

const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// /sys is mounted.
    pub sys: bool,
    /// The kernel's types can be read.
    pub types: bool,
    /// Where tracefs is mounted; no probe needs it.
    pub tracefs: Option<String>,
    /// Capabilities that bpf(2) asks for and this process lacks.
    pub lacks: Vec<&'static str>,
    /// This process lives in a user namespace of its own, where capabilities do not reach the kernel.
    pub user_namespace: bool,
    /// A seccomp filter looks at the calls of this process.
    pub seccomp: bool,
    /// The mode of the kernel's lockdown, when it is on.
    pub lockdown: Option<String>,
    /// `kernel.unprivileged_bpf_disabled`.
    pub unprivileged: Option<u32>,
    /// Bytes that may be locked in memory; none without a limit.
    pub memlock: Option<u64>,
}

impl Offer {
    /// Looks at this process and its kernel.
    pub fn look() -> Offer {
        let text = |path: &str| std::fs::read_to_string(path).ok();
        Offer {
            sys: Path::new("/sys/kernel").is_dir(),
            types: std::fs::File::open(TYPES).is_ok(),
            ..Offer::of(&text)
        }
    }

    /// What the texts of some files say.
    fn of(text: &dyn Fn(&str) -> Option<String>) -> Offer {
        let status = text("/proc/self/status").unwrap_or_default();
        let has = field(&status, "CapEff:").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let last = text("/proc/sys/kernel/cap_last_cap").and_then(|n| n.trim().parse().ok());
        let limits = text("/proc/self/limits").unwrap_or_default();
        Offer {
            sys: false,
            types: false,
            tracefs: tracefs(&text("/proc/self/mountinfo").unwrap_or_default()),
            lacks: has.map_or_else(Vec::new, |has| lacks(has, last.unwrap_or(BPF))),
            user_namespace: text("/proc/self/uid_map").is_some_and(|map| !is_whole(&map)),
            seccomp: field(&status, "Seccomp:") == Some("2"),
            lockdown: text("/sys/kernel/security/lockdown").as_deref().and_then(lockdown),
            unprivileged: text("/proc/sys/kernel/unprivileged_bpf_disabled")
                .and_then(|n| n.trim().parse().ok()),
            memlock: memlock(&limits),
        }
    }
}

/// The first word behind a name at the beginning of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

/// Capabilities that are missing; `last` is the highest one that the kernel knows.
fn lacks(has: u64, last: u32) -> Vec<&'static str> {
    let lacks = |bit: u32| has & (1 << bit) == 0;
    if !lacks(SYS_ADMIN) {
        return Vec::new();
    }
    if last < BPF {
        return vec!["CAP_SYS_ADMIN"];
    }
    let both = [(BPF, "CAP_BPF"), (PERFMON, "CAP_PERFMON")];
    both.iter().filter(|(bit, _)| lacks(*bit)).map(|(_, name)| *name).collect()
}

/// All users of the machine are those of this process: no namespace of its own.
fn is_whole(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Where a mount table has tracefs.
fn tracefs(mountinfo: &str) -> Option<String> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let place = before.split(' ').nth(4)?;
        (after.split(' ').next() == Some("tracefs")).then(|| place.to_owned())
    };
    mountinfo.lines().find_map(mount)
}

/// The word in brackets, unless it is `none`.
fn lockdown(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (mode, _) = rest.split_once(']')?;
    (mode != "none").then(|| mode.to_owned())
}

/// The soft limit of a table of limits.
fn memlock(limits: &str) -> Option<u64> {
    field(limits, "Max locked memory")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(texts: &'static [(&'static str, &'static str)]) -> Offer {
        Offer::of(&|path| {
            let found = texts.iter().find(|(own, _)| *own == path);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn capabilities_are_told_by_name() {
        for (has, last, missing) in [
            ("0000000000000000", "40", &["CAP_BPF", "CAP_PERFMON"][..]),
            ("0000008000000000", "40", &["CAP_PERFMON"]),
            ("0000004000000000", "40", &["CAP_BPF"]),
            ("000000c000000000", "40", &[]),
            ("0000000000200000", "40", &[]),
            ("0000000000000000", "37", &["CAP_SYS_ADMIN"]),
        ] {
            let has = u64::from_str_radix(has, 16).unwrap();
            assert_eq!(lacks(has, last.parse().unwrap()), missing, "{has:x} of {last}");
        }
    }

    #[test]
    fn what_files_say_of_a_container() {
        let offer = with(&[
            (
                "/proc/self/status",
                "Name:\tuwsgi\nCapEff:\t00000000a80425fb\nSeccomp:\t2\nSeccomp_filters:\t1\n",
            ),
            ("/proc/sys/kernel/cap_last_cap", "40\n"),
            ("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n"),
            ("/proc/self/uid_map", "         0     100000      65536\n"),
            ("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n"),
            ("/proc/self/limits", "Max locked memory         65536                65536   bytes\n"),
            ("/proc/self/mountinfo", "30 23 0:12 / /sys/kernel/tracing rw - tracefs tracefs rw\n"),
        ]);
        assert_eq!(offer.lacks, ["CAP_BPF", "CAP_PERFMON"]);
        assert_eq!(offer.unprivileged, Some(2));
        assert!(offer.user_namespace && offer.seccomp);
        assert_eq!(offer.lockdown.as_deref(), Some("confidentiality"));
        assert_eq!(offer.memlock, Some(65_536));
        assert_eq!(offer.tracefs.as_deref(), Some("/sys/kernel/tracing"));
    }

    #[test]
    fn what_nothing_says_is_not_known() {
        assert_eq!(with(&[]), Offer::default());
        let plain = with(&[
            ("/proc/self/uid_map", "         0          0 4294967295\n"),
            ("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
            (
                "/proc/self/limits",
                "Max locked memory         unlimited            unlimited bytes\n",
            ),
            ("/proc/self/mountinfo", "23 1 0:20 / /proc rw - proc proc rw\n"),
        ]);
        assert_eq!(plain, Offer::default());
    }
}
