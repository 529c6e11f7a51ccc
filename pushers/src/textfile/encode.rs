//! The page in the text format, which every reader of files knows.

use uwsgi_metrics::prometheus::{Format, PromOptions, render};

use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
pub(super) struct Encode {
    pub(super) options: PromOptions,
}

impl Encoder for Encode {
    type Payload = Vec<u8>;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Vec<u8>>> {
        let (_, payload) = render(&(tick.full)(), Format::Text, &self.options);
        let samples = payload.split(|byte| *byte == b'\n');
        let values = samples.filter(|line| line.first().is_some_and(|byte| *byte != b'#')).count();
        Some(Load { bytes: payload.len(), values: values as u64, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::tests::with_list;

    #[test]
    fn every_sample_counts() {
        with_list(&[], |tick| {
            let load = Encode { options: PromOptions::default() }.encode(tick).unwrap();
            let text = String::from_utf8(load.payload).unwrap();
            let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(samples.iter().any(|line| line.starts_with("uwsgi_")), "{text}");
            assert_eq!(load.values, samples.len() as u64);
            assert!(!text.contains("# EOF"), "a file is no answer in OpenMetrics");
        });
    }
}
