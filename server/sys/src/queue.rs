//! How many connections wait in a listening socket's queue, and how many it may hold.
//!
//! TCP answers through TCP_INFO, UNIX sockets through the sock_diag netlink family; both work
//! without privileges. Layouts are those of linux/tcp.h, linux/unix_diag.h and linux/sock_diag.h.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// State of a listening socket's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Connections that wait to be accepted.
    pub length: u64,
    /// Connections the queue may hold.
    pub max: u64,
    /// Connections the kernel dropped since the socket was made (TCP only).
    pub drops: u64,
}

/// Queue of a listening TCP socket.
pub fn tcp(socket: impl AsFd) -> io::Result<Queue> {
    let fd = socket.as_fd().as_raw_fd();
    let mut info = [0u32; 16];
    get_words(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
    let mut memory = [0u32; 9];
    // Absent on kernels before 4.12; the drop counter then stays 0.
    let _ = get_words(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut memory);
    // For a listener tcpi_unacked (byte 24) is the queue and tcpi_sacked (byte 28) its limit.
    Ok(Queue { length: info[6].into(), max: info[7].into(), drops: memory[8].into() })
}

fn get_words(fd: i32, level: i32, name: i32, out: &mut [u32]) -> io::Result<()> {
    let mut len = size_of_val(out) as libc::socklen_t;
    // SAFETY: `len` bytes at `out` are writable; the kernel writes at most that many.
    let r = unsafe { libc::getsockopt(fd, level, name, out.as_mut_ptr().cast(), &mut len) };
    if r < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const UDIAG_SHOW_RQLEN: u32 = 0x10;
const UNIX_DIAG_RQLEN: u16 = 4;

/// A netlink socket of the sock_diag family.
pub(crate) fn netlink() -> io::Result<OwnedFd> {
    let family = std::num::NonZeroU32::new(libc::NETLINK_SOCK_DIAG as u32);
    Ok(rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        family.map(rustix::net::Protocol::from_raw),
    )?)
}

/// Asks the kernel for queues of UNIX sockets; keeps its netlink socket open between questions.
pub struct UnixQueues {
    netlink: OwnedFd,
}

impl UnixQueues {
    /// Opens the netlink socket.
    pub fn open() -> io::Result<UnixQueues> {
        Ok(UnixQueues { netlink: netlink()? })
    }

    /// Queue of a listening UNIX socket.
    pub fn queue(&self, socket: impl AsFd) -> io::Result<Queue> {
        let inode = rustix::fs::fstat(socket)?.st_ino as u32;
        rustix::net::send(&self.netlink, &request(inode), rustix::net::SendFlags::empty())?;
        let mut reply = [0u8; 512];
        // The kernel answers within the send; a missing answer is an error, not a wait.
        let (n, _) = rustix::net::recv(&self.netlink, &mut reply, rustix::net::RecvFlags::empty())?;
        parse_reply(&reply[..n]).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl AsFd for UnixQueues {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

/// nlmsghdr (16 bytes) and unix_diag_req (24 bytes).
fn request(inode: u32) -> [u8; 40] {
    let mut m = [0u8; 40];
    m[0..4].copy_from_slice(&40u32.to_ne_bytes());
    m[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    m[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    m[16] = libc::AF_UNIX as u8;
    m[20..24].copy_from_slice(&u32::MAX.to_ne_bytes()); // any state
    m[24..28].copy_from_slice(&inode.to_ne_bytes());
    m[28..32].copy_from_slice(&UDIAG_SHOW_RQLEN.to_ne_bytes());
    m[32..40].fill(0xff); // no cookie
    m
}

/// nlmsghdr (16), unix_diag_msg (16), then attributes of u16 length and u16 type.
fn parse_reply(reply: &[u8]) -> Option<Queue> {
    let u16_at = |at: usize| Some(u16::from_ne_bytes(reply.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_ne_bytes(reply.get(at..at + 4)?.try_into().ok()?));
    if u16_at(4)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut at = 32;
    loop {
        let (len, kind) = (u16_at(at)? as usize, u16_at(at + 2)?);
        if kind == UNIX_DIAG_RQLEN {
            return Some(Queue {
                length: u32_at(at + 4)?.into(),
                max: u32_at(at + 8)?.into(),
                drops: 0,
            });
        }
        at += len.max(4).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn waiting_unix_connections_are_counted() {
        let dir = std::env::temp_dir().join(format!("uwsgi-queue-{}", crate::process::pid()));
        let listener = UnixListener::bind(&dir).unwrap();
        let clients: Vec<_> = (0..3).map(|_| UnixStream::connect(&dir).unwrap()).collect();
        let queue = UnixQueues::open().unwrap().queue(&listener).unwrap();
        std::fs::remove_file(&dir).unwrap();
        assert_eq!(queue.length, clients.len() as u64);
        assert!(queue.max > 0, "the limit of the queue is unknown");
    }

    #[test]
    fn waiting_tcp_connections_are_counted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> =
            (0..2).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let queue = tcp(&listener).unwrap();
        assert_eq!(queue.length, clients.len() as u64);
        assert!(queue.max > 0);
    }
}
