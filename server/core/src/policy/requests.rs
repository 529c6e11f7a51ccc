//! Options of single requests: how chunked bodies are read, which application serves, what
//! happens to headers of its responses.

use uwsgi_config::{Config, Finding};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Largest chunk that an application may read as one, bytes.
    pub chunk_limit: usize,
    /// Longest wait for a chunk, milliseconds.
    pub chunk_timeout_ms: i32,
    /// Requests may name applications to load.
    pub dynamic_apps: bool,
    /// `SCRIPT_NAME` chooses no application.
    pub ignore_script_name: bool,
    /// The host of a request is part of the key by which its application is found.
    pub vhost: Option<VHost>,
    /// Files for status 500; the first that can be read is sent.
    pub error_pages: Vec<String>,
    /// What happens to headers of responses; nothing where nothing is asked for.
    pub headers: Option<HeaderRules>,
}

/// Rules about headers of responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// They are left out (`rem-header`).
    pub removed: Vec<Vec<u8>>,
    /// Their value goes into a request variable (`collect-header`).
    pub collected: Vec<Collected>,
}

/// A header whose value goes into a request variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// Name of the header.
    pub header: Vec<u8>,
    /// Name of the variable.
    pub variable: Vec<u8>,
    /// It is left out of the response (`pull-header`).
    pub pulled: bool,
}

impl HeaderRules {
    fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Option<HeaderRules> {
        let mut rules = HeaderRules::default();
        let bytes = |text: &str| text.as_bytes().to_vec();
        rules.removed.extend(config.all("rem-header").map(|e| bytes(e.text().trim())));
        for (option, pulled) in [("collect-header", false), ("pull-header", true)] {
            for entry in config.all(option) {
                let mut words = entry.text().split_ascii_whitespace();
                match (words.next(), words.next(), words.next()) {
                    (Some(header), Some(variable), None) => rules.collected.push(Collected {
                        header: bytes(header),
                        variable: bytes(variable),
                        pulled,
                    }),
                    _ => {
                        let text = format!(
                            "invalid value for option \"{option}\": \"{}\" is no header and variable",
                            entry.text()
                        );
                        faults.push(Finding::fault(text).about(entry).allowed("Header VARIABLE"));
                    }
                }
            }
        }
        (rules != HeaderRules::default()).then_some(rules)
    }

    /// Whether a header stays in the response; what is collected goes to `keep`.
    pub fn pass(&self, name: &[u8], value: &[u8], keep: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        if self.removed.iter().any(|removed| removed.eq_ignore_ascii_case(name)) {
            return false;
        }
        let mut stays = true;
        for rule in self.collected.iter().filter(|r| r.header.eq_ignore_ascii_case(name)) {
            keep(&rule.variable, value);
            stays &= !rule.pulled;
        }
        stays
    }
}

/// Where the host of a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VHost {
    /// The header `Host`, else `SERVER_NAME`.
    Any,
    /// The header `Host` alone.
    Header,
}

impl Requests {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Requests {
        check_handlers(config, faults);
        let patience = match config.int("chunked-input-timeout", 0) {
            seconds if seconds > 0 => seconds,
            _ => config.int("socket-timeout", 4).max(1),
        };
        Requests {
            chunk_limit: usize::try_from(config.int("chunked-input-limit", 1 << 20))
                .unwrap_or(1 << 20),
            chunk_timeout_ms: milliseconds(patience),
            dynamic_apps: !config.flag("no-dynamic-apps")
                && (config.flag("dynamic-apps") || !config.has("dynamic-apps")),
            ignore_script_name: config.flag("ignore-script-name"),
            vhost: match (config.flag("vhost-host"), config.flag("vhost")) {
                (true, _) => Some(VHost::Header),
                (false, true) => Some(VHost::Any),
                (false, false) => None,
            },
            error_pages: config.all("error-page-500").map(|e| e.text().to_owned()).collect(),
            headers: HeaderRules::from_config(config, faults),
        }
    }
}

/// Who hears of exceptions: so far the log, which each language writes itself.
fn check_handlers(config: &Config, faults: &mut Vec<Finding>) {
    for entry in config.all("exception-handler") {
        let name = entry.text().split(':').next().unwrap_or_default();
        if name != "log" {
            let text = format!("unable to find exception handler: {name}");
            faults.push(Finding::fault(text).about(entry).allowed("log"));
        }
    }
}

/// Seconds as a bound of one wait.
pub(crate) fn milliseconds(seconds: i64) -> i32 {
    i32::try_from(seconds.saturating_mul(1000)).unwrap_or(i32::MAX)
}
