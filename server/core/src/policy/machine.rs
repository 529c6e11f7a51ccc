//! What an instance takes of the machine: processors, memory, control groups.

use uwsgi_config::{Config, Finding};

/// See the module.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processors each worker is bound to; 0 leaves that to the kernel.
    pub affinity: usize,
    /// Only processors that this process may use are counted and chosen.
    pub allowed_only: bool,
    /// Equal memory pages are merged; looked for every so many requests where the kernel does not
    /// do that by itself.
    pub ksm: Option<u64>,
    /// Nothing goes to swap.
    pub never_swap: bool,
    /// Directories of control groups to be in.
    pub cgroups: Vec<String>,
    /// File and value, for each of them.
    pub cgroup_options: Vec<(String, String)>,
    /// Mode of those directories.
    pub cgroup_mode: u32,
    /// A worker that ends does not wait for its other cores.
    pub no_threads_wait: bool,
}

impl Machine {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Machine {
        let ksm = config.has("ksm").then(|| config.int("ksm", 1));
        let mode = config.last("cgroup-dir-mode").map(|text| u32::from_str_radix(text.trim(), 8));
        let mode = mode.unwrap_or(Ok(0o700)).unwrap_or_else(|_| {
            let text = "invalid value for option \"cgroup-dir-mode\"";
            let fault = Finding::fault(text).allowed("an octal mode such as 700");
            faults.extend(config.entry("cgroup-dir-mode").map(|entry| fault.about(entry)));
            0o700
        });
        Machine {
            affinity: usize::try_from(config.int("cpu-affinity", 0)).unwrap_or(0),
            allowed_only: config.flag("cpu-affinity-allowed"),
            ksm: ksm.and_then(|every| u64::try_from(every).ok()).filter(|every| *every > 0),
            never_swap: config.flag("never-swap"),
            cgroups: config.values("cgroup").map(str::to_owned).collect(),
            cgroup_options: cgroup_options(config, faults),
            cgroup_mode: mode,
            no_threads_wait: config.flag("no-threads-wait"),
        }
    }
}

fn cgroup_options(config: &Config, faults: &mut Vec<Finding>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in config.all("cgroup-opt") {
        match entry.text().split_once(['=', ':']) {
            Some((file, value)) => out.push((file.trim().to_owned(), value.trim().to_owned())),
            None => faults.push(
                Finding::fault("invalid cgroup-opt syntax").about(entry).allowed("file=value"),
            ),
        }
    }
    out
}
