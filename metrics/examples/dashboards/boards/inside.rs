//! The server about itself: master, observer, reloads, signals, mules, alarms, thresholds.

use crate::board::Board;
use crate::panel::{Look, Panel, panel, row};

/// The dashboard.
pub(crate) fn board() -> Board {
    let mut panels = vec![row("Master and observer")];
    panels.extend(master());
    panels.push(row("Scrapes and stats"));
    panels.extend(scrapes());
    panels.push(row("Pushers"));
    panels.extend(pushers());
    panels.push(row("SNMP"));
    panels.extend(snmp());
    panels.push(row("Router"));
    panels.extend(router());
    panels.push(row("Thresholds and alarms"));
    panels.extend(alarms());
    panels.push(row("Signals and mules"));
    panels.extend(mules());
    panels.push(row("Daemons"));
    panels.extend(daemons());
    panels.push(row("Log"));
    panels.extend(super::logs::logs());
    Board {
        name: "inside",
        title: "Inside",
        about: "The server's own processes, reloads, alarms and mules.",
        workers: false,
        variables: Vec::new(),
        panels,
    }
}

fn master() -> Vec<Panel> {
    vec![
        panel(Look::States, "Phase", "short", "")
            .ask("uwsgi_phase{i}", "{{instance}}")
            .words(&[
                (0, "starting", "yellow"),
                (1, "running", "green"),
                (2, "draining", "blue"),
                (3, "reloading", "purple"),
                (4, "stopping", "red"),
            ])
            .size(24, 5),
        panel(Look::Lines, "Lateness", "s", "Delay of the duties of each second, mean: the machine gives no processor time.")
            .ask("sum by (instance) (rate(uwsgi_master_lateness_seconds_sum{i}[r])) / sum by (instance) (rate(uwsgi_master_lateness_seconds_count{i}[r]))", "{{instance}} master")
            .ask("sum by (instance) (rate(uwsgi_observer_lateness_seconds_sum{i}[r])) / sum by (instance) (rate(uwsgi_observer_lateness_seconds_count{i}[r]))", "{{instance}} observer")
            .size(8, 8),
        panel(Look::Lines, "Turns of the master", "ops", "A master that does not turn for 30 seconds is not healthy.")
            .ask("rate(uwsgi_master_cycles_total{i}[r])", "{{instance}} turns")
            .ask("rate(uwsgi_overloaded_total{i}[r])", "{{instance}} with every worker busy")
            .size(8, 8),
        panel(Look::Lines, "Time of a turn", "s", "Waiting not included.")
            .ask("histogram_quantile(0.99, sum by (le) (rate(uwsgi_master_turn_seconds_bucket{i}[r])))", "p99")
            .ask("max(uwsgi_master_turn_last_seconds{i})", "last")
            .size(8, 8),
        panel(Look::Stack, "Processor time", "percentunit", "Of one core.")
            .ask("sum(rate(process_cpu_seconds_total{i}[r]) and on (job, instance) uwsgi_up{i})", "master")
            .ask("sum(rate(uwsgi_observer_cpu_user_seconds_total{i}[r]))", "observer, user")
            .ask("sum(rate(uwsgi_observer_cpu_system_seconds_total{i}[r]))", "observer, kernel")
            .size(8, 8),
        panel(Look::Lines, "Memory", "bytes", "")
            .ask("max(process_resident_memory_bytes{i} and on (job, instance) uwsgi_up{i})", "master")
            .ask("max(uwsgi_observer_resident_memory_bytes{i})", "observer")
            .size(8, 8),
        panel(Look::Lines, "Reloads", "s", "Long ones: requests at hand take long to end, or the application long to load.")
            .ask("max by (instance) (uwsgi_reload_duration_last_seconds{i})", "{{instance}} last reload")
            .ask("max by (instance) (uwsgi_reload_duration_max_seconds{i})", "{{instance}} longest reload")
            .ask("max by (instance) (uwsgi_boot_duration_seconds{i})", "{{instance}} start")
            .size(8, 8),
        panel(Look::Bars, "Reloads and respawns", "short", "")
            .ask("sum(increase(uwsgi_reloads_total{i}[r]))", "reloads")
            .ask("sum(increase(uwsgi_reload_failures_total{i}[r]))", "failed reloads")
            .ask("sum(increase(uwsgi_workers_started_total{i}[r]))", "workers started")
            .ask("sum(increase(uwsgi_workers_killed_total{i}[r]))", "workers killed")
            .ask("sum(increase(uwsgi_hooks_failed_total{i}[r]))", "failed hooks")
            .ask("sum(increase(uwsgi_observer_spawns_total{i}[r]))", "observers")
            .ask("sum(increase(uwsgi_router_spawns_total{i}[r]))", "routers")
            .ask("sum(increase(uwsgi_mule_spawns_total{i}[r]))", "mules")
            .colors(&[("failed reloads", "red"), ("workers killed", "dark-red")]),
        panel(Look::Lines, "Things thrown away", "ops", "Log lines lost to a full queue, user metrics and series that found no room: names or label values without end.")
            .ask("sum(rate(uwsgi_log_dropped_total{i}[r]))", "log lines")
            .ask("sum(rate(uwsgi_metric_registrations_dropped_total{i}[r]))", "user metrics")
            .ask("sum(rate(uwsgi_series_dropped_total{i}[r]))", "series"),
    ]
}

