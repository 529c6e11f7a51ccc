//! All `metric` options together: which names exist for which, and where aliases lead.

use std::collections::HashMap;

use uwsgi_metrics::Kind;

use crate::definition::{Definition, Wrong};

/// The metrics of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Names in the order of the options; a name may come again.
    pub named: Vec<String>,
    /// One definition for each name, at the place where it was first named. The alias of an alias
    /// is what that stands for.
    pub metrics: Vec<Definition>,
}

impl Plan {
    /// Reads the options in order. `is_builtin` knows the names the server brings. What is wrong
    /// comes with the index of its option, and that metric is left out.
    pub fn read<'a>(
        options: impl IntoIterator<Item = &'a str>,
        is_builtin: impl Fn(&str) -> bool,
    ) -> (Plan, Vec<(usize, Wrong)>) {
        let (mut plan, mut wrong) = (Plan::default(), Vec::new());
        for (index, option) in options.into_iter().enumerate() {
            match plan.add(option, &is_builtin) {
                Ok(()) => {}
                Err(text) => wrong.push((index, text)),
            }
        }
        plan.follow();
        (plan, wrong)
    }

    fn add(&mut self, option: &str, is_builtin: &impl Fn(&str) -> bool) -> Result<(), Wrong> {
        let definition = Definition::parse(option)?;
        for name in definition.children.iter().chain(&definition.alias) {
            if !is_builtin(name) && !self.named.contains(name) {
                let allowed = "a metric of the server, or one that is defined in a line above";
                return Err(Wrong::new(format!("unable to find metric \"{name}\""), allowed));
            }
        }
        if definition.kind == Kind::Alias && self.leads_to(&definition) == definition.name {
            let text = format!("metric alias \"{}\" stands for itself", definition.name);
            return Err(Wrong::new(text, "alias=<name of another metric>"));
        }
        self.named.push(definition.name.clone());
        match self.metrics.iter_mut().find(|known| known.name == definition.name) {
            Some(known) => *known = definition,
            None => self.metrics.push(definition),
        }
        Ok(())
    }

    /// The metric at the end of an alias. There are no loops among those that were added.
    fn leads_to(&self, definition: &Definition) -> String {
        let mut target = definition.alias.clone().unwrap_or_default();
        while target != definition.name {
            let known = self.metrics.iter().find(|m| m.name == target && m.kind == Kind::Alias);
            match known.and_then(|m| m.alias.clone()) {
                Some(next) => target = next,
                None => break,
            }
        }
        target
    }

    fn follow(&mut self) {
        let aliases = self.metrics.iter().filter(|m| m.kind == Kind::Alias);
        let ends: HashMap<_, _> = aliases.map(|m| (m.name.clone(), self.leads_to(m))).collect();
        for metric in &mut self.metrics {
            if let Some(end) = ends.get(&metric.name) {
                metric.alias = Some(end.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[&str]) -> (Plan, Vec<(usize, String)>) {
        let (plan, wrong) = Plan::read(options.iter().copied(), |name| name.starts_with("core."));
        (plan, wrong.into_iter().map(|(index, wrong)| (index, wrong.text)).collect())
    }

    #[test]
    fn a_name_that_comes_again_keeps_its_place_and_has_the_last_definition() {
        let (plan, wrong) = read(&["a", "b", "name=a,type=gauge"]);
        assert!(wrong.is_empty());
        assert_eq!(plan.named, ["a", "b", "a"]);
        let kept: Vec<_> = plan.metrics.iter().map(|m| (m.name.as_str(), m.kind)).collect();
        assert_eq!(kept, [("a", Kind::Gauge), ("b", Kind::Counter)]);
    }

    #[test]
    fn names_must_be_known_before_they_are_used() {
        let missing = |name: &str| format!("unable to find metric \"{name}\"");
        type Case = (&'static [&'static str], Option<(usize, String)>);
        let table: [Case; 6] = [
            (&["name=s,collector=sum,children=core.x;core.y"], None),
            (&["b", "name=s,collector=sum,children=b"], None),
            (&["name=s,collector=sum,children=b", "b"], Some((0, missing("b")))),
            (&["name=s,children=z"], Some((0, missing("z")))),
            (&["name=s,type=alias,alias=z"], Some((0, missing("z")))),
            (&["b", "name=s,type=alias,alias=b"], None),
        ];
        for (options, expected) in table {
            assert_eq!(read(options).1, Vec::from_iter(expected), "{options:?}");
        }
    }

    #[test]
    fn aliases_lead_to_a_metric_and_never_in_a_circle() {
        let (plan, wrong) = read(&[
            "c",
            "name=b,type=alias,alias=c",
            "name=a,type=alias,alias=b",
            "name=c,type=alias,alias=core.x",
        ]);
        assert!(wrong.is_empty());
        let ends: Vec<_> = plan.metrics.iter().map(|m| m.alias.as_deref()).collect();
        assert_eq!(ends, [Some("core.x"); 3]);
        let circle = ["a", "name=b,type=alias,alias=a", "name=a,type=alias,alias=b"];
        let text = "metric alias \"a\" stands for itself".to_owned();
        assert_eq!(read(&circle).1, [(2, text.clone())]);
        assert_eq!(read(&["a", "name=a,type=alias,alias=a"]).1, [(1, text)]);
    }
}
