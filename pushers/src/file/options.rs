//! The argument of `file`.

use std::path::PathBuf;
use std::time::Duration;

use super::encode::Encode;
use super::transport::{Keep, Writer};
use crate::files;
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::{self, get, period};
use crate::kinds::Read;
use crate::lane::{Policy, Retry};
use crate::{Facts, Plan, Work};

const KEYS: [&str; 5] = ["path", "freq", "separator", "mode", "rotate"];

/// A file system may be slow, and the next push brings newer numbers.
pub(crate) const POLICY: Policy =
    Policy { pushes: 2, bytes: 64 << 20, retry: Retry::Never, deadline: Duration::from_secs(30) };

/// See the module.
#[derive(Debug)]
struct File {
    path: PathBuf,
    separator: String,
    keep: Keep,
    every: Duration,
}

/// Reads the argument; everything in it may be left out.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    plan(argument, facts)
        .map(|file| Box::new(file) as Box<dyn Plan>)
        .map_err(|why| format!("invalid file stats pusher syntax: {why}"))
}

fn plan(argument: Option<&str>, facts: &Facts<'_>) -> Result<File, String> {
    let pairs = keyval::read(&newlines(argument.unwrap_or_default()), &KEYS)?;
    let every = period(&pairs, "freq", facts.every)?;
    let keep = match (get(&pairs, "mode"), get(&pairs, "rotate")) {
        (None | Some("append"), None) => Keep::All,
        (None | Some("append"), Some(text)) => Keep::Upto(files::size(text).ok_or_else(|| {
            format!("rotate = {text} is not a number of bytes (K, M or G may follow)")
        })?),
        (Some("replace"), None) => Keep::Last,
        (Some("replace"), Some(_)) => {
            return Err("mode = replace keeps nothing that rotate could put away".into());
        }
        (Some(mode), _) => return Err(format!("mode = {mode} is not append or replace")),
    };
    // Whoever reads a file that is replaced wants the document and nothing else.
    let usual = if keep == Keep::Last { "\n" } else { "\n\n" };
    Ok(File {
        path: get(&pairs, "path").unwrap_or("uwsgi.stats").into(),
        separator: get(&pairs, "separator").unwrap_or(usual).to_owned(),
        keep,
        every,
    })
}

/// `\n` and `\t` become what they stand for, which the reader of pairs would make `n` and `t`.
fn newlines(argument: &str) -> String {
    let mut out = String::with_capacity(argument.len());
    let mut chars = argument.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (c, false) => out.push(c),
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                other => {
                    out.push('\\');
                    out.extend(other);
                }
            },
        }
    }
    out
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

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Box::new(Writer {
            path: self.path.clone(),
            keep: self.keep,
            alone: files::Alone::default(),
        });
        let encoder = Encode { separator: self.separator.clone() };
        let receiver = Receiver { transport, policy: POLICY };
        Box::new(Fan::start("file", encoder, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn everything_may_be_left_out() {
        let given = Given::of(&[]);
        let (given, of) = (given.facts(), |text: &str| plan(Some(text), &Given::of(&[]).facts()));
        let file = plan(None, &given).unwrap();
        let shown = (file.path.to_str(), file.separator.as_str(), file.keep, file.every.as_secs());
        assert_eq!(shown, (Some("uwsgi.stats"), "\n\n", Keep::All, 3));
        let file = of(r"path=a\,b,freq=9,separator=\n,rotate=2k").unwrap();
        let shown = (file.path.to_str(), file.separator.as_str(), file.keep, file.every.as_secs());
        assert_eq!(shown, (Some("a,b"), "\n", Keep::Upto(2048), 9));
        assert_eq!(of(r"separator=\\n--\t").unwrap().separator, "\\n--\t");
        let file = of("mode=replace").unwrap();
        assert_eq!((file.keep, file.separator.as_str()), (Keep::Last, "\n"));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, wrong) in [
            ("freq=0", "freq = 0 is not a number of seconds"),
            ("speed=1", "\"speed\" is not one of path, freq, separator, mode, rotate"),
            ("mode=tail", "mode = tail is not append or replace"),
            ("rotate=big", "rotate = big is not a number of bytes"),
            ("mode=replace,rotate=1M", "mode = replace keeps nothing"),
        ] {
            let error = read(Some(text), &Given::of(&[]).facts()).err().unwrap_or_default();
            let rest = error.strip_prefix("invalid file stats pusher syntax: ").unwrap_or(&error);
            assert!(rest.starts_with(wrong), "{text}: {error}");
        }
    }
}
