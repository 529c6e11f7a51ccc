//! What a server is asked for beyond its document, and what is kept of its past.
//!
//! A server of ours gives the details that the query of a request names, and of its past what is
//! new; any other one ignores the query. Owns the past so far, which ten pictures a second need not
//! carry. Pure.

use crate::picture::Picture;
use crate::rings::{RINGS, Rings};

use super::Needs;

/// The past of one instance.
#[derive(Debug, Default)]
pub(super) struct Known {
    rings: Rings,
    /// Master and first start: another instance has another past.
    of: (u64, u64),
}

/// The query of a request.
pub(super) fn wish(needs: Needs, since: u64) -> String {
    let parts = [("history", needs.trails), ("routes", needs.routes), ("kernel", needs.kernel)];
    let names: String =
        parts.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| format!(",{name}")).collect();
    let since = if since > 0 { format!("&since={since}") } else { String::new() };
    format!("details=1{names}{since}")
}

impl Known {
    /// The first moment that is not known, 0 where anything is missing.
    pub(super) fn since(&self, needs: Needs) -> u64 {
        let wanted = if needs.trails { RINGS.len() } else { 1 };
        let known = RINGS.iter().take(wanted).all(|(step, _)| self.rings.wanted(*step) > 0);
        if known { self.rings.wanted(1) } else { 0 }
    }

    /// Keeps what the picture tells and gives it all that is known.
    pub(super) fn learn(&mut self, picture: &mut Picture, needs: Needs) {
        let of = (picture.pid.unwrap_or(0), picture.started_at);
        if of != self.of {
            let first = self.of == (0, 0);
            *self = Self { of, ..Self::default() };
            // What it told was asked of the one before; the next picture brings the rest.
            if !first {
                picture.trails.clear();
            }
        }
        for trail in picture.trails.drain(..) {
            self.rings.merge(trail);
        }
        let shown = self.rings.trails().iter().filter(|trail| needs.trails || trail.step == 1);
        picture.trails = shown.cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Trail;

    fn told(pid: u64, step: u64, end: u64, values: &[u64]) -> Picture {
        let values = values.to_vec();
        let trail = Trail { name: "requests".into(), step, end, scale: 1000, values };
        Picture { pid: Some(pid), trails: vec![trail], ..Picture::default() }
    }

    #[test]
    fn a_request_names_what_is_needed() {
        assert_eq!(wish(Needs::default(), 0), "details=1");
        assert_eq!(wish(Needs::ALL, 77), "details=1,history,routes,kernel&since=77");
    }

    #[test]
    fn the_past_is_told_once_and_then_grows() {
        let all = Needs { trails: true, ..Needs::default() };
        let mut past = Known::default();
        assert_eq!(past.since(Needs::default()), 0);
        past.learn(&mut told(1, 1, 10, &[1, 2]), Needs::default());
        assert_eq!((past.since(Needs::default()), past.since(all)), (11, 0), "tens are missing");
        past.learn(&mut told(1, 10, 10, &[5]), all);
        past.learn(&mut told(1, 60, 0, &[5]), all);
        assert_eq!(past.since(all), 11);
        let mut picture = told(1, 1, 11, &[3]);
        past.learn(&mut picture, Needs::default());
        assert_eq!((picture.trails.len(), &picture.trails[0].values[..]), (1, &[1, 2, 3][..]));
        past.learn(&mut picture, all);
        assert_eq!(picture.trails.len(), 3);
    }

    #[test]
    fn another_instance_has_another_past() {
        let mut past = Known::default();
        past.learn(&mut told(1, 1, 10, &[1, 2]), Needs::default());
        let mut picture = told(2, 1, 11, &[3]);
        past.learn(&mut picture, Needs::default());
        assert_eq!((picture.trails, past.since(Needs::default())), (vec![], 0));
        let mut whole = told(2, 1, 12, &[7, 3, 4]);
        past.learn(&mut whole, Needs::default());
        assert_eq!(whole.trails[0].values, [7, 3, 4]);
    }
}
