//! Is it worth looking for another connection behind the one just served? Part of the reactor.
//!
//! Where one waits, accepting it at once saves a question to the epoll set. Where none does, the
//! kernel has made a file and thrown it away before it says so, which costs as much as half a dozen
//! of those questions. Owns the guess of one core; refuses to touch a socket.

/// After a guess that was wrong so many connections are taken without one, at least.
const LEAST: u8 = 8;
/// And at most: a queue that fills up again is noticed soon.
const MOST: u8 = 128;

/// A core's experience with connections that nobody has announced.
#[derive(Debug, Default)]
pub(crate) struct Luck {
    /// Connections that are still to be taken without a guess.
    pause: u8,
    /// Length of the last pause, less what right guesses have paid back.
    debt: u8,
}

impl Luck {
    /// Whether to look. To be asked once for each connection that was served.
    pub(super) fn guess(&mut self) -> bool {
        match self.pause.checked_sub(1) {
            None => true,
            Some(less) => {
                self.pause = less;
                false
            }
        }
    }

    /// What the look has found. Six finds pay for one miss: pauses grow where there are fewer.
    pub(super) fn learn(&mut self, found: bool) {
        if found {
            self.debt -= self.debt.div_ceil(4);
        } else {
            self.debt = self.debt.saturating_mul(2).clamp(LEAST, MOST);
            self.pause = self.debt;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves `n` connections, `waiting(i)` tells whether another one waits behind number i:
    /// how many looks found one and how many did not.
    fn serve(luck: &mut Luck, n: usize, waiting: impl Fn(usize) -> bool) -> (usize, usize) {
        let (mut found, mut missed) = (0, 0);
        for i in 0..n {
            if luck.guess() {
                luck.learn(waiting(i));
                *(if waiting(i) { &mut found } else { &mut missed }) += 1;
            }
        }
        (found, missed)
    }

    #[test]
    fn a_full_queue_is_taken_without_a_question() {
        assert_eq!(serve(&mut Luck::default(), 10_000, |_| true), (10_000, 0));
    }

    #[test]
    fn an_empty_one_is_hardly_ever_looked_at() {
        let (_, missed) = serve(&mut Luck::default(), 10_000, |_| false);
        assert!((1..100).contains(&missed), "{missed}");
    }

    #[test]
    fn a_third_of_misses_is_too_many() {
        let (found, missed) = serve(&mut Luck::default(), 9_000, |i| i % 3 > 0);
        assert!(missed < 150, "{missed}");
        assert!(found < 500, "{found}");
    }

    #[test]
    fn one_miss_of_twenty_is_worth_it() {
        let (found, missed) = serve(&mut Luck::default(), 20_000, |i| i % 20 > 0);
        assert!(found > 10_000, "{found}");
        assert!(missed <= 1_000, "{missed}");
    }

    #[test]
    fn a_queue_that_fills_up_is_soon_taken_again() {
        let mut luck = Luck::default();
        serve(&mut luck, 10_000, |_| false);
        let (found, _) = serve(&mut luck, 10_000, |_| true);
        assert!(found >= 10_000 - usize::from(MOST), "{found}");
    }
}
