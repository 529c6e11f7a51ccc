//! What the kernel says: queues, stalls, limits, faults and switches, and what probes add.

use super::probes;
use crate::board::Board;
use crate::panel::{Look, Panel, panel, row};

/// The dashboard.
pub(crate) fn board() -> Board {
    let mut panels = vec![row("Accept queues")];
    panels.extend(queues());
    panels.extend(probes::panels());
    panels.push(row("Stalls"));
    panels.extend(stalls());
    panels.push(row("Control group"));
    panels.extend(group());
    panels.push(row("Processes"));
    panels.extend(processes());
    panels.push(row("Machine"));
    panels.extend(machine());
    Board {
        name: "kernel",
        title: "Kernel",
        about: "Accept queues, stalls, control group, faults and switches: the kernel's own files, read once in a second; and what probes in the kernel measure (option ebpf).",
        workers: false,
        variables: Vec::new(),
        panels,
    }
}

fn queues() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Accept queues", "short", "Connections that nobody accepted yet. The queue of the stats server counts clients of this very page.")
            .ask("sum by (name) (uwsgi_socket_queue_length{i})", "{{name}}")
            .ask("sum by (router) (uwsgi_router_listen_queue_length{i})", "router {{router}}")
            .ask("sum(uwsgi_link_listen_queue_length{i})", "links to workers")
            .ask("sum(uwsgi_stats_listen_queue_length{i})", "stats"),
        panel(Look::Lines, "Queues, share of their size", "percentunit", "At 100 % the kernel drops what comes next: listen and net.core.somaxconn bound it.")
            .ask("max by (name) (uwsgi_socket_queue_length{i} / (uwsgi_socket_max_queue_length{i} > 0))", "{{name}}")
            .ask("max by (router) (uwsgi_router_listen_queue_length{i} / (uwsgi_router_max_queue_length{i} > 0))", "router {{router}}")
            .ask("max(uwsgi_link_listen_queue_length{i} / (uwsgi_link_max_queue_length{i} > 0))", "links to workers")
            .ask("max(uwsgi_stats_listen_queue_length{i} / (uwsgi_stats_max_queue_length{i} > 0))", "stats")
            .max(1.0),
        panel(Look::Lines, "Dropped connections", "ops", "TCP only: a client of a full UNIX socket waits or is refused.")
            .ask("sum by (name) (rate(uwsgi_socket_drops_total{i}[r]))", "{{name}}")
            .ask("sum by (router) (rate(uwsgi_router_drops_total{i}[r]))", "router {{router}}")
            .ask("sum(rate(uwsgi_stats_queue_drops_total{i}[r]))", "stats"),
        panel(Look::Lines, "Connections", "ops", "Those seen waiting are a lower bound: the kernel tells how many wait now, not how many ever did.")
            .ask("sum by (name) (rate(uwsgi_socket_accepted_total{i}[r]))", "{{name}} accepted")
            .ask("sum by (name) (rate(uwsgi_socket_waited_total{i}[r]))", "{{name}} seen waiting")
            .ask("sum by (router) (rate(uwsgi_router_accepted_total{i}[r]))", "router {{router}} accepted"),
    ]
}

fn stalls() -> Vec<Panel> {
    let share = |scope: &str, title: &str, about: &str| {
        panel(Look::Lines, title, "percentunit", about)
            .ask(
                &format!(
                    "uwsgi_pressure_ratio{{i,scope=\"{scope}\",window=\"10s\",kind=\"some\"}}"
                ),
                "{{instance}} {{resource}}, some",
            )
            .ask(
                &format!(
                    "uwsgi_pressure_ratio{{i,scope=\"{scope}\",window=\"10s\",kind=\"full\"}}"
                ),
                "{{instance}} {{resource}}, all",
            )
            .size(8, 8)
    };
    vec![
        share("cgroup", "Stalls of the control group", "Share of ten seconds in which some or all tasks waited for processor, memory or disk."),
        share("machine", "Stalls of the machine", "Rises without the group's: the neighbours."),
        panel(Look::Lines, "Time lost to stalls", "percentunit", "From the kernel's totals: no stall between two readings is missed.")
            .ask(
                "sum by (scope, resource) (rate(uwsgi_pressure_stalled_seconds_total{i,kind=\"some\"}[r]))",
                "{{scope}} {{resource}}",
            )
            .size(8, 8),
    ]
}

