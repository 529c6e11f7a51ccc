//! A queue of signal numbers: a pipe, one byte for each.
//!
//! Every process holds both ends, so neither the reader nor the writer sees the other one go. No
//! call here waits, except [`Pipe::put_soon`] for as long as it says.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};

/// See the module.
#[derive(Debug)]
pub(crate) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// How long a process that raises a signal waits for room.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

impl Pipe {
    /// A queue over these two ends of a pipe, see [`Pipe::ends`], with room as in [`Pipe::new`].
    pub(crate) fn over([read, write]: [OwnedFd; 2], room: usize) -> Pipe {
        if room > 0 {
            // More than an ordinary user may have: the caller sees the room there is.
            let _ = fcntl_setpipe_size(&write, room);
        }
        Pipe { read, write }
    }

    /// Where it is read and where it is written.
    pub(crate) fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.read.as_fd(), self.write.as_fd()]
    }

    /// An empty queue with room for so many numbers, or as many as the kernel gives; 0 leaves it
    /// to the kernel.
    pub(crate) fn new(room: usize) -> io::Result<Pipe> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Pipe::over([read, write], room))
    }

    /// Numbers that fit.
    pub(crate) fn room(&self) -> usize {
        fcntl_getpipe_size(&self.write).unwrap_or(0)
    }

    /// Appends a number; false when there is no room.
    pub(crate) fn put(&self, number: u8) -> bool {
        loop {
            match rustix::io::write(&self.write, &[number]) {
                Err(Errno::INTR) => continue,
                written => return written == Ok(1),
            }
        }
    }

    /// The same, but waits a moment for room.
    pub(crate) fn put_soon(&self, number: u8) -> bool {
        if self.put(number) {
            return true;
        }
        let mut wanted = [PollFd::new(&self.write, PollFlags::OUT)];
        // Interrupted or in vain: the next try tells.
        let _ = poll(&mut wanted, Some(&PATIENCE));
        self.put(number)
    }

    /// The oldest number.
    pub(crate) fn take(&self) -> Option<u8> {
        let mut number = [0];
        (self.take_many(&mut number) == 1).then_some(number[0])
    }

    /// The oldest numbers, as many as fit; how many that are.
    pub(crate) fn take_many(&self, into: &mut [u8]) -> usize {
        rustix::io::read(&self.read, into).unwrap_or(0)
    }

    /// Numbers that nobody has taken.
    pub(crate) fn waiting(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.read).unwrap_or(0)
    }
}

impl AsFd for Pipe {
    /// Readable while numbers wait.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_order_until_none_is_left() {
        let pipe = Pipe::new(0).unwrap();
        assert_eq!(pipe.take(), None);
        assert!([3, 0, 255].into_iter().all(|n| pipe.put(n)));
        assert_eq!(pipe.waiting(), 3);
        assert_eq!([pipe.take(), pipe.take()], [Some(3), Some(0)]);
        let mut rest = [0; 8];
        assert_eq!((pipe.take_many(&mut rest), rest[0]), (1, 255));
        assert_eq!(pipe.waiting(), 0);
    }

    #[test]
    fn a_full_queue_refuses_and_takes_again() {
        let pipe = Pipe::new(4096).unwrap();
        let room = pipe.room();
        assert!((0..room).all(|_| pipe.put(1)), "{room} numbers fit");
        assert!(!pipe.put(1));
        assert_eq!(pipe.waiting(), room as u64);
        // A page is given back when all of it was read.
        assert_eq!(pipe.take_many(&mut vec![0; room]), room);
        assert!(pipe.put_soon(1));
    }
}
