//! Descriptors that go from one process to another, with a text that tells what they are.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// Most descriptors of one message (the kernel allows 253).
pub const MOST: usize = 250;

/// Longest text of one message.
const TEXT: usize = 64 << 10;

/// Two ends of a way for messages; both are closed at an exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends one message.
pub fn send(to: impl AsFd, text: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut extra = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !extra.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(to, &[IoSlice::new(text)], &mut extra, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for one message, but no longer than `limit`; an end of file is `UnexpectedEof`.
pub fn receive(from: impl AsFd, limit: Duration) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let timeout = Timespec::try_from(limit).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut waiting = [PollFd::new(&from, PollFlags::IN)];
    if poll(&mut waiting, Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut text = vec![0; TEXT];
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut extra = RecvAncillaryBuffer::new(&mut space);
    let slices = &mut [IoSliceMut::new(&mut text)];
    let got = recvmsg(&from, slices, &mut extra, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for message in extra.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if got.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    text.truncate(got.bytes);
    Ok((text, fds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_arrive_with_their_text() {
        let (here, there) = pair().unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        send(&here, b"a pipe", &[read.as_fd(), write.as_fd()]).unwrap();
        let (text, fds) = receive(&there, Duration::from_secs(5)).unwrap();
        assert_eq!((text.as_slice(), fds.len()), (&b"a pipe"[..], 2));
        rustix::io::write(&fds[1], b"x").unwrap();
        let mut one = [0];
        assert_eq!(rustix::io::read(&read, &mut one).unwrap(), 1);
    }

    #[test]
    fn nobody_waits_for_ever_nor_for_the_dead() {
        let (here, there) = pair().unwrap();
        let late = receive(&there, Duration::ZERO).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        drop(here);
        let gone = receive(&there, Duration::from_secs(5)).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }
}
