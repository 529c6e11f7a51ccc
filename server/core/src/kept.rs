//! Descriptors handed from one image of the master to the next across its own exec.
//!
//! The table travels in one environment variable, explicit and by name, so that every kind of
//! socket (also those with a kernel-chosen port) and the arena are found again. It owns the
//! format of that variable; unmatched entries are closed when the table is dropped.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Name of the variable. It does not begin with `UWSGI_`, which would make it an option.
pub(crate) const VARIABLE: &str = "_UWSGI_KEPT";

/// A descriptor and what must be remembered beside it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The descriptor.
    pub fd: OwnedFd,
    /// Inode of a UNIX socket's path when it was bound, 0 without one.
    pub inode: u64,
}

/// What the previous image left.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: RefCell<Vec<(String, Kept)>>,
}

impl Table {
    /// Adopts what the environment of this process tells; empty at a first start. To be called
    /// before anything is read or run: from here on neither the descriptors nor the variable reach
    /// another program, and only [`pass_on`] lets them through the exec of this process itself.
    pub(crate) fn from_env() -> Table {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        uwsgi_sys::env::set(VARIABLE, None);
        let adopt = |(key, fd, inode): (String, i32, u64)| {
            let fd = uwsgi_sys::fd::adopt(fd).ok()?;
            let _ = uwsgi_sys::fd::close_on_exec(&fd);
            Some((key, Kept { fd, inode }))
        };
        Table { entries: RefCell::new(parse(&text).into_iter().filter_map(adopt).collect()) }
    }

    /// A second descriptor for what is kept under `key`.
    pub(crate) fn copy(&self, key: &str) -> Option<OwnedFd> {
        let entries = self.entries.borrow();
        let (_, kept) = entries.iter().find(|(name, _)| name == key)?;
        kept.fd.try_clone().ok()
    }

    /// Takes the descriptor kept under `key`.
    pub(crate) fn take(&self, key: &str) -> Option<Kept> {
        let mut entries = self.entries.borrow_mut();
        let at = entries.iter().position(|(k, _)| k == key)?;
        Some(entries.remove(at).1)
    }

    /// Takes the first entry that fits.
    pub(crate) fn take_first(&self, fits: impl Fn(&str, &Kept) -> bool) -> Option<(String, Kept)> {
        let mut entries = self.entries.borrow_mut();
        let at = entries.iter().position(|(key, kept)| fits(key, kept))?;
        Some(entries.remove(at))
    }

    /// Adds what came from elsewhere than the previous image.
    pub(crate) fn put(&self, key: String, kept: Kept) {
        self.entries.borrow_mut().push((key, kept));
    }

    /// Takes the ends of the queue kept under `name`: where it is read, where it is written.
    pub(crate) fn take_queue(&self, name: &str) -> Option<[OwnedFd; 2]> {
        let [read, write] = queue_keys(name).map(|key| self.take(&key).map(|kept| kept.fd));
        Some([read?, write?])
    }

    /// The configured address of the first entry of a kind.
    pub(crate) fn configured(&self, kind: &str) -> Option<String> {
        let entries = self.entries.borrow();
        let find =
            |(k, _): &(String, Kept)| Some(k.strip_prefix(kind)?.strip_prefix(':')?.to_owned());
        entries.iter().find_map(find)
    }

    /// Whether there is an entry whose key begins like this.
    pub(crate) fn any(&self, prefix: &str) -> bool {
        self.entries.borrow().iter().any(|(key, _)| key.starts_with(prefix))
    }

    /// What nobody took, for good: it is neither closed nor found again in this image.
    pub(crate) fn rest(&self) -> Rest {
        Rest(ManuallyDrop::new(std::mem::take(&mut *self.entries.borrow_mut())))
    }

    /// Closes what nobody took; `last_look` sees each before.
    pub(crate) fn close_rest(&self, last_look: impl Fn(&Kept)) {
        let rest = std::mem::take(&mut *self.entries.borrow_mut());
        rest.iter().for_each(|(_, kept)| last_look(kept));
    }
}

/// Descriptors that another configuration may want.
pub(crate) struct Rest(ManuallyDrop<Vec<(String, Kept)>>);

