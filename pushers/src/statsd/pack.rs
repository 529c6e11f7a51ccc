//! Lines into datagrams: each line alone, or as many as fit.

use crate::datagrams::Datagrams;

/// See the module.
pub(super) struct Pack {
    out: Datagrams,
    /// The largest datagram; 0 for one line in each.
    mtu: usize,
    /// Where the datagram that is being filled begins.
    begin: usize,
    values: u64,
}

impl Pack {
    pub(super) fn new(mtu: usize) -> Pack {
        Pack { out: Datagrams::default(), mtu, begin: 0, values: 0 }
    }

    /// Adds one line that carries so many values. One that is larger than a datagram may be gets
    /// one of its own: a metric is not cut.
    pub(super) fn line(&mut self, values: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.values += values;
        let end = self.out.bytes.len();
        let joined = end > self.begin;
        if joined {
            self.out.bytes.push(b'\n');
        }
        write(&mut self.out.bytes);
        if self.mtu == 0 {
            self.close();
        } else if joined && self.out.bytes.len() - self.begin > self.mtu {
            self.out.bytes.remove(end);
            self.out.ends.push(end);
            self.begin = end;
        }
    }

    fn close(&mut self) {
        self.begin = self.out.bytes.len();
        self.out.end();
    }

    /// The datagrams, and how many values are in them.
    pub(super) fn finish(mut self) -> (Datagrams, u64) {
        if self.out.bytes.len() > self.begin {
            self.close();
        }
        (self.out, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(mtu: usize, lines: &[&str]) -> Vec<String> {
        let mut pack = Pack::new(mtu);
        for line in lines {
            pack.line(1, |out| out.extend_from_slice(line.as_bytes()));
        }
        let (datagrams, values) = pack.finish();
        assert_eq!(values, lines.len() as u64);
        datagrams.iter().map(|datagram| String::from_utf8_lossy(datagram).into_owned()).collect()
    }

    #[test]
    fn datagrams_are_filled_up_to_their_size() {
        let lines = ["aaa", "bbb", "cc", "d", "too long for it", "e", "f"];
        assert_eq!(packed(0, &lines), lines);
        assert_eq!(packed(7, &lines), ["aaa\nbbb", "cc\nd", "too long for it", "e\nf"]);
        assert_eq!(packed(1000, &lines), [lines.join("\n")]);
        assert!(packed(7, &[]).is_empty());
    }
}
