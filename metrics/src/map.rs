//! The mapping and the casts: all memory that the crate touches without Rust having made it.
//!
//! It owns one `mmap` and unmaps it. It hands out references to rows and words at byte offsets;
//! an offset beyond the end is moved back inside, so no arithmetic mistake elsewhere can make a
//! reference that points outside the mapping.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::rows::{ALIGN, Row};
use crate::sync::AtomicU64;

/// No arena is smaller and no row is larger, so every row fits into every mapping.
pub(crate) const MIN_LEN: usize = 64 * 1024;

/// How the memory is mapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Shared: what is written here is seen by everybody.
    Shared,
    /// Private: sees what others write; a stray write of this process stays in this process.
    Private,
}

/// One mapping of an arena.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    len: usize,
}

// SAFETY: the memory is only ever reached as atomics (trait Row, words), which any thread may use.
unsafe impl Send for Mapping {}
// SAFETY: as above: every access through a shared reference is atomic.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of `fd`.
    ///
    /// # Errors
    /// Those of mmap, and `InvalidInput` for a length that no arena can have. The caller has made
    /// sure that the file is at least that long.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize, access: Access) -> io::Result<Mapping> {
        if len < MIN_LEN || !len.is_multiple_of(ALIGN) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the size of an arena"));
        }
        let flags = match access {
            Access::Shared => MapFlags::SHARED,
            Access::Private => MapFlags::PRIVATE | MapFlags::NORESERVE,
        };
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at an address the kernel chooses cannot alias anything of ours.
        let base = unsafe { mmap(core::ptr::null_mut(), len, prot, flags, fd, 0) }?;
        Ok(Mapping { base: base.cast(), len })
    }

    /// Bytes mapped.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The row at `offset`, or the last place where such a row fits.
    #[inline]
    pub(crate) fn row<T: Row>(&self, offset: usize) -> &T {
        const { assert!(align_of::<T>() <= ALIGN && size_of::<T>() <= MIN_LEN) };
        let offset = self.inside(offset, size_of::<T>());
        // SAFETY: `inside` keeps offset + size within the mapping and aligned to ALIGN; the base
        // is page aligned; T: Row says that any bytes are a valid T and all its fields are
        // atomics, so writes by other processes are no data race; the reference lives no longer
        // than the mapping.
        unsafe { &*self.base.add(offset).cast::<T>() }
    }

    /// `count` words at `offset`, or as many as there are.
    #[inline]
    pub(crate) fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        let offset = (offset & !(ALIGN - 1)).min(self.len);
        let count = count.min((self.len - offset) / size_of::<AtomicU64>());
        // SAFETY: offset is aligned and offset + 8 * count is within the mapping (the line above);
        // AtomicU64 is valid for any bytes and written only atomically.
        unsafe { core::slice::from_raw_parts(self.base.add(offset).cast::<AtomicU64>(), count) }
    }

    /// `offset` moved so that `size` bytes (at most `MIN_LEN`) fit behind it, aligned.
    #[inline]
    fn inside(&self, offset: usize, size: usize) -> usize {
        offset.min(self.len.saturating_sub(size)) & !(ALIGN - 1)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and len are those of the mapping made in `new`, unmapped once; references
        // into it borrow self and are gone.
        let _ = unsafe { munmap(self.base.cast(), self.len) };
    }
}
