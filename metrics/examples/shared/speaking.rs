//! The document of an arena in which every family that is written by hand has a sample: what the
//! generators know about families that have no row in the schema table.

use std::collections::BTreeSet;

use uwsgi_metrics::prometheus::{Format, PromOptions, render};
use uwsgi_metrics::schema::HISTOGRAMS;
use uwsgi_metrics::{Arena, Latency, Shape, Size};

/// The document.
///
/// # Errors
/// Those of [`Arena::create`].
pub(crate) fn speaking() -> std::io::Result<String> {
    let shape =
        Shape { workers: 1, cores: 1, apps: 1, gateways: 1, thresholds: 1, ..Shape::default() };
    let arena = Arena::create(&Shape { probes: 1, listeners: 1, ..shape })?;
    arena.worker(1).id.set(1);
    Latency::ALL.iter().for_each(|what| arena.histogram(1, *what).record(1));
    Size::ALL.iter().for_each(|what| arena.size_of(1, *what).record(1));
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
    arena.threshold(0).text.set(b"key=core.busy_workers,value=1");
    arena.kernel_socket(0).name.set(b":80");
    let kill = arena.kill(0);
    kill.by.set(b"bash");
    kill.signal.set(9);
    let probes: BTreeSet<_> = HISTOGRAMS.iter().copied().flatten().map(|f| f.probe).collect();
    // This one counts without histograms.
    for (index, probe) in (0..).zip(probes.into_iter().chain(["signals"])) {
        arena.probe(index).name.set(probe.as_bytes());
        arena.probe(index).programs.set(1);
    }
    let options = PromOptions { locks: vec![("user 0".to_owned(), false)], ..Default::default() };
    let (_, text) = render(&arena.snapshot().with_requests(&arena), Format::Text, &options);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Name, type and help of each family of a document.
pub(crate) fn families(document: &str) -> Vec<(&str, &str, &str)> {
    let mut helps =
        document.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let types = document.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let named = types.filter_map(|(name, kind)| {
        let (_, help) = helps.by_ref().find(|(helped, _)| *helped == name)?;
        Some((name, kind, help))
    });
    named.collect()
}