fn scrapes() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Documents", "ops", "")
            .ask("sum by (instance) (rate(uwsgi_exporter_scrapes_total{i}[r]))", "{{instance}} scrapes")
            .ask("sum by (instance) (rate(uwsgi_stats_served_total{i}[r]))", "{{instance}} stats")
            .size(8, 8),
        panel(Look::Lines, "Time of a scrape", "s", "Mean; no worker does anything for it.")
            .ask("sum by (instance) (rate(uwsgi_exporter_scrape_duration_seconds_sum{i}[r])) / sum by (instance) (rate(uwsgi_exporter_scrape_duration_seconds_count{i}[r]))", "{{instance}}")
            .size(8, 8),
        panel(Look::Lines, "Clients that failed", "ops", "They do not read, or are too many at once.")
            .ask("sum(rate(uwsgi_stats_dropped_total{i}[r]))", "stats clients dropped")
            .ask("sum(rate(uwsgi_exporter_scrape_errors_total{i}[r]))", "scrapes failed")
            .ask("max(uwsgi_exporter_last_scrape_error{i})", "last scrape failed")
            .size(8, 8),
    ]
}

fn pushers() -> Vec<Panel> {
    vec![
        panel(Look::States, "Receivers", "short", "How many attempts in a row failed.")
            .ask("clamp_max(uwsgi_pusher_failing{i}, 3)", "{{pusher}} {{target}}")
            .words(&[
                (0, "taking", "green"),
                (1, "failed", "yellow"),
                (2, "failed twice", "orange"),
                (3, "failing", "red"),
            ])
            .size(12, 7),
        panel(Look::Lines, "Age of what the receiver has", "s", "Rises while pushes fail: the gap in the other system's graphs.")
            .ask("time() - (uwsgi_pusher_last_push_timestamp_seconds{i} > 0)", "{{pusher}} {{target}}")
            .size(12, 7),
        panel(Look::Lines, "Values pushed", "ops", "")
            .ask("rate(uwsgi_pusher_values_total{i}[r])", "{{pusher}} {{target}}")
            .ask("rate(uwsgi_pusher_dropped_values_total{i}[r]) > 0", "{{pusher}} {{target}} lost")
            .size(8, 8),
        panel(Look::Lines, "Time of a push", "s", "Mean, failed attempts included. A receiver that is dead costs its deadline.")
            .ask(
                "rate(uwsgi_pusher_send_seconds_total{i}[r]) / (rate(uwsgi_pusher_pushes_total{i}[r]) + rate(uwsgi_pusher_errors_total{i}[r]) > 0)",
                "{{pusher}} {{target}}",
            )
            .size(8, 8),
        panel(Look::Lines, "Pushes that have trouble", "short", "Waiting ones are bounded; then the oldest is lost.")
            .ask("uwsgi_pusher_queued{i}", "{{pusher}} {{target}} waiting")
            .ask("increase(uwsgi_pusher_errors_total{i}[r])", "{{pusher}} {{target}} failed")
            .ask("increase(uwsgi_pusher_retries_total{i}[r])", "{{pusher}} {{target}} tried again")
            .ask("increase(uwsgi_pusher_dropped_total{i}[r])", "{{pusher}} {{target}} lost")
            .size(8, 8),
    ]
}

fn snmp() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Datagrams", "ops", "")
            .ask(
                "sum by (instance) (rate(uwsgi_snmp_requests_total{i}[r]))",
                "{{instance}} requests",
            )
            .ask(
                "sum by (instance) (rate(uwsgi_snmp_responses_total{i}[r]))",
                "{{instance}} answers",
            ),
        panel(
            Look::Lines,
            "Refused datagrams",
            "ops",
            "A wrong community, an address that is not allowed, bytes that are no SNMP.",
        )
        .ask("sum by (reason) (rate(uwsgi_snmp_dropped_total{i}[r]))", "{{reason}}")
        .ask("sum(rate(uwsgi_snmp_unauthentic_total{i}[r]))", "SNMPv3, not accepted"),
    ]
}

