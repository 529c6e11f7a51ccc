//! Applications of all workers, merged by where they are mounted.
//!
//! Owns the sums and what they have grown by lately. A worker that was spawned again may list an
//! application twice, what it served in its earlier life and what it serves now: it is one worker all
//! the same. Pure.

use std::collections::BTreeMap;

use crate::picture::{App, Picture, Worker};
use crate::state::past::Past;

/// Classes of answers, as sources list them.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "others"];

/// One application over all workers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Mount {
    /// What its workers count together; the longest start, and the place of the first that says.
    pub(super) app: App,
    /// Requests that run in it now, where the source names their application.
    pub(super) running: u64,
    /// How long the oldest of them has been running, µs.
    pub(super) oldest: u64,
    /// Workers that live and have it.
    pub(super) workers: u64,
}

/// What has been counted between the two pictures that rates compare.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lately {
    /// Requests that began.
    pub(super) requests: u64,
    /// Requests that ended.
    pub(super) ended: u64,
    /// Time in those, µs.
    pub(super) time: u64,
    /// Answers 5xx.
    pub(super) failed: u64,
    /// Exceptions.
    pub(super) exceptions: u64,
    /// Bytes sent.
    pub(super) tx: u64,
    /// Seconds between the pictures.
    pub(super) seconds: f64,
}

impl Lately {
    /// Between what was counted then and what is counted now.
    pub(super) fn between(then: &App, now: &App, seconds: f64) -> Self {
        let grown = |of: fn(&App) -> u64| of(now).saturating_sub(of(then));
        Self {
            requests: grown(|app| app.requests),
            ended: grown(ended),
            time: grown(|app| app.running_time),
            failed: grown(|app| class(app, 4)),
            exceptions: grown(|app| app.exceptions),
            tx: grown(|app| app.tx),
            seconds,
        }
    }

    /// A count for each second.
    pub(super) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.seconds
    }

    /// How long a request took, µs; nothing where none ended.
    pub(super) fn mean(&self) -> Option<u64> {
        self.time.checked_div(self.ended)
    }
}

/// Requests that ended: the count of all has those that run, whose time nobody has added yet.
fn ended(app: &App) -> u64 {
    match app.buckets.as_slice() {
        [] => app.requests,
        buckets => buckets.iter().map(|(_, count)| *count).fold(0, u64::saturating_add),
    }
}

/// How long its requests took in the mean, µs; nothing before the first has ended.
pub(super) fn mean(app: &App) -> Option<u64> {
    app.running_time.checked_div(ended(app))
}

/// Answers of a class, by its place in [`CLASSES`].
pub(super) fn class(app: &App, class: usize) -> u64 {
    app.responses.get(class).copied().unwrap_or(0)
}

/// The name of an application: the default one has none of its own.
pub(super) fn name(mountpoint: &str) -> &str {
    if mountpoint.is_empty() { "/" } else { mountpoint }
}

/// All applications, by name.
pub(super) fn of(picture: &Picture) -> BTreeMap<String, Mount> {
    let mut mounts: BTreeMap<String, Mount> = BTreeMap::new();
    for worker in picture.workers() {
        for (name, app) in of_worker(worker) {
            let mount = mounts.entry(name).or_default();
            add(&mut mount.app, &app);
            mount.workers += u64::from(worker.pid > 0);
        }
    }
    for request in &picture.in_flight {
        if let Some(mount) = mounts.get_mut(&request.app) {
            mount.running += 1;
            mount.oldest = mount.oldest.max(request.age);
        }
    }
    mounts
}

/// The applications of one worker, by name.
pub(super) fn of_worker(worker: &Worker) -> BTreeMap<String, App> {
    let mut apps: BTreeMap<String, App> = BTreeMap::new();
    for app in &worker.apps {
        add(apps.entry(name(&app.mountpoint).to_owned()).or_default(), app);
    }
    apps
}

/// What each application has counted lately; nothing before the second picture.
pub(super) fn lately(past: &Past, now: &BTreeMap<String, Mount>) -> BTreeMap<String, Lately> {
    let Some((then, seconds)) = past.then().zip(past.seconds()) else { return BTreeMap::new() };
    let then = of(then);
    let both = now.iter().filter_map(|(name, mount)| Some((name, then.get(name)?, mount)));
    both.map(|(name, then, now)| (name.clone(), Lately::between(&then.app, &now.app, seconds)))
        .collect()
}