impl Rest {
    /// The sockets among them in the form of [`pass_on`].
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>, u64)> {
        let of_that_life = |key: &str| key == "arena" || key.starts_with(QUEUE);
        let sockets = self.0.iter().filter(move |(key, _)| !of_that_life(key));
        sockets.map(|(key, kept)| (key.clone(), kept.fd.as_fd(), kept.inode))
    }
}

/// How the keys of queues begin.
const QUEUE: &str = "queue:";

fn queue_keys(name: &str) -> [String; 2] {
    ["read", "write"].map(|end| format!("{QUEUE}{name}:{end}"))
}

/// The ends of a queue, as [`Table::take_queue`] gives them, in the form of [`pass_on`].
pub(crate) fn queue<'a>(
    name: &str,
    ends: [BorrowedFd<'a>; 2],
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> + use<'a> {
    queue_keys(name).into_iter().zip(ends).map(|(key, fd)| (key, fd, 0))
}

/// Lets the descriptors survive the next exec and writes the table for it.
pub(crate) fn pass_on<'a>(entries: impl Iterator<Item = (String, BorrowedFd<'a>, u64)>) -> String {
    let stays = |entry: &(String, BorrowedFd<'a>, u64)| {
        let (_, fd, _) = entry;
        uwsgi_sys::fd::keep_over_exec(fd).is_ok()
    };
    table(entries.filter(stays))
}

/// The table alone, for descriptors that somebody else keeps open.
pub(crate) fn table<'a>(entries: impl Iterator<Item = (String, BorrowedFd<'a>, u64)>) -> String {
    let entry = |(key, fd, inode): (String, BorrowedFd<'a>, u64)| {
        format!("{}={}:{inode}", escape(&key), fd.as_raw_fd())
    };
    entries.map(entry).collect::<Vec<_>>().join(";")
}

/// Text that may stand beside the separators of the table.
pub(crate) fn escape(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            '%' => out.push_str("%25"),
            ';' => out.push_str("%3b"),
            '=' => out.push_str("%3d"),
            c => out.push(c),
        }
    }
    out
}

/// The reverse of [`escape`].
pub(crate) fn unescape(text: &str) -> String {
    text.replace("%3b", ";").replace("%3d", "=").replace("%25", "%")
}

fn parse(text: &str) -> Vec<(String, i32, u64)> {
    let entry = |part: &str| {
        let (key, rest) = part.split_once('=')?;
        let (fd, inode) = rest.split_once(':')?;
        Some((unescape(key), fd.parse().ok()?, inode.parse().ok()?))
    };
    text.split(';').filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_as_it_was_passed() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        let key = "socket:http:/tmp/a;b=c%.sock";
        let text = pass_on([(key.to_owned(), a.as_fd(), 77)].into_iter());
        assert_eq!(parse(&text), vec![(key.to_owned(), a.as_raw_fd(), 77)]);
    }

    #[test]
    fn a_queue_is_found_by_its_name_and_stays_in_its_life() {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        let numbers = [a.as_raw_fd(), b.as_raw_fd()];
        let kept = queue("mail:1", [a.as_fd(), b.as_fd()]);
        let kept = kept
            .map(|(key, fd, inode)| (key, Kept { fd: fd.try_clone_to_owned().unwrap(), inode }));
        let table = Table { entries: RefCell::new(kept.collect()) };
        assert!(table.take_queue("mail:2").is_none());
        let ends = table.take_queue("mail:1").unwrap();
        assert!(ends.iter().all(|end| !numbers.contains(&end.as_raw_fd())));
        assert!(table.take_queue("mail:1").is_none(), "it was taken");
        let rest = queue("mail:3", [a.as_fd(), b.as_fd()]);
        let rest = rest
            .map(|(key, fd, inode)| (key, Kept { fd: fd.try_clone_to_owned().unwrap(), inode }));
        let table = Table { entries: RefCell::new(rest.collect()) };
        assert_eq!(table.rest().entries().count(), 0, "another configuration wants none");
    }

    #[test]
    fn damaged_entries_are_left_out() {
        assert_eq!(parse("x;a=b;c=4;d=5:6;=:"), vec![("d".to_owned(), 5, 6)]);
    }
}
