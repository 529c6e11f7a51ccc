//! Part of the board of the kernel: what probes measure. Without probes these panels are empty.

use super::PERCENTILES;
use crate::panel::{Look, Panel, panel, row};

/// All of them, with their heads.
pub(super) fn panels() -> Vec<Panel> {
    let mut panels = vec![row("Waiting to be accepted (probe accept)")];
    panels.extend(accept());
    panels.push(row("Waiting in requests (probes scheduler and syscalls)"));
    panels.extend(scheduler());
    panels.extend(syscalls());
    panels.push(row("Clients and disks (probes network and memory)"));
    panels.extend(network());
    panels.extend(memory());
    panels.push(row("Ends of workers, and the probes themselves"));
    panels.extend(ends());
    panels
}

/// Median, p90 and p99 of a histogram, of the series that `of` selects.
fn percentiles(title: &str, family: &str, of: &str, about: &str) -> Panel {
    let mut lines = panel(Look::Lines, title, "s", about).colors(PERCENTILES).size(8, 8);
    for (share, name) in [("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99")] {
        let expr =
            format!("histogram_quantile({share}, sum by (le) (rate({family}_bucket{{i{of}}}[r])))");
        lines = lines.ask(&expr, name);
    }
    lines
}

fn accept() -> Vec<Panel> {
    vec![
        percentiles("Wait for accept", "uwsgi_accept_wait_seconds", "", "From the end of the handshake to accept: time that no other number of the server has."),
        panel(Look::Lines, "Wait for accept, p99 by socket", "s", "")
            .ask("histogram_quantile(0.99, sum by (le, name) (rate(uwsgi_accept_wait_seconds_bucket{i}[r])))", "{{name}}")
            .size(8, 8),
        panel(Look::Lines, "Queue that connections find", "short", "Mean length on arrival, the new one included: 1 is an empty queue.")
            .ask("sum by (name) (rate(uwsgi_socket_arrival_depth_sum_total{i}[r])) / (sum by (name) (rate(uwsgi_socket_established_total{i}[r])) > 0)", "{{name}}")
            .size(8, 8),
        panel(Look::Stack, "Arrivals by the queue they find", "ops", "")
            .ask("sum by (depth) (rate(uwsgi_socket_arrivals_total{i}[r]))", "up to {{depth}}")
            .size(8, 8),
        panel(Look::Lines, "Full queues", "ops", "Arrivals that took the last place, and handshakes whose answer had to be repeated.")
            .ask("sum by (name) (rate(uwsgi_socket_arrivals_full_total{i}[r]))", "{{name}} full")
            .ask("sum by (name) (rate(uwsgi_socket_synack_retransmits_total{i}[r]))", "{{name}} repeated")
            .ask("sum by (name) (rate(uwsgi_socket_waits_lost_total{i}[r]))", "{{name}} not measured")
            .size(8, 8),
        panel(Look::Lines, "Share of each worker", "percentunit", "Of all accepted connections: how evenly they are spread.")
            .ask("sum by (worker_id) (rate(uwsgi_worker_connections_accepted_total{i}[r])) / ignoring (worker_id) group_left () sum(rate(uwsgi_worker_connections_accepted_total{i}[r]))", "{{worker_id}}")
            .size(8, 8),
    ]
}

fn scheduler() -> Vec<Panel> {
    const REQUEST: &str = ",during=\"request\"";
    vec![
        panel(Look::Stack, "What requests wait for", "short", "Cores' worth of time in which requests did not run, by what they waited for.")
            .ask("sum by (on) (rate(uwsgi_worker_waited_seconds_total{i}[r]))", "{{on}}")
            .size(8, 8),
        percentiles("Run queue, in requests", "uwsgi_worker_run_queue_seconds", REQUEST, "Able to run, and not running: the processors are busy with others."),
        percentiles("Off the processor, in requests", "uwsgi_worker_off_cpu_seconds", REQUEST, "Each time a core leaves the processor until it is back."),
        panel(Look::Lines, "Run queue, share of time", "percentunit", "Of one core: rises when there are more tasks than processors, or the group is throttled.")
            .ask("sum by (during) (rate(uwsgi_worker_run_queue_seconds_sum{i}[r]))", "{{during}}")
            .size(8, 8),
        panel(Look::Lines, "Switches of cores", "ops", "")
            .ask("sum by (type, during) (rate(uwsgi_worker_core_switches_total{i}[r]))", "{{type}}, {{during}}")
            .ask("sum(rate(uwsgi_worker_migrations_total{i}[r]))", "to another processor")
            .size(8, 8),
    ]
}

