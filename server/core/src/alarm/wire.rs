//! The way of messages to the observer: one pair of packet sockets, made before the first fork and
//! held by every process.
//!
//! A packet is its kind, the length of the name, the name and the text. Sending never waits. What
//! is sent while there is no observer stays for the next one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::sockopt;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Bytes that may wait in the socket; the kernel gives what it allows.
const ROOM: usize = 4 << 20;

/// A longer packet is refused by the kernel whatever the room.
pub(crate) const LONGEST: usize = 256 << 10;

const ALARM: u8 = 1;
const LINE: u8 = 2;
const SAID: u8 = 3;
const ASIDE: u8 = 4;

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// A message for an alarm.
    Alarm {
        /// Its name.
        name: &'a [u8],
        /// The message.
        text: &'a [u8],
    },
    /// A line of the log, to be looked at.
    Line(&'a [u8]),
    /// A line that is nowhere else, to be carried and looked at.
    Said(&'a [u8]),
    /// The same, but nobody looks at it.
    Aside(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// What stands in front of the text.
    pub(crate) fn head(&self) -> Vec<u8> {
        let (kind, name) = match self {
            Packet::Alarm { name, .. } => (ALARM, name.get(..0xffff).unwrap_or(name)),
            Packet::Line(_) => (LINE, &[][..]),
            Packet::Said(_) => (SAID, &[][..]),
            Packet::Aside(_) => (ASIDE, &[][..]),
        };
        let mut head = vec![kind];
        head.extend_from_slice(&(name.len() as u16).to_le_bytes());
        head.extend_from_slice(name);
        head
    }

    /// Reads a packet; nothing when it is none of ours.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let (&kind, rest) = bytes.split_first()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (name, text) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        match kind {
            ALARM => Some(Packet::Alarm { name, text }),
            LINE => Some(Packet::Line(text)),
            SAID => Some(Packet::Said(text)),
            ASIDE => Some(Packet::Aside(text)),
            _ => None,
        }
    }
}

/// Both ends.
#[derive(Debug)]
pub struct Wire {
    send: OwnedFd,
    receive: OwnedFd,
}

impl Wire {
    pub(crate) fn new() -> io::Result<Wire> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::SEQPACKET;
        let (send, receive) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
        // Less room is no reason not to start.
        let _ = sockopt::set_socket_send_buffer_size(&send, ROOM);
        Ok(Wire { send, receive })
    }

    /// Sends a packet, or says why it cannot be sent now.
    pub(crate) fn send(&self, packet: &Packet<'_>) -> io::Result<()> {
        let mut bytes = packet.head();
        let (Packet::Alarm { text, .. }
        | Packet::Line(text)
        | Packet::Said(text)
        | Packet::Aside(text)) = packet;
        bytes.extend_from_slice(text);
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::send(&self.send, &bytes, flags)?;
        Ok(())
    }

    /// The next packet, in `buffer`; nothing when none is there.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<Packet<'a>> {
        loop {
            let got = rustix::net::recv(&self.receive, &mut buffer[..], RecvFlags::DONTWAIT);
            match got {
                Ok((len, _)) => return Packet::parse(buffer.get(..len)?),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    /// Where packets are sent.
    pub(crate) fn outgoing(&self) -> BorrowedFd<'_> {
        self.send.as_fd()
    }

    /// Readable when there is a packet.
    pub(crate) fn incoming(&self) -> BorrowedFd<'_> {
        self.receive.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_arrive_whole_and_in_order() {
        let wire = Wire::new().unwrap();
        let mut buffer = vec![0; LONGEST];
        assert_eq!(wire.receive(&mut buffer), None);
        let long = vec![b'x'; 100_000];
        let sent = [
            Packet::Alarm { name: b"a", text: b"hi" },
            Packet::Alarm { name: b"", text: b"" },
            Packet::Line(b"two\nlines"),
            Packet::Said(b"three\n"),
            Packet::Aside(b"four\n"),
            Packet::Alarm { name: b"long", text: &long },
        ];
        for packet in &sent {
            wire.send(packet).unwrap();
        }
        for packet in &sent {
            assert_eq!(wire.receive(&mut buffer).as_ref(), Some(packet));
        }
    }

    #[test]
    fn a_full_way_is_said_at_once() {
        let wire = Wire::new().unwrap();
        let packet = Packet::Alarm { name: b"a", text: &[b'x'; 10_000] };
        let sent = (0..100_000).take_while(|_| wire.send(&packet).is_ok()).count();
        assert!((10..100_000).contains(&sent), "{sent}");
        assert_eq!(wire.send(&packet).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn rubbish_is_no_packet() {
        for bytes in [&b""[..], b"\x01", b"\x01\x01", b"\x01\x05\x00ab", b"\x09\x00\x00x"] {
            assert_eq!(Packet::parse(bytes), None, "{bytes:?}");
        }
    }
}
