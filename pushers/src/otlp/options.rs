//! `otlp` and the environment, as one plan for each receiver.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use uwsgi_net::grpc::Caller;
use uwsgi_net::http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue};
use uwsgi_net::target::Scheme;
use uwsgi_net::{Own, Trust};

use super::answer::judge;
use super::encode::{Encode, Form, Temporality, Wanted};
use super::environment::{Ignored, endpoint, exporter, list, millis};
use super::point::{Attribute, Sender};
use super::transport::{EXPORT, Grpc};
use crate::instance::{Fan, Instance, Receiver, Transport};
use crate::keyval::get;
use crate::kinds::Fault;
use crate::lane::Told;
use crate::web::{self, Pairs, Web};
use crate::{Facts, Plan, Plans, Work};

/// Its option, and its name in the rows of the arena.
const WORD: &str = "otlp";

/// The keys that only this one knows.
const OWN: [&str; 5] = ["protocol", "compression", "temporality", "histograms", "attribute"];

/// Between two pushes, by the specification.
const EVERY: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
struct Otlp {
    web: Web,
    grpc: bool,
    wanted: Wanted,
    sender: Sender,
    hostname: String,
    /// The variable that asked for it, where no option did.
    asked_by: Option<&'static str>,
}

/// Reads every `otlp`, or the environment where there is none.
pub(crate) fn plans(facts: &Facts<'_>, plans: &mut Plans) -> Result<(), Fault> {
    let given = facts.options.all(WORD);
    let by_variable = if given.is_empty() { endpoint(facts.options) } else { None };
    let all = given.into_iter().map(|value| (None, value));
    let all = all.chain(by_variable.map(|(variable, url)| (Some(variable), url)));
    for (variable, value) in all.filter(|(_, value)| value != "none") {
        match parse(&value, facts) {
            Ok(plan) => plans.push(std::sync::Arc::new(Otlp { asked_by: variable, ..plan })),
            // A variable may be meant for what the application brings along, which knows other
            // values; that is no reason not to start.
            Err(why) => match variable {
                Some(variable) => plans.push(std::sync::Arc::new(Ignored { variable, why })),
                None => {
                    let text = format!("invalid {WORD}: {why}");
                    return Err(Fault { option: WORD, value, text });
                }
            },
        }
    }
    Ok(())
}

fn parse(argument: &str, facts: &Facts<'_>) -> Result<Otlp, String> {
    let (mut web, pairs) = web::read(argument, &OWN, "Bearer", facts)?;
    let setting = |key: &str, variable: &str| {
        let given = get(&pairs, key).map(str::to_owned);
        given.or_else(|| exporter(facts.options, variable).map(|(_, value)| value))
    };
    let (grpc, form) = match setting("protocol", "PROTOCOL").as_deref() {
        None | Some("http/protobuf") => (false, Form::Proto),
        Some("http/json") => (false, Form::Json),
        Some("grpc") => (true, Form::Proto),
        Some(other) => {
            return Err(format!("protocol {other} is none of grpc, http/protobuf, http/json"));
        }
    };
    let gzip = match setting("compression", "COMPRESSION").as_deref() {
        None | Some("none") => false,
        Some("gzip") => true,
        Some(other) => return Err(format!("compression {other} is neither gzip nor none")),
    };
    let temporality = setting("temporality", "TEMPORALITY_PREFERENCE");
    let temporality = match temporality.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("cumulative") => Temporality::Cumulative,
        Some("delta") => Temporality::Delta,
        Some("lowmemory") => Temporality::LowMemory,
        Some(other) => {
            return Err(format!("temporality {other} is none of cumulative, delta, lowmemory"));
        }
    };
    let histograms = setting("histograms", "DEFAULT_HISTOGRAM_AGGREGATION");
    let exponential = match histograms.as_deref() {
        None | Some("explicit" | "explicit_bucket_histogram") => false,
        Some("exponential" | "base2_exponential_bucket_histogram") => true,
        Some(other) => {
            return Err(format!("histograms {other} is neither explicit nor exponential"));
        }
    };
    place(&mut web, argument, grpc);
    times(&mut web, &pairs, facts)?;
    headers(&mut web, facts)?;
    trust(&mut web, &pairs, facts);
    let wanted = Wanted { form, gzip, temporality, exponential };
    let sender = Sender { attributes: attributes(&pairs, facts)?, version: facts.version.clone() };
    let hostname = facts.hostname.clone();
    Ok(Otlp { web, grpc, wanted, sender, hostname, asked_by: None })
}

