//! Caches.
//!
//! Answers: do lookups find what they look for, and is there room left? It has the columns of
//! uwsgicachetop and what they leave out: the ratio of this moment, the memory, the last change.
//! Every source that lists caches fills it, the C server included. Pure.

use super::parts::{ago, below, rate};
use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, bar, column, flexible};
use crate::picture::{Cache, Picture};
use crate::state::past::Past;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Caches,
    key: '3',
    name: "caches",
    answers: "Do caches hit, and are they full?",
    keys: &[],
    absent: "The source has no caches.",
    present: |_, picture| !picture.caches.is_empty(),
    build: page,
};

/// Columns of the bar that shows how full a cache is.
const BAR: usize = 8;

const COLUMNS: &[Column] = &[
    flexible("NAME", 0, 12),
    column("HITS", true, 2),
    column("MISS", true, 3),
    column("HITS/S", true, 1),
    column("MISS/S", true, 1),
    column("HIT%", true, 0),
    column("NOW%", true, 4),
    column("ITEMS", true, 1),
    column("MAXITEMS", true, 4),
    column("FILL", false, 5),
    column("FULL", true, 1),
    column("MEMORY", true, 6),
    column("BLOCK", true, 9),
    column("KEYSIZE", true, 10),
    column("MODIFIED", true, 8),
    column("HASH", false, 12),
];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let past = &context.state.past;
    let rows =
        picture.caches.iter().enumerate().map(|(at, cache)| row(context, picture, at, cache));
    let mut table = Table::new(COLUMNS, rows.collect());
    table.empty = "No cache is configured.";
    Page { head: vec![summary(picture, past)], table: Some(table), tail: notes(context, picture) }
}

/// What a counter of the cache at this place has grown by; another cache there has not grown.
fn grown(past: &Past, at: usize, name: &str, of: fn(&Cache) -> u64) -> Option<u64> {
    past.grown(|picture| picture.caches.get(at).filter(|cache| cache.name == name).map(of))
}

fn ratio(hits: u64, miss: u64) -> Option<f64> {
    let lookups = hits.saturating_add(miss);
    (lookups > 0).then(|| 100.0 * hits as f64 / lookups as f64)
}

fn percent(share: Option<f64>) -> Cell {
    share.map_or_else(Cell::none, |share| Cell::number(share, format!("{share:.1}")))
}

fn row(context: &Context<'_>, picture: &Picture, at: usize, cache: &Cache) -> Row {
    let past = &context.state.past;
    let grown = |of| grown(past, at, &cache.name, of);
    let per_second =
        |of| rate(grown(of).zip(past.seconds()).map(|(count, seconds)| count as f64 / seconds));
    let now = grown(|c| c.hits).zip(grown(|c| c.miss)).and_then(|(hits, miss)| ratio(hits, miss));
    let fill = cache.items as f64 / cache.max_items.max(1) as f64;
    let filled = if fill >= 0.9 { Paint::Warn } else { Paint::Plain };
    let memory = cache.blocks.saturating_mul(cache.blocksize);
    let full = match (cache.full, grown(|c| c.full)) {
        (0, _) => Paint::Plain,
        (_, Some(1..)) => Paint::Bad,
        _ => Paint::Warn,
    };
    let cells = vec![
        Cell::text(cache.name.as_str()),
        Cell::count(cache.hits),
        Cell::count(cache.miss),
        per_second(|c| c.hits),
        per_second(|c| c.miss),
        percent(ratio(cache.hits, cache.miss)),
        percent(now),
        Cell::count(cache.items),
        Cell::count(cache.max_items),
        Cell::number(fill, bar(fill, BAR, context.utf8)).painted(filled),
        Cell::count(cache.full).painted(full),
        Cell::number(memory as f64, human::size(memory)),
        Cell::number(cache.blocksize as f64, human::size(cache.blocksize)),
        Cell::count(cache.keysize),
        ago(picture, cache.last_modified_at),
        Cell::text(cache.hash.as_str()),
    ];
    Row::new(format!("{at}:{}", cache.name), cells)
}

