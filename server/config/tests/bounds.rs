//! A configuration that would grow or run without end is a fault, soon and with a reason.

mod support;

use support::{Files, load_with};

const GROWS: &str = "the list of options grows without end";

/// A start of `x.ini`: what is said at last.
fn fault(files: &[(String, String)]) -> String {
    let named: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    match load_with(&["--ini", "x.ini"], &[], &Files::new(&named)) {
        Ok(config) => format!("{} entries", config.entries.len()),
        Err(failure) => failure.lines.join("\n"),
    }
}

fn one(text: &str) -> Vec<(String, String)> {
    vec![("x.ini".to_owned(), format!("[uwsgi]\n{text}\n[empty]\n"))]
}

fn chain(length: usize, line: impl Fn(usize) -> String) -> Vec<(String, String)> {
    let name = |at: usize| if at == 0 { "x.ini".to_owned() } else { format!("{at}.ini") };
    let file = |at: usize| (name(at), format!("[uwsgi]\n{}\n", line(at + 1)));
    (0..length).map(file).chain([(name(length), "[uwsgi]\nend = 1\n".to_owned())]).collect()
}

#[test]
fn everything_ends() {
    let doubled = (1..40).fold(String::from("a0 = 0123456789\n"), |text, at| {
        let below = at - 1;
        text + &format!("a{at} = %(a{below})%(a{below})\n")
    });
    let mut blob = one(&"x = @(blob)\n".repeat(100));
    blob.push(("blob".to_owned(), "0123456789".repeat(200_000)));
    let mut many = one("for-readline = lines\nx = %(_)\nend =");
    many.push(("lines".to_owned(), "\n".repeat((1 << 20) + 1)));
    let mut injected = one(&("inject-before = blob\n".repeat(100) + "ini = :empty"));
    injected.push(("blob".to_owned(), "; 789\n".repeat(200_000)));
    for (name, files, expected) in [
        ("a loop without end", one("for-times = 999999999\nx = 1\nendfor ="), "for-times"),
        ("a loop over an empty section", one("for-times = 1000000\nini = :empty\nend ="), GROWS),
        (
            "a long loop of long values",
            one(&format!("for-times = 900000\nx = {}\nend =", "y".repeat(500))),
            GROWS,
        ),
        (
            "files inside each other",
            chain(100, |next| format!("ini = {next}.ini")),
            "is inside 64 other files",
        ),
        (
            "files that read two others each",
            chain(40, |next| format!("ini = {next}.ini\nini = {next}.ini")),
            GROWS,
        ),
        ("values that double", one(&doubled), "expands without end"),
        ("a large file in many values", blob, GROWS),
        ("an option that means itself", one("declare-option = a=a=$1$1\na = xx"), GROWS),
        (
            "an option that means itself twice",
            one("declare-option = a=b=$1;b=$1\ndeclare-option = b=a=$1;a=$1\na = xx"),
            "expands without end",
        ),
        (
            "parentheses in parentheses",
            one(&format!("x = {}{}", "%(".repeat(30_000), ")".repeat(30_000))),
            "expands without end",
        ),
        ("a loop over too many lines", many, "for-readline = lines: too many repetitions"),
        ("text injected again and again", injected, GROWS),
        ("a mistake in a loop", one("for-times = 100000\nproceses = 1\nend ="), "100003 entries"),
    ] {
        let said = fault(&files);
        let shown: String = said.chars().take(300).collect();
        assert!(said.contains(expected), "{name}: {shown}");
    }
}