fn add(sum: &mut App, app: &App) {
    sum.id = app.id;
    sum.modifier1 = app.modifier1;
    sum.startup_time = sum.startup_time.max(app.startup_time);
    if sum.chdir.is_empty() {
        sum.chdir.clone_from(&app.chdir);
    }
    for (sum, count) in [
        (&mut sum.requests, app.requests),
        (&mut sum.exceptions, app.exceptions),
        (&mut sum.running_time, app.running_time),
        (&mut sum.tx, app.tx),
    ] {
        *sum = sum.saturating_add(count);
    }
    sum.responses.resize(sum.responses.len().max(app.responses.len()), 0);
    for (sum, count) in sum.responses.iter_mut().zip(&app.responses) {
        *sum = sum.saturating_add(*count);
    }
    if sum.buckets.is_empty() {
        sum.buckets.clone_from(&app.buckets);
    } else {
        for ((_, sum), (_, count)) in sum.buckets.iter_mut().zip(&app.buckets) {
            *sum = sum.saturating_add(*count);
        }
    }
}

/// The bucket that holds this share of the requests: its bounds in µs, the upper one missing for the
/// last; nothing without requests.
pub(super) fn quantile(buckets: &[(u64, u64)], share: f64) -> Option<(u64, Option<u64>)> {
    let total = buckets.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    let wanted = (total as f64 * share).ceil().max(1.0);
    let (mut seen, mut lower) = (0_u64, 0);
    for (upper, count) in buckets {
        seen = seen.saturating_add(*count);
        if total > 0 && seen as f64 >= wanted {
            return Some((lower, Some(*upper).filter(|upper| *upper < u64::MAX)));
        }
        lower = *upper;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;
    use crate::picture::{Body, InFlight};
    use std::sync::Arc;
    use std::time::Duration;

    fn app(mountpoint: &str, requests: u64) -> App {
        App {
            mountpoint: mountpoint.into(),
            requests,
            running_time: requests * 10,
            responses: vec![0, requests, 0, 0, requests / 2, 0],
            buckets: vec![(5, requests), (u64::MAX, 1)],
            ..App::default()
        }
    }

    fn picture(counts: [u64; 3]) -> Picture {
        let worker = |pid, apps| Worker { pid, apps, ..Worker::default() };
        let [a, b, c] = counts;
        let workers = vec![
            worker(7, vec![app("", a), app("/shop", b), app("/", c)]),
            worker(0, vec![app("/", 1)]),
        ];
        let running = InFlight { app: "/shop".into(), age: 9, ..InFlight::default() };
        Picture { body: Body::Workers(workers), in_flight: vec![running], ..Picture::default() }
    }

    #[test]
    fn two_lives_of_one_application_are_one_and_dead_workers_do_not_have_it() {
        let mounts = of(&picture([4, 10, 6]));
        let (root, shop) = (&mounts["/"], &mounts["/shop"]);
        assert_eq!((root.app.requests, root.workers, root.running), (11, 1, 0));
        assert_eq!((shop.app.requests, shop.oldest, shop.running), (10, 9, 1));
        assert_eq!((class(&root.app, 1), class(&root.app, 4), class(&root.app, 9)), (11, 5, 0));
        assert_eq!(root.app.buckets, [(5, 11), (u64::MAX, 3)]);
    }

    #[test]
    fn growth_is_that_of_all_workers_and_never_negative() {
        let mut past = Past::default();
        past.ingest(Arc::new(picture([4, 10, 6])), Duration::ZERO);
        let now = picture([8, 2, 6]);
        past.ingest(Arc::new(now.clone()), Duration::from_secs(2));
        let lately = lately(&past, &of(&now));
        assert_eq!((lately["/"].requests, lately["/"].mean()), (4, Some(10)));
        assert_eq!(mean(&of(&now)["/shop"].app), Some(6), "20us in the three that ended");
        assert!((lately["/"].rate(lately["/"].requests) - 2.0).abs() < 1e-9);
        assert_eq!((lately["/shop"].requests, lately["/shop"].mean()), (0, None));
    }

    #[test]
    fn a_quantile_is_a_bucket() {
        let buckets = [(5, 90), (10, 9), (u64::MAX, 1)];
        assert_eq!(quantile(&buckets, 0.5), Some((0, Some(5))));
        assert_eq!(quantile(&buckets, 0.99), Some((5, Some(10))));
        assert_eq!(quantile(&buckets, 1.0), Some((10, None)));
        assert_eq!(quantile(&[(5, 0)], 0.5), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_applications_of_the_c_server_are_merged() {
        let json = include_bytes!("../../tests/documents/c-requests.json");
        let mounts = of(&parse(json).unwrap());
        let counts: Vec<_> =
            mounts.iter().map(|(name, m)| (name.as_str(), m.app.requests, m.workers)).collect();
        assert_eq!(counts, [("/", 3, 2), ("/shop", 1, 2)]);
        assert_eq!(mounts["/"].app.exceptions, 1);
    }
}
