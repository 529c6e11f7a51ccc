//! What a start binds and maps: listening sockets by purpose, and the arena.
//!
//! Owns the order in which sockets are bound and what the arena says before the first fork. It
//! refuses to close anything: a start that fails may hand its sockets to another configuration.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use uwsgi_metrics::{Arena, RELOADS, Shape};
use uwsgi_sys::{leftovers, process, socket, user};

use crate::address::{self, Address};
use crate::datagrams::{self, Endpoint};
use crate::kept::Table;
use crate::settings::{Protocol, Settings, SocketSpec};
use crate::sockets::{self, Listener, Opener, Origin};
use crate::{activation, boot, clock, log};

/// Listening sockets by purpose.
#[derive(Default)]
pub(crate) struct Bound {
    /// What others use as `=N`.
    pub shared: Vec<Listener>,
    /// What the workers serve.
    pub workers: Vec<(Listener, Protocol)>,
    /// Between router and workers.
    pub link: Option<Listener>,
    /// The fronts of the http router.
    pub http: Vec<Listener>,
    /// Stats.
    pub stats: Vec<Listener>,
    /// UDP, and the UNIX socket of notifications.
    pub datagrams: Vec<Endpoint>,
    /// The Prometheus endpoint.
    pub prometheus: Vec<Listener>,
}

impl Bound {
    /// Binds what is shared: early, as the user who started the server.
    pub(crate) fn open_shared(&mut self, settings: &Settings, kept: &Table) -> Result<(), String> {
        if settings.no_server {
            return Ok(());
        }
        let opener = Opener { settings, kept, shared: &[] };
        for (index, spec) in settings.policy.sockets.shared.iter().enumerate() {
            let listener = opener.open("shared", &spec.address, spec.defer)?;
            log!("{}", listener.describe_shared(index));
            self.shared.push(listener);
        }
        for (index, spec) in settings.sockets.iter().enumerate() {
            if let Ok(Address::Shared(n)) = address::parse(&spec.address, false)
                && let Some(shared) = self.shared.get(n)
            {
                log!("{}", shared.describe_mapped(index, n));
            }
        }
        Ok(())
    }

    /// Binds everything else, or finds it in what the last image kept. What is bound when one fails
    /// stays here. With `no-server` nobody takes the place of an instance that serves right now:
    /// only the addresses of the router are tried, as ever.
    pub(crate) fn open(&mut self, settings: &Settings, kept: &Table) -> Result<(), String> {
        let opener = Opener { settings, kept, shared: &self.shared };
        open_list(&mut self.http, "http", &settings.http, opener)?;
        for listener in &self.http {
            log!("uWSGI http bound on {} fd {}", listener.name, listener.fd.as_raw_fd());
        }
        if settings.no_server {
            return Ok(());
        }
        open_workers(&mut self.workers, !self.http.is_empty(), opener)?;
        if !self.http.is_empty() {
            self.link = Some(opener.open("link", &link_name(kept), false)?);
        }
        open_list(&mut self.stats, "stats", &settings.stats, opener)?;
        open_list(&mut self.prometheus, "prometheus", &settings.prometheus.listen, opener)?;
        serve_rest(&mut self.workers, opener);
        if self.workers.is_empty() && !self.http.is_empty() {
            open_workers(&mut self.workers, true, opener)?;
        }
        check_map(settings, self.workers.len())?;
        warn_of_cheaper(settings);
        if settings.master {
            self.datagrams = datagrams::open(settings, kept);
            self.datagrams.extend(datagrams::open_notify(settings, kept)?);
        }
        Ok(())
    }

    /// How many a service manager had opened.
    fn handed(&self) -> u64 {
        let workers = self.workers.iter().map(|(listener, _)| listener);
        let all = workers.chain(&self.shared).chain(&self.http).chain(&self.stats);
        all.chain(&self.prometheus).filter(|listener| listener.handed.is_some()).count() as u64
    }

