//! What HTTP clients are believed and forgiven: PROXY headers in front of connections, requests that
//! are not to the letter.

use uwsgi_config::{Config, Finding};
use uwsgi_proto::proxy::Trust;
use uwsgi_proto::{Lenient, Network};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Who may send PROXY headers to HTTP sockets of workers, if anybody.
    pub proxies: Option<Trust>,
    /// The same for the http router.
    pub router_proxies: Option<Trust>,
    /// What is let pass.
    pub lenient: Lenient,
    /// Who is refused sees its connection close, and is told nothing (`close-silently`).
    pub silent: bool,
    /// `%2F` stays as it is in `PATH_INFO`.
    pub keep_slashes: bool,
}

impl Clients {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Clients {
        let trust = trust(config, faults);
        let sockets = config.flag("enable-proxy-protocol");
        let router = sockets || config.flag("http-enable-proxy-protocol");
        Clients {
            proxies: sockets.then(|| trust.clone()),
            router_proxies: router.then_some(trust),
            lenient: lenient(config),
            silent: config.flag("close-silently"),
            keep_slashes: config.flag("http-path-info-no-decode-slashes"),
        }
    }
}

fn trust(config: &Config, faults: &mut Vec<Finding>) -> Trust {
    let strict = config.flag("proxy-protocol-strict");
    let mut trust = Trust { strict, ..Trust::default() };
    for entry in config.all("proxy-protocol-from") {
        for text in entry.text().split([',', ' ']).filter(|text| !text.is_empty()) {
            match Network::parse(text) {
                Some(network) => trust.from.push(network),
                None if text == "unix" => trust.unix = true,
                None => {
                    let text = format!("invalid value for option \"proxy-protocol-from\": {text}");
                    let allowed = "networks such as 10.0.0.0/8 or ::1, or unix";
                    faults.push(Finding::fault(text).about(entry).allowed(allowed));
                }
            }
        }
    }
    trust
}

/// The words of the option; those it cannot have were refused when they were read.
fn lenient(config: &Config) -> Lenient {
    let text = config.last("http-lenient").unwrap_or_default();
    let says = |word| text.split(',').map(str::trim).any(|part| part == word || part == "all");
    Lenient {
        underscores: says("underscores"),
        folding: says("folding"),
        host: says("host"),
        length: says("length"),
        proxy: config.flag("keep-http-proxy-header"),
    }
}
