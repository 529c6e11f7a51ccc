//! The rings of an arena: read whole once, and from then on only what is new in them.
//!
//! Ten pictures a second must not copy a day each time: a ring is looked at when its next slot can
//! have been written. An instance that was started anew has another past.

use uwsgi_metrics::{Ring, Series, View};

use crate::picture::Trail;
use crate::rings::{Rings, dense};

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    rings: Rings,
    /// The instance it belongs to: master and first start.
    of: (u64, u64),
    /// The interval in which each ring was looked at last.
    looked: [u64; 3],
}

impl Reading {
    /// The past as it is known at `now`, epoch seconds: of the last minutes, or `all` of it.
    pub(super) fn trails(&mut self, view: &View, now: u64, all: bool) -> Vec<Trail> {
        let of = (view.globals().master_pid.get(), view.globals().started_at_us.get());
        if of != self.of {
            *self = Self { of, ..Self::default() };
        }
        let wanted = if all { Ring::ALL.len() } else { 1 };
        for (looked, ring) in self.looked.iter_mut().zip(Ring::ALL).take(wanted) {
            // A slot is there within its second; a minute is looked for every ten.
            let turn = now / ring.step().min(10);
            if std::mem::replace(looked, turn) != turn {
                read(&mut self.rings, view, ring, now);
            }
        }
        let shown = self.rings.trails().iter().filter(|trail| all || trail.step == 1);
        shown.cloned().collect()
    }
}

fn read(rings: &mut Rings, view: &View, ring: Ring, now: u64) {
    let rows = view.history().rows(ring, rings.wanted(ring.step()), now);
    let Some((end, _)) = rows.last() else { return };
    for series in Series::ALL {
        let column = series as usize;
        let pairs: Vec<(u64, u64)> =
            rows.iter().map(|(time, row)| (*time, row.get(column).copied().unwrap_or(0))).collect();
        rings.merge(Trail {
            name: series.as_str().to_owned(),
            step: ring.step(),
            end: *end,
            scale: series.scale(),
            values: dense(&pairs, ring.step()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::tests::Folder;
    use uwsgi_metrics::{Arena, HistoryWriter, Shape, Snapshot};

    const START: u64 = 1_700_000_040;

    #[test]
    fn rings_are_read_whole_and_then_grow() {
        let folder = Folder::new("uwsgitop-history");
        let shape = Shape { workers: 1, cores: 1, ..Shape::default() };
        let arena = Arena::create_at(&folder.0.join("arena"), &shape).unwrap();
        let mut writer = HistoryWriter::new();
        let mut tick = |now: u64, backlog: u64| {
            arena.globals().backlog.set(backlog);
            writer.tick(&arena.history(), now, &Snapshot::take(&arena));
        };
        (0..25).for_each(|second| tick(START + second, second));
        let mut reading = Reading::default();
        let queue = |reading: &mut Reading, now: u64, step: u64| {
            let trails = reading.trails(&arena, now, step > 1);
            assert_eq!(trails.len(), if step > 1 { 32 } else { 16 }, "no minute has ended");
            let found = trails.into_iter().find(|t| t.name == "listen_queue" && t.step == step);
            found.map(|trail| (trail.end, trail.values))
        };
        assert_eq!(queue(&mut reading, START + 24, 1), Some((START + 24, (0..25).collect())));
        assert_eq!(queue(&mut reading, START + 24, 10), Some((START + 10, vec![9, 19])), "peaks");
        tick(START + 26, 7);
        let (end, values) = queue(&mut reading, START + 26, 1).unwrap();
        assert_eq!((end, values.get(24..)), (START + 26, Some(&[24, 0, 7][..])));
        arena.globals().started_at_us.set(5);
        assert_eq!(queue(&mut reading, START + 26, 1), Some((end, values)), "read anew");
    }
}
