//! Memory that all processes of an instance share: an anonymous mapping made before the first fork.
//!
//! It owns the mapping, which lives as long as the process. It refuses to know what lies in it:
//! that is the arena's business for numbers, and the caller's for everything else.

use std::io;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// What may lie in such memory.
///
/// # Safety
/// All zeroes is a value, every change is atomic, nothing is to be dropped, and a page is aligned
/// enough.
pub unsafe trait Zeroed: Sync {}

// SAFETY: an atomic number.
unsafe impl Zeroed for AtomicU64 {}

/// So many zeroed values, the same ones in this process and in all that are forked from it.
pub fn zeroed<T: Zeroed>(count: usize) -> io::Result<&'static [T]> {
    let bytes = count.checked_mul(size_of::<T>()).filter(|bytes| *bytes > 0);
    let bytes = bytes.ok_or(io::ErrorKind::InvalidInput)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh mapping at an address the kernel chooses cannot alias anything of ours.
    let base = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, access, MapFlags::SHARED) }?;
    // SAFETY: `count` values long, page aligned, zeroed, never unmapped; what other processes do
    // to it is atomic, by the contract of `Zeroed`.
    Ok(unsafe { std::slice::from_raw_parts(base.cast::<T>(), count) })
}

/// Zeroed words.
pub fn words(count: usize) -> io::Result<&'static [AtomicU64]> {
    zeroed(count)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    #[test]
    fn words_begin_as_zero_and_keep_what_is_stored() {
        let words = super::words(3).unwrap();
        assert!(words.iter().all(|w| w.load(Ordering::Relaxed) == 0));
        words[2].store(7, Ordering::Relaxed);
        assert_eq!(words[2].load(Ordering::Relaxed), 7);
        assert!(super::words(0).is_err(), "the kernel maps nothing of no size");
    }
}
