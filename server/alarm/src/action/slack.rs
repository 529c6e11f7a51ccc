//! `slack:URL;key=value...`: a message to a chat that has Slack's incoming webhooks (Slack,
//! Mattermost, Rocket.Chat, Discord's `/slack`).
//!
//! The URL itself is the secret of such a webhook and is never shown.

use super::arguments::Arguments;
use super::json::Object;
use super::post::{self, Post};
use super::{Action, Delivery, Parsed};
use crate::{Event, Facts};

const KEYS: &[&str] = &["channel", "username", "icon_emoji"];

/// Longer texts are cut by Slack at a place of its own choice.
const LONGEST: usize = 3500;

struct Slack {
    post: Post,
    host: String,
    /// Keys that are passed on as they are.
    extra: Vec<(&'static str, String)>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let known = [post::KEYS, KEYS].concat();
    let arguments = Arguments::split(argument, &known);
    let url = arguments.first.ok_or("slack: the URL of an incoming webhook is required")?;
    arguments.tell_unknown("slack", facts);
    let mut post = Post::read(url, "application/json", &arguments, facts)?;
    let path = post.poster.target.path.clone();
    post.secrets.add(&path);
    let extra = |key: &&'static str| arguments.get(key).map(|value| (*key, value.to_owned()));
    let extra = KEYS.iter().filter_map(extra).collect();
    Ok(Box::new(Slack { post, host: facts.hostname.clone(), extra }))
}

fn encode(event: &Event, host: &str, extra: &[(&'static str, String)]) -> String {
    let over = event.detail.as_ref().is_some_and(|detail| detail.resolved);
    let (sign, state) =
        if over { (":white_check_mark:", " is over") } else { (":rotating_light:", "") };
    let text: String = String::from_utf8_lossy(&event.text).chars().take(LONGEST).collect();
    let (alarm, host) = (escaped(&event.alarm), escaped(host));
    let text = format!("{sign} *{alarm}*{state} on {host}\n{}", escaped(text.trim_end()));
    let object = Object::new().text("text", &text);
    extra.iter().fold(object, |object, (key, value)| object.text(key, value)).end()
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Action for Slack {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(self.post.send(encode(event, &self.host, &self.extra)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    #[test]
    fn a_message_says_alarm_and_host() {
        let mut event = Event {
            alarm: "a&b".to_owned(),
            text: b"<!channel> x > 1\n".to_vec(),
            ..Event::default()
        };
        let extra = [("channel", "#ops".to_owned())];
        assert_eq!(
            encode(&event, "h", &extra),
            r##"{"text":":rotating_light: *a&amp;b* on h\n&lt;!channel&gt; x &gt; 1","channel":"#ops"}"##
        );
        event.detail =
            Some(Detail { key: String::new(), value: 0.0, bound: 0.0, since: 0, resolved: true });
        event.text = b"x".to_vec();
        let over = encode(&event, "h", &[]);
        assert_eq!(over, r#"{"text":":white_check_mark: *a&amp;b* is over on h\nx"}"#);
    }
}
