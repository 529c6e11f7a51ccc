//! Writes a page of the documentation anew, with the table of probes between its two marks.

use std::fmt::Write as _;

const BEGIN: &str = "<!-- probes: from server/usdt/src/table.rs -->\n";
const END: &str = "<!-- end of probes -->\n";

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        eprintln!("{path}: no marks for the table of probes");
        std::process::exit(1);
    };
    print!("{before}{BEGIN}{}{END}{after}", table());
}

fn table() -> String {
    let mut out = String::from("| probe | arguments, `arg0` first | fires when |\n|---|---|---|\n");
    for probe in uwsgi_usdt::TABLE {
        let slots: Vec<String> = probe.slots().iter().map(|slot| format!("`{slot}`")).collect();
        let (name, about) = (probe.name, probe.about.trim());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `{name}` | {} | {about} |", slots.join(", "));
    }
    out
}
