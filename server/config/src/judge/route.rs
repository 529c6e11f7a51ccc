//! Rules of request routes: a regexp or a condition, a blank, an action.

use super::{fault, regexp};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::Row;

/// Judges one rule. What an action is called is known to plugins, not here.
pub(super) fn judge(entry: &Entry, row: &Row, text: &str) -> Option<Finding> {
    let name = row.name.split_once("route").map_or("", |(_, rest)| rest);
    if name == "-label" {
        return None;
    }
    if name == "-run" {
        return action(entry, text, text);
    }
    let Some((subject, rest)) = text.split_once(' ') else {
        return Some(fault(entry, "invalid route syntax").allowed(form(name)));
    };
    let bad = match name {
        "-if" | "-if-not" => condition(entry, subject),
        "-status" => None,
        _ => regexp::judge(entry, subject),
    };
    bad.or_else(|| action(entry, text, rest))
}

fn form(name: &str) -> &'static str {
    match name {
        "-if" | "-if-not" => "<condition>:<arguments> <action>:<arguments>",
        "-status" => "<status> <action>:<arguments>",
        _ => "<regexp> <action>:<arguments>",
    }
}

/// The colon behind the name of an action is part of it, `last:`.
fn action(entry: &Entry, rule: &str, action: &str) -> Option<Finding> {
    let text = format!("unable to register route \"{rule}\"");
    (!action.contains(':')).then(|| {
        fault(entry, text).allowed("<action>:<arguments>, with the colon even without arguments")
    })
}

fn condition(entry: &Entry, text: &str) -> Option<Finding> {
    let Some((name, arguments)) = text.split_once(':') else {
        let allowed = "<condition>:<arguments>";
        return Some(fault(entry, "invalid route condition syntax").allowed(allowed));
    };
    // Where the pattern holds variables it is known only when a request is there.
    match (name, arguments.split_once(';')) {
        ("regexp", Some((_, pattern))) if !pattern.contains("${") => regexp::judge(entry, pattern),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn a_rule_has_a_subject_and_an_action() {
        expect(&[
            ("route", "^/foo last:", ""),
            ("route", "^/foo redirect:http://a b", ""),
            ("route", "^/foo", "!invalid route syntax"),
            ("route", "^/foo last", "!unable to register route \"^/foo last\""),
            ("route", "^/(foo last:", "!pcre error: code 114 at offset 6"),
            ("route-run", "log:hello", ""),
            ("route-run", "log", "!unable to register route \"log\""),
            ("route-label", "end", ""),
            ("route-if", "equal:${HTTPS};on goto:x", ""),
            ("route-if", "equal goto:x", "!invalid route condition syntax"),
            ("route-if", "regexp:${HTTP_UPGRADE};^(web log:x", "!pcre error: code 114 at offset 5"),
            ("route-if", "regexp:a;${X}( log:x", ""),
            ("response-route-status", "404 log:x", ""),
            ("final-route-host", "[a log:x", "!pcre error: code 106 at offset 2"),
        ]);
    }
}
