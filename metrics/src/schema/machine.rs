//! The part of the table about the machine and the control group. What is not told is not shown.

use super::build::{at, nth, system};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::{SystemRow, stall_at};
use Unit::{Bytes, Count, Hundredths, Micros, Ratio, Thousandths};

const LOAD: &str = "Load average of the machine.";
const EVENTS: &str = "Memory events of the control group.";
const SHARE: &str = "Share of the time in which tasks stalled for want of a resource.";
const STALLED: &str = "Time in which tasks stalled for want of a resource.";

macro_rules! labels {
    ($scope:literal, $resource:literal, $kind:literal) => {
        &[("scope", $scope), ("resource", $resource), ("kind", $kind)]
    };
}

/// The share of one window.
macro_rules! share {
    ($field:ident, $at:expr, $window:literal, $labels:expr) => {
        system(|m| m.$field[$at], Gauge, Ratio, SHARE)
            .family("uwsgi_pressure_ratio")
            .labels($labels)
            .label("window", $window)
            .cell(nth(at!(SystemRow.$field), $at))
    };
}

/// The total.
macro_rules! stalled {
    ($field:ident, $at:expr, $labels:expr) => {
        system(|m| m.$field[$at], Counter, Micros, STALLED)
            .family("uwsgi_pressure_stalled_seconds_total")
            .labels($labels)
            .cell(nth(at!(SystemRow.$field), $at))
    };
}

/// All readings of stalls of one scope.
macro_rules! stalls {
    ($field:ident, $scope:literal, $($resource:literal = $n:literal),*) => {
        [$(
            share!($field, stall_at($n, false, 0), "10s", labels!($scope, $resource, "some")),
            share!($field, stall_at($n, false, 1), "60s", labels!($scope, $resource, "some")),
            share!($field, stall_at($n, false, 2), "300s", labels!($scope, $resource, "some")),
            stalled!($field, stall_at($n, false, 3), labels!($scope, $resource, "some")),
            share!($field, stall_at($n, true, 0), "10s", labels!($scope, $resource, "full")),
            share!($field, stall_at($n, true, 1), "60s", labels!($scope, $resource, "full")),
            share!($field, stall_at($n, true, 2), "300s", labels!($scope, $resource, "full")),
            stalled!($field, stall_at($n, true, 3), labels!($scope, $resource, "full")),
        )*]
    };
}

pub(super) const ROWS: &[Metric] = &[
    system(|m| m.load[0], Gauge, Hundredths, LOAD)
        .extended("system.load1", "10.1")
        .family("uwsgi_system_load")
        .label("window", "1m")
        .cell(nth(at!(SystemRow.load), 0)),
    system(|m| m.load[1], Gauge, Hundredths, LOAD)
        .extended("system.load5", "10.2")
        .family("uwsgi_system_load")
        .label("window", "5m")
        .cell(nth(at!(SystemRow.load), 1)),
    system(|m| m.load[2], Gauge, Hundredths, LOAD)
        .extended("system.load15", "10.3")
        .family("uwsgi_system_load")
        .label("window", "15m")
        .cell(nth(at!(SystemRow.load), 2)),
    system(|m| m.mem_available, Gauge, Bytes, "Memory the machine can give without swapping.")
        .extended("system.mem_available", "10.4")
        .family("uwsgi_system_memory_available_bytes")
        .cell(at!(SystemRow.mem_available)),
    system(|m| m.memory_limit, Gauge, Bytes, "Most memory the control group may use.")
        .family("uwsgi_cgroup_memory_limit_bytes")
        .cell(at!(SystemRow.memory_limit)),
    system(|m| m.memory_high, Gauge, Bytes, "Memory beyond which the group is slowed down.")
        .family("uwsgi_cgroup_memory_high_bytes")
        .cell(at!(SystemRow.memory_high)),
    system(|m| m.memory_usage, Gauge, Bytes, "Memory the control group uses.")
        .family("uwsgi_cgroup_memory_usage_bytes")
        .cell(at!(SystemRow.memory_usage)),
    system(|m| m.memory_events[0], Counter, Count, EVENTS)
        .family("uwsgi_cgroup_memory_events_total")
        .label("event", "high")
        .cell(nth(at!(SystemRow.memory_events), 0)),
    system(|m| m.memory_events[1], Counter, Count, EVENTS)
        .family("uwsgi_cgroup_memory_events_total")
        .label("event", "max")
        .cell(nth(at!(SystemRow.memory_events), 1)),
    system(|m| m.memory_events[2], Counter, Count, EVENTS)
        .family("uwsgi_cgroup_memory_events_total")
        .label("event", "oom")
        .cell(nth(at!(SystemRow.memory_events), 2)),
    system(|m| m.memory_events[3], Counter, Count, EVENTS)
        .family("uwsgi_cgroup_memory_events_total")
        .label("event", "oom_kill")
        .cell(nth(at!(SystemRow.memory_events), 3)),
    system(|m| m.cpu_limit_milli, Gauge, Thousandths, "Processors the control group may use.")
        .family("uwsgi_cgroup_cpu_limit_cores")
        .cell(at!(SystemRow.cpu_limit_milli)),
    system(|m| m.cpu_usage_us, Counter, Micros, "Processor time the control group used.")
        .family("uwsgi_cgroup_cpu_usage_seconds_total")
        .cell(at!(SystemRow.cpu_usage_us)),
    system(|m| m.cpu_periods, Counter, Count, "Periods with the processor limit in force.")
        .family("uwsgi_cgroup_cpu_periods_total")
        .cell(at!(SystemRow.cpu_periods)),
    system(|m| m.cpu_throttled, Counter, Count, "Periods in which the group had to wait.")
        .family("uwsgi_cgroup_cpu_throttled_periods_total")
        .cell(at!(SystemRow.cpu_throttled)),
    system(
        |m| m.cpu_throttled_us,
        Counter,
        Micros,
        "Time the group waited for its processor limit.",
    )
    .family("uwsgi_cgroup_cpu_throttled_seconds_total")
    .cell(at!(SystemRow.cpu_throttled_us)),
    system(|m| m.pids_limit, Gauge, Count, "Most tasks the control group may have.")
        .family("uwsgi_cgroup_pids_limit")
        .cell(at!(SystemRow.pids_limit)),
    system(|m| m.pids_current, Gauge, Count, "Tasks of the control group.")
        .family("uwsgi_cgroup_pids")
        .cell(at!(SystemRow.pids_current)),
];

pub(super) const MACHINE_STALLS: [Metric; 24] =
    stalls!(machine_stalls, "machine", "cpu" = 0, "memory" = 1, "io" = 2);

pub(super) const GROUP_STALLS: [Metric; 24] =
    stalls!(group_stalls, "cgroup", "cpu" = 0, "memory" = 1, "io" = 2);
