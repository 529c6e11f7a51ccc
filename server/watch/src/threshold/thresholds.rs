//! All thresholds of an instance, looked at together.

use uwsgi_metrics::Latency;
use uwsgi_metrics::ThresholdState;
use uwsgi_metrics::schema::Unit;

use super::message::{self, Facts};
use super::meter::{Bounds, BurnPair, Count, Meter, Recent, STEPS, Source};
use super::quantity::Quantity;
use super::spec::{Over, Spec, What};
use super::standing::{Moment, Past, Policy, Reading, Say, Standing};
use super::window::{Ring, Steady};
use super::{Crossing, Found, Names, Refusal, Samples};

/// The thresholds of an instance.
#[derive(Debug)]
pub struct Thresholds {
    host: String,
    sources: Vec<Source>,
    recents: Vec<Recent>,
    watches: Vec<Watch>,
}

/// One threshold at work.
#[derive(Debug)]
struct Watch {
    spec: Spec,
    meter: Meter,
    bounds: Bounds,
    is_time: bool,
    /// Seconds between two looks, and when the next one is.
    every: i64,
    due: i64,
    standing: Standing,
}

/// What a look leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tick {
    /// What is to be said, in configuration order.
    pub crossings: Vec<Crossing>,
    /// What is to be written, in configuration order.
    pub resets: Vec<Reset>,
}

/// A value to be written into a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Position in [`Thresholds::sources`].
    pub source: usize,
    /// The value.
    pub value: i64,
}

impl Thresholds {
    /// Binds thresholds to the metrics they name.
    ///
    /// # Errors
    /// A name that is unknown, or a unit that does not fit the metric.
    pub fn new(specs: &[Spec], names: &dyn Names, host: &str) -> Result<Thresholds, Refusal> {
        let mut all = Thresholds {
            host: host.to_owned(),
            sources: Vec::new(),
            recents: Vec::new(),
            watches: Vec::new(),
        };
        for spec in specs {
            let watch = all.bind(spec, names)?;
            all.watches.push(watch);
        }
        Ok(all)
    }

    /// Names of the metrics it wants to be told, by position.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.key.as_str())
    }

    /// True without any threshold.
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// The thresholds and where they stand, in configuration order.
    pub fn standings(&self) -> impl Iterator<Item = (&Spec, &Standing)> {
        self.watches.iter().map(|watch| (&watch.spec, &watch.standing))
    }

    /// What each is compared with, in configuration order; no number where that changes.
    pub fn bounds(&self) -> impl Iterator<Item = f64> {
        let burn = |watch: &Watch| matches!(watch.spec.what, What::Burn(_));
        self.watches.iter().map(move |w| if burn(w) { f64::NAN } else { w.bounds.bound })
    }

    /// Lets a threshold go on where another observer left it.
    pub fn adopt(&mut self, index: usize, past: Past, now: Moment) {
        if let Some(watch) = self.watches.get_mut(index) {
            watch.standing = Standing::adopt(past, now);
        }
    }

    /// One look at everything.
    pub fn tick(&mut self, now: Moment, samples: &dyn Samples) -> Tick {
        for (index, source) in self.sources.iter_mut().enumerate() {
            source.look(samples.number(index));
        }
        for recent in &mut self.recents {
            recent.look(now.steady_s, samples.latency(recent.what));
        }
        let seen = (self.sources.as_slice(), self.recents.as_slice(), samples);
        let mut tick = Tick::default();
        for (index, watch) in self.watches.iter_mut().enumerate() {
            if now.steady_s < watch.due {
                continue;
            }
            watch.due = now.steady_s.saturating_add(watch.every);
            let firing = watch.standing.past.state == ThresholdState::Firing;
            let reading = watch.meter.read(now.steady_s, seen, watch.bounds, firing);
            let say = watch.standing.step(now, reading, watch.policy());
            tick.crossings.extend(watch.crossing(index, say, now, &self.host));
            tick.resets.extend(watch.reset(reading));
        }
        tick
    }

    fn bind(&mut self, spec: &Spec, names: &dyn Names) -> Result<Watch, Refusal> {
        let (meter, unit, every) = self.meter(spec, names)?;
        let wrong = |key: &str| wrong_unit(spec, key);
        let number = |quantity: Quantity| match (&spec.what, unit) {
            (What::Ratio(..), _) => quantity.as_ratio(),
            (_, unit) => quantity.in_unit(unit),
        };
        let bound = number(spec.bound).ok_or_else(|| wrong("value"))?;
        let clear = match spec.clear {
            Some(clear) => Some(number(clear).ok_or_else(|| wrong("clear"))?),
            None => None,
        };
        let is_time = unit == Unit::Micros && !matches!(spec.what, What::Ratio(..) | What::Burn(_));
        Ok(Watch {
            spec: spec.clone(),
            meter,
            bounds: Bounds { op: spec.op, bound, clear, least: spec.least },
            is_time,
            every,
            due: i64::MIN,
            standing: Standing::new(bound),
        })
    }

    /// The meter of a threshold, the unit of what it measures, and how often it is looked at.
    fn meter(&mut self, spec: &Spec, names: &dyn Names) -> Result<(Meter, Unit, i64), Refusal> {
        Ok(match &spec.what {
            What::Value(key) => {
                let (source, unit, every) = self.number(spec, key, names)?;
                (Meter::Value(source), unit, every)
            }
            What::Delta(key, window) => {
                let (source, unit, _) = self.number(spec, key, names)?;
                (Meter::Delta(source, Ring::new(*window, STEPS)), unit, 1)
            }
            What::Ratio(key, per, window) => {
                let (over, ..) = self.number(spec, key, names)?;
                let (under, ..) = self.number(spec, per, names)?;
                let window = window.map(|length| Ring::new(length, STEPS));
                (Meter::Ratio { over, under, window }, Unit::Count, 1)
            }
            What::Percentile(key, quantile, window) => {
                let recent = self.recent(latency(spec, key, names)?, *window);
                (Meter::Percentile { recent, quantile: *quantile }, Unit::Micros, 1)
            }
            What::Burn(burn) => {
                let count = self.count(spec, &burn.over, names)?;
                let pairs = burn.pairs.iter().map(|pair| BurnPair::new(*pair)).collect();
                (Meter::Burn { count, budget: burn.budget, pairs }, Unit::Count, 1)
            }
        })
    }

    fn count(&mut self, spec: &Spec, over: &Over, names: &dyn Names) -> Result<Count, Refusal> {
        Ok(match over {
            Over::Counters { bad, total } => Count::Counters {
                bad: self.number(spec, bad, names)?.0,
                total: self.number(spec, total, names)?.0,
            },
            Over::Latency { key, limit_us } => Count::Latency {
                what: latency(spec, key, names)?,
                limit_us: *limit_us,
                sums: [Steady::default(); 2],
            },
        })
    }

    fn number(
        &mut self,
        spec: &Spec,
        key: &str,
        names: &dyn Names,
    ) -> Result<(usize, Unit, i64), Refusal> {
        let (unit, counter, every) = match names.find(key) {
            None => return Err(unknown(key)),
            Some(Found::Latency(_)) => return Err(needs_percentile(spec, key)),
            Some(Found::Number { unit, counter, every, .. }) => (unit, counter, every),
        };
        let known = self.sources.iter().position(|source| source.key == key);
        let index = known.unwrap_or_else(|| {
            self.sources.push(Source::new(key, counter));
            self.sources.len() - 1
        });
        Ok((index, unit, i64::try_from(every).unwrap_or(i64::MAX).max(1)))
    }

    fn recent(&mut self, what: Latency, window: u64) -> usize {
        let same = |recent: &Recent| recent.what == what && recent.window == window;
        self.recents.iter().position(same).unwrap_or_else(|| {
            self.recents.push(Recent::new(what, window));
            self.recents.len() - 1
        })
    }
}