fn group() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Memory and its limits", "bytes", "Part of usage is file cache. Near the limit memory is reclaimed while requests wait.")
            .ask("max(uwsgi_cgroup_memory_usage_bytes{i})", "used")
            .ask("min(uwsgi_cgroup_memory_high_bytes{i})", "high")
            .ask("min(uwsgi_cgroup_memory_limit_bytes{i})", "limit")
            .colors(&[("used", "green"), ("high", "yellow"), ("limit", "red")])
            .size(8, 8),
        panel(Look::Bars, "Memory events", "short", "oom_kill: the kernel ended a process of the group.")
            .ask("sum by (event) (increase(uwsgi_cgroup_memory_events_total{i}[r]))", "{{event}}")
            .colors(&[("high", "yellow"), ("max", "orange"), ("oom", "red"), ("oom_kill", "dark-red")])
            .size(8, 8),
        panel(Look::Lines, "Processor and its limit", "short", "Cores' worth of time.")
            .ask("max(rate(uwsgi_cgroup_cpu_usage_seconds_total{i}[r]))", "used")
            .ask("min(uwsgi_cgroup_cpu_limit_cores{i})", "limit")
            .colors(&[("used", "green"), ("limit", "red")])
            .size(8, 8),
        panel(Look::Lines, "Throttling", "percentunit", "Share of periods in which the group had to wait for its limit: latency rises with it.")
            .ask(
                "max(rate(uwsgi_cgroup_cpu_throttled_periods_total{i}[r]) / (rate(uwsgi_cgroup_cpu_periods_total{i}[r]) > 0))",
                "periods",
            )
            .ask("max(rate(uwsgi_cgroup_cpu_throttled_seconds_total{i}[r]))", "time")
            .size(8, 8),
        panel(Look::Lines, "Tasks", "short", "")
            .ask("max(uwsgi_cgroup_pids{i})", "tasks")
            .ask("min(uwsgi_cgroup_pids_limit{i})", "limit")
            .colors(&[("tasks", "green"), ("limit", "red")])
            .size(8, 8),
    ]
}

fn processes() -> Vec<Panel> {
    let all = |title: &str, about: &str, family: &str, kind: &str| {
        let mut lines = panel(Look::Lines, title, "ops", about).size(8, 8);
        for who in ["worker", "router", "mule", "master", "observer"] {
            let expr = format!("sum(rate(uwsgi_{who}_{family}_total{{i,type=\"{kind}\"}}[r]))");
            lines = lines.ask(&expr, who);
        }
        lines
    };
    vec![
        all(
            "Voluntary switches",
            "They wait for something: a database, a lock, the disk.",
            "context_switches",
            "voluntary",
        ),
        all(
            "Involuntary switches",
            "More runnable tasks than processors.",
            "context_switches",
            "involuntary",
        ),
        all("Major page faults", "Pages come back from disk or swap.", "page_faults", "major"),
        all(
            "Minor page faults",
            "Memory that is touched for the first time.",
            "page_faults",
            "minor",
        ),
        panel(Look::Lines, "Swap", "bytes", "")
            .ask("sum(uwsgi_worker_swap_bytes{i})", "workers")
            .ask("sum(uwsgi_router_swap_bytes{i})", "routers")
            .ask("sum(uwsgi_mule_swap_bytes{i})", "mules")
            .ask("sum(uwsgi_master_swap_bytes{i})", "master")
            .ask("sum(uwsgi_observer_swap_bytes{i})", "observer")
            .size(8, 8),
        panel(Look::Lines, "Descriptors", "short", "")
            .ask("max(uwsgi_worker_open_fds{i})", "most of a worker")
            .ask("max(uwsgi_router_open_fds{i})", "most of a router")
            .ask("max(uwsgi_mule_open_fds{i})", "most of a mule")
            .ask("max(uwsgi_observer_open_fds{i})", "observer")
            .ask("max(process_open_fds{i} and on (job, instance) uwsgi_up{i})", "master")
            .size(8, 8),
    ]
}

fn machine() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Load", "short", "")
            .ask("max by (window) (uwsgi_system_load{i})", "{{window}}"),
        panel(Look::Lines, "Memory the machine can give", "bytes", "")
            .ask("min by (instance) (uwsgi_system_memory_available_bytes{i})", "{{instance}}"),
    ]
}
