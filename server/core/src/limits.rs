//! Limits and priority of the processes: `limit-as`, `limit-nproc`, `max-fd`, `prio`.
//!
//! Set while the process may still raise them, told where the start-up log has always told them.
//! A limit that the kernel refuses is a line in the log, as it has always been, and names its option.

use uwsgi_config::Config;
use uwsgi_sys::process::{self, Resource};

use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// The lines that belong to each limit.
#[derive(Default)]
pub(crate) struct Limits {
    processes: Vec<String>,
    memory: Vec<String>,
    priority: Vec<String>,
    files: Vec<String>,
}

/// Sets everything that is configured.
pub(crate) fn set(config: &Config) -> Limits {
    let mut limits = Limits::default();
    let processes = u64::try_from(config.int("limit-nproc", 0)).unwrap_or(0);
    if processes > 0 {
        limits.processes.push(format!("limiting number of processes to {processes}..."));
        limits.processes.extend(set_one(config, "limit-nproc", Resource::Nproc, processes));
    }
    let memory = config.megabytes("limit-as").unwrap_or(0);
    if memory > 0 {
        limits.memory.push("limiting address space of processes...".into());
        limits.memory.extend(set_one(config, "limit-as", Resource::As, memory));
    }
    let files = u64::try_from(config.int("max-fd", 0)).unwrap_or(0);
    if files > 0 {
        limits.files.extend(set_one(config, "max-fd", Resource::Nofile, files));
    }
    limits.priority.extend(priority(config));
    limits
}

/// `limit-as` alone, for a trial.
pub(crate) fn address_space(config: &Config) {
    if let Some(memory) = config.megabytes("limit-as").filter(|memory| *memory > 0) {
        // The next image says what is wrong with it and goes on.
        let _ = set_one(config, "limit-as", Resource::As, memory);
    }
}

fn set_one(config: &Config, option: &str, resource: Resource, value: u64) -> Option<String> {
    let error = process::limit(resource, value).err()?;
    let seen = config.last(option).unwrap_or_default();
    Some(format!("setrlimit(): {} (option \"{option}\", value \"{seen}\")", plain(&error)))
}

/// 0 is no priority but the one we have.
fn priority(config: &Config) -> Option<String> {
    let nice = i32::try_from(config.int("prio", 0)).unwrap_or(i32::MAX);
    if nice == 0 {
        return None;
    }
    Some(match process::set_priority(nice) {
        Ok(()) => format!("scheduler priority set to {nice}"),
        Err(e) => format!("setpriority(): {} (option \"prio\", value \"{nice}\")", plain(&e)),
    })
}

impl Limits {
    /// Tells what the limits are, in the order of the start-up log.
    pub(crate) fn tell(&self) {
        let lines = |lines: &[String]| lines.iter().for_each(|line| log!("{line}"));
        lines(&self.processes);
        if let Some(n) = process::max_processes() {
            log!("your processes number limit is {n}");
        }
        lines(&self.memory);
        lines(&self.priority);
        if let Some(n) = process::max_address_space() {
            log!("your process address space limit is {n} bytes ({} MB)", n >> 20);
        }
    }

    /// The lines about descriptors.
    pub(crate) fn tell_files(&self) {
        self.files.iter().for_each(|line| log!("{line}"));
        log!("detected max file descriptor number: {}", process::max_files());
    }
}

/// As many workers as the system lets us have, one process being the master.
pub(crate) fn adjust_workers(settings: &mut Settings) {
    let Some(workers) = allowed(settings.processes, process::max_processes()) else { return };
    settings.processes = workers;
    log!("!!! number of workers adjusted to {workers} due to system limits !!!");
}

fn allowed(wanted: u32, limit: Option<u64>) -> Option<u32> {
    let limit = limit.filter(|limit| u64::from(wanted) > *limit)?;
    u32::try_from(limit.saturating_sub(1).max(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn workers_leave_room_for_their_master() {
        for (wanted, limit, expected) in [
            (20, Some(5), Some(4)),
            (5, Some(5), None),
            (5, None, None),
            (2, Some(1), Some(1)),
            (2, Some(0), Some(1)),
        ] {
            assert_eq!(allowed(wanted, limit), expected, "{wanted} of {limit:?}");
        }
    }
}
