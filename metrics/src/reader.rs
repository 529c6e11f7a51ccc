//! Attaching to the arena of a running instance from another process, without its help.
//!
//! The reader maps privately and never writes. It refuses anything that is not a complete arena of
//! exactly this layout; the reason is in the error, because two versions side by side are common
//! during an upgrade.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::arena::MEMFD_NAME;
use crate::header::{LAYOUT_VERSION, Layout, MAGIC};
use crate::map::{Access, Mapping};
use crate::rows::ALIGN;
use crate::shape::Shape;
use crate::sync::Ordering;
use crate::view::View;

/// An arena of another process.
#[derive(Debug)]
pub struct Reader {
    view: View,
}

impl Reader {
    /// Attaches to the file of `metrics-arena`, or to a `/proc/PID/fd/N`.
    ///
    /// # Errors
    /// Those of open and mmap; `InvalidData` with the reason when it is no arena of this version.
    pub fn attach(path: &Path) -> io::Result<Reader> {
        // What is no file, as a pipe that nobody writes, is refused instead of waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Reader { view: open_view(file.as_fd(), Access::Private)? })
    }

    /// Attaches to the arena that process `pid` (the master, or any of its children) has open.
    ///
    /// # Errors
    /// `NotFound` when it has none; otherwise as [`Reader::attach`].
    pub fn of_pid(pid: u32) -> io::Result<Reader> {
        Reader::attach(&descriptor_of(pid)?)
    }
}

impl Deref for Reader {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

/// Finds the memfd among the descriptors of a process by its link name.
fn descriptor_of(pid: u32) -> io::Result<PathBuf> {
    let wanted = format!("/memfd:{MEMFD_NAME}");
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        let target = std::fs::read_link(&path).unwrap_or_default();
        if target.to_string_lossy().starts_with(&wanted) {
            return Ok(path);
        }
    }
    let text = format!("process {pid} has no arena open");
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}

/// Maps an existing arena after checking that it is whole and of this layout.
pub(crate) fn open_view(fd: BorrowedFd<'_>, access: Access) -> io::Result<View> {
    let size = usize::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0);
    let smallest = Layout::of(&Shape::default()).total;
    if size < smallest || !size.is_multiple_of(ALIGN) {
        return Err(refuse(format!("not an arena: {size} bytes")));
    }
    let map = Mapping::new(fd, size, access)?;
    let view = View { map, layout: Layout::of(&Shape::default()) };
    let shape = check_header(&view, size)?;
    let view = View { map: view.map, layout: Layout::of(&shape) };
    check_directory(&view)?;
    Ok(view)
}

fn check_header(view: &View, size: usize) -> io::Result<Shape> {
    let header = view.header();
    if header.magic.as_atomic().load(Ordering::Acquire) != MAGIC {
        return Err(refuse("not an arena: wrong magic".to_owned()));
    }
    let version = header.layout_version.get();
    if version != LAYOUT_VERSION {
        return Err(refuse(format!("arena layout {version}, this build reads {LAYOUT_VERSION}")));
    }
    let words = core::array::from_fn(|i| header.shape[i].get());
    let shape = Shape::from_words(words).filter(|shape| Layout::of(shape).total <= size);
    shape.ok_or_else(|| refuse(format!("arena of {size} bytes is shorter than its shape says")))
}

/// Same version and yet another directory: a build from other sources.
fn check_directory(view: &View) -> io::Result<()> {
    for (offset, id, place) in view.layout.directory() {
        let row = view.section_row(offset).read();
        let expected = [id, place.element as u64, place.count as u64, place.offset as u64];
        if [row.id, row.element_size, row.count, row.offset] != expected {
            return Err(refuse(format!("arena section {id} is laid out by another build")));
        }
    }
    Ok(())
}

fn refuse(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
