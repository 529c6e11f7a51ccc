//! One panel: what it asks, how it looks. Expressions are written short: `{i}` selects the chosen
//! instances, `{w}` the chosen workers of them, `[r]` is the interval of rates.

use serde_json::{Value, json};

use crate::catalog::{Catalog, series_of};

const INSTANCE: &str = r#"job=~"$job",instance=~"$instance""#;
const WORKER: &str = r#"job=~"$job",instance=~"$instance",worker_id=~"$worker""#;

/// The shape a panel is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Lines over time.
    Lines,
    /// Areas on top of each other.
    Stack,
    /// Bars on top of each other, for events.
    Bars,
    /// One number, coloured.
    Stat,
    /// Buckets over time.
    Heat,
    /// States over time.
    States,
    /// Rows of numbers, as they are now.
    Table,
    /// Words.
    Text,
    /// The head of a part; true when it is folded.
    Row(bool),
}

/// One expression with the legend of its series.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// PromQL with the variables of the dashboard.
    pub(crate) expr: String,
    /// Legend, with `{{label}}`.
    pub(crate) legend: String,
}

/// One panel.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Shape.
    pub(crate) look: Look,
    /// Title.
    pub(crate) title: String,
    /// What it tells, and what to do about it.
    pub(crate) about: String,
    /// Unit by Grafana's name.
    pub(crate) unit: &'static str,
    /// Width in columns of 24, and height.
    pub(crate) size: (u32, u32),
    /// What is asked.
    pub(crate) queries: Vec<Query>,
    /// Values from which a colour holds.
    pub(crate) steps: Vec<(f64, &'static str)>,
    /// Colours of series by name.
    pub(crate) colors: Vec<(&'static str, &'static str)>,
    /// Words for values.
    pub(crate) words: Vec<(i64, &'static str, &'static str)>,
    /// Highest value of the axis.
    pub(crate) max: Option<f64>,
    /// Columns of a table: title, unit.
    pub(crate) columns: Vec<(&'static str, &'static str)>,
}

/// A panel of half the width.
pub(crate) fn panel(look: Look, title: &str, unit: &'static str, about: &str) -> Panel {
    let size = match look {
        Look::Stat => (4, 4),
        Look::Row(_) => (24, 1),
        _ => (12, 8),
    };
    Panel {
        look,
        title: title.to_owned(),
        about: about.to_owned(),
        unit,
        size,
        queries: Vec::new(),
        steps: Vec::new(),
        colors: Vec::new(),
        words: Vec::new(),
        max: None,
        columns: Vec::new(),
    }
}

/// The head of a part of the dashboard.
pub(crate) fn row(title: &str) -> Panel {
    panel(Look::Row(false), title, "short", "")
}

impl Panel {
    /// Adds an expression.
    pub(crate) fn ask(mut self, expr: &str, legend: &str) -> Panel {
        self.queries.push(Query { expr: expand(expr), legend: legend.to_owned() });
        self
    }
    /// Adds an expression as a column of a table.
    pub(crate) fn column(self, title: &'static str, unit: &'static str, expr: &str) -> Panel {
        let mut panel = self.ask(expr, title);
        panel.columns.push((title, unit));
        panel
    }
    /// Sets width and height.
    pub(crate) fn size(self, w: u32, h: u32) -> Panel {
        Panel { size: (w, h), ..self }
    }
    /// Colours from values on.
    pub(crate) fn steps(self, steps: &[(f64, &'static str)]) -> Panel {
        Panel { steps: steps.to_vec(), ..self }
    }
    /// Colours of series.
    pub(crate) fn colors(self, colors: &[(&'static str, &'static str)]) -> Panel {
        Panel { colors: colors.to_vec(), ..self }
    }
    /// Words and colours for values.
    pub(crate) fn words(self, words: &[(i64, &'static str, &'static str)]) -> Panel {
        Panel { words: words.to_vec(), ..self }
    }
    /// The end of the axis.
    pub(crate) fn max(self, max: f64) -> Panel {
        Panel { max: Some(max), ..self }
    }

    /// The panel in Grafana's model.
    ///
    /// # Errors
    /// Names a series that no build of the server exports.
    pub(crate) fn json(&self, id: u32, at: (u32, u32), all: &Catalog) -> Result<Value, String> {
        let kind = match self.look {
            Look::Lines | Look::Stack | Look::Bars => "timeseries",
            Look::Stat => "stat",
            Look::Heat => "heatmap",
            Look::States => "state-timeline",
            Look::Table => "table",
            Look::Text => "text",
            Look::Row(_) => "row",
        };
        let mut value = json!({
            "id": id,
            "type": kind,
            "title": self.title,
            "gridPos": {"h": self.size.1, "w": self.size.0, "x": at.0, "y": at.1},
        });
        if let Look::Row(folded) = self.look {
            value["collapsed"] = json!(folded);
            value["panels"] = json!([]);
            return Ok(value);
        }
        if self.look == Look::Text {
            value["options"] = json!({"mode": "markdown", "content": self.about});
            return Ok(value);
        }
        value["description"] = json!(self.description(all)?);
        value["datasource"] = json!({"type": "prometheus", "uid": "${datasource}"});
        value["targets"] = Value::Array(self.targets());
        value["fieldConfig"] = crate::look::field_config(self);
        value["options"] = crate::look::options(self);
        if self.look == Look::Table {
            value["transformations"] = crate::look::transformations(self);
        }
        Ok(value)
    }

    /// What the panel tells, and the help of the families it uses.
    fn description(&self, all: &Catalog) -> Result<String, String> {
        let mut names: Vec<&str> = Vec::new();
        let mut lines = vec![self.about.clone()];
        for series in self.queries.iter().flat_map(|query| series_of(&query.expr)) {
            let (name, family) = all.family(series).ok_or_else(|| {
                format!("panel \"{}\" uses {series}: nobody exports it", self.title)
            })?;
            if !names.contains(&name) {
                names.push(name);
                lines.push(format!("`{name}`: {}", family.help));
            }
        }
        lines.retain(|line| !line.is_empty());
        Ok(lines.join("\n\n"))
    }

    fn targets(&self) -> Vec<Value> {
        let letters = ('A'..='Z').zip(&self.queries);
        let targets = letters.map(|(letter, query)| {
            let mut target = json!({
                "refId": letter.to_string(),
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "expr": query.expr,
                "legendFormat": if self.look == Look::Heat { "{{le}}" } else { &query.legend },
                "range": self.look != Look::Table,
                "instant": self.look == Look::Table,
            });
            match self.look {
                Look::Table => target["format"] = json!("table"),
                Look::Heat => target["format"] = json!("heatmap"),
                _ => {}
            }
            target
        });
        targets.collect()
    }
}

/// Puts the selectors and the interval in.
pub(crate) fn expand(expr: &str) -> String {
    expr.replace("{i}", &format!("{{{INSTANCE}}}"))
        .replace("{i,", &format!("{{{INSTANCE},"))
        .replace("{w}", &format!("{{{WORKER}}}"))
        .replace("{w,", &format!("{{{WORKER},"))
        .replace("[r]", "[$__rate_interval]")
}
