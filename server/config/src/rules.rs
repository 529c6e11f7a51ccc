//! What options say together: conflicts that end the start, and combinations without effect.
//!
//! One table; a fault is what the C server refuses too. It refuses to ask the machine: limits of
//! the kernel and rights of the process show where they are used.

use std::collections::HashSet;

use crate::config::{Config, Entry};
use crate::finding::Finding;
use crate::judge::keyed;
use crate::row::Flags;
use crate::suggest;

/// A rule reads the whole configuration and says what does not fit.
type Rule = fn(&Config) -> Vec<Finding>;

const RULES: &[Rule] = &[
    cheaper,
    cheaper_initial,
    worker_lifetime,
    memory_limits,
    shared_sockets,
    farms,
    same_socket_twice,
    no_threads,
    no_master,
    routers_alone,
    session_contexts,
    lazy_twice,
    restore_from_nowhere,
    guards_of_nothing,
    unknown_alarms,
    alarms_twice,
    snmp_alone,
    proxies_nobody_hears,
];

/// Values come back from the files of a directory.
fn restore_from_nowhere(config: &Config) -> Vec<Finding> {
    let restore = switched_on(config, "metrics-dir-restore").filter(|_| !config.has("metrics-dir"));
    restore
        .map(|entry| warning(entry, "has no effect without \"metrics-dir\""))
        .into_iter()
        .collect()
}

/// Whom to believe, where nobody listens.
fn proxies_nobody_hears(config: &Config) -> Vec<Finding> {
    const HEARS: [&str; 2] = ["enable-proxy-protocol", "http-enable-proxy-protocol"];
    let heard = HEARS.iter().any(|name| config.flag(name));
    let mentioned = ["proxy-protocol-from", "proxy-protocol-strict"];
    let alone = mentioned.iter().filter_map(|name| config.entry(name)).filter(|_| !heard);
    alone.map(|entry| warning(entry, "has no effect without \"enable-proxy-protocol\"")).collect()
}

/// What guards the Prometheus endpoint guards no other page.
fn guards_of_nothing(config: &Config) -> Vec<Finding> {
    const GUARDS: &[&str] =
        &["prometheus-path", "prometheus-tls", "prometheus-auth", "prometheus-allow"];
    let mentioned = GUARDS.iter().filter_map(|name| config.entry(name));
    let alone = mentioned.filter(|_| !config.has("prometheus"));
    alone.map(|entry| warning(entry, "has no effect without \"prometheus\"")).collect()
}

/// Everything that does not fit together.
pub(crate) fn judge(config: &Config) -> Vec<Finding> {
    RULES.iter().flat_map(|rule| rule(config)).collect()
}

fn fault(entry: &Entry, text: impl Into<String>, allowed: String) -> Vec<Finding> {
    vec![Finding::fault(text).about(entry).allowed(allowed)]
}

/// A warning that names the mention it is about.
fn warning(entry: &Entry, text: &str) -> Finding {
    let Entry { key, origin, .. } = entry;
    Finding::warning(format!("option \"{key}\" {origin} {text}")).about(entry)
}

/// The last mention that is on.
fn switched_on<'a>(config: &'a Config, name: &str) -> Option<&'a Entry> {
    config.entry(name).filter(|_| config.flag(name))
}

/// The minimum of workers must leave room below the maximum.
fn cheaper(config: &Config) -> Vec<Finding> {
    let Some(entry) = config.entry("cheaper") else { return Vec::new() };
    let (least, most) = (config.int("cheaper", 0), config.int("processes", 1));
    if least < 1 || least < most {
        return Vec::new();
    }
    let text = "invalid cheaper value: must be lower than processes";
    fault(entry, text, format!("a number below processes, which is {most}"))
}