/// A URL without a port means the protocol's own, unless TLS says that it is any web server.
fn place(web: &mut Web, argument: &str, grpc: bool) {
    let url = argument.split(',').next().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(']').map_or(host, |(_, behind)| behind).contains(':');
    if !has_port && web.target.scheme == Scheme::Http {
        web.target.port = if grpc { 4317 } else { 4318 };
    }
    if web.target.path == "/" {
        "/v1/metrics".clone_into(&mut web.target.path);
    }
}

fn times(web: &mut Web, pairs: &Pairs, facts: &Facts<'_>) -> Result<(), String> {
    const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
    if get(pairs, "freq").is_none() {
        let given = facts.options.environment(INTERVAL);
        let every = given.map_or(Ok(EVERY), |value| millis(INTERVAL, &value))?;
        web.every = every.max(Duration::from_secs(1));
    }
    if let (None, Some((prefix, value))) =
        (get(pairs, "timeout"), exporter(facts.options, "TIMEOUT"))
    {
        web.limits.whole = millis(&format!("{prefix}TIMEOUT"), &value)?;
        web.limits.connect = web.limits.connect.min(web.limits.whole);
    }
    Ok(())
}

/// Those of the environment, but for names that the option gives.
fn headers(web: &mut Web, facts: &Facts<'_>) -> Result<(), String> {
    let Some((_, text)) = exporter(facts.options, "HEADERS") else { return Ok(()) };
    let mut given: Vec<String> = web.headers.iter().map(|(name, _)| name.to_string()).collect();
    if web.token_file.is_some() || web.target.login.is_some() {
        given.push(AUTHORIZATION.to_string());
    }
    for (name, value) in list(&text) {
        if !given.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            web.header(&name, &value)?;
        }
    }
    Ok(())
}

fn trust(web: &mut Web, pairs: &Pairs, facts: &Facts<'_>) {
    if ["ca", "cert", "insecure"].iter().any(|key| get(pairs, key).is_some()) {
        return;
    }
    let file = |name: &str| exporter(facts.options, name).map(|(_, path)| path.into());
    let shown = file("CLIENT_CERTIFICATE").zip(file("CLIENT_KEY"));
    let own = Own { anybody: false, authorities: file("CERTIFICATE"), shown };
    if own != Own::default() {
        // The files are named for as long as the process lives.
        web.trust = Trust::Own(Box::leak(Box::new(own)));
    }
}

/// Attributes of the resource: the option's, then those of the environment, then what we know.
fn attributes(
    pairs: &Pairs,
    facts: &Facts<'_>,
) -> Result<Vec<(Cow<'static, str>, Attribute<'static>)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (_, text) in pairs.iter().filter(|(key, _)| key == "attribute") {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            pair.ok_or_else(|| format!("attribute = {text} is not one (attribute=NAME=VALUE)"))?;
        found.push((name.to_owned(), value.to_owned()));
    }
    let named = facts.options.environment("OTEL_SERVICE_NAME");
    found.extend(named.map(|name| ("service.name".to_owned(), name)));
    let listed = facts.options.environment("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    found.extend(list(&listed));
    let stem = if facts.stem.is_empty() { "uwsgi" } else { &facts.stem };
    for (name, value) in
        [("service.name", stem), ("host.name", &facts.hostname), ("uwsgi.version", &facts.version)]
    {
        found.push((name.to_owned(), value.to_owned()));
    }
    let mut out: Vec<(Cow<'static, str>, Attribute<'static>)> = Vec::new();
    for (name, value) in found {
        if !out.iter().any(|(known, _)| *known == name) {
            out.push((name.into(), Attribute::Text(value.into())));
        }
    }
    Ok(out)
}

