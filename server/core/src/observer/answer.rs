//! What a client of the stats gets to see. Pure: request bytes in, response bytes out.

use uwsgi_metrics::{StatsOptions, stats_json};
use uwsgi_proto::scrape::{Query, names};

use super::health::{self, Probe};
use super::pull::page::{self, Scrape};
use super::sampler::snapshot;
use crate::instance::Instance;
use crate::settings::Settings;

/// The header in front of the JSON in HTTP mode; exporters compare it byte by byte.
const JSON_HEAD: &[u8] = b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n";

/// What a request line and its headers ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The stats JSON.
    Stats,
    /// The metrics page, as the headers and the query ask for it.
    Metrics(Query),
    /// Whether it lives, or should get requests, in a line or for programs.
    Health { probe: Probe, accept: Option<String> },
    /// A method that nothing here answers.
    NotAllowed,
}

/// A request, and whether only its head is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    pub(crate) head_only: bool,
}

/// Reads as much of a request as matters. What is not understood gets the stats, as ever.
pub(crate) fn understand(bytes: &[u8]) -> Request {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (path, arguments) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(&str, &str)> =
        lines.take_while(|l| !l.is_empty()).filter_map(|line| line.split_once(':')).collect();
    let header = |wanted: &str| {
        let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.trim().to_owned())
    };
    let accept = header("accept");
    let wish = match (path, method) {
        ("/metrics" | "/healthz" | "/readyz", m) if m != "GET" && m != "HEAD" => Wish::NotAllowed,
        ("/metrics", _) => Wish::Metrics(Query {
            accept,
            encodings: header("accept-encoding"),
            families: names(arguments),
            patience: None,
        }),
        ("/healthz", _) => Wish::Health { probe: Probe::Alive, accept },
        ("/readyz", _) => Wish::Health { probe: Probe::Ready, accept },
        _ => Wish::Stats,
    };
    Request { wish, head_only: method == "HEAD" }
}

/// The stats document.
pub(crate) fn stats(instance: &Instance) -> Vec<u8> {
    let settings = &instance.settings;
    stats_json(
        &snapshot(instance),
        &StatsOptions {
            minified: settings.stats_minified,
            no_cores: settings.stats_no_cores,
            no_metrics: settings.stats_no_metrics,
            no_vars: settings.stats_no_vars,
            metrics_enabled: settings.metrics,
            metrics_no_cores: settings.metrics_no_cores,
            metrics_extended: settings.metrics_extended,
            memory_report2: settings.memory_shares,
            locks: locks(settings),
        },
    )
}

/// Lock names in the order of their creation. Nothing here needs a lock of any kind, so no
/// process ever holds one.
fn locks(settings: &Settings) -> Vec<(String, u32)> {
    let master = ["signal", "filemon", "timer", "rbtimer", "cron"];
    let names = ["user 0"].into_iter().chain(master);
    let names = names.chain(settings.thunder_lock.then_some("thunder")).chain(["rpc", "snmp"]);
    let names = names.chain(settings.metrics.then_some("metrics"));
    names.map(|name| (name.to_owned(), 0)).collect()
}

/// The whole answer of HTTP mode, and the scrape it is.
pub(crate) fn http(instance: &'static Instance, request: &Request) -> (Vec<u8>, Option<Scrape>) {
    let mut scrape = None;
    let (mut head, body) = match &request.wish {
        Wish::Stats => (JSON_HEAD.to_vec(), stats(instance)),
        Wish::Health { probe, accept } => {
            let (status, kind, body) = health::answer(instance, *probe, accept.as_deref());
            plain(status, kind, body)
        }
        Wish::NotAllowed => {
            let (mut head, body) = plain("405 Method Not Allowed", "text/plain", Vec::new());
            head.splice(head.len() - 2.., *b"Allow: GET, HEAD\r\n\r\n");
            (head, body)
        }
        Wish::Metrics(query) => {
            let page = page::make(instance, query);
            let headers = page.headers();
            scrape = Some(page.scrape);
            described("200 OK", &headers, page.body)
        }
    };
    if !request.head_only {
        head.extend_from_slice(&body);
    }
    (head, scrape)
}

fn plain(status: &str, content_type: &str, body: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    described(status, &format!("Content-Type: {content_type}\r\n"), body)
}

/// An answer whose header lines about the body are given, each with its end.
fn described(status: &str, headers: &str, body: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let head = format!(
        "HTTP/1.0 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    (head.into_bytes(), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Wish {
        understand(text.as_bytes()).wish
    }

    #[test]
    fn paths_choose_what_is_answered() {
        assert_eq!(wish("GET / HTTP/1.1\r\n\r\n"), Wish::Stats);
        assert_eq!(wish("rubbish"), Wish::Stats, "the original never looks at the request");
        let health = |probe, accept| Wish::Health { probe, accept };
        assert_eq!(wish("GET /healthz HTTP/1.0\r\n\r\n"), health(Probe::Alive, None));
        let json = "HEAD /readyz HTTP/1.1\r\nAccept: application/json\r\n\r\n";
        assert_eq!(wish(json), health(Probe::Ready, Some("application/json".into())));
        assert!(understand(json.as_bytes()).head_only);
        assert_eq!(wish("POST /readyz HTTP/1.1\r\n\r\n"), Wish::NotAllowed);
        assert_eq!(wish("POST /metrics HTTP/1.1\r\n\r\n"), Wish::NotAllowed);
        let scrape =
            "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\naccept: text/plain;version=0.0.4 \r\n\r\n";
        let accept = Some("text/plain;version=0.0.4".into());
        assert_eq!(wish(scrape), Wish::Metrics(Query { accept, ..Query::default() }));
        let some = "GET /metrics?name[]=up HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n";
        let (encodings, families) = (Some("gzip".into()), vec!["up".into()]);
        assert_eq!(wish(some), Wish::Metrics(Query { encodings, families, ..Query::default() }));
        assert!(understand(b"HEAD / HTTP/1.1\r\n\r\n").head_only);
    }

    #[test]
    fn an_accept_line_in_the_body_is_not_a_header() {
        let text = "GET /metrics HTTP/1.1\r\n\r\nAccept: x\r\n";
        assert_eq!(wish(text), Wish::Metrics(Query::default()));
    }
}
