//! One id for each request: who makes it, and where it is shown.

use uwsgi_config::Config;
use uwsgi_logs::request::Field;

use super::RequestLog;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// An id that came with a request is kept, if it looks like one.
    pub trust: bool,
    /// Header of the response that tells it.
    pub header: Option<String>,
}

impl RequestIds {
    /// `None` where nobody asks for ids.
    pub(super) fn from_config(config: &Config) -> Option<RequestIds> {
        let ids = RequestIds {
            trust: config.flag("request-id-trust"),
            header: config.last("request-id-header").map(|name| name.trim().to_owned()),
        };
        let asked =
            config.flag("request-id") || config.flag("log-json") || ids != RequestIds::default();
        (asked || RequestLog::shows(config, Field::RequestId)).then_some(ids)
    }
}
