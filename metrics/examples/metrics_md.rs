//! Prints the reference of all metrics as Markdown, generated from the schema table and, for
//! families that have no row there, from the document of an arena in which each of them speaks.

use uwsgi_metrics::prometheus::{Format, PromOptions, render};
use uwsgi_metrics::schema::{Metric, TABLE};
use uwsgi_metrics::{Arena, Latency, Shape};

fn main() -> std::io::Result<()> {
    println!("# Metrics\n");
    println!(
        "Generated from the schema table. `N` is a worker or mule, `M` a core, `K` a socket or router."
    );
    println!("OIDs are relative to 1.3.6.1.4.1.35156.17.\n");
    section("Classic list", |metric| metric.classic.is_some() && !metric.extended);
    section("Extension (`metrics-extended`)", |metric| metric.extended);
    section("Metrics endpoint only", |metric| metric.classic.is_none());
    println!("## Families without a cell of their own\n");
    println!("| Prometheus family | Type | Meaning |");
    println!("|---|---|---|");
    for (family, kind, help) in families(&speaking()?) {
        println!("| {family} | {kind} | {help} |");
    }
    println!();
    Ok(())
}

/// The document of an arena in which every family that is written by hand has a sample.
fn speaking() -> std::io::Result<String> {
    let shape = Shape { workers: 1, cores: 1, apps: 1, gateways: 1, ..Shape::default() };
    let arena = Arena::create(&shape)?;
    arena.worker(1).id.set(1);
    Latency::ALL.iter().for_each(|what| arena.histogram(1, *what).record(1));
    let globals = arena.globals();
    for spread in [
        &globals.master_turns,
        &globals.master_lateness,
        &globals.observer_lateness,
        &globals.reload_spread,
        &arena.gateway(0).waits,
    ] {
        spread.record(1);
    }
    arena.gateway(0).name.set(b"http");
    arena.app(1, 0).latency(1).add(1);
    arena.app(1, 0).used.set(1);
    let (_, text) = render(&arena.snapshot(), Format::Text, &PromOptions::default());
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Name, type and help of the families that have no row in the table.
fn families(document: &str) -> Vec<(&str, &str, &str)> {
    let mut helps =
        document.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let types = document.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let named = types.filter_map(|(name, kind)| {
        let (_, help) = helps.by_ref().find(|(helped, _)| *helped == name)?;
        Some((name, kind, help))
    });
    named.filter(|(name, ..)| TABLE.iter().all(|metric| metric.family != Some(name))).collect()
}

fn section(title: &str, wanted: fn(&Metric) -> bool) {
    println!("## {title}\n");
    println!("| Name | OID | Kind | Unit | Prometheus family | Meaning |");
    println!("|---|---|---|---|---|---|");
    for metric in TABLE.iter().filter(|metric| wanted(metric)) {
        let (name, oid) = metric.classic.unwrap_or(("", ""));
        let labels = metric.more.iter().copied().chain(metric.label);
        let labels: Vec<_> = labels.map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        let label =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        println!(
            "| {name} | {oid} | {} | {} | {}{label} | {} |",
            metric.kind.as_str(),
            metric.unit.as_str(),
            metric.family.unwrap_or(""),
            metric.help
        );
    }
    println!();
}
