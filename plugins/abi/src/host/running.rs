//! Trampolines of what a plugin asks about a running request.

use super::{bytes, put, with_request};
use crate::running::{CHUNK_LATER, Deed, NoChunk};
use crate::{OK, READ_ERROR, Request, Str, WRITE_ERROR};

/// [`READ_ERROR`] as `chunk` answers it.
const FAILED: i32 = READ_ERROR as i32;

pub(super) extern "C" fn deed(
    request: *mut Request,
    op: u32,
    key: Str,
    value: Str,
    out: *mut Str,
) -> i32 {
    let Some(deed) = Deed::of(op) else { return -1 };
    with_request(request, -1, |h| match h.deed(deed, bytes(key), bytes(value)) {
        Some(answer) => {
            put(out, Str::new(answer));
            0
        }
        None => -1,
    })
}

pub(super) extern "C" fn chunk(request: *mut Request, seconds: i64, out: *mut Str) -> i32 {
    with_request(request, FAILED, |h| match h.chunk(seconds) {
        Ok(chunk) => {
            put(out, Str::new(chunk));
            OK
        }
        Err(NoChunk::Later) => CHUNK_LATER,
        Err(NoChunk::Failed) => FAILED,
    })
}

pub(super) extern "C" fn send(request: *mut Request, data: Str) -> i32 {
    with_request(request, WRITE_ERROR, |h| h.send(bytes(data)))
}
