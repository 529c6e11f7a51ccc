//! `cgroup`: the control groups this process, and all it starts, live in.
//!
//! Owns the difference between the two versions: where a pid is written, and what an option is
//! called today. Only a privileged user makes groups; others are left where they are.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uwsgi_sys::{process, user};

use crate::log;
use crate::policy::Machine;
use crate::sockets::plain;

/// Joins every group that is configured and sets its options. The error is the line for the log.
pub(crate) fn join(machine: &Machine) -> Result<(), String> {
    if machine.cgroups.is_empty() || user::effective().0 != 0 {
        return Ok(());
    }
    machine.cgroups.iter().try_for_each(|group| join_one(&place(group), machine))
}

/// Names without a leading slash lie where the groups of this machine do.
fn place(group: &str) -> PathBuf {
    Path::new("/sys/fs/cgroup").join(group)
}

fn join_one(group: &Path, machine: &Machine) -> Result<(), String> {
    let mode = machine.cgroup_mode;
    let failed = |call: &str, e: io::Error| {
        format!("{call}(\"{}\"): {} [core/cgroup line {}]", group.display(), plain(&e), line!())
    };
    match std::fs::DirBuilder::new().mode(mode).create(group) {
        Ok(()) => log!("created Linux cgroup {} with mode {mode:o}", group.display()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(group, permissions).map_err(|e| failed("chmod", e))?;
            log!("using Linux cgroup {} with mode {mode:o}", group.display());
        }
        Err(e) => return Err(failed("mkdir", e)),
    }
    let unified = group.join("cgroup.procs").exists() && !group.join("tasks").exists();
    if unified {
        hand_down(group, machine);
    }
    let tasks = group.join(if unified { "cgroup.procs" } else { "tasks" });
    let pid = process::pid();
    std::fs::write(&tasks, format!("{pid}\n")).map_err(|e| {
        format!("unable to join the cgroup: open(\"{}\"): {}", tasks.display(), plain(&e))
    })?;
    log!("assigned process {pid} to cgroup {}", tasks.display());
    machine.cgroup_options.iter().try_for_each(|option| set(group, unified, option, machine))
}

fn set(
    group: &Path,
    unified: bool,
    (file, value): &(String, String),
    machine: &Machine,
) -> Result<(), String> {
    let (file, value) = match unified && !group.join(file).exists() {
        true => translated(file, value, &machine.cgroup_options),
        false => (file.clone(), value.clone()),
    };
    let path = group.join(&file);
    if !path.exists() {
        log!("cgroup option {file} is ignored: there is no {}", path.display());
        return Ok(());
    }
    match std::fs::write(&path, format!("{value}\n")) {
        Ok(()) => log!("set {value} to {}", path.display()),
        Err(e) => {
            let path = path.display();
            return Err(format!("could not set cgroup option {path} to {value}: {}", plain(&e)));
        }
    }
    Ok(())
}

/// The groups above hand the controllers of the options down, as far as they may; an option whose
/// controller is missing is told later.
fn hand_down(group: &Path, machine: &Machine) {
    let Some(above) = group.parent() else { return };
    let names = machine
        .cgroup_options
        .iter()
        .map(|(file, value)| translated(file, value, &machine.cgroup_options).0);
    for name in names {
        let Some((controller, _)) = name.split_once('.') else { continue };
        // Refused where processes live in the group above: nothing to be done about that here.
        let _ = std::fs::write(above.join("cgroup.subtree_control"), format!("+{controller}\n"));
    }
}

/// What an option of the first version is called in the second one, and its value there.
fn translated(file: &str, value: &str, all: &[(String, String)]) -> (String, String) {
    let number = value.parse::<i64>().ok();
    let other = |name: &str| all.iter().find(|(file, _)| file == name).map(|(_, v)| v.as_str());
    let to = |file: &str, value: String| (file.to_owned(), value);
    let limit = || match number {
        Some(..0) => "max".to_owned(),
        _ => value.to_owned(),
    };
    match file {
        "cpu.shares" => {
            let shares = number.unwrap_or(1024).clamp(2, 262_144);
            to("cpu.weight", (1 + (shares - 2) * 9999 / 262_142).to_string())
        }
        "cpu.cfs_quota_us" => {
            let quota = if number.is_some_and(|n| n <= 0) { "max" } else { value };
            to("cpu.max", format!("{quota} {}", other("cpu.cfs_period_us").unwrap_or("100000")))
        }
        "cpu.cfs_period_us" => {
            let quota = other("cpu.cfs_quota_us").unwrap_or("max");
            let quota = if quota.starts_with('-') || quota == "0" { "max" } else { quota };
            to("cpu.max", format!("{quota} {value}"))
        }
        "memory.limit_in_bytes" => to("memory.max", limit()),
        "memory.soft_limit_in_bytes" => to("memory.low", limit()),
        "memory.memsw.limit_in_bytes" => {
            let memory = other("memory.limit_in_bytes").and_then(|v| v.parse::<i64>().ok());
            let swap = number.filter(|n| *n >= 0).zip(memory).map(|(all, ram)| (all - ram).max(0));
            to("memory.swap.max", swap.map_or_else(limit, |bytes| bytes.to_string()))
        }
        "blkio.weight" => to("io.weight", value.to_owned()),
        "freezer.state" => to("cgroup.freeze", u8::from(value == "FROZEN").to_string()),
        _ => to(file, value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_have_new_ones() {
        let all: Vec<(String, String)> = [
            ("cpu.shares", "125"),
            ("cpu.cfs_quota_us", "50000"),
            ("cpu.cfs_period_us", "200000"),
            ("memory.limit_in_bytes", "1000"),
            ("memory.memsw.limit_in_bytes", "1500"),
            ("blkio.weight", "200"),
            ("freezer.state", "THAWED"),
            ("pids.max", "7"),
        ]
        .map(|(file, value)| (file.to_owned(), value.to_owned()))
        .to_vec();
        let expected = [
            ("cpu.weight", "5"),
            ("cpu.max", "50000 200000"),
            ("cpu.max", "50000 200000"),
            ("memory.max", "1000"),
            ("memory.swap.max", "500"),
            ("io.weight", "200"),
            ("cgroup.freeze", "0"),
            ("pids.max", "7"),
        ];
        for ((file, value), (name, new)) in all.iter().zip(expected) {
            assert_eq!(translated(file, value, &all), (name.to_owned(), new.to_owned()), "{file}");
        }
        assert_eq!(translated("memory.limit_in_bytes", "-1", &[]).1, "max");
        assert_eq!(translated("cpu.cfs_quota_us", "-1", &[]).1, "max 100000");
    }
}
