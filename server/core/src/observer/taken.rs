//! Families of applications that a page cannot show, because their names are taken: each is told.
//!
//! Applications register when they like, so the observer looks again whenever something new was.

use std::collections::HashSet;

use uwsgi_metrics::prometheus;

use crate::instance::Instance;
use crate::log;

/// What is known of the names.
#[derive(Default)]
pub(super) struct Taken {
    /// Registrations seen.
    registered: u64,
    told: HashSet<String>,
}

impl Taken {
    /// Tells what is new, where there is a page.
    pub(super) fn look(&mut self, instance: &Instance) {
        let settings = &instance.settings;
        let registered = instance.arena.series_head().registered.get();
        let paged = settings.stats_http || !settings.prometheus.listen.is_empty();
        if registered == self.registered || !paged {
            return;
        }
        self.registered = registered;
        let snapshot = instance.arena.snapshot().with_series(&instance.arena);
        for name in prometheus::hidden_families(&snapshot) {
            if !self.told.contains(&name) {
                log!(
                    "family {name} of the application is not shown in /metrics: its name is taken there"
                );
                self.told.insert(name);
            }
        }
    }
}
