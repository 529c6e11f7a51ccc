//! How each shape of panel is drawn: the part of Grafana's model that asks nothing.

use serde_json::{Value, json};

use crate::panel::{Look, Panel};

/// Units, colours, bounds and words.
pub(crate) fn field_config(panel: &Panel) -> Value {
    if panel.look == Look::Heat {
        return json!({
            "defaults": {"custom": {"hideFrom": {"legend": false, "tooltip": false, "viz": false}}},
            "overrides": [],
        });
    }
    let mut defaults = json!({
        "unit": panel.unit,
        "color": {"mode": color_mode(panel)},
        "thresholds": {"mode": "absolute", "steps": steps(panel)},
        "mappings": mappings(panel),
    });
    if panel.look != Look::Table && panel.look != Look::Stat {
        defaults["min"] = json!(0);
    }
    if let Some(max) = panel.max {
        defaults["max"] = json!(max);
    }
    if let Some(custom) = custom(panel.look) {
        defaults["custom"] = custom;
    }
    json!({"defaults": defaults, "overrides": overrides(panel)})
}

fn color_mode(panel: &Panel) -> &'static str {
    match panel.look {
        Look::Stat | Look::Table | Look::States => "thresholds",
        _ => "palette-classic",
    }
}

fn steps(panel: &Panel) -> Vec<Value> {
    let first = if panel.steps.is_empty() && panel.look == Look::Stat { "blue" } else { "green" };
    let base = json!({"color": first, "value": null});
    let more = panel.steps.iter().map(|(from, color)| json!({"color": color, "value": from}));
    std::iter::once(base).chain(more).collect()
}

fn mappings(panel: &Panel) -> Vec<Value> {
    if panel.words.is_empty() {
        return Vec::new();
    }
    let mut options = json!({});
    for (index, (value, word, color)) in panel.words.iter().enumerate() {
        options[value.to_string()] = json!({"text": word, "color": color, "index": index});
    }
    vec![json!({"type": "value", "options": options})]
}

fn custom(look: Look) -> Option<Value> {
    Some(match look {
        Look::Lines => json!({
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never",
            "spanNulls": false, "stacking": {"mode": "none", "group": "A"},
        }),
        Look::Stack => json!({
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": 55, "showPoints": "never",
            "spanNulls": false, "stacking": {"mode": "normal", "group": "A"},
        }),
        Look::Bars => json!({
            "drawStyle": "bars", "lineWidth": 0, "fillOpacity": 90, "showPoints": "never",
            "spanNulls": false, "stacking": {"mode": "normal", "group": "A"},
        }),
        Look::States => json!({"lineWidth": 0, "fillOpacity": 80}),
        Look::Table => json!({"align": "auto", "filterable": true}),
        Look::Stat | Look::Heat | Look::Text | Look::Row(_) => return None,
    })
}

fn overrides(panel: &Panel) -> Vec<Value> {
    let colors = panel.colors.iter().map(|(name, color)| {
        json!({
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
        })
    });
    let columns = panel.columns.iter().map(|(title, unit)| {
        json!({
            "matcher": {"id": "byName", "options": title},
            "properties": [{"id": "unit", "value": unit}],
        })
    });
    colors.chain(columns).collect()
}

/// Legend, tooltip, colours of cells.
pub(crate) fn options(panel: &Panel) -> Value {
    let list =
        json!({"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []});
    match panel.look {
        Look::Stat => json!({
            "graphMode": "area", "colorMode": "value", "justifyMode": "auto", "textMode": "auto",
            "orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        }),
        Look::Heat => json!({
            "calculate": false, "cellGap": 1, "filterValues": {"le": 1e-9},
            "color": {
                "mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "scale": "exponential",
                "exponent": 0.5, "steps": 64, "reverse": false,
            },
            "legend": {"show": true}, "rowsFrame": {"layout": "auto"},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "tooltip": {"show": true, "yHistogram": true},
            "yAxis": {"axisPlacement": "left", "reverse": false, "unit": panel.unit},
        }),
        Look::States => json!({
            "mergeValues": true, "rowHeight": 0.9, "showValue": "auto", "alignValue": "left",
            "legend": list, "tooltip": {"mode": "single", "sort": "none"},
        }),
        Look::Table => json!({"showHeader": true, "cellHeight": "sm", "frameIndex": 0}),
        _ => json!({"legend": list, "tooltip": {"mode": "multi", "sort": "desc"}}),
    }
}

/// One row for each label set, one column for each question.
pub(crate) fn transformations(panel: &Panel) -> Value {
    let mut names = json!({});
    for (letter, (title, _)) in ('A'..='Z').zip(&panel.columns) {
        names[format!("Value #{letter}")] = json!(title);
    }
    if panel.columns.len() == 1 {
        names["Value"] = json!(panel.columns[0].0);
    }
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {"Time": true, "job": true, "__name__": true},
            "indexByName": {},
            "renameByName": names,
        }},
    ])
}
