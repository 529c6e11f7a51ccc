//! What options say together: each rule once where it speaks and once where it must not.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

mod support;

use support::ini;

/// Everything said about the lines of a file, warnings and faults, without log lines and places.
fn said(lines: &[&str]) -> Vec<String> {
    let said = match ini(&format!("[uwsgi]\n{}\n", lines.join("\n"))) {
        Ok(config) => config.messages,
        Err(failure) => failure.lines,
    };
    // Options without effect yet are named too; that is not what is tested here.
    let ours = |line: &String| {
        !line.starts_with("[uWSGI]")
            && !line.starts_with("  (")
            && !line.ends_with("is not implemented yet: ignored")
    };
    said.into_iter().filter(ours).collect()
}

#[test]
fn options_that_do_not_fit_together_are_told() {
    let table: &[(&[&str], &[&str])] = &[
        (&["processes = 4", "cheaper = 3"], &[]),
        (
            &["processes = 4", "cheaper = 4"],
            &["invalid cheaper value: must be lower than processes"],
        ),
        (&["processes = 4", "cheaper = 1", "cheaper-initial = 2"], &[]),
        (
            &["processes = 4", "cheaper = 2", "cheaper-initial = 1"],
            &["warning: invalid cheaper-initial value (1), must be equal or higher than cheaper \
               (2), using 2 as initial number of workers"],
        ),
        (
            &["processes = 4", "cheaper = 2", "cheaper-initial = 9"],
            &["warning: invalid cheaper-initial value (9), must be lower or equal than worker \
               count (4), using 4 as initial number of workers"],
        ),
        (
            &["cheaper-initial = 2"],
            &["option \"cheaper-initial\" at x.ini:2 has no effect without \"cheaper\""],
        ),
        (&["master = true", "max-worker-lifetime = 60"], &[]),
        (
            &["master = true", "max-worker-lifetime = 5"],
            &["invalid min-worker-lifetime value (10), must be lower than max-worker-lifetime (5)"],
        ),
        (&["cheaper-rss-limit-soft = 5", "memory-report = true"], &[]),
        (
            &["cheaper-rss-limit-soft = 5"],
            &["enabling cheaper-rss-limit-soft requires enabling also memory-report"],
        ),
        (
            &["cheaper-rss-limit-hard = 5", "memory-report = true"],
            &["enabling cheaper-rss-limit-hard requires setting also cheaper-rss-limit-soft"],
        ),
        (
            &["cheaper-rss-limit-hard = 5", "cheaper-rss-limit-soft = 5", "memory-report = true"],
            &["cheaper-rss-limit-hard value must be higher than cheaper-rss-limit-soft value"],
        ),
        (&["shared-socket = :80", "http = =0"], &[]),
        (&["shared-socket = :80", "http = =1"], &["unable to use shared socket 1"]),
        (&["mule = a.py", "mules = 2", "farm = all:1,2,3"], &[]),
        (&["mule = a.py", "farm = all:1,2"], &["invalid mule id: 2"]),
        (&["socket = :3031", "socket = :3032"], &[]),
        (&["socket = 127.0.0.1:0", "http-socket = 127.0.0.1:0"], &[]),
        (
            &["socket = :3031", "http-socket = :3031"],
            &["option \"http-socket\" at x.ini:3 names \":3031\" again, which is bound already"],
        ),
        (&["socket = :3031", "http-socket = :3031", "reuse-port = true"], &[]),
        (&["enable-threads = true", "threads = 2"], &[]),
        (
            &["enable-threads = false", "threads = 2"],
            &["option \"enable-threads\" at x.ini:2 has no effect: \"threads\" at x.ini:3 needs \
               threads"],
        ),
        (&["harakiri = 5", "master = true"], &[]),
        (&["harakiri = 0"], &[]),
        (
            &["metrics-dir-restore = true"],
            &["option \"metrics-dir-restore\" at x.ini:2 has no effect without \"metrics-dir\""],
        ),
        (&["metrics-dir-restore = true", "metrics-dir = /x"], &[]),
        (
            &["prometheus-auth = bearer:x", "stats = :1", "stats-http = true"],
            &["option \"prometheus-auth\" at x.ini:2 has no effect without \"prometheus\""],
        ),
        (&["prometheus-auth = bearer:x", "prometheus = :1"], &[]),
        (&["snmp-silent = false"], &[]),
        (
            &[
                "snmp-agentx = /x",
                "snmp-gauge64 = true",
                "snmp-allow = ::1",
                "snmp-engine-file = e",
            ],
            &[
                "option \"snmp-allow\" at x.ini:4 has no effect without \"snmp\" or \"snmp-community\" or \
                 \"snmp-user\"",
                "option \"snmp-engine-file\" at x.ini:5 has no effect without \"snmp-user\"",
            ],
        ),
        (&["harakiri = 5"], &["option \"harakiri\" at x.ini:2 has no effect without \"master\""]),
        (&["http = :80", "http-timeout = 5"], &[]),
        (&["https = :443,a.crt,a.key", "http-timeout = 5"], &[]),
        (
            &["http-timeout = 5"],
            &["option \"http-timeout\" at x.ini:2 has no effect without \"http\", the router it \
               is about"],
        ),
        (&["https-session-context = a", "https = :443,a.crt,a.key"], &[]),
        (
            &["https = :443,a.crt,a.key", "https-session-context = a"],
            &["option \"https-session-context\" at x.ini:3 must stand before \"https\""],
        ),
        (&["lazy = true"], &[]),
        (
            &["lazy = true", "lazy-apps = true"],
            &["option \"lazy\" at x.ini:2 restarts only workers at a reload; \"lazy-apps\" alone \
               reloads everything"],
        ),
        (&["alarm = a log:", "alarm-segfault = a", "alarm-backlog = a"], &[]),
        (&["alarm = a log:", "alarm = b log:"], &[]),
        (
            &["alarm = a log:", "alarm = a cmd:x y"],
            &["option \"alarm\" at x.ini:3 names the alarm \"a\" again: the first one is raised"],
        ),
        (
            &["alarm = ops log:", "alarm-segfault = opps", "alarm-backlog = x"],
            &[
                "option \"alarm-segfault\" at x.ini:3 names the alarm \"opps\", which is not \
                 defined, did you mean \"ops\"?",
                "option \"alarm-backlog\" at x.ini:4 names the alarm \"x\", which is not defined",
            ],
        ),
        (
            &["log-alarm = a x", "alarm-fd = b 3 x"],
            &[
                "option \"log-alarm\" at x.ini:2 names the alarm \"a\", which is not defined",
                "option \"alarm-fd\" at x.ini:3 names the alarm \"b\", which is not defined",
            ],
        ),
    ];
    for (lines, expected) in table {
        assert_eq!(said(lines), *expected, "{lines:?}");
    }
}

