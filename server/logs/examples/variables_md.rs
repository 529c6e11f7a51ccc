//! Writes a page of the documentation anew, with the table of variables between its two marks.

use std::fmt::Write as _;

use uwsgi_logs::request::table::{FAMILIES, VARIABLES};

const BEGIN: &str = "<!-- variables: from server/logs/src/request/table.rs -->\n";
const END: &str = "<!-- end of variables -->\n";

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        eprintln!("{path}: no marks for the table of variables");
        std::process::exit(1);
    };
    print!("{before}{BEGIN}{}{END}{after}", table());
}

fn table() -> String {
    let mut out = String::from("| name | value |\n|---|---|\n");
    let known = VARIABLES.iter().map(|v| (v.name, v.about, v.own));
    for (name, about, own) in known.chain(FAMILIES.iter().map(|(n, a)| (*n, *a, false))) {
        let own = if own { " (ours)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `%({name})` | {about}{own} |");
    }
    out.replace("| `%(any other)` |", "| any other |")
}