fn router() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Sessions", "short", "")
            .ask("sum by (router) (uwsgi_router_active_sessions{i})", "{{router}} open")
            .ask(
                "sum by (router) (rate(uwsgi_router_requests_total{i}[r]))",
                "{{router}} requests/s",
            )
            .size(8, 8),
        panel(
            Look::Lines,
            "Connections to workers",
            "ops",
            "A link is kept and used again; many new ones: workers come and go.",
        )
        .ask(
            "sum by (router) (rate(uwsgi_router_backend_connects_total{i}[r]))",
            "{{router}} opened",
        )
        .ask(
            "sum by (router) (rate(uwsgi_router_backend_reuses_total{i}[r]))",
            "{{router}} used again",
        )
        .size(8, 8),
        panel(Look::Lines, "Memory and threads", "bytes", "")
            .ask("sum by (router) (uwsgi_router_resident_memory_bytes{i})", "{{router}} resident")
            .size(8, 8),
    ]
}

fn alarms() -> Vec<Panel> {
    vec![
        panel(Look::States, "Thresholds", "short", "")
            .ask("uwsgi_threshold_state{i}", "{{instance}} {{key}} ({{threshold}})")
            .words(&[(0, "quiet", "green"), (1, "pending", "yellow"), (2, "firing", "red")])
            .size(12, 7),
        panel(
            Look::Lines,
            "Thresholds, share of the bound",
            "percentunit",
            "At 100 % the comparison turns.",
        )
        .ask(
            "uwsgi_threshold_value{i} / (uwsgi_threshold_bound{i} > 0)",
            "{{instance}} {{key}} ({{threshold}})",
        )
        .size(12, 7),
        panel(
            Look::Bars,
            "Alarms",
            "short",
            "Suppressed: the same message again too soon, or too many in a second.",
        )
        .ask("sum by (alarm) (increase(uwsgi_alarm_delivered_total{i}[r]))", "{{alarm}} delivered")
        .ask(
            "sum by (alarm) (increase(uwsgi_alarm_suppressed_total{i}[r]))",
            "{{alarm}} suppressed",
        )
        .ask("sum(increase(uwsgi_threshold_fired_total{i}[r]))", "thresholds fired"),
        panel(
            Look::Lines,
            "Alarms that have trouble",
            "short",
            "Failed and dropped ones reached nobody.",
        )
        .ask("sum by (alarm) (uwsgi_alarm_queued{i})", "{{alarm}} waiting")
        .ask("sum by (alarm) (increase(uwsgi_alarm_retries_total{i}[r]))", "{{alarm}} tried again")
        .ask("sum by (alarm) (increase(uwsgi_alarm_failed_total{i}[r]))", "{{alarm}} failed")
        .ask("sum by (alarm) (increase(uwsgi_alarm_dropped_total{i}[r]))", "{{alarm}} dropped"),
    ]
}

fn daemons() -> Vec<Panel> {
    vec![
        panel(
            Look::States,
            "Daemons",
            "short",
            "A daemon that ended at once waits longer and longer for its next start.",
        )
        .ask("uwsgi_daemon_up{i}", "{{instance}} {{command}}")
        .words(&[(0, "down", "red"), (1, "up", "green")])
        .size(12, 7),
        panel(Look::Bars, "Starts of daemons", "short", "")
            .ask("sum by (command) (increase(uwsgi_daemon_spawns_total{i}[r]))", "{{command}}")
            .size(6, 7),
        panel(Look::Lines, "Delay of respawns", "s", "")
            .ask("uwsgi_daemon_throttle_seconds{i}", "{{command}} waited")
            .ask("uwsgi_daemon_last_exit_code{i} > 0", "{{command}} last exit code")
            .size(6, 7),
    ]
}

fn mules() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "uwsgi signals", "ops", "")
            .ask("sum(rate(uwsgi_signals_routed_total{i}[r]))", "routed")
            .ask("sum(rate(uwsgi_signals_unrouted_total{i}[r]))", "lost")
            .ask("sum(uwsgi_signal_queue_length{i})", "waiting for the master")
            .size(8, 8),
        panel(Look::Lines, "Mules", "ops", "")
            .ask("sum by (mule_id) (rate(uwsgi_mule_messages_total{i}[r]))", "{{mule_id}} messages")
            .ask("sum by (mule_id) (rate(uwsgi_mule_signals_total{i}[r]))", "{{mule_id}} signals")
            .ask(
                "sum by (mule_id) (rate(uwsgi_mule_messages_dropped_total{i}[r]))",
                "{{mule_id}} lost",
            )
            .size(8, 8),
        panel(Look::Lines, "Memory of mules", "bytes", "")
            .ask("uwsgi_mule_rss_bytes{i}", "{{instance}} {{mule_id}}")
            .size(8, 8),
    ]
}
