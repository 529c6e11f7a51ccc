//! What a start binds and maps: listening sockets by purpose, and the arena.
//!
//! Owns the order in which sockets are bound and what the arena says before the first fork. It
//! refuses to close anything: a start that fails may hand its sockets to another configuration.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use uwsgi_metrics::{Arena, Shape};
use uwsgi_sys::{process, socket, user};

use crate::datagrams::{self, Endpoint};
use crate::kept::Table;
use crate::settings::{Protocol, Settings, SocketSpec};
use crate::sockets::{self, Listener};
use crate::{boot, clock, log};

/// Listening sockets by purpose.
#[derive(Default)]
pub(crate) struct Bound {
    /// What the workers serve.
    pub workers: Vec<(Listener, Protocol)>,
    /// Between router and workers.
    pub link: Option<Listener>,
    /// The fronts of the http router.
    pub http: Vec<Listener>,
    /// Stats.
    pub stats: Vec<Listener>,
    /// UDP.
    pub datagrams: Vec<Endpoint>,
    /// The Prometheus endpoint.
    pub prometheus: Vec<Listener>,
}

impl Bound {
    /// Binds everything, or finds it in what the last image kept. What is bound when one fails
    /// stays here. With `no-server` nobody takes the place of an instance that serves right now:
    /// only the addresses of the router are tried, as ever.
    pub(crate) fn open(&mut self, settings: &Settings, kept: &Table) -> Result<(), String> {
        open_list(&mut self.http, "http", &settings.http, settings, kept)?;
        for listener in &self.http {
            log!("uWSGI http bound on {} fd {}", listener.name, listener.fd.as_raw_fd());
        }
        if settings.no_server {
            return Ok(());
        }
        self.open_workers(settings, kept)?;
        if !self.http.is_empty() {
            self.link = Some(sockets::open("link", &link_name(kept), settings, kept, false)?);
        }
        open_list(&mut self.stats, "stats", &settings.stats, settings, kept)?;
        let addresses = &settings.prometheus.listen;
        open_list(&mut self.prometheus, "prometheus", addresses, settings, kept)?;
        if settings.master {
            self.datagrams = datagrams::open(settings, kept);
        }
        Ok(())
    }

    fn open_workers(&mut self, settings: &Settings, kept: &Table) -> Result<(), String> {
        let mut specs = settings.sockets.clone();
        if specs.is_empty() && !self.http.is_empty() {
            specs.push(SocketSpec { address: "127.0.0.1:0".into(), protocol: Protocol::Uwsgi });
        }
        specs.extend(zero(settings));
        for (index, spec) in specs.iter().enumerate() {
            let listener = sockets::open("socket", &spec.address, settings, kept, true)
                .map_err(|e| format!("{e}\nunable to create server socket on: {}", spec.address))?;
            log!("{}", listener.describe(index));
            self.workers.push((listener, spec.protocol));
        }
        Ok(())
    }

    /// Every descriptor with its key in the table of the next image.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>, u64)> {
        let workers = self.workers.iter().map(|(listener, _)| listener);
        let shown = [("stats", &self.stats[..]), ("prometheus", &self.prometheus)];
        entries(workers, &self.http, shown, &self.link).chain(datagrams::entries(&self.datagrams))
    }
}

/// Every descriptor of these sockets with its key in the table of the next image.
pub(crate) fn entries<'a>(
    workers: impl Iterator<Item = &'a Listener>,
    http: &'a [Listener],
    shown: [(&'static str, &'a [Listener]); 2],
    link: &'a Option<Listener>,
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> {
    let workers = workers.map(|listener| ("socket", listener));
    let http = http.iter().map(|listener| ("http", listener));
    let shown = shown.into_iter();
    let shown = shown.flat_map(|(kind, all)| all.iter().map(move |listener| (kind, listener)));
    let link = link.iter().map(|listener| ("link", listener));
    let all = workers.chain(http).chain(shown).chain(link);
    all.flat_map(|(kind, listener)| keyed(kind, listener))
}

fn keyed<'a>(kind: &str, listener: &'a Listener) -> Vec<(String, BorrowedFd<'a>, u64)> {
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
    let activated = ["LISTEN_PID", "UPSTART_EVENTS"].iter().any(|v| std::env::var_os(v).is_some());
    let named = settings.sockets.iter().any(|spec| spec.address == ADDRESS);
    let protocol = settings.zero.filter(|_| !activated && !named && socket::listens(0))?;
    Some(SocketSpec { address: ADDRESS.into(), protocol })
}

fn open_list(
    into: &mut Vec<Listener>,
    kind: &str,
    addresses: &[String],
    settings: &Settings,
    kept: &Table,
) -> Result<(), String> {
    for address in addresses {
        into.push(sockets::open(kind, address, settings, kept, kind == "http")?);
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
    }
    for (i, (listener, protocol)) in bound.workers.iter().enumerate() {
        let row = arena.socket(i as u32);
        row.name.set(listener.name.as_bytes());
        row.proto.set(protocol.name().as_bytes());
    }
    for i in 0..if bound.http.is_empty() { 0 } else { settings.http_processes } {
        arena.gateway(i).name.set(b"http");
    }
    for worker in 1..=settings.processes {
        (0..settings.max_apps).for_each(|app| arena.app(worker, app).used.set(0));
    }
    crate::alarm::fill_rows(arena, &settings.alarms);
    crate::pushers::fill_rows(arena, &settings.pushers);
}
