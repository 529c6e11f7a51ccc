//! `emperor://`: the configuration that an Emperor sends to its vassal.
//!
//! It comes over a socket inherited from the Emperor, behind a uwsgi packet header that carries
//! its size. The socket stays open for the Emperor's next message.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use uwsgi_config::SourceError;
use uwsgi_proto::uwsgi::{HEADER_LEN, Header};
use uwsgi_sys::fd;

/// How long an Emperor may be silent, for the header and for each part of the content.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Receives the configuration called `name`, over the socket whose number the environment gave.
pub(super) fn receive(name: &str, socket: Option<i32>) -> Result<Vec<u8>, SourceError> {
    let socket = socket.ok_or_else(|| SourceError::new("this is not a vassal instance"))?;
    let waiting = |_| SourceError::new(waits("config header", name));
    let mut socket = File::from(fd::duplicate(socket).map_err(waiting)?);
    let mut header = [0; HEADER_LEN];
    fill(&mut socket, &mut header, "config header", name)?;
    let size = Header::parse(&header).map_or(0, |header| header.size);
    if size == 0 {
        return Err(SourceError::new(format!("[uwsgi-vassal] invalid config from {name}")));
    }
    let mut bytes = vec![0; size.into()];
    fill(&mut socket, &mut bytes, "config", name)?;
    Ok(bytes)
}

/// Fills `buffer`; silence and an early end are errors that name what was to come.
fn fill(socket: &mut File, buffer: &mut [u8], what: &str, name: &str) -> Result<(), SourceError> {
    let mut at = 0;
    while at < buffer.len() {
        let mut ready = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
        if !matches!(poll(&mut ready, Some(&PATIENCE)), Ok(1..)) {
            return Err(SourceError::new(waits(what, name)));
        }
        match socket.read(&mut buffer[at..]) {
            Ok(count @ 1..) => at += count,
            _ => {
                let text = format!("[uwsgi-vassal] error reading {what} from {name} !!!");
                return Err(SourceError::new(text));
            }
        }
    }
    Ok(())
}

fn waits(what: &str, name: &str) -> String {
    format!("[uwsgi-vassal] error waiting for {what} {name} !!!")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// What a vassal reads when its Emperor sends `bytes` and goes away.
    fn pushed(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let (mut emperor, vassal) = UnixStream::pair().unwrap();
        emperor.write_all(bytes).unwrap();
        drop(emperor);
        receive("a.ini", Some(vassal.as_raw_fd())).map_err(|error| error.text)
    }

    #[test]
    fn a_packet_is_a_configuration() {
        assert_eq!(pushed(b"\x73\x03\0\0abcdef").unwrap(), b"abc");
        for (bytes, text) in [
            (b"".as_slice(), "[uwsgi-vassal] error reading config header from a.ini !!!"),
            (b"\0\0\0\0", "[uwsgi-vassal] invalid config from a.ini"),
            (b"\0\x04\0\0abc", "[uwsgi-vassal] error reading config from a.ini !!!"),
        ] {
            assert_eq!(pushed(bytes).unwrap_err(), text);
        }
        assert_eq!(receive("x", None).unwrap_err().text, "this is not a vassal instance");
        let closed = "[uwsgi-vassal] error waiting for config header x !!!";
        assert_eq!(receive("x", Some(900_000)).unwrap_err().text, closed);
    }
}
