//! The variables `OTEL_*`, as the specification of OpenTelemetry names them: settings that an option
//! does not give, and an endpoint where there is no option.

use std::pin::Pin;
use std::time::Duration;

use crate::facts::Options;
use crate::{Instance, Plan, Tick, Work};

/// A wish of the environment that cannot be granted: told at the start, and nothing is pushed.
#[derive(Debug)]
pub(super) struct Ignored {
    pub(super) variable: &'static str,
    pub(super) why: String,
}

impl Plan for Ignored {
    fn kind(&self) -> &'static str {
        "otlp"
    }

    fn receivers(&self) -> Vec<String> {
        Vec::new()
    }

    fn every(&self) -> Duration {
        Duration::from_secs(86_400)
    }

    fn lines(&self) -> Vec<String> {
        let Ignored { variable, why } = self;
        vec![format!("otlp: {variable} is ignored: {why} (otlp = URL: elsewhere, none: no)")]
    }

    fn start(&self, _: &Work<'_>) -> Box<dyn Instance> {
        Box::new(Silent)
    }
}

/// Pushes nothing.
struct Silent;

impl Instance for Silent {
    fn push(&mut self, _: &Tick<'_>) {}

    fn settled<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

/// A setting of exporters; the variable for metrics alone wins.
pub(super) fn exporter(options: &dyn Options, name: &str) -> Option<(&'static str, String)> {
    let of = |prefix: &'static str| {
        let value = options.environment(&format!("{prefix}{name}"))?;
        Some((prefix, value))
    };
    of("OTEL_EXPORTER_OTLP_METRICS_").or_else(|| of("OTEL_EXPORTER_OTLP_"))
}

/// Where to push without the option: the variable that says so, and a URL. One for metrics is used
/// as it is, the general one is the root of all signals.
pub(super) fn endpoint(options: &dyn Options) -> Option<(&'static str, String)> {
    let is = |name: &str, value: &str| {
        options.environment(name).is_some_and(|given| given.eq_ignore_ascii_case(value))
    };
    let exporters = options.environment("OTEL_METRICS_EXPORTER");
    let elsewhere = exporters.is_some_and(|names| !names.split(',').any(|n| n.trim() == "otlp"));
    if is("OTEL_SDK_DISABLED", "true") || elsewhere {
        return None;
    }
    const OWN: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if let Some(url) = options.environment(OWN) {
        return Some((OWN, url));
    }
    let url = options.environment(ALL)?;
    Some((ALL, format!("{}/v1/metrics", url.trim_end_matches('/'))))
}

/// `key=value,key=value`, percent-encoded.
pub(super) fn list(text: &str) -> impl Iterator<Item = (String, String)> {
    use uwsgi_net::target::decode;
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name.trim()), decode(value.trim())))
}

/// A number of milliseconds.
///
/// # Errors
/// The name of the variable and its value.
pub(super) fn millis(name: &str, value: &str) -> Result<Duration, String> {
    let ms = value.trim().parse().ok().filter(|ms| *ms > 0);
    let ms = ms.ok_or_else(|| format!("{name} = {value} is not a number of milliseconds"))?;
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn the_endpoint_of_metrics_is_used_as_it_is_and_the_general_one_is_a_root() {
        const OWN: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m/x");
        const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318/");
        for (given, want) in [
            (&[][..], None),
            (&[OWN, ALL], Some("http://m/x")),
            (&[ALL], Some("http://h:4318/v1/metrics")),
            (&[ALL, ("OTEL_SDK_DISABLED", "TRUE")], None),
            (&[ALL, ("OTEL_METRICS_EXPORTER", "none")], None),
            (
                &[ALL, ("OTEL_METRICS_EXPORTER", "prometheus, otlp")],
                Some("http://h:4318/v1/metrics"),
            ),
        ] {
            let found = endpoint(&Given::of(given)).map(|(_, url)| url);
            assert_eq!(found.as_deref(), want, "{given:?}");
        }
    }

    #[test]
    fn headers_are_decoded() {
        let found: Vec<_> = list("api-key=a%20b, x=1,rubbish").collect();
        let want = [("api-key".to_owned(), "a b".to_owned()), ("x".to_owned(), "1".to_owned())];
        assert_eq!(found, want);
    }
}
