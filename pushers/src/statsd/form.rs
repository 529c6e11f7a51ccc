//! What a line looks like: `PREFIX.NAME:VALUE|T`, with tags where the receiver reads them.

use super::names::Name;

/// How a receiver reads tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Not at all: numbers stay in the name.
    #[default]
    Plain,
    /// `name:1|c|#k:v,k2:v2`.
    DogStatsD,
    /// `name,k=v,k2=v2:1|c`.
    Influx,
    /// `name;k=v;k2=v2:1|c`.
    Graphite,
    /// `name[k=v,k2=v2]:1|c`.
    SignalFx,
}

/// Whether and how times of requests are pushed.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// `ms`, `h` or `d`.
    pub(crate) kind: String,
    /// Values of each kind of latency in one push.
    pub(crate) most: u64,
    /// One value for so many requests at least.
    pub(crate) every: u64,
}

/// Everything that decides about the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// In front of every name, with a dot behind it.
    pub(crate) prefix: String,
    /// Tags.
    pub(crate) dialect: Dialect,
    /// Tags of every metric, as they are written; for `DogStatsD`.
    pub(crate) tags: String,
    /// Only these names, without numbers and prefix; empty for all.
    pub(crate) only: Vec<String>,
    /// Leave out metrics of workers.
    pub(crate) no_workers: bool,
    /// Everything is a gauge.
    pub(crate) all_gauges: bool,
    /// Counters are pushed as what they gained.
    pub(crate) delta: bool,
    /// The largest datagram; 0 for one line in each.
    pub(crate) mtu: usize,
    /// Times of requests.
    pub(crate) timing: Option<Timing>,
    /// The container, as its field names it.
    pub(crate) container: Option<String>,
    /// Gauges and counters carry the time at which they were read.
    pub(crate) timestamps: bool,
}

/// A line without its values: what stands in front of `:`, and what stands at the end.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) head: Vec<u8>,
    pub(super) tail: Vec<u8>,
}

impl Form {
    /// The ends of a metric's line; nothing when the metric is not wanted.
    pub(super) fn line(&self, name: &[u8], line: &mut Line) -> bool {
        line.head.clear();
        line.tail.clear();
        if self.no_workers && name.starts_with(b"worker.") {
            return false;
        }
        line.head.extend_from_slice(self.prefix.as_bytes());
        line.head.push(b'.');
        if self.dialect == Dialect::Plain {
            line.head.extend_from_slice(name);
            return true;
        }
        let name = Name::split(name);
        if !self.only.is_empty() && !self.only.iter().any(|only| only.as_bytes() == name.plain) {
            return false;
        }
        line.head.extend_from_slice(&name.plain);
        self.tags(&name.tags, line);
        true
    }

    fn tags(&self, tags: &[(&[u8], &[u8])], line: &mut Line) {
        match self.dialect {
            Dialect::Plain => {}
            Dialect::Influx => pairs(&mut line.head, tags, b',', b','),
            Dialect::Graphite => pairs(&mut line.head, tags, b';', b';'),
            Dialect::SignalFx if tags.is_empty() => {}
            Dialect::SignalFx => {
                pairs(&mut line.head, tags, b'[', b',');
                line.head.push(b']');
            }
            Dialect::DogStatsD => self.trailing(tags, &mut line.tail),
        }
    }

    fn trailing(&self, tags: &[(&[u8], &[u8])], out: &mut Vec<u8>) {
        let mut lead: &[u8] = b"|#";
        if !self.tags.is_empty() {
            out.extend_from_slice(lead);
            out.extend_from_slice(self.tags.as_bytes());
            lead = b",";
        }
        for (key, value) in tags {
            for part in [lead, key, b":", value] {
                out.extend_from_slice(part);
            }
            lead = b",";
        }
        if let Some(container) = &self.container {
            out.extend_from_slice(b"|c:");
            out.extend_from_slice(container.as_bytes());
        }
    }
}

fn pairs(out: &mut Vec<u8>, tags: &[(&[u8], &[u8])], first: u8, between: u8) {
    for (index, (key, value)) in tags.iter().enumerate() {
        out.push(if index == 0 { first } else { between });
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: &Form, name: &str) -> Option<String> {
        let mut line = Line::default();
        let wanted = form.line(name.as_bytes(), &mut line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        wanted.then(|| format!("{}:1|c{}", text(&line.head), text(&line.tail)))
    }

    #[test]
    fn each_dialect_has_its_place_for_tags() {
        for (dialect, wanted, plain) in [
            (Dialect::Plain, "u.worker.1.core.0.rx:1|c", "u.mym:1|c"),
            (Dialect::DogStatsD, "u.worker.core.rx:1|c|#worker:1,core:0", "u.mym:1|c"),
            (Dialect::Influx, "u.worker.core.rx,worker=1,core=0:1|c", "u.mym:1|c"),
            (Dialect::Graphite, "u.worker.core.rx;worker=1;core=0:1|c", "u.mym:1|c"),
            (Dialect::SignalFx, "u.worker.core.rx[worker=1,core=0]:1|c", "u.mym:1|c"),
        ] {
            let form = Form { prefix: "u".into(), dialect, ..Form::default() };
            assert_eq!(shown(&form, "worker.1.core.0.rx").as_deref(), Some(wanted));
            assert_eq!(shown(&form, "mym").as_deref(), Some(plain));
        }
    }

    #[test]
    fn tags_of_all_come_first_and_the_container_behind_them() {
        let form = Form {
            prefix: "u".into(),
            dialect: Dialect::DogStatsD,
            tags: "foo:bar,qin".into(),
            container: Some("0123".into()),
            ..Form::default()
        };
        assert_eq!(shown(&form, "mym").unwrap(), "u.mym:1|c|#foo:bar,qin|c:0123");
        assert_eq!(
            shown(&form, "worker.2.rx").unwrap(),
            "u.worker.rx:1|c|#foo:bar,qin,worker:2|c:0123"
        );
    }

    #[test]
    fn what_is_not_wanted_is_left_out() {
        let form = Form {
            dialect: Dialect::DogStatsD,
            only: vec!["core.busy_workers".into(), "worker.requests".into()],
            ..Form::default()
        };
        for (name, wanted) in [
            ("core.busy_workers", true),
            ("core.idle_workers", false),
            ("worker.1.requests", true),
            ("worker.1.rx", false),
        ] {
            assert_eq!(shown(&form, name).is_some(), wanted, "{name}");
            let no_workers = Form { no_workers: true, ..form.clone() };
            assert_eq!(shown(&no_workers, name).is_some(), wanted && name.starts_with("core"));
        }
    }
}