/// ` 2 caches, 66.0M; 1250 lookups/s, 98.4% of them hit now`.
fn summary(picture: &Picture, past: &Past) -> Line {
    let total = |p: &Picture, of: fn(&Cache) -> u64| {
        Some(p.caches.iter().map(of).fold(0, u64::saturating_add))
    };
    let memory = total(picture, |c| c.blocks.saturating_mul(c.blocksize)).unwrap_or(0);
    let count = picture.caches.len();
    let caches = if count == 1 { "cache" } else { "caches" };
    let mut text = format!(" {count} {caches}, {}", human::size(memory));
    let hits = past.grown(|p| total(p, |c| c.hits));
    let miss = past.grown(|p| total(p, |c| c.miss));
    if let (Some(hits), Some(miss), Some(seconds)) = (hits, miss, past.seconds()) {
        let rate = hits.saturating_add(miss) as f64 / seconds;
        text.push_str(&format!("; {} lookups/s", human::rate(Some(rate))));
        if let Some(share) = ratio(hits, miss) {
            text.push_str(&format!(", {share:.1}% of them hit"));
        }
    }
    Line::of(text, Paint::Strong)
}

/// What a number means that wants something done.
fn notes(context: &Context<'_>, picture: &Picture) -> Vec<Line> {
    let past = &context.state.past;
    let mut lines = Vec::new();
    for (at, cache) in picture.caches.iter().enumerate() {
        if grown(past, at, &cache.name, |c| c.full).is_some_and(|count| count > 0) {
            let text = format!(
                "{}: items are refused as it is full; raise items= or blocks= of its cache2, \
                 or let old ones go with purge_lru=1",
                cache.name
            );
            lines.extend(below(&text, context.width, Paint::Bad));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;
    use crate::screens;
    use crate::state::Key;

    const DOCUMENT: &[u8] = include_bytes!("../../tests/documents/c-requests.json");

    fn caches(second: u64) -> Picture {
        let cache = |name: &str, hits, miss, items, full| Cache {
            name: name.to_owned(),
            hash: "djb33x".to_owned(),
            hashsize: 65_536,
            keysize: 2_048,
            max_items: 1_000,
            blocks: 1_000,
            blocksize: 65_536,
            items,
            hits,
            miss,
            full,
            last_modified_at: screens::NOW_SECONDS - 75,
        };
        let caches = vec![
            cache("pages", 40_000 + 900 * second, 9_000 + 100 * second, 412, 0),
            cache("sessions", 7_000 + second, 14_000 + 60 * second, 1_000, 20 + second),
            Cache { last_modified_at: 0, ..cache("idle", 0, 0, 0, 0) },
        ];
        Picture { caches, ..screens::instance(second) }
    }

    #[test]
    fn screens_of_the_view() {
        screens::view(Id::Caches, caches);
    }

    #[test]
    fn a_document_of_the_c_server_fills_it() {
        let mut app = screens::fed(|_| parse(DOCUMENT).unwrap());
        app.press(Key::View(Id::Caches));
        let screen = screens::grid(&mut app, true, (200, 60));
        let row = screen.lines().find(|line| line.starts_with(" pages")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().take(9).collect();
        assert_eq!(cells, ["pages", "1", "1", "0", "0", "50.0", "-", "1", "100"], "{screen}");
        assert!(row.contains(" 12.5K ") && row.ends_with("djb33x"), "{row}");
    }

    #[test]
    fn a_cache_in_the_place_of_another_has_no_rate() {
        let mut app = screens::fed(|second| {
            let mut picture = caches(second);
            picture.caches[0].name = format!("c{second}");
            picture
        });
        app.press(Key::View(Id::Caches));
        let screen = screens::grid(&mut app, true, (200, 60));
        let row = screen.lines().find(|line| line.starts_with(" c2")).unwrap();
        assert_eq!(row.split_whitespace().nth(3), Some("-"), "{row}");
    }
}