    /// What a start that comes to nothing removes (`vacuum`).
    pub(crate) fn note_paths(&self) {
        let workers = self.workers.iter().map(|(listener, _)| listener);
        let fronts = self.shared.iter().chain(workers).chain(&self.http).map(|one| (one, ""));
        let stats = self.stats.iter().map(|one| (one, " (stats)"));
        let prometheus = self.prometheus.iter().map(|one| (one, " (prometheus)"));
        for (listener, what) in fronts.chain(stats).chain(prometheus) {
            let Some((path, inode)) = &listener.path else { continue };
            let line = format!("VACUUM: unix socket {}{what} removed.", path.display());
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            leftovers::note_inode(&path, *inode, &line);
        }
    }

    /// Every descriptor with its key in the table of the next image.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>, u64)> {
        let workers = self.workers.iter().map(|(listener, _)| listener);
        let others = [
            ("shared", &self.shared[..]),
            ("http", &self.http),
            ("stats", &self.stats),
            ("prometheus", &self.prometheus),
        ];
        entries(workers, others, &self.link).chain(datagrams::entries(&self.datagrams))
    }
}

/// The sockets that workers serve. An address that stands there twice with one protocol is one
/// socket with two numbers; with two protocols nobody could tell who is meant.
fn open_workers(
    into: &mut Vec<(Listener, Protocol)>,
    routed: bool,
    opener: Opener<'_>,
) -> Result<(), String> {
    let settings = opener.settings;
    let mut specs = settings.sockets.clone();
    if specs.is_empty() && routed && !activation::any(opener.kept) {
        specs.push(SocketSpec { address: "127.0.0.1:0".into(), protocol: Protocol::Uwsgi });
    }
    specs.extend(zero(settings));
    for (index, spec) in specs.iter().enumerate() {
        let listener = match earlier(into, spec, settings) {
            Some((at, (known, protocol))) if *protocol == spec.protocol => {
                known.again(&spec.address, Origin::Again(at))
            }
            Some((at, (_, protocol))) => Err(format!(
                "socket address {} is given twice, for {} (socket {at}) and for {}: one address speaks one protocol",
                spec.address,
                protocol.name(),
                spec.protocol.name()
            )),
            None => opener.open("socket", &spec.address, spec.protocol.defers()),
        };
        let listener = listener
            .map_err(|e| format!("{e}\nunable to create server socket on: {}", spec.address))?;
        // What is shared was told when it was bound.
        if !matches!(listener.origin, Origin::Shared(_)) {
            log!("{}", listener.describe(index));
        }
        into.push((listener, spec.protocol));
    }
    Ok(())
}

/// What a service manager handed over and no option named.
fn serve_rest(into: &mut Vec<(Listener, Protocol)>, opener: Opener<'_>) {
    while let Some(handed) = activation::next(opener.kept) {
        let listener = opener.attached(handed);
        log!("{}", listener.describe(into.len()));
        into.push((listener, opener.settings.protocol));
    }
}

/// The socket that is bound to this address already. Each port of the kernel's choice is another
/// one, and with `reuse-port` so is each socket.
fn earlier<'a>(
    bound: &'a [(Listener, Protocol)],
    spec: &SocketSpec,
    settings: &Settings,
) -> Option<(usize, &'a (Listener, Protocol))> {
    let chosen = spec.address.ends_with(":0") || spec.address.ends_with(':');
    if chosen || (settings.reuse_port && !spec.address.starts_with('=')) {
        return None;
    }
    let same =
        |(_, (listener, _)): &(usize, &(Listener, Protocol))| listener.configured == spec.address;
    bound.iter().enumerate().find(same)
}

