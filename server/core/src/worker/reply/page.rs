//! The page for requests that nobody answered.

use uwsgi_abi::OK;

use super::{Reply, Wire};

impl Reply {
    /// Pages of the configuration (`error-page-500`).
    pub(crate) fn with_pages(mut self, pages: &[String]) -> Reply {
        self.pages = pages.to_vec();
        self
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
