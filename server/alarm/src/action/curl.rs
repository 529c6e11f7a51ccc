//! `curl:URL;key=value...`: a message to a web server or as a mail.
//!
//! Owns the keys of uWSGI's plugin of that name and its payload: `To:` and `Subject:` lines, which
//! web servers get as well, in front of the message. It refuses schemes other than http and smtp
//! and theirs over TLS.

use std::borrow::Cow;

use hyper::Method;

use super::arguments::Arguments;
use super::secrets::Secrets;
use super::{Action, Delivery, Failure, Parsed};
use crate::net::http::Poster;
use crate::net::mail::Mail;
use crate::net::smtp::Mailer;
use crate::net::target::{Login, Target, WEB_AND_MAIL};
use crate::net::{Trust, limits};
use crate::{Event, Facts};

const KEYS: &[&str] = &[
    "url",
    "subject",
    "mail_to",
    "mail_from",
    "ssl",
    "ssl_insecure",
    "auth_user",
    "auth_pass",
    "method",
    "timeout",
    "conn_timeout",
];

/// Form data: what libcurl calls the body of a POST.
const KIND: &str = "application/x-www-form-urlencoded";

struct Curl {
    way: Way,
    mail_to: Option<String>,
    subject: Option<String>,
    mail_from: Option<String>,
    facts: Facts,
    secrets: Secrets,
}

enum Way {
    Web(Poster),
    Mail(Mailer),
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let arguments = Arguments::split(argument, KEYS);
    let url = arguments.get("url").or(arguments.first);
    let url = url.ok_or("An URL is required to trigger curl-based alarm.")?;
    let target = Target::parse(url, WEB_AND_MAIL)?;
    arguments.tell_unknown("curl", facts);
    let mut secrets = Secrets::default();
    let login = login(&arguments).or_else(|| target.login.clone());
    if let Some(login) = &login {
        secrets.add_login(login);
    }
    Ok(Box::new(Curl {
        way: way(target, login, &arguments, facts)?,
        mail_to: arguments.get("mail_to").map(one_line),
        subject: arguments.get("subject").map(one_line),
        mail_from: arguments.get("mail_from").map(one_line),
        facts: facts.clone(),
        secrets,
    }))
}

fn way(
    target: Target,
    login: Option<Login>,
    arguments: &Arguments<'_>,
    facts: &Facts,
) -> Result<Way, String> {
    let limits = limits(arguments, facts)?;
    let trust = if arguments.is_on("ssl_insecure") { Trust::Anybody } else { Trust::System };
    if target.scheme.is_mail() {
        // libcurl takes the path for the name to greet with.
        let name = target.path.trim_matches('/').to_owned();
        let name = if name.is_empty() { facts.hostname.clone() } else { name };
        // Any value, as the C server has it: to take `ssl=no` for "in the clear" would send
        // passwords in the clear that went encrypted.
        let starttls = arguments.get("ssl").is_some();
        return Ok(Way::Mail(Mailer { target, limits, trust, starttls, login, name }));
    }
    let mut poster = Poster::new(target, KIND, limits, trust);
    if let Some(login) = &login {
        poster.authorize(login);
    }
    if let Some(method) = arguments.get("method") {
        let method = Method::from_bytes(method.as_bytes());
        poster.method = method.map_err(|_| "method is not a method of HTTP".to_owned())?;
    }
    Ok(Way::Web(poster))
}

fn login(arguments: &Arguments<'_>) -> Option<Login> {
    let user = arguments.get("auth_user")?.to_owned();
    Some(Login { user, password: arguments.get("auth_pass").unwrap_or_default().to_owned() })
}

/// A value that becomes a header stays one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Curl {
    /// What a web server gets.
    fn payload(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 64);
        let headers = [("To", &self.mail_to), ("Subject", &self.subject)];
        for (name, value) in headers {
            if let Some(value) = value {
                out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        if !out.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(text);
        out
    }

    /// The sender: as configured, else the account, else this server.
    fn from(&self, login: Option<&Login>) -> String {
        let account = || login.map(|login| login.user.clone()).filter(|user| user.contains('@'));
        let configured = self.mail_from.clone().filter(|from| !from.is_empty());
        configured.or_else(account).unwrap_or_else(|| format!("uwsgi@{}", self.facts.hostname))
    }

    async fn mail(&self, mailer: &Mailer, event: &Event) -> Result<(), Failure> {
        let to: Vec<String> =
            self.mail_to.iter().flat_map(|list| list.split(',')).map(bare).collect();
        let to: Vec<String> = to.into_iter().filter(|address| !address.is_empty()).collect();
        if to.is_empty() {
            return Err(Failure::lasting("the mail has no recipient (mail_to)"));
        }
        let from = bare(&self.from(mailer.login.as_ref()));
        let subject = match &self.subject {
            Some(subject) => Cow::Borrowed(subject.as_str()),
            None => Cow::Owned(format!("uWSGI alarm {}", event.alarm)),
        };
        let id = self.id(event);
        let mail = Mail {
            from: &from,
            to: &to,
            subject: &subject,
            id: &id,
            at_us: event.at_us,
            text: &event.text,
        };
        let outcome = mailer.send(&from, &to, &mail.encode()).await?;
        if let Some(log) = self.facts.log {
            for refused in outcome.refused {
                log(&self
                    .secrets
                    .blot(&format!("[uwsgi-alarm-curl] recipient refused, {refused}")));
            }
        }
        Ok(())
    }

    /// The same for each attempt at one event, so that a mail that comes twice is known as one.
    fn id(&self, event: &Event) -> String {
        let plain = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
                .collect()
        };
        let (alarm, host) = (plain(&event.alarm), plain(&self.facts.hostname));
        format!("{}.{}.{alarm}@{host}", event.at_us, self.facts.master_pid)
    }
}

