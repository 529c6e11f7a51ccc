//! What options do while the list still grows: read files, set keys, end the process.

use super::command_line::answer;
use super::{INCLUDED, Loader, Step, Stop, TYPED};
use crate::config::{Action, Origin};
use crate::finding::Finding;
use crate::format::Format;
use crate::row::{Kind, Row};
use crate::source::Deed;

impl Loader<'_> {
    /// Runs the immediate option of `row`, mentioned as `key`.
    pub(super) fn immediate(
        &mut self,
        row: &'static Row,
        key: &str,
        value: Option<String>,
        origin: &Origin,
    ) -> Step {
        let text = value.as_deref().unwrap_or_default();
        match row.name {
            "ini" => self.load(Format::Ini, text, TYPED, origin),
            "xmlconfig" => self.load(Format::Xml, text, TYPED, origin),
            "yaml" => self.load(Format::Yaml, text, TYPED, origin),
            "json" => self.load(Format::Json, text, TYPED, origin),
            "config" => self.load_by_suffix(text, TYPED, origin),
            "include" => self.load_by_suffix(text, INCLUDED, origin),
            "set" => self.set(key, text, origin, false),
            "set-placeholder" => self.set(key, text, origin, true),
            "plugins" => self.plugins(key, text, false, origin),
            "need-plugins" => self.plugins(key, text, true, origin),
            "dlopen" => {
                self.open_library(text);
                Ok(())
            }
            "autoload" => {
                self.autoloads = crate::value::boolean(value.as_deref());
                Ok(())
            }
            "strict" => {
                self.strict = crate::value::boolean(value.as_deref());
                Ok(())
            }
            "fallback-config" => {
                self.config.fallback = Some(text.to_owned());
                Ok(())
            }
            "check" => {
                if crate::value::boolean(value.as_deref()) {
                    self.config.check = Some(answer(self.config.last("check-format")));
                }
                Ok(())
            }
            "check-format" => {
                self.config.check = self.config.check.map(|_| answer(Some(text)));
                Ok(())
            }
            "iprint" => {
                self.config.actions.push(Action::Print(text.to_owned()));
                Ok(())
            }
            "blacklist" | "end-blacklist" | "whitelist" | "end-whitelist" => {
                self.restrictions.set(row.name, text);
                Ok(())
            }
            "inject-before" => {
                self.injections.before.push(text.to_owned());
                Ok(())
            }
            "inject-after" => {
                self.injections.after.push(text.to_owned());
                Ok(())
            }
            "ienv" => self.change(row.name, text, origin),
            "early-envdir" => self.early_directory(text, origin),
            "declare-option" => self.declare(key, text, origin),
            "flock" => self.perform(Deed::Lock { path: text, wait: false }, key, origin),
            "flock-wait" => self.perform(Deed::Lock { path: text, wait: true }, key, origin),
            "immediate-uid" => self.perform(Deed::User(text), key, origin),
            "immediate-gid" => self.perform(Deed::Group(text), key, origin),
            "resolve" => self.resolve(key, text, origin),
            _ if row.kind == Kind::Custom => self.custom(key, value.as_deref(), origin),
            _ if row.kind == Kind::Logic => self.logic(row, key, value.as_deref(), origin),
            name => match action(name, value.as_deref()) {
                Some(action) => self.act(action, key, origin),
                None => Ok(()),
            },
        }
    }

    /// Changes this process, unless the configuration is only looked at.
    fn perform(&mut self, deed: Deed<'_>, key: &str, origin: &Origin) -> Step {
        if self.config.check.is_some() {
            return Ok(());
        }
        match self.source.perform(deed) {
            Ok(log) => self.config.messages.extend(log),
            Err(error) => {
                let (Deed::Lock { path: value, .. } | Deed::User(value) | Deed::Group(value)) =
                    deed;
                self.config.messages.extend(error.log);
                self.config.code = error.code;
                return Err(Finding::fault(error.text).at(key, Some(value), origin).into());
            }
        }
        Ok(())
    }

    /// Nothing is read behind an option that ends the process, unless the configuration is only
    /// looked at: then the option does nothing.
    fn act(&mut self, action: Action, key: &str, origin: &Origin) -> Step {
        if self.config.check.is_some() && action != Action::Help {
            let text = format!("option \"{key}\" {origin} ends a start here: only checked");
            self.config.findings.push(Finding::warning(text).at(key, None, origin));
            return Ok(());
        }
        self.config.actions.push(action);
        Err(Stop::Done)
    }

    fn set(&mut self, key: &str, text: &str, origin: &Origin, placeholder: bool) -> Step {
        let Some((name, value)) = text.split_once('=') else {
            let fault = Finding::fault("invalid placeholder/--set value");
            return Err(fault.at(key, Some(text), origin).allowed("key=value").into());
        };
        if placeholder {
            return self.set_placeholder(name, value, origin);
        }
        self.append(name, Some(value.to_owned()), origin.clone())
    }

    /// Adds a key that is no option, which `strict` allows.
    fn set_placeholder(&mut self, name: &str, value: &str, origin: &Origin) -> Step {
        self.permit(name, Some(value), origin)?;
        if self.config.registry.find(name).is_some() {
            let text = format!(
                "you cannot use {name} as a placeholder, it is already available as an option"
            );
            return Err(Finding::fault(text).at(name, Some(value), origin).into());
        }
        self.push(name, Some(value.to_owned()), origin.clone(), true)
    }

    /// `resolve = name=host`: a placeholder with the address of a host.
    fn resolve(&mut self, key: &str, text: &str, origin: &Origin) -> Step {
        let fault = |text: String| Finding::fault(text);
        let Some((name, host)) = text.split_once('=') else {
            let fault = fault("invalid resolve syntax, must be placeholder=domain".into());
            return Err(fault.at(key, Some(text), origin).allowed("name=host").into());
        };
        match self.source.resolve(host) {
            Some(address) => self.set_placeholder(name, &address, origin),
            None => {
                let fault = fault(format!("unable to resolve name {host}"));
                Err(fault.at(key, Some(text), origin).into())
            }
        }
    }
}

/// The action of an option that does one thing and ends the process.
fn action(name: &str, value: Option<&str>) -> Option<Action> {
    let text = || value.unwrap_or_default().to_owned();
    Some(match name {
        "help" => Action::Help,
        "stop" => Action::Stop(text()),
        "reload" => Action::Reload(text()),
        "pause" | "suspend" | "resume" => Action::Pause(text()),
        "connect-and-read" => Action::ConnectAndRead(text()),
        "signal" => Action::Signal(text()),
        "cflags" => Action::CompilerFlags,
        "dot-h" => Action::Header,
        "config-py" => Action::BuildScript,
        "build-plugin" => Action::BuildPlugin(text()),
        "extract" => Action::Extract(text()),
        "binary-append-data" => Action::AppendData(text()),
        "print-sym" => Action::PrintSymbol(text()),
        "exit" => Action::Exit(i32::try_from(crate::value::int(value)).unwrap_or(1)),
        _ => return None,
    })
}
