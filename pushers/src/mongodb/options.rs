//! The argument of `mongodb`.

use std::time::Duration;

use crate::Facts;
use crate::keyval::{self, get};
use crate::kinds::Read;

const KEYS: &[&str] = &["addr", "address", "collection", "freq", "dots", "meta", "timeseries"];

/// See the module.
#[derive(Debug)]
#[cfg_attr(not(feature = "mongodb"), expect(dead_code, reason = "what only the driver asks"))]
pub(super) struct Mongodb {
    /// A whole URI, perhaps with a password.
    pub(super) uri: String,
    /// The address without secrets.
    pub(super) shown: String,
    pub(super) database: String,
    pub(super) collection: String,
    pub(super) every: Duration,
    /// What dots in names become.
    pub(super) dots: Option<String>,
    /// Time and host become fields.
    pub(super) meta: bool,
    /// The collection is made as a time series.
    pub(super) timeseries: bool,
    pub(super) hostname: String,
    pub(super) timeout: Duration,
}

/// Reads the argument; everything in it may be left out.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    parse(argument, facts)
        .map_err(|why| format!("invalid mongodb stats pusher syntax: {why}"))
        .and_then(driven)
}

#[cfg(feature = "mongodb")]
fn driven(plan: Mongodb) -> Read {
    super::transport::check(&plan.uri)
        .map_err(|why| format!("invalid mongodb stats pusher syntax: {}: {why}", plan.shown))?;
    Ok(Box::new(plan))
}

#[cfg(not(feature = "mongodb"))]
fn driven(plan: Mongodb) -> Read {
    Err(undriven(&plan))
}

/// What a build without the driver says.
#[cfg(any(test, not(feature = "mongodb")))]
fn undriven(plan: &Mongodb) -> String {
    format!("this build has no MongoDB driver for {plan}, the feature mongodb has it")
}

impl std::fmt::Display for Mongodb {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}.{}", self.shown, self.database, self.collection)
    }
}

fn parse(argument: Option<&str>, facts: &Facts<'_>) -> Result<Mongodb, String> {
    let pairs = keyval::read(argument.unwrap_or_default(), KEYS)?;
    let address = get(&pairs, "addr").or_else(|| get(&pairs, "address"));
    let address = address.unwrap_or("127.0.0.1:27017");
    let namespace = get(&pairs, "collection").unwrap_or("uwsgi.statistics");
    let (database, collection) = namespace
        .split_once('.')
        .filter(|(database, collection)| !database.is_empty() && !collection.is_empty())
        .ok_or_else(|| format!("collection = {namespace} is not DATABASE.COLLECTION"))?;
    let every = match get(&pairs, "freq") {
        None => facts.every,
        Some(text) => {
            let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
            Duration::from_secs(
                seconds.ok_or_else(|| format!("freq = {text} is not a number of seconds"))?,
            )
        }
    };
    let timeseries = switch(&pairs, "timeseries")?;
    Ok(Mongodb {
        uri: if address.contains("://") {
            address.to_owned()
        } else {
            format!("mongodb://{address}/")
        },
        shown: without_secrets(address),
        database: database.to_owned(),
        collection: collection.to_owned(),
        every,
        dots: get(&pairs, "dots").map(str::to_owned),
        // A time series has a time.
        meta: switch(&pairs, "meta")? || timeseries,
        timeseries,
        hostname: facts.hostname.clone(),
        timeout: facts.timeout,
    })
}

fn switch(pairs: &[(String, String)], key: &str) -> Result<bool, String> {
    match get(pairs, key) {
        None | Some("0" | "false" | "no") => Ok(false),
        Some("1" | "true" | "yes") => Ok(true),
        Some(other) => Err(format!("{key} = {other} is neither 0 nor 1")),
    }
}

/// Who logs in, and the parameters, are nobody's business.
fn without_secrets(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let hosts = rest.split(['/', '?']).next().unwrap_or_default();
    scheme + hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn parsed(argument: Option<&str>) -> Result<Mongodb, String> {
        parse(argument, &Given::of(&[]).facts())
    }

    #[test]
    fn everything_may_be_left_out() {
        let plan = parsed(None).unwrap();
        assert_eq!(plan.to_string(), "127.0.0.1:27017/uwsgi.statistics");
        assert_eq!(plan.uri, "mongodb://127.0.0.1:27017/");
        assert_eq!((plan.every.as_secs(), plan.meta, plan.timeseries), (3, false, false));
    }

    #[test]
    fn keys_are_read() {
        let plan = parsed(Some("address=10.0.0.1:5151,collection=uwsgi.my.stats,freq=4,dots=_"));
        let plan = plan.unwrap();
        assert_eq!((&*plan.database, &*plan.collection), ("uwsgi", "my.stats"));
        assert_eq!((plan.every.as_secs(), plan.dots.as_deref()), (4, Some("_")));
        assert!(parsed(Some("timeseries=1")).unwrap().meta, "a time series has a time");
    }

    #[test]
    fn secrets_are_not_shown() {
        for (address, shown) in [
            ("mongodb://u:p@h1\\,h2:1/db?authSource=x", "mongodb://h1,h2:1"),
            ("mongodb://u:p@ss@h", "mongodb://h"),
            ("u:p@h:1", "h:1"),
            ("[::1]:27017", "[::1]:27017"),
        ] {
            assert_eq!(parsed(Some(&format!("addr={address}"))).unwrap().shown, shown);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (argument, why) in [
            ("collection=stats", "collection = stats is not DATABASE.COLLECTION"),
            ("freq=0", "freq = 0 is not a number of seconds"),
            ("meta=2", "meta = 2 is neither 0 nor 1"),
            ("colection=a.b", "\"colection\" is not one of addr, address, collection"),
        ] {
            let said = parsed(Some(argument)).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
    }

    #[test]
    fn a_build_without_the_driver_says_which_feature_is_missing() {
        let said = undriven(&parsed(Some("addr=mongodb://u:p@h:1")).unwrap());
        assert_eq!(
            said,
            "this build has no MongoDB driver for mongodb://h:1/uwsgi.statistics, the feature mongodb has it"
        );
        #[cfg(not(feature = "mongodb"))]
        {
            let given = Given::of(&[]);
            let refused = read(Some("addr=mongodb://u:p@h:1"), &given.facts()).err();
            assert_eq!(refused, Some(said));
        }
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn uris_that_the_driver_does_not_take_are_refused() {
        let given = Given::of(&[]);
        for address in ["mongodb://u:p@h/?tls=perhaps", "http://h", "mongodb+srv://h.example.org"] {
            let said = read(Some(&format!("addr={address}")), &given.facts()).err().unwrap();
            assert!(said.starts_with("invalid mongodb stats pusher syntax: "), "{said}");
            assert!(!said.contains("u:p"), "{said}");
        }
    }
}
