//! `pagerduty:ROUTING_KEY;key=value...`: a message as an event of PagerDuty (Events API v2).
//!
//! An alarm is one incident for each host, and one of a threshold one for each metric: what comes
//! again joins it, and it is resolved when the threshold says so.

use super::arguments::Arguments;
use super::json::{Object, stamp};
use super::post::{self, Post};
use super::{Action, Delivery, Parsed, webhook};
use crate::{Event, Facts};

const KEYS: &[&str] = &["severity", "source", "component", "group", "class", "url"];

/// Where PagerDuty takes events.
const URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The words PagerDuty has for how bad it is.
const SEVERITIES: &[&str] = &["critical", "error", "warning", "info"];

/// The longest summary that PagerDuty takes, in characters.
const SUMMARY: usize = 1024;

/// Its longest key of an incident.
const DEDUP: usize = 255;

struct Pagerduty {
    post: Post,
    shape: Shape,
}

/// What all events of an alarm have in common.
#[derive(Default)]
struct Shape {
    key: String,
    severity: String,
    source: String,
    component: Option<String>,
    group: Option<String>,
    class: Option<String>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let known = [post::KEYS, KEYS].concat();
    let arguments = Arguments::split(argument, &known);
    let key = arguments.first.ok_or("pagerduty: a routing key is required")?;
    arguments.tell_unknown("pagerduty", facts);
    let severity = arguments.get("severity").unwrap_or("critical");
    if !SEVERITIES.contains(&severity) {
        let known = SEVERITIES.join(", ");
        return Err(format!("pagerduty: severity \"{severity}\" is not one of {known}"));
    }
    let url = arguments.get("url").unwrap_or(URL);
    let mut post = Post::read(url, "application/json", &arguments, facts)?;
    post.secrets.add(key);
    let owned = |key: &str| arguments.get(key).map(str::to_owned);
    let shape = Shape {
        key: key.to_owned(),
        severity: severity.to_owned(),
        source: owned("source").unwrap_or_else(|| facts.hostname.clone()),
        component: owned("component"),
        group: owned("group"),
        class: owned("class"),
    };
    Ok(Box::new(Pagerduty { post, shape }))
}

impl Shape {
    /// By what repetitions and the end of an incident are known.
    fn incident(&self, event: &Event) -> String {
        let metric =
            event.detail.as_ref().map_or(String::new(), |detail| format!("/{}", detail.key));
        format!("uwsgi/{}/{}{metric}", self.source, event.alarm).chars().take(DEDUP).collect()
    }

    fn encode(&self, event: &Event) -> String {
        let over = event.detail.as_ref().is_some_and(|detail| detail.resolved);
        let object = Object::new()
            .text("routing_key", &self.key)
            .text("event_action", if over { "resolve" } else { "trigger" })
            .text("dedup_key", &self.incident(event));
        if over {
            return object.end();
        }
        object.raw("payload", &self.payload(event)).text("client", "uWSGI").end()
    }

    fn payload(&self, event: &Event) -> String {
        let text = String::from_utf8_lossy(&event.text);
        // An event without a summary is refused.
        let summary = if text.trim().is_empty() { event.alarm.as_str() } else { text.trim() };
        let details = Object::new()
            .text("alarm", &event.alarm)
            .text("text", &text)
            .raw("detail", &event.detail.as_ref().map_or("null".to_owned(), webhook::detail))
            .end();
        Object::new()
            .text("summary", &summary.chars().take(SUMMARY).collect::<String>())
            .text("source", &self.source)
            .text("severity", &self.severity)
            .text("timestamp", &stamp(event.at_us))
            .maybe("component", self.component.as_deref())
            .maybe("group", self.group.as_deref())
            .maybe("class", self.class.as_deref())
            .raw("custom_details", &details)
            .end()
    }
}

impl Action for Pagerduty {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(self.post.send(self.shape.encode(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    fn shape() -> Shape {
        let own = |text: &str| text.to_owned();
        Shape {
            key: own("KEY"),
            severity: own("error"),
            source: own("h"),
            component: Some(own("shop")),
            ..Shape::default()
        }
    }

    fn event(detail: Option<Detail>) -> Event {
        Event { alarm: "a".to_owned(), text: b"t\n".to_vec(), at_us: 1_700_000_000_000_000, detail }
    }

    #[test]
    fn a_message_triggers_an_incident() {
        assert_eq!(
            shape().encode(&event(None)),
            r#"{"routing_key":"KEY","event_action":"trigger","dedup_key":"uwsgi/h/a","payload":{"summary":"t","source":"h","severity":"error","timestamp":"2023-11-14T22:13:20Z","component":"shop","custom_details":{"alarm":"a","text":"t\n","detail":null}},"client":"uWSGI"}"#
        );
    }

    #[test]
    fn a_threshold_resolves_the_incident_it_triggered() {
        let detail =
            |resolved| Detail { key: "m".to_owned(), value: 2.0, bound: 1.0, since: 0, resolved };
        let first = shape().encode(&event(Some(detail(false))));
        assert!(
            first.contains(r#""event_action":"trigger","dedup_key":"uwsgi/h/a/m","payload""#),
            "{first}"
        );
        let last = shape().encode(&event(Some(detail(true))));
        assert_eq!(
            last,
            r#"{"routing_key":"KEY","event_action":"resolve","dedup_key":"uwsgi/h/a/m"}"#
        );
    }

    #[test]
    fn what_pagerduty_would_refuse_is_not_sent() {
        let mut long = event(None);
        long.text = "é".repeat(3000).into_bytes();
        assert!(
            shape().payload(&long).contains(&format!(r#""summary":"{}","#, "é".repeat(SUMMARY)))
        );
        long.text = b" \n".to_vec();
        assert!(shape().payload(&long).contains(r#""summary":"a""#));
        for (argument, expected) in [
            ("", Some("pagerduty: a routing key is required")),
            (
                "K;severity=bad",
                Some("pagerduty: severity \"bad\" is not one of critical, error, warning, info"),
            ),
            ("K;severity=info;url=http://h/", None),
            ("K", None),
        ] {
            let error = parse(argument, &Facts::default()).err();
            assert_eq!(error.as_deref(), expected, "{argument:?}");
        }
    }
}
