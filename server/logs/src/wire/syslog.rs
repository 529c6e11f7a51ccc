//! Datagrams of syslog: `<PRI>Mmm dd hh:mm:ss ID: text`.
//!
//! Format: RFC 3164, section 4.1, with the name and the host in one word as the original has it.

use crate::Moment;
use crate::template::bare;

/// Bytes of a datagram that its head is allowed, whatever it takes.
const HEAD: usize = 30;

/// Severity `info`.
pub const INFO: u16 = 6;

/// The head of a datagram.
fn head(priority: u16, id: &str, at: Moment) -> Vec<u8> {
    format!("<{priority}>{} {id}: ", at.strftime("%b %e %H:%M:%S")).into_bytes()
}

/// One datagram with all of `message`.
pub fn whole(priority: u16, id: &str, message: &[u8], at: Moment) -> Vec<u8> {
    let mut out = head(priority, id, at);
    out.extend_from_slice(bare(message));
    out
}

/// Datagrams of a message that has to fit into `size` bytes: one that is cut, or as many as it takes
/// with `split`.
pub fn packets(
    priority: u16,
    id: &str,
    message: &[u8],
    at: Moment,
    size: usize,
    split: bool,
) -> Vec<Vec<u8>> {
    let room = size.saturating_sub(HEAD).max(1);
    let head = head(priority, id, at);
    let message = bare(message);
    let pieces: Vec<&[u8]> = match message {
        b"" => vec![message],
        _ => message.chunks(room).collect(),
    };
    let pieces = pieces.into_iter().take(if split { usize::MAX } else { 1 });
    pieces.map(|piece| [&head, piece].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment(1_795_162_707_000_000);

    #[test]
    fn the_head_is_that_of_the_rfc() {
        let text = String::from_utf8(whole(29, "box uwsgi", b"hello\n", AT)).unwrap();
        let (head, rest) = text.split_at(4);
        assert_eq!(head, "<29>");
        assert_eq!(&rest[15..], " box uwsgi: hello");
        assert_eq!(&rest[..4], "Nov ");
    }

    #[test]
    fn a_long_message_is_cut_or_split() {
        let text = |packet: &[u8]| packet.rsplit(|b| *b == b' ').next().unwrap().len();
        let cut = packets(29, "i", &[b'a'; 25], AT, 40, false);
        assert_eq!(cut.iter().map(|p| text(p)).collect::<Vec<_>>(), [10]);
        let split = packets(29, "i", &[b'a'; 25], AT, 40, true);
        assert_eq!(split.iter().map(|p| text(p)).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(packets(29, "i", b"\n", AT, 0, true).len(), 1, "an empty line is a line");
    }
}
