//! The uwsgi packet header: `modifier1 u8, payload size u16le, modifier2 u8`.
//!
//! The payload of a request is a [`crate::VarBlock`]; the body follows it on the same stream.

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 4;

/// A packet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Which handler the packet is for.
    pub modifier1: u8,
    /// Payload bytes behind the header.
    pub size: u16,
    /// The handler's own variant.
    pub modifier2: u8,
}

impl Header {
    /// Reads a header from the first four bytes; `None` when there are fewer.
    pub fn parse(input: &[u8]) -> Option<Self> {
        let [modifier1, low, high, modifier2] = *input.first_chunk::<HEADER_LEN>()?;
        Some(Self { modifier1, size: u16::from_le_bytes([low, high]), modifier2 })
    }

    /// The header as bytes.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let [low, high] = self.size.to_le_bytes();
        [self.modifier1, low, high, self.modifier2]
    }
}

/// The log line of a packet larger than `buffer-size`.
pub fn oversize_line(size: usize, max: usize) -> String {
    format!("invalid request block size: {size} (max {max})...skip")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_sent_to_a_uwsgi_socket_reads_as_the_size_people_search_for() {
        let header = Header::parse(b"GET / HTTP/1.0").unwrap();
        assert_eq!(
            oversize_line(header.size.into(), 4096),
            "invalid request block size: 21573 (max 4096)...skip"
        );
    }

    #[test]
    fn headers_survive_a_round_trip() {
        for header in [
            Header::default(),
            Header { modifier1: 255, size: 65535, modifier2: 7 },
            Header { modifier1: 100, size: 256, modifier2: 1 },
        ] {
            assert_eq!(Header::parse(&header.encode()), Some(header));
        }
        assert_eq!(Header::parse(b"abc"), None);
    }
}
