//! The metrics page for one request: format, contents and encoding as the client asks for them.
//!
//! Both listeners that show metrics come here, the endpoint of its own and the stats in HTTP mode.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use uwsgi_metrics::prometheus::{self, PromOptions};
use uwsgi_proto::scrape::Query;

use crate::instance::Instance;
use crate::observer::answer::page_options;
use crate::observer::sampler::snapshot;

/// Pages below this size travel in a packet or two: packing them saves nothing.
const WORTH_PACKING: usize = 1024;

/// A page.
pub(in crate::observer) struct Page {
    pub(in crate::observer) body: Vec<u8>,
    pub(in crate::observer) scrape: Scrape,
    content_type: String,
    packed: bool,
}

impl Page {
    /// Header lines that describe the body, each with its end.
    pub(in crate::observer) fn headers(&self) -> String {
        let encoding = if self.packed { "Content-Encoding: gzip\r\n" } else { "" };
        let kind = &self.content_type;
        format!("Content-Type: {kind}\r\n{encoding}Vary: Accept, Accept-Encoding\r\n")
    }
}

/// A scrape that will have been answered, or not.
pub(in crate::observer) struct Scrape {
    instance: &'static Instance,
    took: Duration,
}

impl Scrape {
    /// Accounts for it.
    pub(in crate::observer) fn done(self, sent: bool) {
        let globals = self.instance.arena.globals();
        let us = self.took.as_micros() as u64;
        globals.scrapes.add(1);
        globals.scrape_us.add(us);
        globals.last_scrape_us.set(us);
        globals.last_scrape_error.set((!sent).into());
        globals.scrape_errors.add((!sent).into());
    }
}

/// Makes the page of this moment.
pub(in crate::observer) fn make(instance: &'static Instance, query: &Query) -> Page {
    let start = Instant::now();
    let options = PromOptions { families: query.families.clone(), ..page_options(instance) };
    let format = prometheus::negotiate(query.accept.as_deref());
    let snapshot = prometheus::gather(snapshot(instance), &instance.arena, &options);
    let (content_type, body) = prometheus::render(&snapshot, format, &options);
    let wanted = body.len() >= WORTH_PACKING && takes_gzip(query.encodings.as_deref());
    let packed = if wanted { pack(&body) } else { None };
    let scrape = Scrape { instance, took: start.elapsed() };
    let (packed, body) = (packed.is_some(), packed.unwrap_or(body));
    Page { body, scrape, content_type, packed }
}

fn pack(body: &[u8]) -> Option<Vec<u8>> {
    let out = Vec::with_capacity(body.len() / 8);
    let mut encoder = GzEncoder::new(out, Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Whether `Accept-Encoding` has gzip with a weight above zero.
fn takes_gzip(header: Option<&str>) -> bool {
    let mut any = false;
    for part in header.unwrap_or_default().split(',') {
        let mut words = part.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        let weight = words.find_map(|word| word.strip_prefix("q=")).map(str::parse::<f64>);
        let wanted = !matches!(weight, Some(Ok(0.0) | Err(_)));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        any |= name == "*" && wanted;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_when_it_is_taken() {
        let cases = [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("deflate, GZIP;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.0, *"), false),
            (Some("*"), true),
            (Some("*;q=0, identity"), false),
            (Some("br, zstd"), false),
        ];
        for (header, want) in cases {
            assert_eq!(takes_gzip(header), want, "{header:?}");
        }
    }
}
