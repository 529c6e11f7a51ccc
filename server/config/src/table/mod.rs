//! The option table: every option the server knows, one row each, in files by topic.
//!
//! The parser, `--help`, the checks and the documentation read it and nothing else.
//! It owns the names; which of them this build acts on is the list in `works.txt`: a name in a line,
//! in byte order. Any name of an option, alias or not, moves the whole row; all others are
//! [`Status::Pending`], named in one warning when used.

mod cluster;
mod emperor;
mod files;
mod hooks;
mod languages;
mod logging;
mod loops;
mod metrics;
mod newer;
mod own;
mod plugins;
mod process;
mod python;
mod routers;
mod routing;
mod sandbox;
mod shared;
mod sockets;
mod sources;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::row::{Row, Status};

/// Sections in the order `--help` prints them.
const SECTIONS: &[(&str, &[Row])] = &[
    ("core", sockets::ROWS),
    ("core", sources::ROWS),
    ("core", logging::ROWS),
    ("core", metrics::ROWS),
    ("core", routing::ROWS),
    ("core", hooks::ROWS),
    ("core", emperor::ROWS),
    ("core", cluster::ROWS),
    ("core", sandbox::ROWS),
    ("core", files::ROWS),
    ("core", shared::ROWS),
    ("core", process::ROWS),
    ("fastrouter", routers::FASTROUTER),
    ("forkptyrouter", routers::FORKPTYROUTER),
    ("http", routers::HTTP),
    ("rawrouter", routers::RAWROUTER),
    ("sslrouter", routers::SSLROUTER),
    ("tuntap", routers::TUNTAP),
    ("zergpool", routers::ZERGPOOL),
    ("python", python::ROWS),
    ("asyncio", loops::ASYNCIO),
    ("coroae", loops::COROAE),
    ("dumbloop", loops::DUMBLOOP),
    ("fiber", loops::FIBER),
    ("gccgo", loops::GCCGO),
    ("gevent", loops::GEVENT),
    ("greenlet", loops::GREENLET),
    ("pypy", loops::PYPY),
    ("rbthreads", loops::RBTHREADS),
    ("stackless", loops::STACKLESS),
    ("tornado", loops::TORNADO),
    ("ugreen", loops::UGREEN),
    ("cgi", languages::CGI),
    ("erlang", languages::ERLANG),
    ("glusterfs", languages::GLUSTERFS),
    ("gridfs", languages::GRIDFS),
    ("jvm", languages::JVM),
    ("jwsgi", languages::JWSGI),
    ("lua", languages::LUA),
    ("mongrel2", languages::MONGREL2),
    ("mono", languages::MONO),
    ("notfound", languages::NOTFOUND),
    ("pam", languages::PAM),
    ("php", languages::PHP),
    ("psgi", languages::PSGI),
    ("pty", languages::PTY),
    ("rack", languages::RACK),
    ("rados", languages::RADOS),
    ("ring", languages::RING),
    ("symcall", languages::SYMCALL),
    ("v8", languages::V8),
    ("webdav", languages::WEBDAV),
    ("xslt", languages::XSLT),
    ("carbon", plugins::CARBON),
    ("curl_cron", plugins::CURL_CRON),
    ("geoip", plugins::GEOIP),
    ("ldap", plugins::LDAP),
    ("logzmq", plugins::LOGZMQ),
    ("nagios", plugins::NAGIOS),
    ("ping", plugins::PING),
    ("rrdtool", plugins::RRDTOOL),
    ("rsyslog", plugins::RSYSLOG),
    ("sqlite3", plugins::SQLITE3),
    ("statsd", plugins::STATSD),
    ("dogstatsd", plugins::DOGSTATSD),
    ("zabbix", plugins::ZABBIX),
];

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(assemble);
static BY_NAME: LazyLock<HashMap<&'static str, &'static Row>> = LazyLock::new(index);

/// Every row, in the order of `--help`.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row that carries `name`, as canonical name or as alias.
pub fn find(name: &str) -> Option<&'static Row> {
    BY_NAME.get(name).copied()
}

/// The row of a short letter; the first one wins when two claim it.
pub fn find_short(letter: char) -> Option<&'static Row> {
    rows().iter().find(|row| row.short == Some(letter))
}

/// Every name and alias with its row, in table order.
pub fn names() -> impl Iterator<Item = (&'static str, &'static Row)> {
    rows().iter().flat_map(|row| row.names().map(move |name| (name, row)))
}

/// True for a name that this project adds to the options of uWSGI.
pub fn is_own(name: &str) -> bool {
    own::OWN.binary_search(&name).is_ok()
}

/// True for a name that older releases do not know, and that decides no abbreviation they knew.
pub(crate) fn is_young(name: &str) -> bool {
    is_own(name) || newer::NEWER.binary_search(&name).is_ok()
}

/// Names of the options that work.
static WORKS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("works.txt").lines().collect());

fn assemble() -> Vec<Row> {
    SECTIONS
        .iter()
        .flat_map(|(section, rows)| rows.iter().map(move |row| finish(section, row)))
        .collect()
}

fn finish(section: &'static str, row: &Row) -> Row {
    let works = row.names().any(|name| WORKS.binary_search(&name).is_ok());
    let status = if works { Status::Works } else { Status::Pending };
    Row { section, status, ..*row }
}

fn index() -> HashMap<&'static str, &'static Row> {
    let mut map = HashMap::new();
    for (name, row) in names() {
        map.entry(name).or_insert(row);
    }
    map
}
