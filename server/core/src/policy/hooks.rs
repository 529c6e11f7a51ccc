//! Options of hooks: what runs at each phase, what is waited for, mount points that must stay,
//! programs that take the place of a worker.

use uwsgi_config::{Config, Finding, Status};
use uwsgi_hooks::Plan;
use uwsgi_hooks::real::Limits;
use uwsgi_hooks::wait::{self, DEFAULT_S, Stage, Target};

/// See the module.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// What runs when.
    pub plan: Plan,
    /// Values of `binsh`, in order.
    pub shells: Vec<String>,
    /// How long a wait may take.
    pub limits: Limits,
    /// What is waited for, and when, in this order.
    pub waits: Vec<(Stage, Target, String)>,
    /// `check-mountpoint`.
    pub mountpoints: Vec<String>,
    /// `jailed`: somebody else has put this instance into a jail.
    pub jailed: bool,
    /// `worker-exec`.
    pub worker_exec: Option<String>,
    /// `worker-exec2`.
    pub worker_exec2: Option<String>,
    /// Functions of `after-request-hook`.
    pub after_request: Vec<String>,
}

impl Hooks {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Hooks {
        let named = config.entries.iter().filter_map(|e| Some((e.row?.name, e.text())));
        let plan = Plan::read(named);
        judge(config, &plan, faults);
        let limit = |option| super::number(config, option).unwrap_or(DEFAULT_S);
        let strings = |option| config.values(option).map(str::to_owned).collect();
        let word = |option| config.last(option).filter(|text| !text.is_empty()).map(str::to_owned);
        Hooks {
            plan,
            shells: strings("binsh"),
            limits: Limits {
                interface: limit("wait-for-interface-timeout"),
                fs: limit("wait-for-fs-timeout"),
                socket: limit("wait-for-socket-timeout"),
            },
            waits: waits(config),
            mountpoints: strings("check-mountpoint"),
            jailed: config.flag("jailed"),
            worker_exec: word("worker-exec"),
            worker_exec2: word("worker-exec2"),
            after_request: strings("after-request-hook"),
        }
    }
}

/// What would fail whatever the machine says is told before anything runs, once for each mention.
fn judge(config: &Config, plan: &Plan, faults: &mut Vec<Finding>) {
    for entry in &config.entries {
        let Some(row) = entry.row.filter(|row| row.status == Status::Works) else { continue };
        let Some((shown, text)) = plan.wrong(row.name, entry.text()) else { continue };
        let told = |fault: &Finding| {
            fault.option.as_ref() == Some(&entry.key) && fault.value == entry.value
        };
        if !config.faults().any(told) {
            faults.push(Finding::fault(text).at(&entry.key, Some(&shown), &entry.origin));
        }
    }
}

fn waits(config: &Config) -> Vec<(Stage, Target, String)> {
    let each = |option: &'static wait::WaitOption| {
        let names = config.values(option.name);
        names.map(|name| (option.stage, option.target, name.to_owned()))
    };
    wait::OPTIONS.iter().flat_map(each).collect()
}
