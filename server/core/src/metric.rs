//! User metrics: `metric = NAME` and its `key=value` form.

use uwsgi_metrics::{Arena, Kind};

use crate::log;

/// Registers one `metric` option. What is not built yet is named in one line and left out.
pub(crate) fn register(arena: &Arena, text: &str) {
    let (mut name, mut oid, mut kind, mut initial) = (text, "", Kind::Counter, 0);
    if text.contains('=') {
        name = "";
        for (key, value) in text.split(',').filter_map(|item| item.split_once('=')) {
            match key {
                "name" => name = value,
                "oid" => oid = value,
                "type" => kind = kind_of(value),
                "initial_value" => initial = value.parse().unwrap_or(0),
                "collector" | "children" | "alias" | "freq" | "reset_after_push" | "arg1"
                | "arg2" | "arg3" | "arg1n" | "arg2n" | "arg3n" => {
                    log!("metric \"{name}\": key \"{key}\" is not implemented yet: ignored");
                }
                _ => log!("metric \"{name}\": unknown key \"{key}\": ignored"),
            }
        }
    }
    if arena.register_metric(name, kind, oid, initial).is_some() {
        log!("added custom metric: {name}");
    } else {
        log!("invalid metric name: {name}");
    }
}

fn kind_of(word: &str) -> Kind {
    match word {
        "gauge" => Kind::Gauge,
        "absolute" => Kind::Absolute,
        _ => Kind::Counter,
    }
}
