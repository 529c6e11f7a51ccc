//! `URL[,KEY=VALUE...]`: what every pusher over HTTP is told.

use std::path::PathBuf;
use std::time::Duration;

use uwsgi_net::http::Poster;
use uwsgi_net::http::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use uwsgi_net::target::{Login, Target, WEB};
use uwsgi_net::{Limits, Own, Trust};

use crate::Facts;
use crate::keyval::{self, get};
use crate::lane::{Policy, Retry};

/// The keys that all of them know.
const KEYS: [&str; 11] = [
    "freq",
    "timeout",
    "header",
    "user",
    "password",
    "token",
    "token-file",
    "ca",
    "cert",
    "key",
    "insecure",
];

/// What an argument says.
pub(crate) type Pairs = Vec<(String, String)>;

/// Where to push, how often, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) target: Target,
    pub(crate) every: Duration,
    pub(crate) limits: Limits,
    /// Sent with each request.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Holds a token, which may change while the server runs.
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) trust: Trust,
}

/// Reads an argument whose keys are those of all and `own`. `scheme` is what stands before a token.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(
    argument: &str,
    own: &[&str],
    scheme: &str,
    facts: &Facts<'_>,
) -> Result<(Web, Pairs), String> {
    let (url, list) = argument.split_once(',').unwrap_or((argument, ""));
    let known: Vec<&str> = KEYS.iter().chain(own).copied().collect();
    let pairs = keyval::read(list, &known)?;
    let target = Target::parse(url, WEB)?;
    let every = seconds(&pairs, "freq")?.unwrap_or(facts.every).max(Duration::from_secs(1));
    let whole = seconds(&pairs, "timeout")?.unwrap_or(Duration::from_secs(10));
    let limits = Limits { connect: whole.min(facts.timeout), whole };
    let agent = HeaderValue::from_str(&format!("uwsgi/{}", facts.version));
    let mut web = Web {
        headers: agent.map(|agent| (USER_AGENT, agent)).into_iter().collect(),
        target,
        every,
        limits,
        token_file: get(&pairs, "token-file").map(PathBuf::from),
        trust: trust(&pairs)?,
    };
    for (_, text) in pairs.iter().filter(|(key, _)| key == "header") {
        let (name, value) = text.split_once(':').ok_or_else(|| {
            format!("header = {text} is not one (header=NAME: VALUE, a comma in it as \\,)")
        })?;
        web.header(name, value)?;
    }
    web.credentials(&pairs, scheme)?;
    Ok((web, pairs))
}

impl Web {
    /// Adds a header.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let known = HeaderName::from_bytes(name.trim().as_bytes());
        let known = known.map_err(|_| format!("\"{}\" is no name of a header", name.trim()))?;
        let mut value = HeaderValue::from_str(value.trim())
            .map_err(|_| format!("the value of the header {known} has a character it may not"))?;
        // Any of them may be a key that should not be shown.
        value.set_sensitive(true);
        self.headers.push((known, value));
        Ok(())
    }

    /// A poster that sends bodies of `kind` there.
    pub(crate) fn poster(&self, kind: &'static str) -> Poster {
        let mut poster = Poster::new(self.target.clone(), kind, self.limits, self.trust);
        poster.headers.extend(self.headers.iter().cloned());
        poster
    }

    /// Numbers are kept with their time until the receiver takes them: an hour and more of pushes.
    pub(crate) fn policy(&self) -> Policy {
        let deadline = self.limits.whole + Duration::from_secs(1);
        Policy { pushes: 2_000, bytes: 16 << 20, retry: Retry::Patient, deadline }
    }

    fn credentials(&mut self, pairs: &Pairs, scheme: &str) -> Result<(), String> {
        if let Some(token) = get(pairs, "token") {
            self.header(AUTHORIZATION.as_str(), &format!("{scheme} {token}"))?;
        }
        if let Some(user) = get(pairs, "user") {
            let password = get(pairs, "password").unwrap_or_default().to_owned();
            self.target.login = Some(Login { user: user.to_owned(), password });
        }
        let given = [get(pairs, "token").is_some(), self.token_file.is_some()];
        let logins = given.into_iter().chain([self.target.login.is_some()]);
        if logins.filter(|is_given| *is_given).count() > 1 {
            return Err("only one of token, token-file and user may be given".to_owned());
        }
        Ok(())
    }
}

/// The files are named for as long as the process lives.
fn trust(pairs: &Pairs) -> Result<Trust, String> {
    let file = |key| get(pairs, key).map(PathBuf::from);
    let shown = match (file("cert"), file("key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("cert and key go together".to_owned()),
    };
    let own = Own { anybody: is_on(pairs, "insecure")?, authorities: file("ca"), shown };
    Ok(if own == Own::default() { Trust::System } else { Trust::Own(Box::leak(Box::new(own))) })
}

/// A switch.
pub(crate) fn is_on(pairs: &Pairs, key: &str) -> Result<bool, String> {
    match get(pairs, key) {
        None | Some("false" | "0" | "no") => Ok(false),
        Some("true" | "1" | "yes" | "") => Ok(true),
        Some(other) => Err(format!("{key} = {other} is neither true nor false")),
    }
}

/// A time in seconds.
fn seconds(pairs: &Pairs, key: &str) -> Result<Option<Duration>, String> {
    let Some(text) = get(pairs, key) else { return Ok(None) };
    let seconds: Option<f64> = text.parse().ok();
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0);
    let seconds = seconds.ok_or_else(|| format!("{key} = {text} is not a number of seconds"))?;
    Ok(Some(Duration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn of(argument: &str) -> Result<Web, String> {
        let given = Given::of(&[]);
        read(argument, &["job"], "Bearer", &given.facts()).map(|(web, _)| web)
    }

    #[test]
    fn an_argument_says_where_how_often_and_as_whom() {
        let web =
            of("https://me:pw@h/x?y=z,freq=2,timeout=0.5,header=X-A: b\\,c,job=j,ca=/c").unwrap();
        assert_eq!(web.target.place(), "h:443");
        assert_eq!(web.target.path, "/x?y=z");
        assert_eq!((web.every.as_secs(), web.limits.whole.as_millis()), (2, 500));
        assert_eq!(web.headers[0].1, "uwsgi/2.0.31");
        assert_eq!(web.headers[1].1, "b,c");
        let Trust::Own(own) = web.trust else { panic!("{:?}", web.trust) };
        assert_eq!(own.authorities, Some("/c".into()));
        assert!(!format!("{web:?}").contains("pw") && !format!("{web:?}").contains("b,c"));
        let token = of("h:1,token=t").unwrap();
        assert_eq!((token.headers[1].1.as_bytes(), token.every.as_secs()), (&b"Bearer t"[..], 3));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (argument, want) in [
            ("", "the URL is malformed"),
            ("udp://h:1", "the URL is of scheme \"udp\", not of http, https"),
            ("h,freq=often", "freq = often is not a number of seconds"),
            ("h,timeout=0", "timeout = 0 is not a number of seconds"),
            ("h,header=x", "header = x is not one"),
            ("h,header=x y: 1", "\"x y\" is no name of a header"),
            ("h,speed=1", "\"speed\" is not one of freq, timeout"),
            ("h,cert=/x", "cert and key go together"),
            ("h,insecure=perhaps", "insecure = perhaps is neither true nor false"),
            ("h,token=a,user=b", "only one of token, token-file and user may be given"),
        ] {
            let error = of(argument).unwrap_err();
            assert!(error.contains(want), "{argument}: {error}");
        }
    }
}