#[test]
fn every_unknown_key_of_a_strict_file_is_named_with_its_neighbour() {
    let failure = ini("[uwsgi]\nstrict = true\nproceses = 2\nmastr = true\nwholly-new = 1\n");
    let lines = failure.unwrap_err().lines;
    let faults: Vec<&String> = lines.iter().filter(|l| l.starts_with("[strict-mode]")).collect();
    assert_eq!(faults.len(), 3, "{lines:?}");
    let meant: Vec<&String> = lines.iter().filter(|l| l.contains("did you mean")).collect();
    assert!(meant[0].contains("\"processes\"?") && meant[1].contains("\"master\"?"), "{lines:?}");
    assert_eq!(meant.len(), 2, "{lines:?}");
}

#[test]
fn misspelt_options_that_guard_something_are_told_as_such() {
    let line = |key: &str, name: &str| {
        format!("[security] unknown option \"{key}\" ignored, did you mean \"{name}\"?")
    };
    assert_eq!(said(&["emperor-tyrrant = true"]), [line("emperor-tyrrant", "emperor-tyrant")]);
    assert_eq!(said(&["user-id = 33"]), [line("user-id", "uid")]);
    assert_eq!(said(&["namespac = /x"]), [line("namespac", "namespace")]);
    assert!(said(&["set-ph = user-id=33"]).is_empty());
    assert!(said(&["user-id = 33", "env = A=%(user-id)"]).is_empty());
}