/// More workers at the start than there may be, or fewer than the minimum.
fn cheaper_initial(config: &Config) -> Vec<Finding> {
    let Some(entry) = config.entry("cheaper-initial") else { return Vec::new() };
    let (initial, least) = (config.int("cheaper-initial", 0), config.int("cheaper", 0));
    let most = config.int("processes", 1);
    let (must, bound) = match initial {
        _ if least < 1 => return vec![warning(entry, "has no effect without \"cheaper\"")],
        1.. if initial < least => ("equal or higher than cheaper", least),
        1.. if initial > most => ("lower or equal than worker count", most),
        _ => return Vec::new(),
    };
    let text = format!(
        "warning: invalid cheaper-initial value ({initial}), must be {must} ({bound}), using \
         {bound} as initial number of workers"
    );
    vec![Finding::warning(text).about(entry).allowed(format!("a number from {least} to {most}"))]
}

/// A worker cannot be told to go before it may go.
fn worker_lifetime(config: &Config) -> Vec<Finding> {
    let Some(entry) = config.entry("max-worker-lifetime") else { return Vec::new() };
    let (least, most) =
        (config.int("min-worker-lifetime", 10), config.int("max-worker-lifetime", 0));
    if most < 1 || least < most {
        return Vec::new();
    }
    let text = format!(
        "invalid min-worker-lifetime value ({least}), must be lower than max-worker-lifetime \
         ({most})"
    );
    fault(entry, text, format!("more than min-worker-lifetime, which is {least}"))
}

/// The limits of memory need each other, in order, and numbers that somebody collects.
fn memory_limits(config: &Config) -> Vec<Finding> {
    let limit = |name: &str| (config.entry(name), config.int(name, 0));
    let (soft, soft_bytes) = limit("cheaper-rss-limit-soft");
    let (hard, hard_bytes) = limit("cheaper-rss-limit-hard");
    match (soft.filter(|_| soft_bytes > 0), hard.filter(|_| hard_bytes > 0)) {
        (Some(soft), _) if !config.memory() => {
            let text = "enabling cheaper-rss-limit-soft requires enabling also memory-report";
            fault(soft, text, "memory-report beside it".to_owned())
        }
        (None, Some(hard)) => {
            let text = "enabling cheaper-rss-limit-hard requires setting also \
                        cheaper-rss-limit-soft";
            fault(hard, text, "cheaper-rss-limit-soft beside it".to_owned())
        }
        (Some(_), Some(hard)) if hard_bytes <= soft_bytes => {
            let text = "cheaper-rss-limit-hard value must be higher than cheaper-rss-limit-soft \
                        value";
            fault(hard, text, format!("more than cheaper-rss-limit-soft, which is {soft_bytes}"))
        }
        _ => Vec::new(),
    }
}

/// `=N` is the N-th shared socket, counted from 0.
fn shared_sockets(config: &Config) -> Vec<Finding> {
    use crate::row::Kind;
    let shared = ["shared-socket", "undeferred-shared-socket"];
    let count: usize = shared.iter().map(|name| config.all(name).count()).sum();
    let sockets = config.entries.iter().filter(|e| e.row.is_some_and(|r| r.kind == Kind::Socket));
    let missing = sockets.filter_map(|entry| {
        let number = entry.text().strip_prefix('=')?;
        let number = number.split(',').next()?;
        let exists = number.parse::<usize>().ok()? < count;
        let text = format!("unable to use shared socket {number}");
        let finding = Finding::fault(text).about(entry);
        (!exists).then(|| finding.allowed(format!("one of the {count} shared sockets, from =0")))
    });
    missing.collect()
}

/// A farm names mules by number.
fn farms(config: &Config) -> Vec<Finding> {
    let mules = config.all("mule").count()
        + usize::try_from(config.values("mules").map(number).sum::<i64>()).unwrap_or(0);
    let farms = config.all("farm").filter_map(|entry| Some((entry, entry.text().split_once(':')?)));
    let wrong = farms.flat_map(|(entry, (_, ids))| {
        let bad = ids
            .split(',')
            .filter(move |id| !id.trim().parse::<usize>().is_ok_and(|id| id > 0 && id <= mules));
        bad.map(move |id| {
            let finding = Finding::fault(format!("invalid mule id: {id}")).about(entry);
            finding.allowed(format!("numbers from 1 to {mules}, the number of mules"))
        })
    });
    wrong.collect()
}

