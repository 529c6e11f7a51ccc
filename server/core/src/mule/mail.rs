//! Messages to mules: one queue for each, and one that whichever mule comes first takes from.
//!
//! A message is one packet of a SEQPACKET pair whose two ends every process holds. Nobody waits
//! for room: a message that does not fit is told and counted, and the sender hears of it. A reload
//! hands the queues on with what is in them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use uwsgi_abi::host::Lost;
use uwsgi_metrics::Arena;

use crate::kept::{self, Table};
use crate::settings::Settings;
use crate::{log, logv, sockets};

/// A queue of messages.
#[derive(Debug)]
struct Queue {
    send: OwnedFd,
    receive: OwnedFd,
}

/// See the module.
#[derive(Debug)]
pub struct Mail {
    any: Queue,
    own: Vec<Queue>,
}

/// Name of a queue for the next image; 0 is that of all mules.
fn name(mule: usize) -> String {
    format!("mail:{mule}")
}

impl Queue {
    fn new(room: usize) -> io::Result<Queue> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (send, receive) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Queue { send, receive }.with_room(room)
    }

    /// The queue that the last image kept, with the messages in it, or an empty one.
    fn open(kept: &Table, mule: usize, room: usize) -> io::Result<Queue> {
        match kept.take_queue(&name(mule)) {
            Some([receive, send]) => Queue { send, receive }.with_room(room),
            None => Queue::new(room),
        }
    }

    fn with_room(self, room: usize) -> io::Result<Queue> {
        if room > 0 {
            sockopt::set_socket_send_buffer_size(&self.send, room)?;
            sockopt::set_socket_recv_buffer_size(&self.receive, room)?;
        }
        Ok(self)
    }

    fn put(&self, message: &[u8]) -> Result<(), Errno> {
        loop {
            match send(&self.send, message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => continue,
                sent => return sent.map(drop),
            }
        }
    }

    /// The oldest message: bytes put into `buffer`, and how long it was.
    fn take(&self, buffer: &mut [u8]) -> Option<(usize, usize)> {
        let room = buffer.len();
        let (_, whole) =
            recv(&self.receive, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC).ok()?;
        Some((whole.min(room), whole))
    }
}

impl Mail {
    /// Queues for the mules of a configuration; none without mules.
    pub(crate) fn open(settings: &Settings, kept: &Table) -> Result<Option<Mail>, String> {
        let (room, mules) = (settings.mule_msg_size, settings.mules.len());
        let open = || -> io::Result<Mail> {
            let queue = |mule| Queue::open(kept, mule, room);
            let own = (1..=mules).map(queue).collect::<io::Result<_>>()?;
            Ok(Mail { any: queue(0)?, own })
        };
        let opened = (settings.master && mules > 0).then(open).transpose();
        tell_lost(kept, if opened.is_ok() { mules } else { 0 });
        opened.map_err(|e| format!("unable to make the queues of mules: {}", sockets::plain(&e)))
    }

    /// Every queue in the form of [`kept::pass_on`].
    pub(crate) fn kept(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>, u64)> {
        let queues = [&self.any].into_iter().chain(&self.own).enumerate();
        queues.flat_map(|(mule, queue)| {
            kept::queue(&name(mule), [queue.receive.as_fd(), queue.send.as_fd()])
        })
    }

    /// Sends a message to a mule, 0 for any.
    pub(crate) fn post(&self, arena: &Arena, mule: u32, message: &[u8]) -> Result<(), Lost> {
        let queue = match mule {
            0 => &self.any,
            id => self.own.get(id as usize - 1).ok_or(Lost::NoSuchMule)?,
        };
        let Err(why) = queue.put(message) else { return Ok(()) };
        if why == Errno::AGAIN {
            let room = sockopt::socket_send_buffer_size(&queue.send).unwrap_or(0);
            logv!(
                "*** MULE MSG QUEUE IS FULL: buffer size {room} bytes (you can tune it with --mule-msg-size) ***"
            );
        } else {
            let why = sockets::plain(&why.into());
            log!("mule_send_msg(): {why} [core/mule.c line {}]", line!());
        }
        arena.mule(mule).dropped.add_shared(1);
        Err(Lost::Dropped)
    }

