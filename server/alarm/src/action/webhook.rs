//! `webhook:URL;key=value...`: a message as one JSON object.
//!
//! Its fields are an interface: `alarm`, `text`, `host`, `instance`, `time` and `detail`, which is
//! null but for thresholds.

use super::arguments::Arguments;
use super::json::{Object, stamp, stamp_of_seconds};
use super::post::{self, Post};
use super::{Action, Delivery, Parsed};
use crate::{Detail, Event, Facts};

struct Webhook {
    post: Post,
    host: String,
    instance: String,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let known = [post::KEYS, &["instance"]].concat();
    let arguments = Arguments::split(argument, &known);
    let url = arguments.first.ok_or("webhook: a URL is required")?;
    arguments.tell_unknown("webhook", facts);
    let instance = match arguments.get("instance") {
        Some(name) => name.to_owned(),
        None => format!("{}/{}", facts.hostname, facts.master_pid),
    };
    let post = Post::read(url, "application/json", &arguments, facts)?;
    Ok(Box::new(Webhook { post, host: facts.hostname.clone(), instance }))
}

fn encode(event: &Event, host: &str, instance: &str) -> String {
    Object::new()
        .text("alarm", &event.alarm)
        .text("text", &String::from_utf8_lossy(&event.text))
        .text("host", host)
        .text("instance", instance)
        .text("time", &stamp(event.at_us))
        .raw("detail", &event.detail.as_ref().map_or("null".to_owned(), detail))
        .end()
}

/// The facts behind a threshold, as every action that speaks JSON shows them.
pub(super) fn detail(detail: &Detail) -> String {
    Object::new()
        .text("metric", &detail.key)
        .number("value", detail.value)
        .number("bound", detail.bound)
        .text("since", &stamp_of_seconds(detail.since))
        .flag("resolved", detail.resolved)
        .end()
}

impl Action for Webhook {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(self.post.send(encode(event, &self.host, &self.instance)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_that_are_documented() {
        let mut event = Event {
            alarm: "a".to_owned(),
            text: b"say \"hi\"\n\xff".to_vec(),
            at_us: 1_700_000_000_000_000,
            detail: None,
        };
        let plain = r#"{"alarm":"a","text":"say \"hi\"\n�","host":"h","instance":"i","time":"2023-11-14T22:13:20Z","detail":null}"#;
        assert_eq!(encode(&event, "h", "i"), plain);
        event.text = b"t".to_vec();
        event.detail = Some(Detail {
            key: "worker.0.requests".to_owned(),
            value: 12.5,
            bound: 10.0,
            since: 1_700_000_000,
            resolved: true,
        });
        let full = r#"{"alarm":"a","text":"t","host":"h","instance":"i","time":"2023-11-14T22:13:20Z","detail":{"metric":"worker.0.requests","value":12.5,"bound":10,"since":"2023-11-14T22:13:20Z","resolved":true}}"#;
        assert_eq!(encode(&event, "h", "i"), full);
    }

    #[test]
    fn a_url_is_needed() {
        let error = parse("header=A: b", &Facts::default()).err();
        assert_eq!(error.as_deref(), Some("webhook: a URL is required"));
    }
}