/// Cheaper puts any worker away, also the last one that serves a mapped socket.
fn warn_of_cheaper(settings: &Settings) {
    let Some(cheaper) = &settings.policy.scale.cheaper else { return };
    let away = settings.processes.saturating_sub(cheaper.cheaper.try_into().unwrap_or(u32::MAX));
    for mapping in &settings.policy.sockets.map {
        let serve = (1..=settings.processes).filter(|id| mapping.workers.contains(id)).count();
        if serve <= away as usize {
            log!(
                "*** WARNING: socket {} is mapped to {serve} workers, and cheaper may put {away} away: \
                 while they are, nobody serves it ***",
                mapping.socket
            );
        }
    }
}

/// A mapping must name a socket that exists.
pub(crate) fn check_map(settings: &Settings, sockets: usize) -> Result<(), String> {
    let numbers = settings.policy.sockets.map.iter().map(|mapping| mapping.socket);
    match numbers.into_iter().find(|number| *number >= sockets) {
        Some(number) => {
            Err(format!("invalid socket num in map-socket: {number}, there are {sockets} from 0"))
        }
        None => Ok(()),
    }
}

/// Every descriptor of these sockets with its key in the table of the next image.
pub(crate) fn entries<'a>(
    workers: impl Iterator<Item = &'a Listener>,
    others: [(&'static str, &'a [Listener]); 4],
    link: &'a Option<Listener>,
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> {
    let workers = workers.map(|listener| ("socket", listener));
    let others = others.into_iter();
    let others = others.flat_map(|(kind, all)| all.iter().map(move |listener| (kind, listener)));
    let link = link.iter().map(|listener| ("link", listener));
    let all = workers.chain(others).chain(link).filter(|(_, listener)| listener.is_kept());
    all.flat_map(|(kind, listener)| keyed(kind, listener))
}

fn keyed<'a>(kind: &str, listener: &'a Listener) -> Vec<(String, BorrowedFd<'a>, u64)> {
    if let Some(key) = &listener.handed {
        return vec![(key.clone(), listener.fd.as_fd(), 0)];
    }
    let inode = listener.path.as_ref().map_or(0, |(_, inode)| *inode);
    let mut out = vec![(sockets::key(kind, &listener.configured), listener.fd.as_fd(), inode)];
    if let Some(alias) = &listener.alias {
        out.push((sockets::alias_key(kind, &listener.configured), alias.as_fd(), 0));
    }
    out
}

/// The socket on which a spawner such as inetd started us.
pub(crate) fn zero(settings: &Settings) -> Option<SocketSpec> {
    const ADDRESS: &str = "fd://0";
    let activated = activation::happened();
    let named = settings.sockets.iter().any(|spec| spec.address == ADDRESS);
    let protocol = settings.zero.filter(|_| !activated && !named && socket::listens(0))?;
    Some(SocketSpec { address: ADDRESS.into(), protocol })
}

fn open_list(
    into: &mut Vec<Listener>,
    kind: &str,
    addresses: &[String],
    opener: Opener<'_>,
) -> Result<(), String> {
    // `no-server` opens no shared sockets.
    let none = opener.settings.no_server;
    for address in addresses.iter().filter(|address| !(none && address.starts_with('='))) {
        into.push(opener.open(kind, address, kind == "http")?);
    }
    Ok(())
}

/// An abstract name nobody else uses, the same one after a reload. Who connects is checked at
/// accept all the same.
fn link_name(kept: &Table) -> String {
    kept.configured("link")
        .unwrap_or_else(|| format!("@uwsgi-link-{}-{:x}", process::pid(), clock::epoch_us()))
}

