//! Caches in a stats document.

use serde_json::{Map, Value};

use super::{number, objects, text};
use crate::picture::Cache;

/// In the order of the document, which is that of the configuration.
pub(super) fn read(top: &Map<String, Value>) -> Vec<Cache> {
    objects(top, "caches").map(cache).collect()
}

fn cache(row: &Map<String, Value>) -> Cache {
    Cache {
        name: text(row, "name"),
        hash: text(row, "hash"),
        hashsize: number(row, "hashsize"),
        keysize: number(row, "keysize"),
        max_items: number(row, "max_items"),
        blocks: number(row, "blocks"),
        blocksize: number(row, "blocksize"),
        items: number(row, "items"),
        hits: number(row, "hits"),
        miss: number(row, "miss"),
        full: number(row, "full"),
        last_modified_at: number(row, "last_modified_at"),
    }
}
