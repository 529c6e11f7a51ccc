//! Rows of the probe.

use crate::schema::Metric;

pub(super) const ROWS: &[Metric] = &[];
