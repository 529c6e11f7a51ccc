//! `alertmanager:URL;key=value...`: a message as an alert of Prometheus' Alertmanager (API v2).
//!
//! An alert is known by its labels, so these never hold the text: an alarm is one alert, and one of
//! a threshold is one for each metric, which ends when the condition is over.

use super::arguments::Arguments;
use super::json::{Object, stamp, stamp_of_seconds};
use super::post::{self, Post};
use super::{Action, Delivery, Parsed};
use crate::{Event, Facts};

const KEYS: &[&str] = &["label", "annotation", "generator", "lasts", "instance"];

/// Where alerts are posted below the address of an Alertmanager.
const API: &str = "/api/v2/alerts";

struct Alertmanager {
    post: Post,
    identity: Identity,
}

/// What all alerts of an alarm have in common.
#[derive(Default)]
struct Identity {
    instance: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    generator: Option<String>,
    /// Seconds after which an alert ends that nothing resolves.
    lasts: Option<u64>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let known = [post::KEYS, KEYS].concat();
    let arguments = Arguments::split(argument, &known);
    let url = arguments.first.ok_or("alertmanager: a URL is required")?;
    arguments.tell_unknown("alertmanager", facts);
    let mut post = Post::read(url, "application/json", &arguments, facts)?;
    let path = &mut post.poster.target.path;
    if !path.ends_with(API) {
        *path = format!("{}{API}", path.trim_end_matches('/'));
    }
    let identity = Identity {
        instance: arguments.get("instance").unwrap_or(&facts.hostname).to_owned(),
        labels: arguments.all("label").map(named).collect::<Result<_, _>>()?,
        annotations: arguments.all("annotation").map(named).collect::<Result<_, _>>()?,
        generator: arguments.get("generator").map(str::to_owned),
        lasts: arguments.seconds("lasts")?,
    };
    Ok(Box::new(Alertmanager { post, identity }))
}

/// `name=value` with a name that Prometheus allows.
fn named(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("alertmanager: \"{text}\" is not of the form name=value");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let valid = name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || !valid {
        return Err(wrong());
    }
    Ok((name.to_owned(), value.to_owned()))
}

impl Identity {
    fn labels(&self, event: &Event) -> String {
        let mut labels = vec![("alertname", event.alarm.as_str()), ("instance", &self.instance)];
        if let Some(detail) = &event.detail {
            labels.push(("metric", &detail.key));
        }
        object(labels, &self.labels)
    }

    fn annotations(&self, event: &Event) -> String {
        let text = String::from_utf8_lossy(&event.text);
        let mut annotations = vec![("summary", text.trim_end())];
        let numbers = event.detail.as_ref().map(|d| (d.value.to_string(), d.bound.to_string()));
        if let Some((value, bound)) = &numbers {
            annotations.extend([("value", value.as_str()), ("bound", bound)]);
        }
        object(annotations, &self.annotations)
    }

    fn encode(&self, event: &Event) -> String {
        let detail = event.detail.as_ref();
        let starts = detail.filter(|detail| detail.since > 0);
        let starts = starts.map_or_else(|| stamp(event.at_us), |d| stamp_of_seconds(d.since));
        let ends = match detail {
            Some(detail) if detail.resolved => Some(event.at_us),
            _ => {
                self.lasts.map(|lasts| event.at_us.saturating_add(lasts.saturating_mul(1_000_000)))
            }
        };
        let alert = Object::new()
            .raw("labels", &self.labels(event))
            .raw("annotations", &self.annotations(event))
            .text("startsAt", &starts)
            .maybe("endsAt", ends.map(stamp).as_deref())
            .maybe("generatorURL", self.generator.as_deref())
            .end();
        format!("[{alert}]")
    }
}

/// One object of our own pairs and the configured ones, which win.
fn object(own: Vec<(&str, &str)>, configured: &[(String, String)]) -> String {
    let mut pairs = own;
    for (name, value) in configured {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    pairs.into_iter().fold(Object::new(), |object, (name, value)| object.text(name, value)).end()
}

impl Action for Alertmanager {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(self.post.send(self.identity.encode(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    fn event(detail: Option<Detail>) -> Event {
        Event {
            alarm: "slow".to_owned(),
            text: b"t\n".to_vec(),
            at_us: 1_700_000_060_000_000,
            detail,
        }
    }

    fn detail(resolved: bool) -> Option<Detail> {
        Some(Detail { key: "m".to_owned(), value: 2.5, bound: 2.0, since: 1_700_000_000, resolved })
    }

    #[test]
    fn an_alert_has_labels_that_stay_and_a_text_that_may_change() {
        let plain = Identity { instance: "h".to_owned(), ..Identity::default() };
        assert_eq!(
            plain.encode(&event(None)),
            r#"[{"labels":{"alertname":"slow","instance":"h"},"annotations":{"summary":"t"},"startsAt":"2023-11-14T22:14:20Z"}]"#
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let full = Identity {
            instance: "h".to_owned(),
            labels: vec![pair("severity", "page"), pair("alertname", "Other")],
            annotations: vec![pair("runbook", "http://r/")],
            generator: Some("http://g/".to_owned()),
            lasts: Some(30),
        };
        assert_eq!(
            full.encode(&event(detail(false))),
            r#"[{"labels":{"instance":"h","metric":"m","severity":"page","alertname":"Other"},"annotations":{"summary":"t","value":"2.5","bound":"2","runbook":"http://r/"},"startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T22:14:50Z","generatorURL":"http://g/"}]"#
        );
        let over = plain.encode(&event(detail(true)));
        assert!(
            over.contains(r#""startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T22:14:20Z""#),
            "{over}"
        );
    }

    #[test]
    fn a_label_is_what_prometheus_allows() {
        for (text, valid) in [
            ("a=b", true),
            ("_a1=", true),
            ("a=b=c", true),
            ("a", false),
            ("=b", false),
            ("1a=b", false),
            ("a-b=c", false),
        ] {
            assert_eq!(named(text).is_ok(), valid, "{text:?}");
        }
    }
}
