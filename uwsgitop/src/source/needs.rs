//! What the screen wants to see beyond what every picture holds.
//!
//! Owns the parts that cost a source more than a look; they travel with the orders to the reading
//! thread. A source that cannot tell a part, or tells it anyhow, ignores the wish.

use crate::views::Id;

/// Parts of a picture that are read only while something shows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Requests by application, method and code: a histogram for each of them in each worker.
    pub(crate) routes: bool,
    /// The variables of requests in flight.
    pub(crate) vars: bool,
    /// Every series of the past, from all rings.
    pub(crate) trails: bool,
    /// The metrics by name, those of applications included.
    pub(crate) metrics: bool,
    /// What probes count of each worker.
    pub(crate) kernel: bool,
    /// Latencies of the very moment, for whoever counts them; a screen is well served by those of
    /// the same second.
    pub(crate) latencies: bool,
}

impl Needs {
    /// Everything that is shown: for one picture that must hold all there is.
    pub(crate) const ALL: Self = Self {
        routes: true,
        vars: true,
        trails: true,
        metrics: true,
        kernel: true,
        latencies: false,
    };

    /// What a view shows.
    pub(crate) fn of(view: Id) -> Self {
        Self {
            routes: view == Id::Apps,
            vars: view == Id::Cores,
            trails: view == Id::Overview,
            metrics: view == Id::Metrics,
            kernel: view == Id::Probes,
            latencies: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;

    #[test]
    fn the_classic_view_costs_nothing_more_and_all_is_what_any_view_wants() {
        assert_eq!(Needs::of(Id::Workers), Needs::default());
        let wanted: Vec<Needs> = views::ALL.iter().map(|view| Needs::of(view.id)).collect();
        let any = |part: fn(&Needs) -> bool| wanted.iter().any(part);
        let [routes, vars, kernel] = [any(|n| n.routes), any(|n| n.vars), any(|n| n.kernel)];
        let [trails, metrics] = [any(|n| n.trails), any(|n| n.metrics)];
        assert_eq!(Needs { routes, vars, trails, metrics, kernel, latencies: false }, Needs::ALL);
    }
}
