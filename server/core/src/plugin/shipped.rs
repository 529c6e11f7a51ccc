//! The names under which uWSGI and the packages of distributions ship plugins, and what stands
//! behind each here.
//!
//! A name that is built in loads without a word, so that configurations written for split packages
//! keep working. One that is known and not built says what would be missing. It refuses to look at
//! files; a name that is not here is looked for there.

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shipped {
    /// The Python plugin, a library of its own that belongs to this build.
    Python,
    /// A part of the server that answers requests of this modifier.
    Handler(u8),
    /// A part of the server without a modifier.
    Part,
    /// Known, and not built; the text says what it is about.
    Absent(&'static str),
}

use Shipped::{Absent, Handler, Part, Python};

/// Whether this build has the driver of MongoDB.
const MONGODB: bool = cfg!(feature = "mongodb");

/// What a build without it says.
const NO_DRIVER: &str = "the stats pusher of MongoDB (a build with the feature mongodb has it)";

/// Names without version and variant; a `*` at the end stands for any rest.
const TABLE: &[(&str, Shipped)] = &[
    ("python", Python),
    ("pyuwsgi", Python),
    ("http", Part),
    ("corerouter", Part),
    ("ping", Handler(100)),
    ("pypy", Absent("Python on PyPy")),
    ("gevent", Absent("the gevent loop")),
    ("asyncio", Absent("the asyncio loop")),
    ("tornado", Absent("the tornado loop")),
    ("greenlet", Absent("greenlets")),
    ("stackless", Absent("stackless Python")),
    ("psgi", Absent("applications in Perl")),
    ("coroae", Absent("the Coro::AnyEvent loop of Perl")),
    ("rack", Absent("applications in Ruby")),
    ("ruby", Absent("applications in Ruby")),
    ("rbthreads", Absent("threads of Ruby")),
    ("fiber", Absent("fibers of Ruby")),
    ("lua", Absent("applications in Lua")),
    ("luajit", Absent("applications in Lua")),
    ("php", Absent("applications in PHP")),
    ("jvm", Absent("applications on the JVM")),
    ("jwsgi", Absent("applications on the JVM")),
    ("ring", Absent("applications on the JVM")),
    ("servlet", Absent("applications on the JVM")),
    ("mono", Absent("applications on Mono")),
    ("gccgo", Absent("applications in Go")),
    ("go", Absent("applications in Go")),
    ("v8", Absent("applications in JavaScript")),
    ("cgi", Absent("CGI programs")),
    ("ssi", Absent("server side includes")),
    ("xslt", Absent("XSLT")),
    ("webdav", Absent("WebDAV")),
    ("symcall", Absent("symbols as request handlers")),
    ("dumbloop", Absent("the dumb loop")),
    ("ugreen", Absent("uGreen threads")),
    ("libtcc", Absent("C compiled at start")),
    ("libffi", Absent("calls through libffi")),
    ("objc_gc", Absent("Objective-C")),
    ("notfound", Absent("the handler that answers 404")),
    ("dummy", Absent("the handler that answers nothing")),
    ("echo", Absent("the handler that echoes")),
    ("signal", Absent("uwsgi signals from outside")),
    ("rpc", Absent("remote procedure calls")),
    ("cache", Absent("the cache from outside")),
    ("spooler", Absent("the spooler from outside")),
    ("xattr", Absent("extended attributes in routes")),
    ("matheval", Absent("formulas in routes")),
    ("pty", Absent("the pseudo-terminal")),
    ("forkptyrouter", Absent("the pseudo-terminal router")),
    ("tuntap", Absent("the tuntap router")),
    ("mongrel2", Absent("mongrel2 sockets")),
    ("msgpack", Part),
    ("airbrake", Part),
    ("exception_log", Absent("exceptions to the log")),
    ("pam", Absent("PAM")),
    ("ldap", Absent("LDAP")),
    ("sqlite", Absent("SQLite")),
    ("geoip", Absent("GeoIP")),
    ("router_*", Absent("this kind of route")),
    ("transformation_*", Absent("this transformation of responses")),
    ("fastrouter", Absent("the fast router")),
    ("https", Absent("TLS")),
    ("rawrouter", Absent("the raw router")),
    ("sslrouter", Absent("the TLS router")),
    ("zergpool", Absent("the zerg pool")),
    ("carbon", Part),
    ("nagios", Part),
    ("rrdtool", Part),
    ("zabbix", Part),
    ("snmp", Part),
    ("statsd", Part),
    ("dogstatsd", Part),
    ("stats_pusher_socket", Part),
    ("stats_pusher_file", Part),
    ("stats_pusher_statsd", Part),
    ("stats_pusher_mongodb", if MONGODB { Part } else { Absent(NO_DRIVER) }),
    ("stats_pusher_*", Absent("this stats pusher")),
    ("mongodb", Absent("MongoDB")),
    ("mongodblog", Part),
    ("graylog", Part),
    ("redislog", Part),
    ("rsyslog", Part),
    ("syslog", Part),
    ("logcrypto", Part),
    ("logfile", Part),
    ("logpipe", Part),
    ("logsocket", Part),
    ("logzmq", Part),
    ("systemd_logger", Part),
    ("alarm_curl", Part),
    ("alarm_xmpp", Part),
    ("alarm_speech", Absent("spoken alarms, which only macOS has")),
    ("curl_cron", Absent("requests at given times")),
    ("cheaper_backlog2", Part),
    ("cheaper_busyness", Part),
    ("cheaper_*", Absent("this cheaper algorithm")),
    ("clock_*", Absent("this clock")),
    ("monotonic", Absent("this clock")),
    ("realtime", Absent("this clock")),
    ("emperor_*", Absent("this imperial monitor")),
    ("legion_cache_fetch", Absent("the cache of a legion")),
    ("gridfs", Absent("files in GridFS")),
    ("glusterfs", Absent("files in GlusterFS")),
    ("rados", Absent("files in RADOS")),
    ("example", Absent("the example of the C server")),
    ("cplusplus", Absent("the example of the C server")),
];

/// The language or runtime that packages put behind a name: `gevent_python3`, `rack_ruby31`.
const VARIANTS: [&str; 3] = ["python", "ruby", "openjdk"];

/// What `name` stands for; nothing when nobody ships a plugin of that name.
pub(crate) fn find(name: &str) -> Option<Shipped> {
    let plain = without_version(name);
    let variant = plain.rsplit_once('_').filter(|(_, variant)| VARIANTS.contains(variant));
    let names = [Some(plain), variant.map(|(family, _)| family)];
    let known = |name| TABLE.iter().find(|(known, _)| fits(known, name));
    names.into_iter().flatten().find_map(known).map(|(_, shipped)| *shipped)
}

/// True when nothing needs to be opened for that name, or Python's own library.
pub(crate) fn is_built_in(name: &str) -> bool {
    find(name).is_some_and(|shipped| !matches!(shipped, Absent(_)))
}

fn fits(known: &str, wanted: &str) -> bool {
    match known.strip_suffix('*') {
        Some(start) => wanted.len() > start.len() && wanted.starts_with(start),
        None => known == wanted,
    }
}

fn without_version(name: &str) -> &str {
    // `v8` and `mongrel2` end in a digit without being a version of anything.
    if TABLE.iter().any(|(known, _)| *known == name) {
        return name;
    }
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages_stand_for_what_is_built_in() {
        for (name, built) in [
            ("python", true),
            ("python2", true),
            ("python27", true),
            ("python3", true),
            ("python311", true),
            ("pyuwsgi", true),
            ("http", true),
            ("corerouter", true),
            ("ping", true),
            ("alarm_curl", true),
            ("alarm_xmpp", true),
            ("airbrake", true),
            ("alarm_speech", false),
            ("psgi", false),
            ("logfile", true),
            ("./own_plugin.so", false),
            ("pythonic", false),
            ("python_x", false),
        ] {
            assert_eq!(is_built_in(name), built, "{name}");
        }
    }

    /// Every name that the C server's tree or a distribution's package gives a plugin.
    const SHIPPED: &str = "python python2 python27 python3 python36 python313 pyuwsgi pypy pypy3 \
        gevent gevent_python3 asyncio asyncio_python3 asyncio_python311 tornado tornado_python3 \
        greenlet greenlet_python3 stackless psgi coroae rack ruby19 ruby20 ruby33 rack_ruby31 \
        rbthreads rbthreads_ruby31 fiber fiber_ruby31 lua lua51 lua52 lua53 lua54 luajit php php51 \
        php53 php7 php8 jvm jvm_openjdk11 jwsgi jwsgi_openjdk17 ring ring_openjdk8 servlet \
        servlet_openjdk11 mono gccgo go v8 symcall dumbloop ugreen libtcc libffi objc_gc cgi ssi \
        xslt webdav notfound dummy echo ping signal rpc cache spooler xattr matheval pty \
        forkptyrouter tuntap mongrel2 msgpack airbrake exception_log pam ldap sqlite3 sqlite geoip \
        router_access router_basicauth router_cache router_expires router_fcgi router_hash \
        router_http router_ldapauth router_memcached router_metrics router_radius router_redirect \
        router_redis router_rewrite router_spnego router_static router_uwsgi router_xmldir \
        transformation_chunked transformation_gzip transformation_offload transformation_template \
        transformation_tofile transformation_toupper corerouter fastrouter http https rawrouter \
        sslrouter zergpool carbon nagios rrdtool zabbix snmp stats_pusher_file stats_pusher_mongodb \
        stats_pusher_socket stats_pusher_statsd mongodb mongodblog graylog2 redislog rsyslog syslog \
        logcrypto logfile logpipe logsocket logzmq systemd_logger alarm_curl alarm_speech \
        alarm_xmpp curl_cron cheaper_backlog2 cheaper_busyness clock_monotonic clock_realtime \
        monotonic realtime emperor_amqp emperor_mongodb emperor_pg emperor_zeromq \
        legion_cache_fetch gridfs glusterfs rados example cplusplus";

    #[test]
    fn every_shipped_name_is_known() {
        let unknown: Vec<&str> =
            SHIPPED.split_whitespace().filter(|name| find(name).is_none()).collect();
        assert_eq!(unknown, [""; 0]);
        for name in ["nope", "router_", "hello", "rack_perl5", "3", ""] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
