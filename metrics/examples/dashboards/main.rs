//! Writes the files of `dashboards/` that follow from the tables into the directory it is given:
//! Grafana's dashboards, targets for Graphite, the MIB. `tests/tools/docs.sh` runs it and finds drift.

mod board;
mod boards;
mod catalog;
mod graphite;
mod look;
mod mib;
mod panel;
#[path = "../shared/speaking.rs"]
mod speaking;

use std::path::Path;

use serde_json::Value;

use boards::{inside, kernel, latency, overview, reference, workers};
use catalog::Catalog;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let to = std::env::args().nth(1).ok_or("give the directory to write to")?;
    let to = Path::new(&to);
    let all = Catalog::new()?;
    let boards = [
        overview::board(),
        workers::board(),
        latency::board(),
        kernel::board(),
        inside::board(),
        reference::board(&all),
    ];
    for board in boards {
        let name = format!("grafana/uwsgi-{}.json", board.name);
        write(to, &name, &pretty(&board.json(&all)?)?)?;
    }
    for (name, value) in graphite::files()? {
        write(to, name, &pretty(&value)?)?;
    }
    write(to, "UWSGI-MIB.txt", &mib::text())
}

/// One line for each member down to the panels, so that a change shows where it is.
fn pretty(value: &Value) -> Result<String, Failure> {
    let mut out = String::new();
    lines(value, 0, &mut out)?;
    out.push('\n');
    Ok(out)
}

/// Members of what is near the top stand on lines of their own, the rest stays together.
fn lines(value: &Value, depth: usize, out: &mut String) -> Result<(), Failure> {
    let gap = format!("\n{}", " ".repeat(depth + 1));
    let end = format!("\n{}", " ".repeat(depth));
    match value {
        Value::Object(members) if depth < 3 && !members.is_empty() => {
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "{" } else { "," });
                out.push_str(&gap);
                out.push_str(&format!("{}: ", serde_json::to_string(name)?));
                lines(member, depth + 1, out)?;
            }
            out.push_str(&end);
            out.push('}');
        }
        Value::Array(members) if depth < 3 && !members.is_empty() => {
            for (index, member) in members.iter().enumerate() {
                out.push_str(if index == 0 { "[" } else { "," });
                out.push_str(&gap);
                lines(member, depth + 1, out)?;
            }
            out.push_str(&end);
            out.push(']');
        }
        other => out.push_str(&serde_json::to_string(other)?),
    }
    Ok(())
}

fn write(to: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = to.join(name);
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    Ok(std::fs::write(file, text)?)
}
