//! The argument of `statsd`, and the options that it shares with `dogstatsd`.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use uwsgi_metrics::PusherRow;
use uwsgi_metrics::schema::Item;

use super::encode::Encode;
use super::form::{Dialect, Form, Timing};
use crate::address::Address;
use crate::datagrams::{POLICY, Sender};
use crate::instance::{Fan, Instance, Receiver};
use crate::kinds::Read;
use crate::{Facts, Plan, Work};

/// What one of the two is to do.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) kind: &'static str,
    /// What an error is called in the log.
    pub(crate) call: &'static str,
    pub(crate) address: Address,
    pub(crate) form: Form,
    pub(crate) every: Duration,
    pub(crate) lines: Vec<String>,
    /// Of a form with increases: what was told before this image, and after how many pushes.
    pub(crate) told: OnceLock<(u64, HashMap<Vec<u8>, i64>)>,
}

/// Reads `ADDR[,PREFIX]` and the options.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let (address, prefix) = split(argument);
    let address = Address::parse(address).ok_or_else(|| {
        format!("invalid statsd address {address} (stats-push = statsd:HOST:PORT[,PREFIX])")
    })?;
    let dialect = match facts.options.last("statsd-tags").as_deref() {
        None => Dialect::Plain,
        Some("dogstatsd") => Dialect::DogStatsD,
        Some("influx") => Dialect::Influx,
        Some("graphite") => Dialect::Graphite,
        Some("signalfx") => Dialect::SignalFx,
        Some(other) => {
            return Err(format!(
                "statsd-tags = {other} is not one of dogstatsd, influx, graphite, signalfx"
            ));
        }
    };
    let form = Form { dialect, ..common("statsd", prefix, facts)? };
    let (every, lines) = (facts.every, Vec::new());
    let call = "statsd_send_metric()/sendto()";
    Ok(Box::new(Pushed {
        kind: "statsd",
        call,
        address,
        form,
        every,
        lines,
        told: OnceLock::new(),
    }))
}

/// Address and prefix.
pub(crate) fn split(argument: Option<&str>) -> (&str, &str) {
    let argument = argument.unwrap_or_default();
    argument.split_once(',').unwrap_or((argument, "uwsgi"))
}

/// Reads the options whose names begin with `word`.
///
/// # Errors
/// The line for the log.
pub(crate) fn common(word: &str, prefix: &str, facts: &Facts<'_>) -> Result<Form, String> {
    let options = facts.options;
    let flag = |name: &str| options.flag(&format!("{word}-{name}"));
    let (all_gauges, delta) = (flag("all-gauges"), flag("delta"));
    if all_gauges && delta {
        return Err(format!(
            "{word}-all-gauges pushes totals and {word}-delta what they gained: choose one of them"
        ));
    }
    let mtu = options.int(&format!("{word}-mtu"), 0);
    Ok(Form {
        prefix: prefix.to_owned(),
        no_workers: flag("no-workers"),
        all_gauges,
        delta,
        mtu: usize::try_from(mtu).unwrap_or(0),
        timing: timing(word, facts)?,
        ..Form::default()
    })
}

fn timing(word: &str, facts: &Facts<'_>) -> Result<Option<Timing>, String> {
    let options = facts.options;
    let every = match options.last(&format!("{word}-sample-rate")) {
        None => 1,
        Some(text) => {
            let rate = text.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1.0);
            let rate = rate.ok_or_else(|| {
                format!("{word}-sample-rate = {text} is not above 0 and at most 1")
            })?;
            (1.0 / rate).round() as u64
        }
    };
    let most = options.int(&format!("{word}-timers-max"), 200).max(1).unsigned_abs();
    Ok(options.last(&format!("{word}-timers")).map(|kind| Timing { kind, most, every }))
}

impl Plan for Pushed {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.address.to_string()]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        true
    }

    /// What was gained since the last push would never be told.
    fn last_words(&self) -> bool {
        self.form.delta || self.form.timing.is_some()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    /// The last push before a reload told all that was counted then.
    fn prepare(&self, list: &[Item], rows: &[&PusherRow]) -> Result<Vec<String>, String> {
        let pushes = rows.first().map_or(0, |row| row.pushes.get());
        if self.form.delta && pushes > 0 {
            let told = list.iter().map(|item| (item.name.clone(), item.value)).collect();
            let _ = self.told.set((pushes, told));
        }
        Ok(Vec::new())
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Sender::new(self.address.clone(), self.call);
        let receiver = Receiver { transport: Box::new(transport), policy: POLICY };
        let pushes = work.rows.first().map_or(0, |row| row.pushes.get());
        // Once this image has pushed, what it began with is not where a later observer goes on.
        let told =
            self.told.get().filter(|(then, _)| *then == pushes).map(|(_, told)| told.clone());
        let encoder = Encode::new(self.form.clone(), pushes == 0, told);
        Box::new(Fan::start(self.kind, encoder, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn what_cannot_be_pushed_is_named() {
        for (argument, options, wrong) in [
            ("127.0.0.1", &[][..], "invalid statsd address 127.0.0.1"),
            ("", &[], "invalid statsd address  "),
            (":8125", &[("statsd-tags", "xml")], "statsd-tags = xml is not one of"),
            (":8125", &[("statsd-sample-rate", "2")], "statsd-sample-rate = 2 is not"),
            (":8125", &[("statsd-sample-rate", "0")], "statsd-sample-rate = 0 is not"),
            (
                ":8125",
                &[("statsd-delta", "true"), ("statsd-all-gauges", "true")],
                "statsd-all-gauges pushes totals",
            ),
        ] {
            let given = Given::of(options);
            let error = read(Some(argument), &given.facts()).err().unwrap_or_default();
            assert!(error.starts_with(wrong), "{argument} {options:?}: {error}");
        }
    }

    #[test]
    fn everything_behind_the_first_comma_is_the_prefix() {
        assert_eq!(split(Some("h:1,a,b")), ("h:1", "a,b"));
        assert_eq!(split(Some("h:1,")), ("h:1", ""));
        assert_eq!(split(Some("h:1")), ("h:1", "uwsgi"));
        assert_eq!(split(None), ("", "uwsgi"));
    }

    #[test]
    fn timers_are_read() {
        let options =
            [("statsd-timers", "ms"), ("statsd-sample-rate", "0.1"), ("statsd-mtu", "512")];
        let given = Given::of(&options);
        let form = common("statsd", "u", &given.facts()).unwrap();
        let timing = form.timing.unwrap();
        assert_eq!(
            (timing.kind.as_str(), timing.most, timing.every, form.mtu),
            ("ms", 200, 10, 512)
        );
    }
}
