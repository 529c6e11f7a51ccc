//! Which row of the arena is whose, where a reload has put listening sockets into another order.
//!
//! The creator names the sockets at each start. A row that counted for one of them goes where that
//! one stands now; a place that nobody known takes begins at zero. Called before the first fork: no
//! worker counts meanwhile.

use crate::header::Section;
use crate::rows::Carry;
use crate::sync::Ordering;
use crate::view::View;

impl View {
    /// Seats the listening sockets of these names, in their order, and names their rows.
    pub fn seat_sockets(&self, names: &[&[u8]]) {
        let places = self.shape().sockets;
        let all = || (0..places).zip(names);
        let mut seated = vec![false; names.len()];
        for (place, name) in all() {
            let free = |other: &u32| !seated.get(*other as usize).is_some_and(|taken| *taken);
            let has = |other: &u32| self.socket(*other).name.get() == *name;
            // Where it stood before comes first: two sockets may share a name.
            let found = [place].into_iter().chain(0..places).filter(free).find(has);
            let Some(found) = found else { continue };
            if found != place {
                self.swap_sockets(found, place);
            }
            if let Some(taken) = seated.get_mut(place as usize) {
                *taken = true;
            }
        }
        for ((place, name), seated) in all().zip(seated) {
            if !seated {
                self.clear_socket(place);
                self.socket(place).name.set(name);
            }
        }
    }

    /// Two sockets change their places; the spare row is the hand that holds one of them.
    fn swap_sockets(&self, one: u32, other: u32) {
        const SPARE: u32 = u32::MAX;
        for (to, from) in [(SPARE, one), (one, other), (other, SPARE)] {
            self.socket(to).carry(self.socket(from));
        }
        for worker in 1..=self.shape().workers {
            for (to, from) in [(SPARE, one), (one, other), (other, SPARE)] {
                self.traffic(worker, to).carry(self.traffic(worker, from));
            }
        }
    }

    fn clear_socket(&self, index: u32) {
        let place = self.layout.place(Section::Sockets);
        self.clear(place.at(index as usize), place.element);
        let place = self.layout.place(Section::Traffic);
        let places = self.shape().sockets + 1;
        for worker in 0..self.shape().workers {
            self.clear(place.cell(worker, index, places), place.element);
        }
    }

    fn clear(&self, offset: usize, bytes: usize) {
        let words = self.map.words(offset, bytes / 8);
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Arena, Shape};

    #[test]
    fn counts_follow_their_socket_and_a_new_one_begins_at_zero() {
        let arena = Arena::create(&Shape { workers: 2, sockets: 3, ..Shape::default() }).unwrap();
        let counts = || -> Vec<(String, u64, u64)> {
            let all = arena.snapshot().sockets.into_iter();
            let text = |name: Vec<u8>| String::from_utf8(name).unwrap();
            all.map(|s| (text(s.cells.name), s.cells.accepted, s.traffic.requests)).collect()
        };
        let seat = |names: [&str; 3]| arena.seat_sockets(&names.map(str::as_bytes));
        let want = |all: [(&str, u64, u64); 3]| all.map(|(n, a, r)| (n.to_owned(), a, r));
        seat(["a", "b", "c"]);
        for (index, n) in (0..).zip([1, 2, 3]) {
            arena.socket(index).accepted.add(n);
            arena.traffic(1, index).requests.add(n);
            arena.traffic(2, index).requests.add(10 * n);
        }
        arena.link_traffic(2).requests.add(5);
        seat(["a", "b", "c"]);
        assert_eq!(counts(), want([("a", 1, 11), ("b", 2, 22), ("c", 3, 33)]));
        seat(["c", "a", "b"]);
        assert_eq!(counts(), want([("c", 3, 33), ("a", 1, 11), ("b", 2, 22)]));
        seat(["b", "x", "c"]);
        assert_eq!(counts(), want([("b", 2, 22), ("x", 0, 0), ("c", 3, 33)]));
        seat(["c", "c", "b"]);
        assert_eq!(counts(), want([("c", 3, 33), ("c", 0, 0), ("b", 2, 22)]));
        assert_eq!(arena.snapshot().link.requests, 5);
    }
}
