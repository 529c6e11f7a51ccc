//! What a client of the stats gets to see. Pure: request bytes in, response bytes out.

use uwsgi_metrics::prometheus::PromOptions;
use uwsgi_metrics::{Details, StatsOptions, stats_json};
use uwsgi_proto::scrape::{Query, names};
use uwsgi_sys::socket;

use super::health::{self, Probe};
use super::pull::page::{self, Scrape};
use super::sampler::snapshot;
use crate::clock;
use crate::instance::Instance;

/// The header in front of the JSON in HTTP mode; exporters compare it byte by byte.
const JSON_HEAD: &[u8] = b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n";

/// What a request line and its headers ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The stats JSON, with the details that the query asks for.
    Stats(Option<Asked>),
    /// The metrics page, as the headers and the query ask for it.
    Metrics(Query),
    /// Whether it lives, or should get requests, in a line or for programs.
    Health { probe: Probe, accept: Option<String> },
    /// A method that nothing here answers.
    NotAllowed,
}

/// What a screen wants beyond the document that others know: `details=1`, or a list of names that
/// may hold `history` (all rings, not the seconds alone), `routes` and `kernel`; `since=EPOCH` leaves
/// out what it has of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// All rings of the history.
    history: bool,
    /// Requests by application, method and code.
    routes: bool,
    /// What probes in the kernel count of each worker and socket.
    kernel: bool,
    /// Slots of the history from this moment on.
    since: u64,
}

impl Asked {
    /// `None` without the word in the query.
    fn of(arguments: &str) -> Option<Asked> {
        let value = |name: &str| {
            let mut pairs = arguments.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let names = value("details").filter(|names| !matches!(*names, "" | "0"))?;
        let has = |name: &str| names.split(',').any(|one| one == name);
        let since = value("since").and_then(|since| since.parse().ok()).unwrap_or(0);
        Some(Asked { history: has("history"), routes: has("routes"), kernel: has("kernel"), since })
    }
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
        _ => Wish::Stats(Asked::of(arguments)),
    };
    Request { wish, head_only: method == "HEAD" }
}

/// The stats document.
pub(crate) fn stats(instance: &Instance) -> Vec<u8> {
    stats_json(&snapshot(instance), &options(instance))
}

/// The same with what is asked for at the ends of its objects.
fn detailed(instance: &Instance, asked: Asked) -> Vec<u8> {
    let (view, now) = (instance.arena.view(), clock::epoch_s());
    let snapshot = snapshot(instance);
    let snapshot = if asked.routes { snapshot.with_requests(view) } else { snapshot };
    let mut details = Details::take(view, asked.history, asked.since, now);
    details.kernel = asked.kernel;
    details.somaxconn = socket::somaxconn().and_then(|most| u64::try_from(most).ok());
    let options = StatsOptions { details: Some(details), ..options(instance) };
    stats_json(&snapshot, &options)
}

fn options(instance: &Instance) -> StatsOptions {
    let settings = &instance.settings;
    StatsOptions {
        minified: settings.stats_minified,
        no_cores: settings.stats_no_cores,
        no_metrics: settings.stats_no_metrics,
        no_vars: settings.stats_no_vars,
        metrics_enabled: settings.metrics,
        metrics_no_cores: settings.metrics_no_cores,
        metrics_extended: settings.metrics_extended,
        memory_report2: settings.memory_shares,
        locks: instance.locks.list(settings),
        details: None,
    }
}

/// What a page of metrics has, at this moment.
pub(in crate::observer) fn page_options(instance: &Instance) -> PromOptions {
    PromOptions { locks: instance.locks.held(), ..instance.settings.prometheus.page.clone() }
}

/// The whole answer of HTTP mode, and the scrape it is.
pub(crate) fn http(instance: &'static Instance, request: &Request) -> (Vec<u8>, Option<Scrape>) {
    let mut scrape = None;
    let (mut head, body) = match &request.wish {
        Wish::Stats(None) => (JSON_HEAD.to_vec(), stats(instance)),
        Wish::Stats(Some(asked)) => (JSON_HEAD.to_vec(), detailed(instance, *asked)),
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
        assert_eq!(wish("GET / HTTP/1.1\r\n\r\n"), Wish::Stats(None));
        assert_eq!(wish("rubbish"), Wish::Stats(None), "the original never looks at the request");
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
    fn details_are_given_to_those_who_ask() {
        let asked = |query: &str| match wish(&format!("GET /?{query} HTTP/1.0\r\n\r\n")) {
            Wish::Stats(asked) => asked,
            other => panic!("{other:?}"),
        };
        for query in ["", "x", "details", "details=", "details=0", "detail=1&since=5"] {
            assert_eq!(asked(query), None, "{query}");
        }
        assert_eq!(asked("a=b&details=1"), Some(Asked::default()));
        let (history, routes, kernel) = (true, true, true);
        let all = Asked { history, routes, kernel, since: 1_700_000_000 };
        assert_eq!(asked("details=routes,history,kernel,later&since=1700000000"), Some(all));
        assert_eq!(asked("details=history&since=x"), Some(Asked { history, ..Asked::default() }));
    }

    #[test]
    fn an_accept_line_in_the_body_is_not_a_header() {
        let text = "GET /metrics HTTP/1.1\r\n\r\nAccept: x\r\n";
        assert_eq!(wish(text), Wish::Metrics(Query::default()));
    }
}
