//! The argument of `remote-write`.

use std::time::Duration;

use uwsgi_net::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};

use super::batch::Version;
use super::encode::{Encode, Shown};
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::get;
use crate::kinds::Read;
use crate::web::{self, Pairs, Said, Web};
use crate::{Facts, Plan, Work};
use uwsgi_net::http::Answer;

/// The word of `stats-push`.
const WORD: &str = "remote-write";

/// The keys that only this one knows.
const OWN: [&str; 5] = ["version", "job", "instance", "label", "histograms"];

/// See the module.
#[derive(Debug)]
struct Remote {
    web: Web,
    version: Version,
    shown: Shown,
    /// Added to every series that has no label of the same name.
    labels: Vec<(String, String)>,
}

/// Reads `URL[,KEY=VALUE...]`.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let plan = parse(argument.unwrap_or_default(), facts)
        .map_err(|why| format!("invalid {WORD} stats pusher syntax: {why}"))?;
    Ok(Box::new(plan))
}

fn parse(argument: &str, facts: &Facts<'_>) -> Result<Remote, String> {
    let (web, pairs) = web::read(argument, &OWN, "Bearer", facts)?;
    let version = match get(&pairs, "version") {
        None | Some("1" | "1.0") => Version::One,
        Some("2" | "2.0") => Version::Two,
        Some(other) => return Err(format!("version = {other} is neither 1 nor 2")),
    };
    let shown = match get(&pairs, "histograms") {
        None | Some("classic") => Shown::Classic,
        Some("native") => Shown::Native,
        Some("both") => Shown::Both,
        Some(other) => {
            return Err(format!("histograms = {other} is none of classic, native, both"));
        }
    };
    Ok(Remote { web, version, shown, labels: labels(&pairs, facts)? })
}

/// Who pushes: a server that is scraped gets `job` and `instance` from whoever scrapes it.
fn labels(pairs: &Pairs, facts: &Facts<'_>) -> Result<Vec<(String, String)>, String> {
    let job = if facts.stem.is_empty() { "uwsgi" } else { &facts.stem };
    let mut labels = vec![
        ("job".to_owned(), get(pairs, "job").unwrap_or(job).to_owned()),
        ("instance".to_owned(), get(pairs, "instance").unwrap_or(&facts.hostname).to_owned()),
    ];
    for (_, text) in pairs.iter().filter(|(key, _)| key == "label") {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!("label = {text} is not one (label=NAME=VALUE)"));
        }
        labels.retain(|(known, _)| known != name);
        labels.push((name.to_owned(), value.to_owned()));
    }
    labels.retain(|(_, value)| !value.is_empty());
    Ok(labels)
}

/// A receiver of 2.0 counts what it wrote; one that does not has perhaps not understood.
fn judge_two(answer: &Answer) -> Said {
    const WRITTEN: &str = "x-prometheus-remote-write-samples-written";
    match web::plainly(answer) {
        Said::Taken if !answer.headers.contains_key(WRITTEN) => Said::Partly(
            0,
            format!("answered {} without {WRITTEN}: it may not know version 2", answer.status),
        ),
        said => said,
    }
}

impl Plan for Remote {
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

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        const SPOKEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
        let (kind, spoken, judge): (_, _, web::Judge) = match self.version {
            Version::One => ("application/x-protobuf", "0.1.0", web::plainly),
            Version::Two => {
                ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0", judge_two)
            }
        };
        let mut poster = self.web.poster(kind);
        poster.headers.push((CONTENT_ENCODING, HeaderValue::from_static("snappy")));
        poster.headers.push((SPOKEN, HeaderValue::from_static(spoken)));
        let sender = web::Sender::new(WORD, &self.web, poster, judge, "Bearer", work);
        let receiver = Receiver { transport: Box::new(sender), policy: self.web.policy() };
        let encoder = Encode::new(self.version, self.shown, self.labels.clone());
        Box::new(Fan::start(WORD, encoder, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn of(argument: &str) -> Result<Remote, String> {
        parse(argument, &Given::of(&[]).facts())
    }

    #[test]
    fn labels_say_who_pushes() {
        let names = |argument: &str| of(argument).unwrap().labels;
        let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
        };
        assert_eq!(names("h"), of(&[("job", "app"), ("instance", "vm")]));
        assert_eq!(
            names("h,job=j,label=zone=a,label=instance="),
            of(&[("job", "j"), ("zone", "a")])
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (argument, want) in [
            ("h,version=3", "version = 3 is neither 1 nor 2"),
            ("h,histograms=x", "histograms = x is none of classic, native, both"),
            ("h,label=a b=c", "label = a b=c is not one"),
        ] {
            assert!(of(argument).unwrap_err().contains(want), "{argument}");
        }
    }
}
