//! `zabbix-template[=FILE]`: what makes a Zabbix server know our metrics, printed before the first
//! application is loaded.
//!
//! A plan without receivers: it writes once, and nothing is pushed.

mod meaning;
mod uuid;
mod xml;
mod yaml;

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use uwsgi_metrics::PusherRow;
use uwsgi_metrics::schema::Item;
use uwsgi_net::plain;

use super::names::Names;
use super::options;
use crate::kinds::Fault;
use crate::{Facts, Instance, Plan, Plans, Tick, Work, keyval};

pub(super) use uuid::hash;

/// What a template is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// XML of Zabbix 2.0, byte for byte that of uWSGI 2.0: keys have no prefix.
    Xml2,
    /// The same with every element that strict importers want, as uWSGI 2.1 writes it.
    Xml21,
    /// YAML of Zabbix 6.0.
    Yaml6,
    /// YAML of Zabbix 7.0.
    Yaml7,
}

impl Format {
    const ALL: [(&'static str, Format); 4] = [
        ("2.0", Format::Xml2),
        ("2.1", Format::Xml21),
        ("6.0", Format::Yaml6),
        ("7.0", Format::Yaml7),
    ];

    fn read(text: &str) -> Result<Format, String> {
        let found = Format::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            format!("invalid value for option \"zabbix-template-format\": {text} is not one of 2.0, 2.1, 6.0, 7.0")
        })
    }
}

/// A template of metrics whose keys begin with `prefix`; with `discovery` for any number of workers.
pub fn zabbix_template(format: Format, prefix: &str, discovery: bool, list: &[Item]) -> String {
    let names = Names { prefix: prefix.to_owned(), discovery };
    text(format, &names, &HashSet::new(), list)
}

fn text(format: Format, names: &Names, resets: &HashSet<String>, list: &[Item]) -> String {
    match format {
        Format::Xml2 | Format::Xml21 => xml::text(list, &names.prefix, format == Format::Xml21),
        Format::Yaml6 => yaml::text(list, names, resets, yaml::Dialect::Six),
        Format::Yaml7 => yaml::text(list, names, resets, yaml::Dialect::Seven),
    }
}

/// See the module.
#[derive(Debug)]
struct Template {
    /// Nothing for the standard output.
    file: Option<PathBuf>,
    format: Format,
    names: Names,
    /// Metrics that begin anew with each push.
    resets: HashSet<String>,
}

/// Reads the options of the template.
pub(crate) fn read(facts: &Facts<'_>, plans: &mut Plans) -> Result<(), Fault> {
    let all = facts.options;
    let fault = |option, value: &str, text| Fault { option, value: value.to_owned(), text };
    let format = match all.last("zabbix-template-format") {
        None => Format::Xml2,
        Some(text) => {
            Format::read(&text).map_err(|why| fault("zabbix-template-format", &text, why))?
        }
    };
    let prefix = all.last("zabbix-template-prefix");
    if let Some(text) = &prefix
        && let Some(odd) = text.chars().find(|c| !options::is_of_key(*c))
    {
        let why = format!(
            "invalid value for option \"zabbix-template-prefix\": '{odd}' cannot be in a key (letters, digits, . _ -)"
        );
        return Err(fault("zabbix-template-prefix", text, why));
    }
    let Some(file) = all.last("zabbix-template") else { return Ok(()) };
    plans.push(std::sync::Arc::new(Template {
        file: (!file.is_empty()).then(|| file.into()),
        format,
        names: names(facts, format, prefix),
        resets: resets(facts),
    }));
    Ok(())
}

/// Keys are those of the first pusher to Zabbix, but for the oldest form.
fn names(facts: &Facts<'_>, format: Format, prefix: Option<String>) -> Names {
    let pushes = facts.options.all("stats-push");
    let argument = pushes.iter().find_map(|push| match push.split_once(':') {
        Some(("zabbix", argument)) => Some(argument),
        None if push == "zabbix" => Some(""),
        _ => None,
    });
    // What is wrong with the argument is told where the pusher is read.
    let pusher = argument.and_then(|argument| options::parse(argument, facts).ok());
    let own = pusher.map_or(Names { prefix: "uwsgi".into(), discovery: false }, |p| p.names);
    let bare = format == Format::Xml2;
    Names {
        prefix: prefix.unwrap_or(if bare { String::new() } else { own.prefix }),
        discovery: own.discovery,
    }
}

