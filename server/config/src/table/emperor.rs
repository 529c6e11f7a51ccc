//! The Emperor and its vassals.

use super::sandbox::{CAPABILITIES, NAMESPACES};
use crate::row::{Kind, Row, flag, req};

pub(super) const ROWS: &[Row] = &[
    req("emperor", Kind::List, "run the instances found by this monitor"),
    req("emperor-wrapper", Kind::Str, "binary that runs the vassals"),
    flag("emperor-nofollow", "do not follow symbolic links when checking vassals"),
    req("emperor-procname", Kind::Str, "process name of the Emperor"),
    req("emperor-freq", Kind::Int, "how often vassals are checked").unit("s").default("3"),
    req(
        "emperor-required-heartbeat",
        Kind::Int,
        "longest silence of a vassal before it is restarted",
    )
    .default("30")
    .unit("s"),
    req("emperor-curse-tolerance", Kind::Int, "how long a stopping vassal may take")
        .default("30")
        .unit("s"),
    req("emperor-pidfile", Kind::Str, "pidfile of the Emperor"),
    flag("emperor-tyrant", "run each vassal as the owner of its file"),
    flag("emperor-tyrant-nofollow", "take the owner of the link, not of its target"),
    flag("emperor-tyrant-initgroups", "give vassals the supplementary groups of their user"),
    req("emperor-stats", Kind::Address, "serve the statistics of the Emperor as JSON")
        .aliases(&["emperor-stats-server"]),
    flag("early-emperor", "start the Emperor before anything else"),
    req("emperor-broodlord", Kind::Int, "most zergs at a time, started when vassals ask for help")
        .default("0"),
    req("emperor-throttle", Kind::Int, "pause between two starts of one vassal")
        .default("1000")
        .unit("ms"),
    req("emperor-max-throttle", Kind::Int, "longest pause between two starts of one vassal")
        .default("180000")
        .unit("ms"),
    flag("emperor-magic-exec", "read executable vassal files by running them"),
    req(
        "emperor-on-demand-extension",
        Kind::Str,
        "suffix of the file that names the socket of an on-demand vassal",
    )
    .aliases(&["emperor-on-demand-ext"]),
    req("emperor-on-demand-directory", Kind::Str, "directory of the sockets of on-demand vassals")
        .aliases(&["emperor-on-demand-dir"]),
    req(
        "emperor-on-demand-exec",
        Kind::Str,
        "command that prints the socket of an on-demand vassal",
    ),
    req("emperor-extra-extension", Kind::List, "another suffix of vassal files")
        .aliases(&["emperor-extra-ext"]),
    flag("emperor-no-blacklist", "restart failing vassals without growing pauses"),
    req("emperor-use-clone", Kind::Words, "start vassals in new namespaces").words(NAMESPACES),
    req("emperor-use-fork-server", Kind::Str, "start vassals through this fork server")
        .aliases(&["emperor-use-fork-serve"]),
    req("vassal-fork-base", Kind::List, "instance that vassals are forked from"),
    flag("emperor-subreaper", "adopt processes that vassals leave behind"),
    req("emperor-cap", Kind::Words, "capabilities of vassals")
        .hints(CAPABILITIES)
        .aliases(&["vassals-cap", "vassal-cap"]),
    req(
        "emperor-collect-attribute",
        Kind::List,
        "read this attribute of each vassal from its file",
    )
    .aliases(&["emperor-collect-attr"]),
    req("emperor-fork-server-attr", Kind::Str, "attribute that names the fork server of a vassal"),
    req("emperor-wrapper-attr", Kind::Str, "attribute that names the binary of a vassal"),
    req("emperor-chdir-attr", Kind::Str, "attribute that names the directory of a vassal"),
    req("vassals-inherit", Kind::List, "configuration that every vassal inherits")
        .aliases(&["vassal-inherit"]),
    req("vassals-include", Kind::List, "configuration that every vassal includes"),
    req("vassals-inherit-before", Kind::List, "inherited by every vassal before its own file"),
    req("vassals-include-before", Kind::List, "included by every vassal before its own file"),
    req("vassals-start-hook", Kind::Str, "command run in each vassal before it starts"),
    req("vassals-stop-hook", Kind::Str, "command run after a vassal died"),
    req(
        "vassal-sos",
        Kind::Int,
        "ask the Emperor for help while all workers are busy, this often at most",
    )
    .default("0")
    .unit("s"),
    req(
        "vassal-sos-backlog",
        Kind::Int,
        "ask the Emperor for help at this length of the listen queue",
    )
    .default("0"),
    req("vassals-set", Kind::List, "set an option in every vassal").aliases(&["vassal-set"]),
    req("heartbeat", Kind::Int, "how often the Emperor is told that this instance lives")
        .default("0")
        .unit("s"),
    req("zeus", Kind::Str, "run Emperors as vassals"),
    flag("emperor-graceful-shutdown", "stop vassals gracefully with the Emperor"),
    req("emperor-wrapper-fallback", Kind::List, "binary tried when the wrapper cannot run"),
    req("emperor-wrapper-override", Kind::List, "binary tried before the wrapper"),
    flag("emperor-wait-for-command", "start vassals only when a command says so"),
    req("emperor-wait-for-command-ignore", Kind::List, "vassal that does not wait for a command"),
    req(
        "emperor-prometheus",
        Kind::Address,
        "serve Prometheus metrics of all vassals on this address",
    ),
];