impl Otlp {
    /// What is only known at work: which process this is, and by which socket it is told from others
    /// of this machine.
    fn sender(&self, work: &Work<'_>) -> Sender {
        let mut sender = self.sender.clone();
        let pid = std::os::unix::process::parent_id();
        let place = work.sockets.first().cloned().unwrap_or_else(|| pid.to_string());
        const ID: &str = "service.instance.id";
        if !sender.attributes.iter().any(|(name, _)| name == ID) {
            let id = format!("{}/{place}", self.hostname);
            sender.attributes.push((ID.into(), Attribute::Text(id.into())));
        }
        sender.attributes.push(("process.pid".into(), Attribute::Int(pid.into())));
        sender
    }

    fn transport(&self, work: &Work<'_>) -> Box<dyn Transport<Vec<u8>>> {
        let web = &self.web;
        if !self.grpc {
            let kind = match self.wanted.form {
                Form::Proto => "application/x-protobuf",
                Form::Json => "application/json",
            };
            let mut poster = web.poster(kind);
            if self.wanted.gzip {
                poster.headers.push((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            }
            return Box::new(web::Sender::new(WORD, web, poster, judge, "Bearer", work));
        }
        // The login of the URL becomes a header as it does over HTTP.
        let poster = web.poster("application/grpc");
        let headers = poster
            .headers
            .into_iter()
            .filter(|(name, _)| !["accept", "content-type"].contains(&name.as_str()));
        let caller = Caller {
            target: web.target.clone(),
            method: EXPORT,
            headers: headers.collect(),
            gzip: self.wanted.gzip,
            limits: web.limits,
            trust: web.trust,
        };
        Box::new(Grpc {
            caller,
            token_file: web.token_file.clone(),
            log: work.log,
            row: work.rows.first().copied(),
            wish: None,
            told: Told::default(),
            begun: Instant::now(),
        })
    }
}

impl Plan for Otlp {
    fn kind(&self) -> &'static str {
        WORD
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.web.target.place()]
    }

    fn every(&self) -> Duration {
        self.web.every
    }

    fn last_words(&self) -> bool {
        true
    }

