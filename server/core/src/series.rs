//! Labelled series of applications, as plugins reach them.

use std::sync::atomic::{AtomicBool, Ordering};

use uwsgi_abi::host::{SeriesHost, Wanted};
use uwsgi_abi::series::{FamilyRead, FamilyRefused, SERIES_VALUE, SampleRead, SeriesOp};
use uwsgi_metrics::series::{FamilyKind, FamilySnap, FamilySpec, GaugeMode, NO_SLOT, families};

use crate::host::PluginHost;
use crate::log;

impl SeriesHost for PluginHost {
    fn family(&self, wanted: &Wanted<'_>) -> Result<u32, FamilyRefused> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| FamilyRefused::Invalid);
        let labels: Vec<&str> = wanted.labels.iter().map(|l| text(l)).collect::<Result<_, _>>()?;
        let spec = FamilySpec {
            name: text(wanted.name)?,
            help: text(wanted.help)?,
            unit: text(wanted.unit)?,
            kind: FamilyKind::from_code(u64::from(wanted.kind)),
            mode: GaugeMode::from_code(u64::from(wanted.mode)),
            labels: &labels,
            bounds: wanted.bounds,
        };
        self.0.arena.register_family(&spec).map_err(|refused| match refused {
            uwsgi_metrics::FamilyRefused::Invalid => FamilyRefused::Invalid,
            uwsgi_metrics::FamilyRefused::Full => {
                self.tell_full(&format!("metric {}", spec.name));
                FamilyRefused::Full
            }
        })
    }

    fn series(&self, family: u32, values: &[&[u8]]) -> u32 {
        let series = self.0.arena.register_series(family, values);
        if series == NO_SLOT {
            self.tell_full("a series of labels");
        }
        series
    }

    fn update(&self, series: u32, op: u32, bucket: u32, value: f64) -> bool {
        let series = self.0.arena.series_at(series);
        match op {
            x if x == SeriesOp::Add as u32 => series.add(self.0.worker_id(), value),
            x if x == SeriesOp::Set as u32 => {
                series.set(self.0.worker_id(), value);
                true
            }
            x if x == SeriesOp::Observe as u32 => series.observe(value),
            x if x == SeriesOp::AddBucket as u32 => series.add_bucket(bucket, value as u64),
            x if x == SeriesOp::SetBucket as u32 => series.set_bucket(bucket, value as u64),
            x if x == SeriesOp::Remove as u32 => {
                series.remove();
                true
            }
            _ => false,
        }
    }

    fn value(&self, series: u32, bucket: u32) -> f64 {
        let series = self.0.arena.series_at(series);
        match bucket {
            SERIES_VALUE => series.value(self.0.worker_id()),
            bucket => series.bucket_count(bucket) as f64,
        }
    }

    fn families(&self) -> Vec<FamilyRead> {
        families(&self.0.arena).into_iter().map(read).collect()
    }
}

/// Whether this process has said that there is no room.
static TOLD: AtomicBool = AtomicBool::new(false);

impl PluginHost {
    /// Says once what the application is not to notice.
    fn tell_full(&self, what: &str) {
        if !TOLD.swap(true, Ordering::Relaxed) {
            let (used, room) =
                (self.0.arena.series_head().series.get(), self.0.settings.metrics_series);
            log!(
                "no room for {what}, it is counted nowhere ({used} series of {room} in use, see \
                 metrics-series); the next ones are not told, see uwsgi_series_dropped_total"
            );
        }
    }
}

fn read(family: FamilySnap) -> FamilyRead {
    let sample = |sample: uwsgi_metrics::series::Sample| SampleRead {
        values: sample.values,
        worker: sample.worker,
        value: sample.value,
        buckets: sample.buckets,
    };
    FamilyRead {
        name: family.name,
        help: family.help,
        unit: family.unit,
        kind: family.kind as u32,
        mode: family.mode as u32,
        labels: family.labels,
        bounds: family.bounds,
        samples: family.samples.into_iter().map(sample).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_abi::series as border;

    #[test]
    fn both_sides_of_the_border_use_the_same_codes() {
        use border::FamilyKind as Kind;
        use border::GaugeMode as Mode;
        let kinds = [
            (Kind::Counter as u32, FamilyKind::Counter),
            (Kind::Gauge as u32, FamilyKind::Gauge),
            (Kind::Histogram as u32, FamilyKind::Histogram),
            (Kind::Summary as u32, FamilyKind::Summary),
            (Kind::Info as u32, FamilyKind::Info),
            (Kind::StateSet as u32, FamilyKind::StateSet),
            (Kind::Unknown as u32, FamilyKind::Unknown),
        ];
        for (code, kind) in kinds {
            assert_eq!(FamilyKind::from_code(code.into()), kind);
        }
        let modes = [
            (Mode::Shared as u32, GaugeMode::Shared),
            (Mode::All as u32, GaugeMode::All),
            (Mode::LiveAll as u32, GaugeMode::LiveAll),
            (Mode::Min as u32, GaugeMode::Min),
            (Mode::LiveMin as u32, GaugeMode::LiveMin),
            (Mode::Max as u32, GaugeMode::Max),
            (Mode::LiveMax as u32, GaugeMode::LiveMax),
            (Mode::Sum as u32, GaugeMode::Sum),
            (Mode::LiveSum as u32, GaugeMode::LiveSum),
            (Mode::MostRecent as u32, GaugeMode::MostRecent),
            (Mode::LiveMostRecent as u32, GaugeMode::LiveMostRecent),
        ];
        for (code, mode) in modes {
            assert_eq!(GaugeMode::from_code(code.into()), mode);
        }
        assert_eq!(border::NO_SERIES, uwsgi_metrics::series::NO_SLOT);
    }
}
