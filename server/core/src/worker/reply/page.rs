//! The page for requests that nobody answered.

use uwsgi_abi::OK;
use uwsgi_proto::error_response;

use super::{Reply, Wire};

/// Header lines of the answer to a request that is refused.
const REFUSAL_HEADERS: u32 = 3;

impl Reply {
    /// Pages of the configuration (`error-page-500`).
    pub(crate) fn with_pages(mut self, pages: &[String]) -> Reply {
        self.pages = pages.to_vec();
        self
    }

    /// Notes the answer that somebody else gives to a request that is refused; none: the connection just
    /// closes.
    pub(crate) fn refused(&mut self, status: Option<u16>) {
        self.switches = 0;
        self.refusal = status;
        let Some(status) = status else { return };
        let page = error_response(status);
        let ends = page.windows(4).position(|part| part == b"\r\n\r\n");
        let head = ends.map_or(page.len(), |at| at + 4);
        self.own_head_bytes = head as u64;
        self.body_bytes = (page.len() - head) as u64;
    }

    /// Status in the log: 0 where nothing was said.
    pub(crate) fn said_status(&self) -> u16 {
        self.refusal.unwrap_or_else(|| self.status())
    }

    /// Header lines in the log.
    pub(crate) fn said_headers(&self) -> u32 {
        if self.refusal.is_some() { REFUSAL_HEADERS } else { self.headers() }
    }

    /// The page for status 500, where nothing was said yet: that of the configuration, or a word.
    pub(crate) fn error_page(&mut self, wire: &Wire<'_>) {
        let page = self.pages.iter().find_map(|path| std::fs::read(path).ok());
        let size = page.as_ref().map_or(0, Vec::len).to_string();
        let kind: &[u8] = if page.is_some() { b"text/html" } else { b"text/plain" };
        let headers: [(&[u8], &[u8]); 3] = [
            (b"Connection", b"close"),
            (b"Content-Type", kind),
            (b"Content-Length", size.as_bytes()),
        ];
        let count = if page.is_some() { 3 } else { 2 };
        let headers = headers.into_iter().take(count);
        if self.set_head(wire, b"500 Internal Server Error", headers) == OK {
            self.write(wire, page.as_deref().unwrap_or(b"Internal Server Error"), true);
        }
    }
}
