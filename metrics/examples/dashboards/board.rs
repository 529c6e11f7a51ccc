//! One dashboard: variables, links, and panels that flow over the grid of 24 columns.

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::panel::{Look, Panel, expand};

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;

/// One dashboard.
pub(crate) struct Board {
    /// Last part of file name and uid.
    pub(crate) name: &'static str,
    /// Title behind `uWSGI / `.
    pub(crate) title: &'static str,
    /// One line.
    pub(crate) about: &'static str,
    /// True when its queries know the variable `worker`.
    pub(crate) workers: bool,
    /// More variables.
    pub(crate) variables: Vec<Value>,
    /// In reading order.
    pub(crate) panels: Vec<Panel>,
}

impl Board {
    /// The dashboard in Grafana's model.
    ///
    /// # Errors
    /// Those of [`Panel::json`].
    pub(crate) fn json(&self, all: &Catalog) -> Result<Value, String> {
        Ok(json!({
            "__requires": requires(&self.panels),
            "id": null,
            "uid": format!("uwsgi-{}", self.name),
            "title": format!("uWSGI / {}", self.title),
            "description": self.about,
            "tags": ["uwsgi"],
            "timezone": "browser",
            "editable": true,
            "graphTooltip": 1,
            "time": {"from": "now-1h", "to": "now"},
            "timepicker": {},
            "refresh": "30s",
            "schemaVersion": 36,
            "version": 1,
            "annotations": {"list": annotations()},
            "links": [{
                "type": "dashboards", "title": "uWSGI", "tags": ["uwsgi"], "asDropdown": true,
                "includeVars": true, "keepTime": true, "targetBlank": false, "icon": "external link",
                "tooltip": "", "url": "",
            }],
            "templating": {"list": self.variables()},
            "panels": self.placed(all)?,
        }))
    }

    fn variables(&self) -> Vec<Value> {
        let mut list = vec![
            json!({
                "name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus",
                "hide": 0, "refresh": 1, "regex": "", "multi": false, "includeAll": false,
                "skipUrlSync": false,
            }),
            labels("job", "label_values(uwsgi_up, job)"),
            labels("instance", r#"label_values(uwsgi_up{job=~"$job"}, instance)"#),
        ];
        if self.workers {
            let of = expand("label_values(uwsgi_worker_requests_total{i}, worker_id)");
            list.push(labels("worker", &of));
        }
        list.extend(self.variables.iter().cloned());
        list
    }

    /// The panels, left to right and top to bottom; those behind a folded head lie inside of it.
    fn placed(&self, all: &Catalog) -> Result<Vec<Value>, String> {
        let mut placed: Vec<Value> = Vec::new();
        let (mut x, mut y, mut tallest) = (0, 0, 0);
        for (id, panel) in (1..).zip(&self.panels) {
            let (width, height) = panel.size;
            if x + width > COLUMNS {
                (x, y, tallest) = (0, y + tallest, 0);
            }
            let value = panel.json(id, (x, y), all)?;
            (x, tallest) = (x + width, height.max(tallest));
            let folded = placed.last_mut().filter(|last| last["collapsed"] == json!(true));
            match folded.and_then(|head| head["panels"].as_array_mut()) {
                Some(inside) if !matches!(panel.look, Look::Row(_)) => inside.push(value),
                _ => placed.push(value),
            }
        }
        Ok(placed)
    }
}

/// A variable that holds the values of a label, all of them at first.
fn labels(name: &str, query: &str) -> Value {
    json!({
        "name": name, "type": "query", "label": name,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "definition": query, "refresh": 2, "sort": 3, "regex": "", "hide": 0,
        "multi": true, "includeAll": true, "allValue": ".*", "skipUrlSync": false,
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
    })
}

/// Reloads and thresholds that fire, as marks over all panels.
fn annotations() -> Vec<Value> {
    let mark = |name: &str, color: &str, expr: &str, text: &str| {
        json!({
            "name": name, "enable": true, "hide": false, "iconColor": color,
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "expr": expand(expr), "step": "15s", "titleFormat": name, "textFormat": text,
            "tagKeys": "instance", "useValueForTime": false,
        })
    };
    vec![
        mark("Reload", "blue", "increase(uwsgi_reloads_total{i}[1m]) > 0", "{{instance}}"),
        mark("Threshold", "red", "uwsgi_threshold_state{i} == 2", "{{instance}} {{key}}"),
    ]
}

/// What an import asks for.
fn requires(panels: &[Panel]) -> Vec<Value> {
    let names = [
        ("timeseries", "Time series", &[Look::Lines, Look::Stack, Look::Bars][..]),
        ("stat", "Stat", &[Look::Stat]),
        ("heatmap", "Heatmap", &[Look::Heat]),
        ("state-timeline", "State timeline", &[Look::States]),
        ("table", "Table", &[Look::Table]),
        ("text", "Text", &[Look::Text]),
    ];
    let mut list = vec![
        json!({"type": "grafana", "id": "grafana", "name": "Grafana", "version": "9.0.0"}),
        json!({"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"}),
    ];
    let used = names.iter().filter(|(.., looks)| panels.iter().any(|p| looks.contains(&p.look)));
    list.extend(
        used.map(|(id, name, _)| json!({"type": "panel", "id": id, "name": name, "version": ""})),
    );
    list
}