    /// The oldest message for a mule, its own first. One that does not fit is cut, and the log
    /// says so.
    pub(crate) fn take(&self, arena: &Arena, mule: u32, buffer: &mut [u8]) -> Option<usize> {
        let (have, whole) = self.queues(mule).into_iter().find_map(|queue| queue.take(buffer))?;
        arena.mule(mule).messages.add(1);
        uwsgi_usdt::mule__message(|| (mule, buffer.get(..have).unwrap_or_default()));
        if have < whole {
            log!("*** mule {mule} received a message of {whole} bytes, cut to {have} ***");
        }
        Some(have)
    }

    fn queues(&self, mule: u32) -> impl IntoIterator<Item = &Queue> {
        self.own.get((mule as usize).wrapping_sub(1)).into_iter().chain([&self.any])
    }

    /// Readable while messages wait for that mule.
    pub(crate) fn watched(&self, mule: u32) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.queues(mule).into_iter().map(|queue| queue.receive.as_fd())
    }
}

/// Says what becomes of messages to mules that a changed configuration has no longer.
fn tell_lost(kept: &Table, mules: usize) {
    let any = (mules == 0).then_some(0);
    let gone = any.into_iter().chain(mules + 1..);
    for (mule, ends) in gone.map_while(|mule| Some((mule, kept.take_queue(&name(mule))?))) {
        let [receive, send] = ends;
        let queue = Queue { send, receive };
        let lost = std::iter::from_fn(|| queue.take(&mut [0; 1])).count();
        if lost > 0 {
            let whom = if mule > 0 { format!("mule {mule}") } else { "any mule".to_owned() };
            log!("*** {lost} messages for {whom} are lost, the configuration has it no more ***");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::Shape;

    fn mail() -> (Mail, Arena) {
        let own = vec![Queue::new(0).unwrap(), Queue::new(0).unwrap()];
        let shape = Shape { mules: 2, ..Shape::default() };
        (Mail { any: Queue::new(0).unwrap(), own }, Arena::create(&shape).unwrap())
    }

    #[test]
    fn messages_keep_their_bounds_and_own_ones_come_first() {
        let (mail, arena) = mail();
        for (mule, text) in [(0, "any"), (1, "one"), (1, ""), (2, "two")] {
            mail.post(&arena, mule, text.as_bytes()).unwrap();
        }
        let mut buffer = [0; 16];
        let mut take = |mule| {
            let have = mail.take(&arena, mule, &mut buffer)?;
            Some(String::from_utf8_lossy(&buffer[..have]).into_owned())
        };
        assert_eq!(take(1).as_deref(), Some("one"));
        assert_eq!(take(1).as_deref(), Some(""), "an empty message is a message");
        assert_eq!(take(1).as_deref(), Some("any"));
        assert_eq!((take(1), take(2).as_deref()), (None, Some("two")));
        assert_eq!([arena.mule(1).messages.get(), arena.mule(2).messages.get()], [3, 1]);
    }

    #[test]
    fn what_is_lost_is_counted_and_the_sender_hears_of_it() {
        let (mail, arena) = mail();
        assert_eq!(mail.post(&arena, 3, b"x"), Err(Lost::NoSuchMule));
        let big = vec![0; 1 << 20];
        assert_eq!(mail.post(&arena, 1, &big), Err(Lost::Dropped));
        let mut sent = 0;
        while mail.post(&arena, 2, &big[..1000]).is_ok() {
            sent += 1;
        }
        assert!(sent > 10, "room for a few");
        assert_eq!([arena.mule(1).dropped.get(), arena.mule(2).dropped.get()], [1, 1]);
        let mut small = [0; 10];
        assert_eq!(mail.take(&arena, 2, &mut small), Some(10), "cut to the buffer");
    }
}