fn number(text: &str) -> i64 {
    crate::value::scan(text).0
}

/// The second bind of one address fails, or gives a socket nobody wanted.
fn same_socket_twice(config: &Config) -> Vec<Finding> {
    use crate::row::Kind;
    if config.flag("reuse-port") {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for entry in &config.entries {
        let bound = entry.row.is_some_and(|row| row.kind == Kind::Socket);
        let address = entry.text();
        let fixed = !address.is_empty() && !address.starts_with('=') && !address.ends_with(":0");
        if bound && fixed && !seen.insert(address) {
            found.push(warning(
                entry,
                &format!("names \"{address}\" again, which is bound already"),
            ));
        }
    }
    found
}

/// `enable-threads = false` beside options that switch threads on.
fn no_threads(config: &Config) -> Vec<Finding> {
    let off = config.entry("enable-threads").filter(|_| !config.flag("enable-threads"));
    let threaded = |entry: &&Entry| entry.row.is_some_and(|row| row.flags.contains(Flags::THREADS));
    let Some((off, needs)) = off.zip(config.entries.iter().find(threaded)) else {
        return Vec::new();
    };
    let text = format!("has no effect: \"{}\" {} needs threads", needs.key, needs.origin);
    vec![warning(off, &text)]
}

/// Options that only the master carries out, and that do not switch it on.
fn no_master(config: &Config) -> Vec<Finding> {
    const NEED: &[&str] = &[
        "harakiri",
        "max-worker-lifetime",
        "emperor-required-heartbeat",
        "worker-reload-mercy",
        "cron-harakiri",
        "mule-harakiri",
        "spooler-harakiri",
        "die-on-idle",
        "safe-pidfile2",
        "snmp",
        "snmp-community",
        "hook-touch",
        "hook-master-start",
    ];
    if config.master() || config.entry("emperor").is_some() {
        return Vec::new();
    }
    let on = NEED.iter().filter_map(|name| config.entry(name)).filter(|entry| is_on(entry));
    on.map(|entry| warning(entry, "has no effect without \"master\"")).collect()
}

/// Whoever says no asks for nothing.
fn is_on(entry: &Entry) -> bool {
    !matches!(entry.text(), "0" | "false" | "off" | "no")
}

/// Options of a router that is not there.
fn routers_alone(config: &Config) -> Vec<Finding> {
    const ROUTERS: &[(&str, &[&str])] = &[
        ("http", &["http", "https", "https2", "http-to-https"]),
        ("fastrouter", &["fastrouter"]),
        ("rawrouter", &["rawrouter"]),
        ("sslrouter", &["sslrouter", "sslrouter2"]),
    ];
    /// They are about HTTP sockets too.
    const BOTH: &[&str] = &["http-path-info-no-decode-slashes"];
    let alone = ROUTERS.iter().filter_map(|(section, starters)| {
        let own = |entry: &&Entry| {
            entry.row.is_some_and(|row| row.section == *section && !BOTH.contains(&row.name))
        };
        let first = config.entries.iter().find(own)?;
        let started = starters.iter().any(|name| config.has(name));
        let text = format!("has no effect without \"{section}\", the router it is about");
        (!started).then(|| warning(first, &text))
    });
    alone.collect()
}

/// Options about an SNMP agent that is not there.
fn snmp_alone(config: &Config) -> Vec<Finding> {
    const AGENT: &[&str] = &["snmp", "snmp-community", "snmp-user"];
    const SHOWN: &[&str] = &["snmp", "snmp-community", "snmp-user", "snmp-agentx"];
    const ABOUT: &[(&str, &[&str])] = &[
        ("snmp-allow", AGENT),
        ("snmp-silent", AGENT),
        ("snmp-engine-file", &["snmp-user"]),
        ("snmp-gauge64", SHOWN),
        ("snmp-compat", SHOWN),
    ];
    let alone = ABOUT.iter().filter(|(_, needed)| !needed.iter().any(|name| config.has(name)));
    let told = alone.filter_map(|(name, needed)| {
        let text = format!("has no effect without \"{}\"", needed.join("\" or \""));
        let on = config.entry(name).filter(|entry| is_on(entry));
        on.map(|entry| warning(entry, &text))
    });
    told.collect()
}

/// The name of a session context is read when its address is.
fn session_contexts(config: &Config) -> Vec<Finding> {
    let place = |name: &str| {
        let row = config.registry.find(name)?;
        config.entries.iter().position(|e| e.row.is_some_and(|r| std::ptr::eq(r, row)))
    };
    let late = match (place("https-session-context"), place("https")) {
        (Some(context), Some(https)) => context > https,
        _ => false,
    };
    let entry = config.entry("https-session-context").filter(|_| late);
    entry.map(|entry| warning(entry, "must stand before \"https\"")).into_iter().collect()
}

/// `lazy` is `lazy-apps` and more, which surprises those who give both.
fn lazy_twice(config: &Config) -> Vec<Finding> {
    let both = switched_on(config, "lazy").filter(|_| switched_on(config, "lazy-apps").is_some());
    let text = "restarts only workers at a reload; \"lazy-apps\" alone reloads everything";
    both.map(|entry| warning(entry, text)).into_iter().collect()
}

/// What pages nobody: the alarm it names is not defined.
fn unknown_alarms(config: &Config) -> Vec<Finding> {
    let name = |text: &'_ str| text.split(' ').next().unwrap_or_default().to_owned();
    let alarms: Vec<String> = config.values("alarm").map(name).collect();
    let thresholds = config.all("metric-threshold").filter_map(|entry| {
        let mut pairs = keyed::pairs(entry.text()).into_iter().rev();
        let (_, alarm) = pairs.find(|(key, alarm)| key == "alarm" && !alarm.is_empty())?;
        Some((entry, alarm))
    });
    let monitors = ["alarm-segfault", "alarm-backlog"].into_iter();
    let monitors = monitors.flat_map(|option| config.all(option));
    let monitors = monitors.map(|entry| (entry, entry.text().to_owned()));
    // Where there are alarms, a wrong name is a fault of these; without any they are not read.
    let unread = ["log-alarm", "not-log-alarm", "alarm-fd"].into_iter();
    let unread = unread.filter(|_| alarms.is_empty()).flat_map(|option| config.all(option));
    let unread = unread.map(|entry| (entry, name(entry.text())));
    let named = thresholds.chain(monitors).chain(unread);
    let unknown = named.filter(|(_, alarm)| !alarms.contains(alarm));
    unknown.map(|(entry, alarm)| unknown_alarm(entry, &alarm, &alarms)).collect()
}

/// Of two alarms with one name the second is never raised.
fn alarms_twice(config: &Config) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let name = |entry: &Entry| entry.text().split(' ').next().unwrap_or_default().to_owned();
    let again = config.all("alarm").filter(|entry| !seen.insert(name(entry)));
    let told = |entry| {
        let text = format!("names the alarm \"{}\" again: the first one is raised", name(entry));
        warning(entry, &text)
    };
    again.map(told).collect()
}

fn unknown_alarm(entry: &Entry, alarm: &str, alarms: &[String]) -> Finding {
    let near = suggest::nearest(alarm, alarms.iter().map(String::as_str));
    let guess = near.map_or(String::new(), |near| format!(", did you mean \"{near}\"?"));
    let text = format!("names the alarm \"{alarm}\", which is not defined{guess}");
    let finding = warning(entry, &text).allowed(if alarms.is_empty() {
        "an \"alarm\" beside it".to_owned()
    } else {
        alarms.join(", ")
    });
    match near {
        Some(near) => finding.meant(near),
        None => finding,
    }
}
