//! The argument of `file`.

use std::path::PathBuf;
use std::time::Duration;

use super::encode::Encode;
use super::transport::Writer;
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::{self, get};
use crate::kinds::Read;
use crate::lane::{Policy, Retry};
use crate::{Facts, Plan, Work};

/// See the module.
#[derive(Debug)]
struct File {
    path: PathBuf,
    separator: String,
    every: Duration,
}

/// Reads the argument; everything in it may be left out.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let pairs = keyval::read(argument.unwrap_or_default(), &["path", "freq", "separator"])
        .map_err(|why| format!("invalid file stats pusher syntax: {why}"))?;
    let every = match get(&pairs, "freq") {
        None => facts.every,
        Some(text) => {
            let seconds = text.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| {
                format!(
                    "invalid file stats pusher syntax: freq = {text} is not a number of seconds"
                )
            })?;
            Duration::from_secs(seconds)
        }
    };
    Ok(Box::new(File {
        path: get(&pairs, "path").unwrap_or("uwsgi.stats").into(),
        separator: get(&pairs, "separator").unwrap_or("\n\n").to_owned(),
        every,
    }))
}

impl Plan for File {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.path.display().to_string()]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        false
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Box::new(Writer { path: self.path.clone() });
        let deadline = Duration::from_secs(30);
        let policy = Policy { pushes: 2, bytes: 64 << 20, retry: Retry::Never, deadline };
        let encoder = Encode { separator: self.separator.clone() };
        Box::new(Fan::start("file", encoder, vec![Receiver { transport, policy }], work))
    }
}