fn syscalls() -> Vec<Panel> {
    vec![
        panel(
            Look::Stack,
            "Time in system calls of requests",
            "short",
            "Cores' worth of time, by class.",
        )
        .ask("sum by (class) (rate(uwsgi_worker_syscall_seconds_sum{i}[r]))", "{{class}}")
        .size(8, 8),
        panel(Look::Lines, "System calls of requests", "ops", "")
            .ask("sum by (class) (rate(uwsgi_worker_syscall_seconds_count{i}[r]))", "{{class}}")
            .ask(
                "sum by (class) (rate(uwsgi_worker_syscall_errors_total{i}[r]))",
                "{{class}} failed",
            )
            .size(8, 8),
    ]
}

fn network() -> Vec<Panel> {
    vec![
        percentiles(
            "Round trip of clients",
            "uwsgi_socket_rtt_seconds",
            "",
            "Smoothed, at the end of each connection.",
        ),
        panel(Look::Lines, "Loss and resets", "ops", "")
            .ask(
                "sum by (name) (rate(uwsgi_socket_retransmits_total{i}[r]))",
                "{{name}} sent again",
            )
            .ask(
                "sum by (name, direction) (rate(uwsgi_socket_resets_total{i}[r]))",
                "{{name}} resets {{direction}}",
            )
            .ask(
                "sum by (name) (rate(uwsgi_socket_receive_queue_full_total{i}[r]))",
                "{{name}} receive queue full",
            )
            .size(8, 8),
        panel(Look::Lines, "Clients that do not read", "short", "")
            .ask(
                "sum by (name, side) (uwsgi_socket_stalled_connections{i})",
                "{{name}} stalled by {{side}}",
            )
            .ask(
                "sum by (name, by) (rate(uwsgi_socket_limited_seconds_total{i}[r]))",
                "{{name}} held up by {{by}}",
            )
            .size(8, 8),
    ]
}

fn memory() -> Vec<Panel> {
    vec![
        percentiles(
            "Block I/O of workers",
            "uwsgi_worker_block_io_seconds",
            "",
            "Reads and writes of block devices that workers asked for.",
        ),
        panel(Look::Lines, "Block I/O", "Bps", "")
            .ask(
                "sum by (direction) (rate(uwsgi_worker_block_io_bytes_total{i}[r]))",
                "{{direction}}",
            )
            .size(8, 8),
        panel(Look::Lines, "Page faults of cores", "ops", "")
            .ask(
                "sum by (kind, during) (rate(uwsgi_worker_faults_during_total{i}[r]))",
                "{{kind}}, {{during}}",
            )
            .size(8, 8),
    ]
}

fn ends() -> Vec<Panel> {
    vec![
        panel(
            Look::Bars,
            "Who ended workers",
            "short",
            "By the signal and the command that sent it.",
        )
        .ask(
            "sum by (signal, by) (increase(uwsgi_worker_kills_total{i}[r]))",
            "{{signal}} from {{by}}",
        )
        .size(8, 8),
        panel(Look::States, "Probes", "short", "uwsgi --ebpf-check tells why one is not healthy.")
            .ask("max by (instance, probe) (uwsgi_ebpf_probe_status{i})", "{{instance}} {{probe}}")
            .words(&[
                (0, "off", "text"),
                (1, "healthy", "green"),
                (2, "degraded", "yellow"),
                (3, "unsupported", "orange"),
                (4, "failed", "red"),
            ])
            .size(8, 8),
        panel(
            Look::Lines,
            "Cost of probes",
            "percentunit",
            "Of one processor; while kernel.bpf_stats_enabled is 1.",
        )
        .ask("sum by (probe) (rate(uwsgi_ebpf_probe_run_seconds_total{i}[r]))", "{{probe}}")
        .size(8, 8),
    ]
}
