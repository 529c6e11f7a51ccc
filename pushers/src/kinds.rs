//! Which pushers there are: by the word of `stats-push`, and by options of their own.

use crate::{Facts, Plan, Plans};

/// What reading an argument comes to; the error is the line for the log.
pub type Read = Result<Box<dyn Plan>, String>;

/// A pusher that `stats-push` names.
pub struct Kind {
    /// The word in front of the colon.
    pub name: &'static str,
    /// Reads what stands behind it; nothing without a colon. The error is the line for the log.
    pub read: fn(Option<&str>, &Facts<'_>) -> Read,
}

/// Every pusher that `stats-push` names.
pub static KINDS: &[Kind] = &[
    Kind { name: "socket", read: crate::socket::read },
    Kind { name: "file", read: crate::file::read },
    Kind { name: "statsd", read: crate::statsd::read },
    Kind { name: "dogstatsd", read: crate::dogstatsd::read },
    Kind { name: "prometheus-file", read: crate::textfile::read },
    Kind { name: "systemd", read: crate::systemd::read },
    Kind { name: "mongodb", read: crate::mongodb::read },
    Kind { name: "rrdtool", read: crate::rrdtool::read },
    Kind { name: "remote-write", read: crate::remote::read },
    Kind { name: "pushgateway", read: crate::gateway::read },
    Kind { name: "influx", read: crate::influx::read },
    Kind { name: "zabbix", read: crate::zabbix::read },
];

/// Reads the plans of an option that is not `stats-push`.
type FromOptions = fn(&Facts<'_>, &mut Plans) -> Result<(), Fault>;

/// The pushers that have options of their own, in the order in which they push.
static BY_OPTION: &[FromOptions] = &[
    crate::carbon::read,
    crate::rrdtool::from_options,
    crate::zabbix::read_template,
    crate::otlp::plans,
];

/// What is wrong with which option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The option.
    pub option: &'static str,
    /// Its value, as written.
    pub value: String,
    /// The line for the log.
    pub text: String,
}

/// Everything that is to be pushed, and what of it cannot be.
pub fn plans(facts: &Facts<'_>) -> (Plans, Vec<Fault>) {
    let (mut plans, mut faults) = (Plans::new(), Vec::new());
    for value in facts.options.all("stats-push") {
        match one(&value, facts) {
            Ok(plan) => plans.push(plan.into()),
            Err(text) => faults.push(Fault { option: "stats-push", value, text }),
        }
    }
    for read in BY_OPTION {
        if let Err(fault) = read(facts, &mut plans) {
            faults.push(fault);
        }
    }
    (plans, faults)
}

fn one(value: &str, facts: &Facts<'_>) -> Read {
    let (name, argument) = match value.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (value, None),
    };
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| format!("unable to find \"{name}\" stats_pusher"))?;
    (kind.read)(argument, facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn a_pusher_is_found_by_its_word() {
        let given = Given::of(&[
            ("stats-push", "socket:127.0.0.1:9"),
            ("stats-push", "nowhere:x"),
            ("stats-push", "file"),
        ]);
        let (plans, faults) = plans(&given.facts());
        let kinds: Vec<_> = plans.iter().map(|plan| plan.kind()).collect();
        assert_eq!(kinds, ["socket", "file"]);
        let [fault] = &faults[..] else { panic!("{faults:?}") };
        assert_eq!(fault.value, "nowhere:x");
        assert_eq!(fault.text, "unable to find \"nowhere\" stats_pusher");
    }
}
