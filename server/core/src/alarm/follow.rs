//! What the master tells the observer about files of the log: one pair of packet sockets, made before
//! the first fork.
//!
//! The master moves the log file away or opens it again; the observer, which writes the lines of all
//! processes, gets the new descriptor and leads its own outputs there. What is told while there is no
//! observer stays for the next one.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// What is to be done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// They are opened again by the names they have now.
    Reopened,
    /// They have been moved away; loggers move their own.
    Rotated,
}

const REOPENED: u8 = 1;
const ROTATED: u8 = 2;

/// Both ends.
#[derive(Debug)]
pub(crate) struct Follow {
    send: OwnedFd,
    receive: OwnedFd,
}

impl Follow {
    pub(crate) fn new() -> io::Result<Follow> {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (send, receive) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
        Ok(Follow { send, receive })
    }

    /// Tells it, with the file that is the log from now on. Never waits.
    pub(crate) fn tell(&self, news: News, log: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = log.as_slice();
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(fds));
        }
        let text = [if news == News::Rotated { ROTATED } else { REOPENED }];
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::sendmsg(&self.send, &[IoSlice::new(&text)], &mut control, flags)?;
        Ok(())
    }

    /// Waits for the next one; `None` when none can come any more.
    pub(crate) fn next(&self) -> Option<(News, Option<OwnedFd>)> {
        loop {
            let mut text = [0; 1];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut text)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            match rustix::net::recvmsg(&self.receive, &mut parts, &mut control, flags) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return None,
            }
            let fd = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
                _ => None,
            });
            match text {
                [REOPENED] => return Some((News::Reopened, fd)),
                [ROTATED] => return Some((News::Rotated, fd)),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_travels_with_the_news() {
        let follow = Follow::new().unwrap();
        let (mut read, write) = std::io::pipe().unwrap();
        follow.tell(News::Reopened, None).unwrap();
        follow.tell(News::Rotated, Some(write.as_fd())).unwrap();
        drop(write);
        assert!(matches!(follow.next(), Some((News::Reopened, None))));
        let Some((News::Rotated, Some(fd))) = follow.next() else { panic!("no descriptor") };
        std::fs::File::from(fd).write_all(b"here").unwrap();
        let mut got = String::new();
        read.read_to_string(&mut got).unwrap();
        assert_eq!(got, "here");
    }
}