    fn lines(&self) -> Vec<String> {
        let (place, every) = (self.web.target.place(), self.web.every.as_secs_f64());
        let line = |variable| {
            format!(
                "otlp: {variable} asks for metrics at {place} every {every} s (otlp = none: no)"
            )
        };
        self.asked_by.map(line).into_iter().collect()
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let fresh = work.rows.first().is_none_or(|row| {
            row.pushes.get() == 0 && row.dropped.get() == 0 && row.queued.get() == 0
        });
        let encoder = Encode::new(self.wanted.clone(), self.sender(work), work.since_ns, fresh);
        let receiver = Receiver { transport: self.transport(work), policy: self.web.policy() };
        Box::new(Fan::start(WORD, encoder, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn of(argument: &str, environment: &[(&str, &str)]) -> Result<Otlp, String> {
        parse(argument, &Given::of(environment).facts())
    }

    fn attribute(plan: &Otlp, wanted: &str) -> Option<String> {
        plan.sender.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| match value
        {
            Attribute::Text(text) => text.to_string(),
            Attribute::Int(value) => value.to_string(),
        })
    }

    #[test]
    fn ports_and_paths_are_those_of_the_protocol() {
        for (argument, place, path) in [
            ("http://h", "h:4318", "/v1/metrics"),
            ("h,protocol=grpc", "h:4317", "/v1/metrics"),
            ("https://h", "h:443", "/v1/metrics"),
            ("http://[::1]", "[::1]:4318", "/v1/metrics"),
            ("http://u:p@h:80/x", "h:80", "/x"),
        ] {
            let plan = of(argument, &[]).unwrap();
            assert_eq!((plan.web.target.place().as_str(), &*plan.web.target.path), (place, path));
        }
    }

    #[test]
    fn the_environment_gives_what_the_option_does_not() {
        let environment = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "X-A=1,x-b=2%203"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%20b"),
            ("OTEL_SERVICE_NAME", "shop"),
        ];
        let plan = of("h", &environment).unwrap();
        assert_eq!((plan.grpc, plan.wanted.form, plan.wanted.gzip), (false, Form::Json, true));
        assert_eq!(plan.wanted.temporality, Temporality::LowMemory);
        assert_eq!((plan.web.limits.whole.as_millis(), plan.every().as_secs()), (2_500, 5));
        let Trust::Own(own) = plan.web.trust else { panic!() };
        assert_eq!(own.authorities, Some("/ca".into()));
        let headers: Vec<_> = plan.web.headers.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(headers, ["user-agent", "x-a", "x-b"]);
        assert_eq!(attribute(&plan, "service.name").as_deref(), Some("shop"));
        assert_eq!(attribute(&plan, "team").as_deref(), Some("a b"));
        let option = "h,protocol=grpc,header=x-a: 9,timeout=1,freq=2,compression=none,\
                      attribute=service.name=mine,temporality=delta";
        let plan = of(option, &environment).unwrap();
        assert_eq!((plan.grpc, plan.wanted.gzip), (true, false));
        assert_eq!((plan.web.limits.whole.as_secs(), plan.every().as_secs()), (1, 2));
        assert_eq!(plan.web.headers.len(), 3, "x-a is there once");
        assert_eq!(attribute(&plan, "service.name").as_deref(), Some("mine"));
    }

    #[test]
    fn who_pushes_is_said_once() {
        let variable = [("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20app,x-a=1")];
        for (argument, count) in
            [("h", 1), ("h,token=t", 1), ("h,user=a,password=b", 0), ("h,token-file=/t", 0)]
        {
            let plan = of(argument, &variable).unwrap();
            let is_one = |name: &str| name == "authorization";
            let found = plan.web.headers.iter().filter(|(name, _)| is_one(name.as_str())).count();
            assert_eq!((found, plan.web.headers.len()), (count, count + 2), "{argument}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (argument, want) in [
            ("h,protocol=smoke", "protocol smoke is none of"),
            ("h,compression=zip", "compression zip is neither"),
            ("h,temporality=x", "temporality x is none of"),
            ("h,histograms=x", "histograms x is neither"),
            ("h,attribute=x", "attribute = x is not one"),
        ] {
            assert!(of(argument, &[]).unwrap_err().contains(want), "{argument}");
        }
        let bad = of("h", &[("OTEL_METRIC_EXPORT_INTERVAL", "often")]).unwrap_err();
        assert_eq!(bad, "OTEL_METRIC_EXPORT_INTERVAL = often is not a number of milliseconds");
    }

    #[test]
    fn what_the_environment_says_wrong_is_told_and_keeps_nothing_from_starting() {
        const AT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://e:1");
        for (given, why) in [
            (&[AT, ("OTEL_EXPORTER_OTLP_COMPRESSION", "deflate")][..], "compression deflate is"),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:///run/x")], "the URL is"),
        ] {
            let given = Given::of(given);
            let mut found = Plans::new();
            plans(&given.facts(), &mut found).unwrap();
            let [plan] = &found[..] else { panic!("{found:?}") };
            assert!(plan.receivers().is_empty());
            let lines = plan.lines();
            let want = format!("otlp: OTEL_EXPORTER_OTLP_ENDPOINT is ignored: {why}");
            assert!(lines.len() == 1 && lines[0].starts_with(&want), "{lines:?}");
            let with_option = Given::of(&[("otlp", "h"), AT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "x")]);
            assert!(plans(&with_option.facts(), &mut found).is_err(), "an option is meant for us");
        }
    }

    #[test]
    fn an_option_silences_the_environment() {
        let given = |options: &[(&str, &str)]| {
            let given = Given::of(options);
            let mut found = Plans::new();
            plans(&given.facts(), &mut found).unwrap();
            found.iter().flat_map(|plan| plan.receivers()).collect::<Vec<_>>()
        };
        let variable = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://e:1");
        assert_eq!(given(&[variable]), ["e:1"]);
        assert_eq!(given(&[variable, ("otlp", "a:2"), ("otlp", "b:3")]), ["a:2", "b:3"]);
        assert!(given(&[variable, ("otlp", "none")]).is_empty());
    }
}
