//! The argument of `prometheus-file`.

use std::path::PathBuf;
use std::time::Duration;

use uwsgi_metrics::prometheus::PromOptions;

use super::encode::Encode;
use crate::file::POLICY;
use crate::files::{Alone, replace};
use crate::instance::{Fan, Instance, Receiver, Sending, Transport};
use crate::keyval::{self, get, period};
use crate::kinds::Read;
use crate::{Facts, Plan, Work};

/// node_exporter runs as a user of its own and must be able to read it.
const MODE: u32 = 0o644;

/// See the module.
#[derive(Debug)]
struct TextFile {
    path: PathBuf,
    cores: bool,
    every: Duration,
}

/// Reads the argument.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    plan(argument.unwrap_or_default(), facts)
        .map(|file| Box::new(file) as Box<dyn Plan>)
        .map_err(|why| format!("invalid prometheus-file syntax: {why}"))
}

fn plan(argument: &str, facts: &Facts<'_>) -> Result<TextFile, String> {
    let pairs = keyval::read(argument, &["path", "freq"])?;
    let path = get(&pairs, "path").filter(|path| !path.is_empty());
    Ok(TextFile {
        path: path.ok_or("path is missing (stats-push = prometheus-file:path=FILE.prom)")?.into(),
        cores: facts.options.flag("prometheus-cores"),
        every: period(&pairs, "freq", Duration::from_secs(15))?,
    })
}

impl Plan for TextFile {
    fn kind(&self) -> &'static str {
        "prometheus-file"
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.path.display().to_string()]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn lines(&self) -> Vec<String> {
        let ends = self.path.extension().is_some_and(|ending| ending == "prom");
        let line = "[prometheus-file] node_exporter reads only files whose names end in .prom";
        if ends { Vec::new() } else { vec![format!("{line}: {}", self.path.display())] }
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Box::new(Writer { path: self.path.clone(), alone: Alone::default() });
        let options = PromOptions { cores: self.cores, ..PromOptions::default() };
        let receiver = Receiver { transport, policy: POLICY };
        Box::new(Fan::start(self.kind(), Encode { options }, vec![receiver], work))
    }
}

/// Puts each page in the place of the one before.
struct Writer {
    path: PathBuf,
    alone: Alone,
}

impl Transport<Vec<u8>> for Writer {
    fn send<'a>(&'a mut self, payload: &'a Vec<u8>) -> Sending<'a> {
        let (path, payload) = (self.path.clone(), payload.clone());
        let write = move || replace(&path, &payload, MODE);
        Box::pin(self.alone.in_thread("[prometheus-file] write()", write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn a_path_is_all_it_needs() {
        let given = Given::of(&[]);
        let file = plan("path=/x/uwsgi.prom", &given.facts()).unwrap();
        assert_eq!((file.every.as_secs(), file.lines().len()), (15, 0));
        assert_eq!(plan("path=/x/uwsgi.txt,freq=5", &given.facts()).unwrap().lines().len(), 1);
        for (text, wrong) in [
            ("", "path is missing"),
            ("path=", "path is missing"),
            ("path=x,freq=no", "freq = no is not a number of seconds"),
            ("file=x", "\"file\" is not one of path, freq"),
        ] {
            let error = plan(text, &given.facts()).unwrap_err();
            assert!(error.starts_with(wrong), "{text}: {error}");
        }
    }
}
