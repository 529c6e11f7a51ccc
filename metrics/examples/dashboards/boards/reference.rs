//! Every family, one panel each, by what it is about. Nothing here is written by hand, so a new
//! metric of the table has its panel at once.

use uwsgi_metrics::schema::{Group, Unit};

use crate::board::Board;
use crate::catalog::{Catalog, Family};
use crate::panel::{Look, Panel, panel, row};

/// Heads of the parts, in order, and what belongs there.
const PARTS: [(&str, &[Group]); 12] = [
    ("Instance", &[Group::Head, Group::Total, Group::Alias]),
    ("Workers", &[Group::Worker]),
    ("Cores (with prometheus-cores)", &[Group::Core]),
    ("Applications", &[Group::App]),
    ("Sockets", &[Group::Socket]),
    ("Routers", &[Group::Gateway]),
    ("Mules", &[Group::Mule]),
    ("Daemons", &[Group::Daemon]),
    ("Loggers", &[Group::Logger]),
    ("Alarms", &[Group::Alarm]),
    ("Machine and control group", &[Group::System]),
    (
        "Probes in the kernel",
        &[Group::Probe, Group::KernelWorker, Group::KernelSocket, Group::Kill],
    ),
];

/// The dashboard.
pub(crate) fn board(all: &Catalog) -> Board {
    let folded = |title: &str| Panel { look: Look::Row(true), ..row(title) };
    let mut panels = Vec::new();
    for (title, groups) in PARTS {
        panels.push(folded(title));
        let of = |f: &Family| f.group.is_some_and(|group| groups.contains(&group));
        panels.extend(all.all().filter(|(_, f)| of(f)).map(|(name, f)| one(name, f)));
    }
    panels.push(folded("Histograms, states and the server's own"));
    let told = all.all().filter(|(_, family)| match family.group {
        None => true,
        Some(group) => !PARTS.iter().any(|(_, groups)| groups.contains(&group)),
    });
    panels.extend(told.map(|(name, family)| one(name, family)));
    Board {
        name: "reference",
        title: "Reference",
        about: "Every family that the server exports, one panel each.",
        workers: false,
        variables: Vec::new(),
        panels,
    }
}

/// The panel of a family: rates of counters, ages of times, percentiles of histograms.
fn one(name: &str, family: &Family) -> Panel {
    let unit = unit(family);
    let short = name.trim_start_matches("uwsgi_").replace('_', " ");
    let lines = panel(Look::Lines, &short, unit, "").size(6, 6);
    match family.kind.as_str() {
        "counter" => lines.ask(&format!("rate({name}{{i}}[r])"), "__auto"),
        "histogram" => lines
            .ask(
                &format!("histogram_quantile(0.5, sum by (le) (rate({name}_bucket{{i}}[r])))"),
                "p50",
            )
            .ask(
                &format!("histogram_quantile(0.99, sum by (le) (rate({name}_bucket{{i}}[r])))"),
                "p99",
            ),
        "summary" => {
            lines.ask(&format!("rate({name}_sum{{i}}[r]) / rate({name}_count{{i}}[r])"), "__auto")
        }
        _ if family.unit == Unit::Epoch => {
            lines.ask(&format!("time() - ({name}{{i}} > 0)"), "__auto")
        }
        _ => lines.ask(&format!("{name}{{i}}"), "__auto"),
    }
}

/// Grafana's name of what the query gives.
fn unit(family: &Family) -> &'static str {
    let counter = family.kind == "counter";
    match family.unit {
        Unit::Bytes if counter => "Bps",
        Unit::Bytes => "bytes",
        // Seconds in a second are a share of one core.
        Unit::Micros | Unit::Seconds if counter => "percentunit",
        Unit::Micros | Unit::Seconds | Unit::Epoch => "s",
        Unit::Ratio => "percentunit",
        Unit::Count if counter => "ops",
        Unit::Count | Unit::Hundredths | Unit::Thousandths => "short",
    }
}
