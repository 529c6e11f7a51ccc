//! Prints the reference of all metrics as Markdown, generated from the schema table and, for
//! families that have no row there, from the document of an arena in which each of them speaks.

#[path = "shared/speaking.rs"]
mod speaking;

use uwsgi_metrics::schema::{Metric, TABLE};

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
    for (family, kind, help) in speaking::families(&speaking::speaking()?) {
        if TABLE.iter().any(|metric| metric.family == Some(family)) {
            continue;
        }
        println!("| {family} | {kind} | {help} |");
    }
    println!();
    Ok(())
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
