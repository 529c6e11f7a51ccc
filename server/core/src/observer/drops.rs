//! Which of the drops that the kernel counts at a listening socket are lost clients.
//!
//! A listener counts every segment it lets go, and with deferred accept that is one for each good
//! connection: the bare acknowledgement before the request. A client that found no room is counted
//! once more, for the whole network namespace. So a socket's drops are believed only as far as the
//! namespace lost clients in the same time. Pure but for [`Drops::look`].

use uwsgi_metrics::{Counter, Gauge};
use uwsgi_sys::machine;

/// What the namespace says now.
pub(super) struct Drops {
    /// Clients it has lost since it was made; nothing when the kernel does not say.
    lost: Option<u64>,
}

impl Drops {
    /// Asks. To be done before the sockets are asked: what is lost in between is believed one look
    /// later.
    pub(super) fn look() -> Drops {
        Drops { lost: machine::lost_clients() }
    }

    /// Enters the kernel's count of a socket, of which what is believed is added to `drops`.
    pub(super) fn enter(&self, drops: &Counter, [seen, doubted, lost]: &[Gauge; 3], told: u64) {
        let before = seen.get();
        seen.set(told);
        // A count below the last one is that of another socket.
        let new = if told < before { told } else { told - before };
        let all = new + doubted.get();
        let believed = all.min(self.since(lost));
        drops.add(believed);
        doubted.set(new.min(all - believed));
    }

    /// Clients lost since the last look at this place. 0 in the cell means that there was none; what
    /// another namespace lost is not ours.
    fn since(&self, cell: &Gauge) -> u64 {
        let Some(now) = self.lost else { return 0 };
        let before = cell.get();
        cell.set(now + 1);
        if before == 0 { 0 } else { (now + 1).saturating_sub(before) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn only_lost_clients_are_drops() {
        let arena = Arena::create(&Shape { sockets: 1, ..Shape::default() }).unwrap();
        let row = arena.socket(0);
        // (the namespace's count, the socket's count, believed so far, why)
        let looks = [
            (Some(500), 0, 0, "what was lost before is not ours"),
            (Some(500), 40, 0, "forty good connections with deferred accept"),
            (Some(503), 45, 3, "three clients found no room, two were good"),
            (Some(503), 46, 3, "lost after the namespace was read"),
            (Some(504), 46, 4, "and believed one look later"),
            (Some(504), 46, 4, "once"),
            (Some(506), 2, 6, "a new socket counts from zero"),
            (None, 9, 6, "the kernel does not say"),
            (Some(3), 12, 6, "another namespace"),
        ];
        for (lost, told, want, why) in looks {
            Drops { lost }.enter(&row.drops, &row.drops_seen, told);
            assert_eq!(row.drops.get(), want, "{why}");
        }
    }
}
