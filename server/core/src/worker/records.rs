//! Large bodies of responses as records of FastCGI: headers and pieces of the body in one system call
//! for many of them, nothing copied.

use std::io::IoSlice;

use uwsgi_proto::fastcgi::{HEADER_LEN, MOST, reply};

/// Records of one system call: far below what the system takes, far above what a socket takes.
const BATCH: usize = 32;

/// Gives all of `data` to `send`, in batches of headers and pieces.
pub(crate) fn each<E>(
    id: u16,
    data: &[u8],
    mut send: impl FnMut(&mut [IoSlice<'_>]) -> Result<(), E>,
) -> Result<(), E> {
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
        send(&mut slices[..used])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_proto::fastcgi::Record;

    #[test]
    fn a_body_of_many_records_is_given_whole() {
        for size in [0, 1, MOST, MOST + 1, MOST * BATCH + 17] {
            let data: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let (mut bytes, mut at, mut got) = (Vec::new(), 0, Vec::new());
            let taken: Result<(), ()> = each(9, &data, |slices| {
                slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
                Ok(())
            });
            taken.unwrap();
            while let Some(record) = Record::parse(&bytes[at..]).unwrap() {
                got.extend_from_slice(&bytes[at + HEADER_LEN..at + record.size()]);
                at += record.size();
            }
            assert!(got == data, "{size} bytes came out different");
        }
    }
}
