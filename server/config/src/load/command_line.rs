//! The environment, the command line and its bare arguments, in the order they take effect.

use std::ffi::OsString;

use super::name::suffix;
use super::{Loader, Step, TYPED};
use crate::config::{Answer, Origin};
use crate::finding::Finding;
use crate::getopt::{Getopt, Item};
use crate::registry::Registry;
use crate::suggest::suggest;

/// Variables that speak to the server and are not options.
const RESERVED: &[&str] = &[
    "UWSGI_RELOADS",
    "UWSGI_VASSALS_DIR",
    "UWSGI_EMPEROR_FD",
    "UWSGI_BROODLORD_NUM",
    "UWSGI_EMPEROR_FD_CONFIG",
    "UWSGI_EMPEROR_PROXY",
    "UWSGI_JAIL_PID",
    "UWSGI_ORIGINAL_PROC_NAME",
];

impl Loader<'_> {
    pub(super) fn environment(&mut self, env: &[(OsString, OsString)]) -> Step {
        for (name, value) in env {
            let Some(name) = name.to_str().filter(|name| !RESERVED.contains(name)) else {
                continue;
            };
            let Some(option) = name.strip_prefix("UWSGI_") else { continue };
            let key = option.to_lowercase().replace('_', "-");
            let Some(value) = value.to_str() else {
                let text = format!("variable \"{name}\" is not valid UTF-8");
                return Err(Finding::fault(text).into());
            };
            self.append(&key, Some(value.to_owned()), Origin::Environment)?;
        }
        Ok(())
    }

    pub(super) fn command_line(&mut self, argv: &[OsString]) -> Step {
        let binary = argv.first().map(|arg| arg.to_string_lossy()).unwrap_or_default();
        let mut args = Vec::new();
        for arg in argv.iter().skip(1) {
            let Some(text) = arg.to_str() else {
                let shown = arg.to_string_lossy();
                let text = format!("argument \"{shown}\" is not valid UTF-8");
                return Err(Finding::fault(text).into());
            };
            args.push(text.to_owned());
        }
        let posix = self.env.contains_key("POSIXLY_CORRECT");
        let asked = asks_for_check(&args, posix, &self.config.registry);
        self.config.check = asked.or(self.config.check);
        let checking = self.config.check.is_some();
        let mut getopt = Getopt::new(&binary, &args, posix).checking(checking);
        loop {
            let unknown = getopt.unknown(&self.config.registry);
            if let Some(option) = unknown {
                self.autoload(option);
            }
            let Some(item) = getopt.item(&self.config.registry) else { break };
            match item {
                Ok(Item::Option { name, value }) => {
                    self.append(&name, value, Origin::CommandLine)?;
                }
                Ok(Item::Positional(text)) => self.positional(&text)?,
                Err(text) => return Err(self.misread(&text, unknown).into()),
            }
        }
        Ok(())
    }

    /// The texts of `getopt_long`, with a guess at what an `unknown` option was meant to be.
    fn misread(&self, text: &str, unknown: Option<&str>) -> Finding {
        let fault = Finding::fault(format!("{text}\ngetopt_long() error"));
        let near = unknown.and_then(|option| suggest(option, &self.config.registry));
        if let Some(name) = near { fault.meant(name) } else { fault }
    }

    /// A bare argument: a file by its suffix, another section of the last file, or an application for Python.
    fn positional(&mut self, text: &str) -> Step {
        if text.starts_with('[') {
            return Ok(());
        }
        if let (true, Some(format)) = (text.starts_with(':'), self.newest) {
            return self.load(format, text, TYPED, &Origin::CommandLine);
        }
        if suffix(text).is_some() {
            return self.load_by_suffix(text, TYPED, &Origin::CommandLine);
        }
        match application(text) {
            Some(key) => self.append(key, Some(text.to_owned()), Origin::CommandLine),
            None => Err(Finding::fault(format!("unable to load configuration from {text}")).into()),
        }
    }
}

/// Whether `--check` is among the arguments, and how it is to answer. It decides what every other
/// argument may do, and a fault in front of it must not hide it; so they are walked twice.
fn asks_for_check(args: &[String], posix: bool, names: &Registry) -> Option<Answer> {
    let mut getopt = Getopt::new("", args, posix).checking(true);
    let (mut check, mut form) = (false, Answer::Text);
    while let Some(item) = getopt.item(names) {
        match item {
            Ok(Item::Option { name, .. }) if CHECK.contains(&name.as_str()) => check = true,
            Ok(Item::Option { name, value }) if name == "check-format" => {
                form = answer(value.as_deref());
            }
            _ => {}
        }
    }
    check.then_some(form)
}

/// The names of the option that judges a configuration.
const CHECK: [&str; 2] = ["check", "check-config"];

/// The value of `check-format`.
pub(super) fn answer(value: Option<&str>) -> Answer {
    if value == Some("json") { Answer::Json } else { Answer::Text }
}

/// The option that a bare argument means for Python: a file, or `package.module:callable`.
fn application(text: &str) -> Option<&'static str> {
    if text.ends_with(".py") || text.ends_with(".wsgi") {
        return Some("wsgi-file");
    }
    let (module, callable) = text.split_once(':')?;
    let callable = callable.strip_suffix("()").unwrap_or(callable);
    (dotted(module) && dotted(callable)).then_some("module")
}

fn dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}