/// The arena of the last image, or a new one.
pub(crate) fn open_arena(
    settings: &Settings,
    bound: &Bound,
    kept: &Table,
) -> Result<Arena, String> {
    let shape = Shape {
        workers: settings.processes,
        cores: settings.threads,
        apps: settings.max_apps,
        sockets: bound.workers.len() as u32,
        gateways: if bound.http.is_empty() { 0 } else { settings.http_processes },
        metrics: crate::metrics::slots(settings, bound.workers.len() as u32),
        thresholds: crate::thresholds::rows(settings),
        vars: settings.buffer_size.min(65_536) as u32,
        mules: settings.mules.len() as u32,
        series: settings.metrics_series,
        alarms: settings.alarms.definitions.len() as u32,
        pushers: crate::pushers::rows(settings),
        probes: u32::from(!settings.ebpf.is_empty()),
        listeners: crate::probes::listeners(settings, bound),
        daemons: settings.policy.daemons.specs.len() as u32,
        loggers: settings.policy.logging.loggers.len() as u32,
        lines: crate::transport::words(settings),
    };
    let path = settings.metrics_arena.as_ref().map(Path::new);
    if let Some(old) = kept.take("arena") {
        match Arena::adopt_into(old.fd, &shape, path) {
            Ok(arena) => return Ok(arena),
            Err(e) => log!("counters begin anew, the arena of the last image cannot be kept: {e}"),
        }
    }
    let made = match path {
        Some(path) => Arena::create_at(path, &shape),
        None => Arena::create(&shape),
    };
    made.map_err(|e| format!("unable to map the metrics arena: {e}"))
}

/// Writes what is true of all processes before the first of them starts.
pub(crate) fn fill_arena(
    arena: &Arena,
    settings: &Settings,
    bound: &Bound,
    reloads: u32,
    binary: &Path,
) {
    let globals = arena.globals();
    let (uid, gid) = user::effective();
    globals.version.set(uwsgi_config::VERSION.as_bytes());
    globals.hostname.set(boot::hostname().as_bytes());
    globals.cwd.set(std::env::current_dir().unwrap_or_default().to_string_lossy().as_bytes());
    globals.binary.set(binary.to_string_lossy().as_bytes());
    globals.uid.set(uid.into());
    globals.gid.set(gid.into());
    globals.processes.set(settings.processes.into());
    globals.cores_per_worker.set(settings.threads.into());
    globals.master_pid.set(process::pid() as u64);
    if globals.started_at.get() == 0 {
        globals.started_at.set(clock::epoch_s());
        globals.started_at_us.set(clock::epoch_us());
    }
    // What warned of the life before a reload is not known to be true of this one.
    globals.warning.set(b"");
    globals.warning_writer.set(0);
    // An application that sets one does so in each life; what the options say begins each.
    arena.snmp().community.set(b"");
    arena.snmp().community_writer.set(0);
    if reloads > 0 {
        globals.reloads.add(1);
        globals.last_reload.set(clock::epoch_s());
        count_kind(arena);
    }
    globals.activated.set(bound.handed());
    let names: Vec<&[u8]> = bound.workers.iter().map(|(l, _)| l.name.as_bytes()).collect();
    arena.seat_sockets(&names);
    for (i, (_, protocol)) in bound.workers.iter().enumerate() {
        let row = arena.socket(i as u32);
        row.proto.set(protocol.name().as_bytes());
    }
    for i in 0..if bound.http.is_empty() { 0 } else { settings.http_processes } {
        arena.gateway(i).name.set(b"http");
    }
    for worker in 1..=settings.processes {
        (0..settings.max_apps).for_each(|app| arena.app(worker, app).used.set(0));
    }
    crate::alarm::fill_rows(arena, &settings.alarms);
    settings.policy.logging.fill_rows(arena);
    crate::pushers::fill_rows(arena, &settings.pushers);
}

/// The image before this one has come to its end: its reload is done.
fn count_kind(arena: &Arena) {
    let globals = arena.globals();
    let kind = match globals.reload_kind.get() {
        1 => "graceful",
        2 => "brutal",
        _ => return,
    };
    globals.reload_kind.set(0);
    let at = RELOADS.iter().position(|pair| *pair == (kind, "done"));
    if let Some(counter) = at.and_then(|at| globals.reload_outcomes.get(at)) {
        counter.add(1);
    }
}