impl Watch {
    fn policy(&self) -> Policy {
        Policy {
            hold: i64::try_from(self.spec.hold).unwrap_or(i64::MAX),
            repeat: self.spec.repeat,
            alarm: self.spec.alarm.is_some(),
            recovery: self.spec.recovery.is_some(),
        }
    }

    fn crossing(&self, threshold: usize, say: Say, now: Moment, host: &str) -> Option<Crossing> {
        let (resolved, since, held) = match say {
            Say::Nothing => return None,
            Say::Alarm => (false, self.standing.past.since, self.standing.held(now)),
            Say::Recovery { since, held } => (true, since, held),
        };
        let (spec, standing) = (&self.spec, &self.standing);
        let (value, bound) = (standing.value, standing.bound);
        let facts = Facts { spec, value, bound, is_time: self.is_time, since, held, host };
        let message = if resolved { message::recovery(&facts) } else { message::alarm(&facts) };
        let alarm = spec.alarm.clone()?;
        let key = spec.key().to_owned();
        Some(Crossing { threshold, alarm, message, resolved, key, value, bound, since })
    }

    /// Whatever the alarm does, the value goes back whenever the condition holds.
    fn reset(&self, reading: Reading) -> Option<Reset> {
        let holds = matches!(reading, Reading::Known { holds: true, .. });
        let fires = self.standing.past.state == ThresholdState::Firing;
        let Meter::Value(source) = self.meter else { return None };
        let value = self.spec.reset.filter(|_| holds && fires)?;
        Some(Reset { source, value })
    }
}

fn latency(spec: &Spec, key: &str, names: &dyn Names) -> Result<Latency, Refusal> {
    match names.find(key) {
        None => Err(unknown(key)),
        Some(Found::Latency(what)) => Ok(what),
        Some(Found::Number { .. }) => {
            let text = format!("metric's threshold: {key} is no histogram: {}", spec.text);
            let known: Vec<_> = super::HISTOGRAMS.iter().map(|(name, _)| *name).collect();
            Err(Refusal { text, remedy: known.join(", ") })
        }
    }
}

fn unknown(key: &str) -> Refusal {
    let remedy = "a metric of this instance; docs/metrics.md lists the built-in ones".into();
    Refusal { text: format!("unable to find metric {key}"), remedy }
}

fn needs_percentile(spec: &Spec, key: &str) -> Refusal {
    let text = format!("metric's threshold: {key} is a histogram: {}", spec.text);
    Refusal { text, remedy: "percentile beside it, or objective with limit".into() }
}

fn wrong_unit(spec: &Spec, key: &str) -> Refusal {
    let text =
        format!("metric's threshold: the unit of {key} does not fit {}: {}", spec.key(), spec.text);
    Refusal { text, remedy: "a plain number, a time for a time, percent for a ratio".into() }
}

#[cfg(test)]
#[path = "thresholds_test.rs"]
mod tests;
