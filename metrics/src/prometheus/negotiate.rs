//! Which of our formats a client's `Accept` header asks for.
//!
//! The highest weight wins, then the order of the header. A type we do not write is passed over;
//! when nothing fits, the answer is text 0.0.4, which every scraper reads.

/// How names outside `[a-zA-Z0-9_:]` would be spelled. Ours are all inside, so this only echoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// `allow-utf-8`
    AllowUtf8,
    /// `underscores`
    Underscores,
    /// `dots`
    Dots,
    /// `values`
    Values,
}

/// A document format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// text/plain; version=0.0.4
    Text,
    /// text/plain; version=1.0.0, the same bytes with an escaping scheme named.
    TextV1(Escaping),
    /// application/openmetrics-text; version=0.0.1
    OpenMetrics0,
    /// application/openmetrics-text; version=1.0.0
    OpenMetrics1(Option<Escaping>),
    /// Delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf(Option<Escaping>),
}

/// The message whose stream is the protobuf exposition.
const MESSAGE: &str = "io.prometheus.client.MetricFamily";

impl Escaping {
    /// The scheme's name in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }

    fn parse(name: &str) -> Option<Escaping> {
        let all = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];
        all.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

impl Format {
    /// The Content-Type of an answer in this format.
    pub fn content_type(self) -> String {
        let (kind, version, escaping) = match self {
            Format::Text => ("text/plain", "0.0.4", None),
            Format::TextV1(escaping) => ("text/plain", "1.0.0", Some(escaping)),
            Format::OpenMetrics0 => ("application/openmetrics-text", "0.0.1", None),
            Format::OpenMetrics1(escaping) => ("application/openmetrics-text", "1.0.0", escaping),
            Format::Protobuf(escaping) => ("application/vnd.google.protobuf", "", escaping),
        };
        let scheme = escaping.map(|e| format!("; escaping={}", e.as_str())).unwrap_or_default();
        if version.is_empty() {
            return format!("{kind}; proto={MESSAGE}; encoding=delimited{scheme}");
        }
        format!("{kind}; version={version}; charset=utf-8{scheme}")
    }

    /// True for the OpenMetrics grammar.
    pub fn is_openmetrics(self) -> bool {
        matches!(self, Format::OpenMetrics0 | Format::OpenMetrics1(_))
    }
}

/// Chooses the format for an `Accept` header.
pub fn negotiate(accept: Option<&str>) -> Format {
    let mut best = (0, Format::Text);
    for range in accept.unwrap_or_default().split(',') {
        if let Some((weight, format)) = offer(range)
            && weight > best.0
        {
            best = (weight, format);
        }
    }
    best.1
}

/// The format one media range asks for, with its weight in thousandths.
fn offer(range: &str) -> Option<(u32, Format)> {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let (mut version, mut escaping, mut weight) = (None, None, 1000);
    let (mut message, mut encoding) = (None, None);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(value),
            "escaping" => escaping = Escaping::parse(value),
            "proto" => message = Some(value),
            "encoding" => encoding = Some(value),
            "q" => weight = thousandths(value),
            _ => {}
        }
    }
    let format = match (kind.as_str(), version) {
        ("application/openmetrics-text", Some("1.0.0")) => Format::OpenMetrics1(escaping),
        ("application/openmetrics-text", Some("0.0.1") | None) => Format::OpenMetrics0,
        ("application/vnd.google.protobuf", _)
            if message == Some(MESSAGE) && encoding == Some("delimited") =>
        {
            Format::Protobuf(escaping)
        }
        ("text/plain", Some("1.0.0")) => Format::TextV1(escaping.unwrap_or(Escaping::Underscores)),
        ("text/plain", Some("0.0.4") | None) | ("text/*" | "*/*", _) => Format::Text,
        _ => return None,
    };
    Some((weight, format))
}

/// A weight of `0` to `1`; nonsense counts as 0.
fn thousandths(text: &str) -> u32 {
    let weight: f64 = text.parse().unwrap_or(0.0);
    (weight.clamp(0.0, 1.0) * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_the_format() {
        const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        const PROMETHEUS_3: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.\
            MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;\
            escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1";
        const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
        let cases = [
            (None, TEXT),
            (Some(""), "text/plain; version=0.0.4; charset=utf-8"),
            (Some("*/*"), "text/plain; version=0.0.4; charset=utf-8"),
            (Some("image/png"), "text/plain; version=0.0.4; charset=utf-8"),
            (Some("text/plain;version=0.0.4"), "text/plain; version=0.0.4; charset=utf-8"),
            (
                Some("text/plain;version=1.0.0;escaping=dots"),
                "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
            ),
            (Some(PROMETHEUS_2), "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            (
                Some(PROMETHEUS_3),
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            ),
            (Some("application/vnd.google.protobuf;encoding=text"), TEXT),
            (
                Some("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"),
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                Some("application/openmetrics-text; version=0.0.1"),
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
            ),
            (
                Some("application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.9"),
                "text/plain; version=0.0.4; charset=utf-8",
            ),
            (
                Some("application/openmetrics-text;version=1.0.0;q=0"),
                "text/plain; version=0.0.4; charset=utf-8",
            ),
        ];
        for (accept, want) in cases {
            assert_eq!(negotiate(accept).content_type(), want, "{accept:?}");
        }
    }
}
