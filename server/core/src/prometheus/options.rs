//! The options, read and checked.

use uwsgi_config::{Config, Finding};
use uwsgi_metrics::prometheus::{DEFAULT_BUCKETS_US, PromOptions};

use super::{Network, credentials};

/// Label sets of a family of an application that are shown; the rest is one sample.
const LABEL_SETS: i64 = 2_000;

/// Most bounds of a histogram: each is a line for each label set.
const MOST_BUCKETS: usize = 64;

/// Paths that are there in any case.
pub(crate) const HEALTH: [&str; 4] = ["/healthz", "/-/healthy", "/readyz", "/-/ready"];

/// Files of a TLS server.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "a build without TLS refuses them"))]
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub(crate) certificate: String,
    /// Private key, PEM.
    pub(crate) key: String,
    /// Authorities of client certificates, PEM; with them, clients need one.
    pub(crate) clients: Option<String>,
}

/// How metrics are served.
#[derive(Clone, Debug)]
pub struct Prometheus {
    /// Addresses of the endpoint.
    pub listen: Vec<String>,
    /// Path of the page.
    pub path: String,
    /// What the page contains, but for filters of one request.
    pub page: PromOptions,
    /// Codes of responses are shown one by one, not by class.
    pub exact_codes: bool,
    /// Files of TLS.
    pub tls: Option<TlsFiles>,
    /// Who may read, as configured.
    pub(crate) auth: Vec<String>,
    /// From where; everywhere when empty.
    pub(crate) allow: Vec<Network>,
}

impl Prometheus {
    /// Reads the configuration; what is wrong joins `faults`.
    pub(crate) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Prometheus {
        let list = |name: &str| -> Vec<String> {
            config.all(name).filter_map(|entry| entry.value.clone()).collect()
        };
        let features = if cfg!(feature = "tls") { "tls" } else { "" };
        let page = PromOptions {
            cores: config.flag("prometheus-cores"),
            stats_uri: config.last("prometheus-stats-uri").map(str::to_owned),
            buckets_us: buckets(config, faults),
            families: Vec::new(),
            created: config.flag("prometheus-created"),
            // Whoever makes a page knows who has them then.
            locks: Vec::new(),
            label_sets: config.int("prometheus-label-limit", LABEL_SETS).clamp(1, 1 << 20) as usize,
            rustc: env!("UWSGI_RUSTC").to_owned(),
            features: features.to_owned(),
        };
        Prometheus {
            listen: list("prometheus"),
            path: path(config, faults),
            page,
            exact_codes: config.flag("prometheus-exact-codes"),
            tls: tls(config, faults),
            auth: auth(config, faults),
            allow: networks(config, faults),
        }
    }
}

fn path(config: &Config, faults: &mut Vec<Finding>) -> String {
    let Some(entry) = config.entry("prometheus-path") else { return "/metrics".into() };
    let path = entry.text();
    if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
        let text = format!("invalid value for option \"prometheus-path\": {path}");
        faults.push(Finding::fault(text).about(entry).allowed("a path such as /metrics"));
    }
    if HEALTH.contains(&path) {
        let text = format!("option \"prometheus-path\": {path} answers how the instance does");
        faults.push(Finding::fault(text).about(entry).allowed("another path, such as /metrics"));
    }
    path.to_owned()
}

/// Who may read, as configured; secrets in files are not looked at here.
fn auth(config: &Config, faults: &mut Vec<Finding>) -> Vec<String> {
    let mut out = Vec::new();
    for entry in config.all("prometheus-auth") {
        if let Err(text) = credentials::check(entry.text()) {
            // Without the entry: a finding quotes the value, which may be a secret.
            faults.push(Finding::fault(text).origin(&entry.origin));
        }
        out.push(entry.text().to_owned());
    }
    out
}

fn tls(config: &Config, faults: &mut Vec<Finding>) -> Option<TlsFiles> {
    let entry = config.entry("prometheus-tls")?;
    let parts: Vec<String> = entry.text().split(',').map(|part| part.trim().to_owned()).collect();
    let fault = |text: &str| {
        let text = format!("option \"prometheus-tls\": {text}");
        Finding::fault(text).about(entry).allowed("CERTIFICATE,KEY or CERTIFICATE,KEY,CLIENT_CA")
    };
    if !cfg!(feature = "tls") {
        faults.push(fault("this server was built without TLS"));
        return None;
    }
    match parts.as_slice() {
        [certificate, key, clients @ ..]
            if clients.len() < 2 && !parts.contains(&String::new()) =>
        {
            let (certificate, key) = (certificate.clone(), key.clone());
            Some(TlsFiles { certificate, key, clients: clients.first().cloned() })
        }
        _ => {
            faults.push(fault("two or three files are needed"));
            None
        }
    }
}

fn networks(config: &Config, faults: &mut Vec<Finding>) -> Vec<Network> {
    let mut out = Vec::new();
    for entry in config.all("prometheus-allow") {
        for text in entry.text().split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match Network::parse(text) {
                Some(network) => out.push(network),
                None => {
                    let text = format!("invalid value for option \"prometheus-allow\": {text}");
                    let allowed = "networks such as 10.0.0.0/8 or ::1";
                    faults.push(Finding::fault(text).about(entry).allowed(allowed));
                }
            }
        }
    }
    out
}

/// Bounds in seconds, ascending.
fn buckets(config: &Config, faults: &mut Vec<Finding>) -> Vec<u64> {
    let Some(entry) = config.entry("metrics-buckets") else { return DEFAULT_BUCKETS_US.to_vec() };
    let bounds: Option<Vec<u64>> =
        entry.text().split([',', ' ']).filter(|t| !t.is_empty()).map(micros).collect();
    match bounds {
        Some(bounds)
            if (1..=MOST_BUCKETS).contains(&bounds.len())
                && bounds.windows(2).all(|pair| pair[0] < pair[1]) =>
        {
            bounds
        }
        _ => {
            let text = format!("invalid value for option \"metrics-buckets\": {}", entry.text());
            let allowed = "up to 64 ascending seconds from 0.000001 to 3600, such as 0.01,0.1,1";
            faults.push(Finding::fault(text).about(entry).allowed(allowed));
            DEFAULT_BUCKETS_US.to_vec()
        }
    }
}

fn micros(text: &str) -> Option<u64> {
    let us = text.parse::<f64>().ok()? * 1e6;
    (1.0..=3.6e9).contains(&us.round()).then(|| us.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_whole_microseconds_within_the_hour() {
        let cases = [
            ("0.005", Some(5_000)),
            ("1e-6", Some(1)),
            ("3600", Some(3_600_000_000)),
            ("0", None),
            ("-1", None),
            ("3601", None),
            ("nan", None),
            ("x", None),
        ];
        for (text, want) in cases {
            assert_eq!(micros(text), want, "{text}");
        }
    }
}
