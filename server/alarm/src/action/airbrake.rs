//! `airbrake:URL;apikey=KEY;key=value...`: a message as a notice of Airbrake's API 2 (errbit).
//!
//! Owns the document. It is meant for `alarm-segfault`, whose text holds frames; any other text is
//! a notice without frames whose message is the text.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::arguments::Arguments;
use super::backtrace::{culprit, frames, is_arithmetic};
use super::post::{self, Post};
use super::{Action, Delivery, Parsed};
use crate::{Event, Facts};

const KEYS: &[&str] = &["apikey", "env", "subject", "ssl"];

/// What the notice says about this software.
const HOME: &str = "https://uwsgi-docs.readthedocs.io/";

struct Airbrake {
    post: Post,
    notice: Notice,
}

/// What all notices of an alarm have in common.
struct Notice {
    key: String,
    environment: Option<String>,
    version: String,
    /// Facts about the machine, in the order in which they are sent.
    machine: Vec<(&'static str, String)>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let known = [post::KEYS, KEYS].concat();
    let arguments = Arguments::split(argument, &known);
    let url = arguments.first.ok_or("airbrake: a URL is required")?;
    let key = arguments.get("apikey").ok_or("airbrake: apikey= is required")?;
    arguments.tell_unknown("airbrake", facts);
    let mut post = Post::read(url, "text/xml; charset=utf-8", &arguments, facts)?;
    post.secrets.add(key);
    let notice = Notice {
        key: key.to_owned(),
        environment: arguments.get("env").map(str::to_owned),
        version: facts.version.clone(),
        machine: machine(),
    };
    Ok(Box::new(Airbrake { post, notice }))
}

fn machine() -> Vec<(&'static str, String)> {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    vec![
        ("os_sysname", text(system.sysname())),
        ("os_version", format!("{}-{}", text(system.release()), text(system.version()))),
        ("machine", text(system.machine())),
        ("nodename", text(system.nodename())),
    ]
}

impl Notice {
    fn encode(&self, event: &Event) -> String {
        let text = String::from_utf8_lossy(&event.text);
        let mut out =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<notice version=\"2.3\">");
        element(&mut out, "api-key", &self.key);
        out.push_str("<notifier>");
        element(&mut out, "name", "uWSGI");
        element(&mut out, "version", &self.version);
        element(&mut out, "url", HOME);
        out.push_str("</notifier>");
        self.request(&mut out);
        out.push_str("<server-environment>");
        element(&mut out, "app-version", &self.version);
        element(&mut out, "environment-name", self.environment.as_ref().unwrap_or(&self.version));
        out.push_str("</server-environment>");
        error(&mut out, &text);
        out.push_str("</notice>\n");
        out
    }

    fn request(&self, out: &mut String) {
        out.push_str("<request><cgi-data>");
        let compiled = format!("rustc {} or later", env!("CARGO_PKG_RUST_VERSION"));
        let own = [("uwsgi_version", &self.version), ("compiled_with_version", &compiled)];
        let machine = self.machine.iter().map(|(key, value)| (*key, value));
        for (key, value) in own.into_iter().chain(machine) {
            let _ = write!(out, "<var key=\"{key}\">{}</var>", escape(clean(value)));
        }
        out.push_str("</cgi-data></request>");
    }
}

fn error(out: &mut String, text: &str) {
    let frames = frames(text);
    out.push_str("<error>");
    element(out, "class", "RuntimeError");
    out.push_str("<backtrace>");
    for frame in &frames {
        let (method, file) = (clean(frame.method), clean(frame.file));
        let _ = write!(out, "<line method=\"{}\" file=\"{}\"/>", escape(method), escape(file));
    }
    out.push_str("</backtrace>");
    let what = if is_arithmetic(&frames) { "FPE" } else { "segfault" };
    let message = match culprit(&frames) {
        Some(frame) if frame.is_nameless() => format!("uWSGI {what} in {}", frame.file),
        Some(frame) => format!("uWSGI {what} at {} in {}", frame.method, frame.file),
        None => text.trim_end().to_owned(),
    };
    element(out, "message", &message);
    out.push_str("</error>");
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>{}</{name}>", escape(clean(text)));
}

/// Without the characters that no XML document may hold, however they are written.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

impl Action for Airbrake {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(self.post.send(self.notice.encode(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(environment: Option<&str>) -> Notice {
        Notice {
            key: "K<1".to_owned(),
            environment: environment.map(str::to_owned),
            version: "2.0".to_owned(),
            machine: vec![("os_sysname", "Linux".to_owned())],
        }
    }

    fn encode(environment: Option<&str>, text: &str) -> String {
        let event = Event { text: text.as_bytes().to_vec(), ..Event::default() };
        notice(environment).encode(&event)
    }

    #[test]
    fn a_segfault_becomes_a_notice() {
        let text = "*** backtrace of 7 ***\n/bin/u&(f<g>+0x1) [0x1]\n*** end of backtrace ***\n";
        let compiled = env!("CARGO_PKG_RUST_VERSION");
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<notice version=\"2.3\">\
             <api-key>K&lt;1</api-key>\
             <notifier><name>uWSGI</name><version>2.0</version><url>{HOME}</url></notifier>\
             <request><cgi-data><var key=\"uwsgi_version\">2.0</var>\
             <var key=\"compiled_with_version\">rustc {compiled} or later</var>\
             <var key=\"os_sysname\">Linux</var></cgi-data></request>\
             <server-environment><app-version>2.0</app-version>\
             <environment-name>live</environment-name></server-environment>\
             <error><class>RuntimeError</class>\
             <backtrace><line method=\"f&lt;g&gt;\" file=\"/bin/u&amp;\"/></backtrace>\
             <message>uWSGI segfault at f&lt;g&gt; in /bin/u&amp;</message></error></notice>\n"
        );
        assert_eq!(encode(Some("live"), text), expected);
    }

    #[test]
    fn the_message_says_what_is_known() {
        for (text, expected) in [
            ("/b(+0x1) [0x1]\n", "uWSGI segfault in /b"),
            (
                "/b(uwsgi_fpe+0x1) [0x1]\n/libc(+0x9) [0x3]\n/b(f+0x1) [0x2]\n",
                "uWSGI FPE at f in /b",
            ),
            ("disk \u{1}full\n", "disk full"),
        ] {
            let sent = encode(None, text);
            assert!(sent.contains(&format!("<message>{expected}</message>")), "{sent}");
            assert!(sent.contains("<environment-name>2.0</environment-name>"), "{sent}");
        }
    }

    #[test]
    fn url_and_key_are_needed() {
        for (argument, expected) in [
            ("apikey=K", Some("airbrake: a URL is required")),
            ("http://h/", Some("airbrake: apikey= is required")),
            ("http://h/;apikey=K;subject=x;env=e;ssl=1;timeout=3", None),
        ] {
            assert_eq!(parse(argument, &Facts::default()).err().as_deref(), expected, "{argument}");
        }
    }
}
