//! Rows in a mapping that is not the arena: the tables that programs in the kernel write.
//!
//! It owns one mapping of a descriptor and hands out its rows like the arena does. It knows nothing
//! of what the descriptor is.

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;

use crate::map::{Access, MIN_LEN, Mapping};
use crate::rows::Row;
use crate::sync::{AtomicU64, Ordering};

/// Rows of one kind, from 0.
#[derive(Debug)]
pub struct Table<T> {
    map: Mapping,
    rows: usize,
    row: PhantomData<T>,
}

impl<T: Row> Table<T> {
    /// How many rows a descriptor must hold so that `wanted` of them can be mapped.
    pub const fn room(wanted: usize) -> usize {
        let least = MIN_LEN.div_ceil(size_of::<T>());
        if wanted < least { least } else { wanted }
    }

    /// Maps `rows` rows of `fd`, which holds at least [`Table::room`] of that number.
    ///
    /// # Errors
    /// Those of mmap.
    pub fn map(fd: BorrowedFd<'_>, rows: usize) -> io::Result<Table<T>> {
        let len = (Table::<T>::room(rows) * size_of::<T>()).next_multiple_of(crate::rows::ALIGN);
        Ok(Table { map: Mapping::new(fd, len, Access::Shared)?, rows, row: PhantomData })
    }

    /// Row `index`; beyond the last row it is `None`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        (index < self.rows).then(|| self.map.row(index * size_of::<T>()))
    }

    /// Makes every cell of a row 0; the caller is its only writer.
    pub fn clear(&self, index: usize) {
        if index < self.rows {
            let words = self.map.words(index * size_of::<T>(), size_of::<T>() / 8);
            words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.rows).filter_map(|index| self.get(index))
    }
}

/// Plain words in such a mapping.
#[derive(Debug)]
pub struct Words {
    map: Mapping,
}

impl Words {
    /// The least number of words that can be mapped.
    pub const LEAST: usize = MIN_LEN / 8;

    /// Maps `count` words of `fd`, at least [`Words::LEAST`] and a multiple of 16.
    ///
    /// # Errors
    /// Those of mmap, and `InvalidInput` for another number.
    pub fn map(fd: BorrowedFd<'_>, count: usize) -> io::Result<Words> {
        Ok(Words { map: Mapping::new(fd, count * 8, Access::Shared)? })
    }

    /// The words.
    #[inline]
    pub fn all(&self) -> &[AtomicU64] {
        self.map.words(0, usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ThreadRow;
    use std::os::fd::AsFd;

    #[test]
    fn rows_are_shared_between_two_mappings_and_end_where_they_should() {
        let fd = rustix::fs::memfd_create("table", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let room = Table::<ThreadRow>::room(3);
        rustix::fs::ftruncate(&fd, (room * size_of::<ThreadRow>()) as u64).unwrap();
        let a = Table::<ThreadRow>::map(fd.as_fd(), 3).unwrap();
        let b = Table::<ThreadRow>::map(fd.as_fd(), 3).unwrap();
        a.get(2).unwrap().tid.set(7);
        assert_eq!(b.get(2).unwrap().tid.get(), 7);
        b.clear(2);
        assert_eq!(a.get(2).unwrap().tid.get(), 0);
        a.get(2).unwrap().tid.set(7);
        assert!(a.get(3).is_none());
        assert_eq!(b.iter().filter(|row| row.tid.get() == 7).count(), 1);
    }

    #[test]
    fn words_have_a_least_number() {
        let fd = rustix::fs::memfd_create("words", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&fd, 1 << 20).unwrap();
        assert!(Words::map(fd.as_fd(), 16).is_err());
        let words = Words::map(fd.as_fd(), Words::LEAST).unwrap();
        words.all()[Words::LEAST - 1].store(9, Ordering::Relaxed);
        assert_eq!(words.all().len(), Words::LEAST);
    }
}