fn resets(facts: &Facts<'_>) -> HashSet<String> {
    let definitions = facts.options.all("metric");
    let resetting = |definition: &String| {
        let pairs = uwsgi_watch::keyval::pairs(definition);
        keyval::get(&pairs, "reset_after_push")?;
        keyval::get(&pairs, "name").map(str::to_owned)
    };
    definitions.iter().filter_map(resetting).collect()
}

impl Template {
    fn write(&self, text: &str) -> io::Result<()> {
        let Some(path) = &self.file else {
            let mut out = io::stdout().lock();
            return out.write_all(text.as_bytes()).and_then(|()| out.flush());
        };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o640);
        file.open(path)?.write_all(text.as_bytes())
    }
}

impl Plan for Template {
    fn kind(&self) -> &'static str {
        "zabbix-template"
    }

    fn receivers(&self) -> Vec<String> {
        Vec::new()
    }

    fn every(&self) -> Duration {
        Duration::from_secs(86_400)
    }

    fn prepare(&self, list: &[Item], _: &[&PusherRow]) -> Result<Vec<String>, String> {
        let text = text(self.format, &self.names, &self.resets, list);
        let written = self.write(&text);
        match (&self.file, written) {
            (Some(path), Ok(())) => {
                Ok(vec![format!("zabbix template written to {}", path.display())])
            }
            (None, Ok(())) => Ok(Vec::new()),
            (Some(path), Err(e)) => Err(format!("open(\"{}\"): {}", path.display(), plain(&e))),
            (None, Err(e)) => Err(format!("zabbix_template_print()/write(): {}", plain(&e))),
        }
    }

    fn start(&self, _: &Work<'_>) -> Box<dyn Instance> {
        Box::new(Silent)
    }
}

/// Pushes nothing.
pub(super) struct Silent;

impl Instance for Silent {
    fn push(&mut self, _: &Tick<'_>) {}

    fn settled<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn names_of(options: &[(&str, &str)]) -> (String, bool) {
        let given = Given::of(options);
        let facts = given.facts();
        let format = Format::read(&facts.options.last("zabbix-template-format").unwrap()).unwrap();
        let names = names(&facts, format, facts.options.last("zabbix-template-prefix"));
        (names.prefix, names.discovery)
    }

    #[test]
    fn keys_are_those_of_the_pusher_but_in_the_oldest_form() {
        for (format, push, prefix, expected) in [
            ("2.0", "zabbix:a,mine", None, ("", false)),
            ("2.0", "zabbix:a,mine", Some("x"), ("x", false)),
            ("2.1", "zabbix:a,mine", None, ("mine", false)),
            ("6.0", "zabbix", None, ("uwsgi", false)),
            ("7.0", "zabbix:a,mine,discovery=1", None, ("mine", true)),
            ("7.0", "zabbix:a,mine,discovery=1", Some("x"), ("x", true)),
            ("6.0", "socket:a:1", None, ("uwsgi", false)),
        ] {
            let mut options = vec![("zabbix-template-format", format), ("stats-push", push)];
            options.extend(prefix.map(|prefix| ("zabbix-template-prefix", prefix)));
            let (found, discovery) = names_of(&options);
            assert_eq!((found.as_str(), discovery), expected, "{options:?}");
        }
    }

    #[test]
    fn faults_name_their_option() {
        for (option, value, said) in [
            ("zabbix-template-format", "5.0", "5.0 is not one of 2.0, 2.1, 6.0, 7.0"),
            ("zabbix-template-prefix", "a b", "' ' cannot be in a key"),
        ] {
            let given = Given::of(&[(option, value)]);
            let fault = read(&given.facts(), &mut Plans::new()).unwrap_err();
            assert_eq!((fault.option, fault.value.as_str()), (option, value));
            assert!(fault.text.contains(option) && fault.text.contains(said), "{}", fault.text);
        }
        let mut plans = Plans::new();
        read(&Given::of(&[]).facts(), &mut plans).unwrap();
        assert!(plans.is_empty());
    }

    #[test]
    fn metrics_that_begin_anew_are_known() {
        let given = Given::of(&[("metric", "name=a,reset_after_push=1"), ("metric", "name=b")]);
        assert_eq!(resets(&given.facts()), HashSet::from(["a".to_owned()]));
    }
}
