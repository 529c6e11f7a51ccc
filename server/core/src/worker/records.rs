//! Large bodies of responses as records of FastCGI: headers and pieces of the body in one system call
//! for many of them, nothing copied.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use uwsgi_proto::fastcgi::{HEADER_LEN, MOST, reply};

use super::io;

/// Records of one system call: far below what the system takes, far above what a socket takes.
const BATCH: usize = 32;

/// Sends all of `data`; see [`io::send_all`].
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    id: u16,
    data: &[u8],
    timeout_ms: i32,
    switches: &mut u32,
) -> Result<(), Option<Errno>> {
    for batch in data.chunks(MOST * BATCH) {
        let mut headers = [[0; HEADER_LEN]; BATCH];
        for (header, piece) in headers.iter_mut().zip(batch.chunks(MOST)) {
            *header = reply::stdout(id, piece.len());
        }
        let mut slices = [IoSlice::new(&[]); 2 * BATCH];
        let pairs = slices.chunks_exact_mut(2).zip(headers.iter().zip(batch.chunks(MOST)));
        for (pair, (header, piece)) in pairs {
            pair[0] = IoSlice::new(header);
            pair[1] = IoSlice::new(piece);
        }
        let used = 2 * batch.len().div_ceil(MOST);
        io::send_slices(fd, &mut slices[..used], timeout_ms, switches)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use uwsgi_proto::fastcgi::Record;

    #[test]
    fn a_body_of_many_records_arrives_whole_through_a_small_socket() {
        for size in [0, 1, MOST, MOST + 1, MOST * BATCH + 17] {
            let data: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let (mut peer, ours) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let reader = std::thread::spawn(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).unwrap();
                all
            });
            let mut switches = 0;
            send(ours.as_fd(), 9, &data, 5000, &mut switches).unwrap();
            drop(ours);
            let (bytes, mut at, mut got) = (reader.join().unwrap(), 0, Vec::new());
            while let Some(record) = Record::parse(&bytes[at..]).unwrap() {
                got.extend_from_slice(&bytes[at + HEADER_LEN..at + record.size()]);
                at += record.size();
            }
            assert!(got == data, "{size} bytes came out different");
        }
    }
}
