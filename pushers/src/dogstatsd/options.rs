//! The argument of `dogstatsd` and its options.

use std::sync::OnceLock;

use super::container;
use crate::Facts;
use crate::address::Address;
use crate::kinds::Read;
use crate::statsd::{Dialect, Form, Pushed, common, split};

/// What C says when it is to push and has nothing.
const NOTHING: &str =
    " *** WARNING: Dogstatsd stats pusher configured but there are no metrics to push ***";

/// Reads `ADDR[,PREFIX]` and the options.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let (address, prefix) = split(argument);
    let address = Address::parse(address).ok_or_else(|| {
        format!("invalid dd address {address} (stats-push = dogstatsd:HOST:PORT[,PREFIX])")
    })?;
    let options = facts.options;
    let mut lines = Vec::new();
    if !facts.metrics {
        lines.push(NOTHING.to_owned());
    }
    let container = match options.last("dogstatsd-container-id").as_deref() {
        Some("auto") => {
            let found = container::find();
            if found.is_none() {
                lines.push("[dogstatsd] no container was found, metrics go out without one".into());
            }
            found
        }
        Some(id) if id.is_empty() || !id.bytes().all(is_plain) => {
            return Err(format!("dogstatsd-container-id = {id} is not auto or an identifier"));
        }
        other => other.map(str::to_owned),
    };
    let form = Form {
        dialect: Dialect::DogStatsD,
        tags: tags(options.last("dogstatsd-extra-tags").unwrap_or_default())?,
        only: options.all("dogstatsd-whitelist-metric"),
        container,
        timestamps: options.flag("dogstatsd-timestamps"),
        ..common("dogstatsd", prefix, facts)?
    };
    let call = "dogstatsd_send_metric()/sendto()";
    Ok(Box::new(Pushed {
        kind: "dogstatsd",
        call,
        address,
        form,
        every: facts.every,
        lines,
        told: OnceLock::new(),
    }))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Tags as they are written; what would end them is refused.
fn tags(text: String) -> Result<String, String> {
    match text.chars().find(|c| matches!(c, '|' | '\n' | '#')) {
        None => Ok(text),
        Some(c) => Err(format!("dogstatsd-extra-tags = {text}: {c:?} cannot be part of a tag")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn what_cannot_be_pushed_is_named() {
        for (argument, options, wrong) in [
            ("datadog", &[][..], "invalid dd address datadog"),
            (":1", &[("dogstatsd-extra-tags", "a|b")], "dogstatsd-extra-tags = a|b: '|' cannot"),
            (":1", &[("dogstatsd-container-id", "a b")], "dogstatsd-container-id = a b is not"),
            (":1", &[("dogstatsd-sample-rate", "x")], "dogstatsd-sample-rate = x is not"),
        ] {
            let given = Given::of(options);
            let error = read(Some(argument), &given.facts()).err().unwrap_or_default();
            assert!(error.starts_with(wrong), "{argument} {options:?}: {error}");
        }
        let given = Given::of(&[("dogstatsd-extra-tags", "foo:bar,qin")]);
        let plan = read(Some("unix:///run/dsd.socket,app"), &given.facts()).unwrap();
        assert_eq!((plan.kind(), plan.receivers()), ("dogstatsd", vec!["/run/dsd.socket".into()]));
    }
}
