//! The `uwsgi` binary: puts the crates together and hands over.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use uwsgi_core::boot::{self, Embedded, Parts};
use uwsgi_core::instance::Instance;
use uwsgi_core::log;
use uwsgi_core::probes::Fronts;
use uwsgi_gateway::{Arrivals, EXIT_CODE, Front, Settings};

static PARTS: Parts =
    Parts { gateway, embedded: include!(concat!(env!("OUT_DIR"), "/embedded.rs")) };

fn main() {
    let argv = std::env::args_os().collect();
    std::process::exit(boot::run(argv, &PARTS));
}

/// What probes tell the router, which knows nothing of them.
#[derive(Debug)]
struct Waited(Fronts);

impl Arrivals for Waited {
    fn accepted(&self, front: usize, connection: BorrowedFd<'_>) -> Option<u64> {
        self.0.accepted(front, connection)
    }
}

/// Runs process `index` of the http router.
fn gateway(instance: &'static Instance, index: u32) -> i32 {
    let Some(link) = instance.link_name() else { return EXIT_CODE };
    let settings = &instance.settings;
    let fronts = instance.http.iter().map(|l| Front { fd: l.fd.as_fd(), name: l.name.clone() });
    let timeout = Duration::from_secs(settings.http_timeout);
    let waited = Fronts::of(instance).map(Waited);
    let router = Settings {
        arrivals: waited.as_ref().map(|waited| waited as &dyn Arrivals),
        fronts: fronts.collect(),
        index,
        server_name: instance.hostname.as_bytes().to_vec(),
        buffer_size: settings.buffer_size,
        max_pairs: settings.max_vars * 2,
        timeout,
        headers_timeout: timeout,
        keepalive: settings.http_keepalive.map(Duration::from_secs),
        proxies: settings.policy.clients.router_proxies.clone(),
        lenient: settings.policy.clients.lenient,
        silent: settings.policy.clients.silent,
        keep_slashes: settings.policy.clients.keep_slashes,
        drain: Duration::from_secs(settings.policy.mercy.drain_s()),
        ..Settings::new(link, |line| log::line(line))
    };
    uwsgi_gateway::run(&router, &instance.arena)
}
