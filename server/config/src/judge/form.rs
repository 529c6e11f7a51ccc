//! Texts with a form of their own: names, blanks, colons in their places.

use super::{fault, place, warning};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::{Kind, Row, Status};

/// One form: the options it is about, how to tell it, what to say (`{}` is the value,
/// `{option}` the option), and the form for people.
struct Form {
    options: &'static [&'static str],
    holds: fn(&str) -> bool,
    text: &'static str,
    allowed: &'static str,
}

const FORMS: &[Form] = &[
    Form {
        options: &["static-map", "static-map2"],
        holds: pair,
        text: "invalid document root in static map, syntax mountpoint=docroot",
        allowed: "mountpoint=docroot",
    },
    Form {
        options: &["mount", "worker-mount"],
        holds: pair,
        text: "invalid mountpoint: {}",
        allowed: "path=application",
    },
    Form {
        options: &["farm"],
        holds: |text| text.contains(':'),
        text: "invalid farm value ({}) must be in the form name:mule[,muleN].",
        allowed: "name:mule[,mule]",
    },
    Form {
        options: &["legion"],
        holds: |text| words(text) >= 4 && text.contains(':'),
        text: "invalid legion syntax, must be <legion> <addr> <valor> <algo:secret>",
        allowed: "<legion> <addr> <valor> <algo:secret> [iv]",
    },
    Form {
        options: &["legion-mcast"],
        holds: |text| words(text) >= 4 && text.contains(':'),
        text: "invalid legion-mcast syntax, must be <legion> <addr> <valor> <algo:secret>",
        allowed: "<legion> <addr> <valor> <algo:secret> [iv]",
    },
    Form {
        options: &["legion-quorum"],
        holds: |text| words(text) >= 2,
        text: "invalid legion-quorum syntax, must be <legion> <quorum>",
        allowed: "<legion> <quorum>",
    },
    Form {
        options: &["legion-node"],
        holds: |text| words(text) >= 2,
        text: "invalid legion-node syntax, must be <legion> <addr>",
        allowed: "<legion> <addr>",
    },
    Form {
        options: &[
            "legion-lord",
            "legion-unlord",
            "legion-setup",
            "legion-death",
            "legion-join",
            "legion-node-joined",
            "legion-node-left",
        ],
        holds: |text| words(text) >= 2,
        text: "[uwsgi-legion] invalid {option} syntax, must be <legion> <action>",
        allowed: "<legion> <action>",
    },
    Form {
        options: &["sni", "sni-regexp"],
        holds: |text| text.split_once(' ').is_some_and(|(_, files)| files.contains(',')),
        text: "invalid sni syntax, must be sni_key<space>crt,key[,ciphers,client_ca]",
        allowed: "name crt,key[,ciphers[,client_ca]]",
    },
    Form {
        options: &["collect-header"],
        holds: |text| text.contains(' '),
        text: "invalid collect header syntax, must be <header> <var>",
        allowed: "<header> <var>",
    },
    Form {
        options: &["pull-header"],
        holds: |text| text.contains(' '),
        text: "invalid pull header syntax, must be <header> <var>",
        allowed: "<header> <var>",
    },
    Form {
        options: &["tuntap-router"],
        holds: |text| words(text) >= 2,
        text: "invalid tuntap router syntax, must be <device> <socket> [stats] [gateway]",
        allowed: "<device> <socket> [stats] [gateway]",
    },
    Form {
        options: &["subscriptions-sign-check"],
        holds: |text| text.contains(':'),
        text: "invalid syntax for 'subscriptions-sign-check', must be: <digest>:<directory>",
        allowed: "<digest>:<directory>",
    },
    Form {
        options: &["map-socket"],
        holds: |text| text.contains(':'),
        text: "invalid socket mapping, must be socket:worker[,worker...]",
        allowed: "socket:worker[,worker]",
    },
];

/// What an action of a phase is called without plugins.
const ACTIONS: &[&str] = &[
    "alarm",
    "append",
    "appendn",
    "call",
    "callint",
    "callintret",
    "callret",
    "cd",
    "chdir",
    "chmod",
    "chown",
    "chown2",
    "creat",
    "create",
    "exec",
    "exit",
    "hostname",
    "log",
    "mkdir",
    "mount",
    "print",
    "putenv",
    "retryrpc",
    "rpc",
    "safeexec",
    "spinningfifo",
    "sticky",
    "umount",
    "unix_signal",
    "unlink",
    "wait_for_dir",
    "wait_for_file",
    "wait_for_fs",
    "wait_for_socket",
    "write",
    "writefifo",
    "writen",
];

/// Judges the form of a value, where its option has one.
pub(super) fn judge(entry: &Entry, row: &Row) -> Option<Finding> {
    let text = entry.text();
    if row.kind == Kind::Hook {
        return hook(entry, row, text);
    }
    let form = FORMS.iter().find(|form| form.options.contains(&row.name))?;
    let text_of = || form.text.replace("{option}", row.name).replace("{}", text);
    let said = || fault(entry, text_of()).allowed(form.allowed);
    (!(form.holds)(text)).then(said)
}

fn pair(text: &str) -> bool {
    text.contains('=')
}

fn words(text: &str) -> usize {
    text.split_ascii_whitespace().count()
}

/// `action:arguments`; some hooks carry a file or namespaces in front.
fn hook(entry: &Entry, row: &Row, text: &str) -> Option<Finding> {
    let prefixed = matches!(row.name, "hook-touch" | "hook-as-emperor-setns");
    let action = if prefixed { text.split_once(' ').map_or("", |(_, rest)| rest) } else { text };
    let Some((name, _)) = action.split_once(':') else {
        let text = "invalid hook syntax, must be hook:args";
        return Some(fault(entry, text).allowed("<action>:<arguments>"));
    };
    let name = name.strip_prefix('!').unwrap_or(name);
    // Plugins may bring actions of their own: what is like none of ours is judged by the server.
    let near = crate::suggest::nearest(name, ACTIONS.iter().copied())?;
    let text = format!("hook action not found: {name}");
    let finding = || match row.status {
        Status::Works => fault(entry, text).meant(near),
        _ => warning(entry, format!("{text}, in {}, did you mean \"{near}\"?", place(entry)))
            .meant(near),
    };
    (!ACTIONS.contains(&name)).then(finding)
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn a_form_holds_or_is_told() {
        expect(&[
            ("static-map", "/a=/b", ""),
            ("static-map", "/a", "!invalid document root in static map, syntax mountpoint=docroot"),
            ("mount", "/x=app.py", ""),
            ("mount", "x", "!invalid mountpoint: x"),
            ("farm", "f:1,2", ""),
            ("farm", "f", "!invalid farm value (f) must be in the form name:mule[,muleN]."),
            ("legion", "l 127.0.0.1:1 9 bf-cbc:x", ""),
            (
                "legion",
                "l 127.0.0.1:1",
                "!invalid legion syntax, must be <legion> <addr> <valor> <algo:secret>",
            ),
            ("hook-asap", "print:hello", ""),
            ("hook-asap", "print", "!invalid hook syntax, must be hook:args"),
            ("hook-asap", "mine:x", ""),
            ("hook-asap", "prnt:x", "!hook action not found: prnt"),
            (
                "hook-as-vassal",
                "prnt:x",
                "-hook action not found: prnt, in option \"hook-as-vassal\" at x.ini:2, \
                 did you mean \"print\"?",
            ),
            ("hook-asap", "!print:x", ""),
            ("hook-touch", "/tmp/x print:y", ""),
            ("hook-touch", "/tmp/x", "!invalid hook syntax, must be hook:args"),
        ]);
    }
}