/// An address without its brackets and blanks.
fn bare(address: &str) -> String {
    let address = address.trim();
    let inner = address.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(address, |(inner, _)| inner).to_owned()
}

impl Action for Curl {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(async move {
            let done = match &self.way {
                Way::Web(poster) => poster.send(self.payload(&event.text)).await,
                Way::Mail(mailer) => self.mail(mailer, event).await,
            };
            done.map_err(|failure| {
                let Failure { text, again } = self.secrets.blot_failure(failure);
                Failure { text: format!("curl_easy_perform() failed: {text}"), again }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(argument: &str) -> String {
        parse(argument, &Facts::default()).err().unwrap_or_default()
    }

    #[test]
    fn what_cannot_work_is_refused_when_it_is_read() {
        for (argument, expected) in [
            ("", "An URL is required to trigger curl-based alarm."),
            ("subject=x", "An URL is required to trigger curl-based alarm."),
            ("ftp://h/x", "the URL is of scheme \"ftp\", not of http, https, smtp, smtps"),
            ("http://h;timeout=soon", "timeout \"soon\" is not a number of seconds"),
            ("http://h;method=A B", "method is not a method of HTTP"),
            ("http://h/", ""),
            ("url=http://h/", ""),
        ] {
            assert_eq!(error(argument), expected, "{argument:?}");
        }
    }

    fn curl(mail_to: Option<&str>, subject: Option<&str>, mail_from: Option<&str>) -> Curl {
        let target = Target::parse("http://h", WEB_AND_MAIL).unwrap();
        let facts = Facts { hostname: "h1".to_owned(), master_pid: 7, ..Facts::default() };
        let limits = limits(&Arguments::split("", &[]), &facts).unwrap();
        let owned = |text: Option<&str>| text.map(one_line);
        Curl {
            way: Way::Web(Poster::new(target, KIND, limits, Trust::System)),
            mail_to: owned(mail_to),
            subject: owned(subject),
            mail_from: owned(mail_from),
            facts,
            secrets: Secrets::default(),
        }
    }

    #[test]
    fn a_payload_begins_with_the_headers_that_were_asked_for() {
        for (to, subject, expected) in [
            (None, None, "text\n"),
            (None, Some("s\r\nX: y"), "Subject: s  X: y\r\n\r\ntext\n"),
            (Some("a@x,b@y"), None, "To: a@x,b@y\r\n\r\ntext\n"),
            (Some("a@x"), Some("s"), "To: a@x\r\nSubject: s\r\n\r\ntext\n"),
        ] {
            let payload = curl(to, subject, None).payload(b"text\n");
            assert_eq!(String::from_utf8(payload).unwrap(), expected);
        }
    }

    #[test]
    fn the_sender_is_whom_the_server_will_accept() {
        let login = |user: &str| Login { user: user.to_owned(), password: String::new() };
        for (from, user, expected) in [
            (Some("me@x"), Some("account@y"), "me@x"),
            (None, Some("account@y"), "account@y"),
            (None, Some("account"), "uwsgi@h1"),
            (Some(""), None, "uwsgi@h1"),
        ] {
            let login = user.map(login);
            assert_eq!(curl(None, None, from).from(login.as_ref()), expected);
        }
    }

    #[test]
    fn an_event_has_one_id() {
        let event = Event { alarm: "disk full".to_owned(), at_us: 12, ..Event::default() };
        assert_eq!(curl(None, None, None).id(&event), "12.7.disk-full@h1");
        for (address, expected) in [(" a@x ", "a@x"), ("A B <a@x>", "a@x"), ("root", "root")] {
            assert_eq!(bare(address), expected);
        }
    }
}
