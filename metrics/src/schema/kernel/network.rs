//! Rows and histograms of the probe.

use super::Histograms;
use crate::schema::Metric;

pub(super) const ROWS: &[Metric] = &[];

pub(super) const HISTOGRAMS: &[Histograms] = &[];
