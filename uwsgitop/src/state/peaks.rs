//! The longest queue that was seen at each listening socket since the screen opened.
//!
//! Owns nothing of sockets that are gone, so that it stays as small as one picture.

use std::collections::BTreeMap;

use crate::picture::Picture;

/// Highest queues by name of the socket.
#[derive(Debug, Default)]
pub(crate) struct Peaks {
    queues: BTreeMap<String, u64>,
}

impl Peaks {
    /// Takes in one picture.
    pub(crate) fn ingest(&mut self, picture: &Picture) {
        let mut queues = BTreeMap::new();
        for socket in &picture.sockets {
            let known = self.of(&socket.name).unwrap_or(0).max(socket.queue);
            queues.insert(socket.name.clone(), known);
        }
        self.queues = queues;
    }

    /// The highest queue of a socket; nothing for one that was never seen.
    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.queues.get(name).copied()
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.queues.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Socket;

    #[test]
    fn the_highest_queue_stays_until_its_socket_goes() {
        let picture = |names: &[(&str, u64)]| {
            let socket = |&(name, queue): &(&str, u64)| Socket {
                name: name.to_owned(),
                queue,
                ..Socket::default()
            };
            Picture { sockets: names.iter().map(socket).collect(), ..Picture::default() }
        };
        let mut peaks = Peaks::default();
        peaks.ingest(&picture(&[("a", 3), ("b", 1)]));
        peaks.ingest(&picture(&[("a", 9)]));
        peaks.ingest(&picture(&[("a", 2), ("b", 0)]));
        assert_eq!((peaks.of("a"), peaks.of("b"), peaks.of("c")), (Some(9), Some(0), None));
        peaks.clear();
        assert_eq!(peaks.of("a"), None);
    }
}
