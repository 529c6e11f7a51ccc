//! Keys of the metrics in Zabbix. Pure.
//!
//! A key is the name of the metric behind a prefix. With discovery, where the server makes items for
//! as many workers as there are, the numbers are parameters instead, because Zabbix fills in macros
//! nowhere else in a key: `uwsgi.worker.requests[1]` for `worker.1.requests`.

/// Where a metric belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// To the instance; the figures of all workers together are among them.
    Instance(&'a str),
    /// To a worker, whose number and metric these are.
    Worker(u32, &'a str),
    /// To a core: worker, core and metric.
    Core(u32, u32, &'a str),
}

/// Where a metric of the list belongs.
pub(super) fn place(name: &str) -> Place<'_> {
    worker(name).unwrap_or(Place::Instance(name))
}

fn worker(name: &str) -> Option<Place<'_>> {
    let (number, metric) = name.strip_prefix("worker.")?.split_once('.')?;
    let worker = number.parse().ok().filter(|worker| *worker > 0)?;
    let core = || {
        let (number, metric) = metric.strip_prefix("core.")?.split_once('.')?;
        Some(Place::Core(worker, number.parse().ok()?, metric))
    };
    Some(core().unwrap_or(Place::Worker(worker, metric)))
}

/// How keys are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// What stands in front of all of them.
    pub(super) prefix: String,
    /// Numbers of workers and cores are parameters.
    pub(super) discovery: bool,
}

impl Names {
    /// The key of a metric.
    pub(super) fn key(&self, name: &str) -> String {
        let prefix = &self.prefix;
        match place(name) {
            Place::Worker(n, metric) if self.discovery => {
                format!("{prefix}.worker.{metric}[{n}]")
            }
            Place::Core(n, m, metric) if self.discovery => {
                format!("{prefix}.worker.core.{metric}[{n},{m}]")
            }
            _ => format!("{prefix}.{name}"),
        }
    }

    /// The rule that finds workers.
    pub(super) fn workers(&self) -> String {
        format!("{}.workers.discovery", self.prefix)
    }

    /// The rule that finds cores.
    pub(super) fn cores(&self) -> String {
        format!("{}.cores.discovery", self.prefix)
    }

    /// The values of the rules for a list of metrics, with their keys; the one of cores only where
    /// the list has cores.
    pub(super) fn found<'a>(&self, list: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
        let (mut workers, mut cores) = (Vec::new(), Vec::new());
        for name in list {
            match place(name) {
                Place::Worker(n, _) if workers.last() != Some(&n) => workers.push(n),
                Place::Core(n, m, _) if cores.last() != Some(&(n, m)) => cores.push((n, m)),
                _ => {}
            }
        }
        let workers: Vec<_> =
            workers.iter().map(|n| format!("{{\"{{#WORKER}}\":\"{n}\"}}")).collect();
        let cores: Vec<_> = cores
            .iter()
            .map(|(n, m)| format!("{{\"{{#WORKER}}\":\"{n}\",\"{{#CORE}}\":\"{m}\"}}"))
            .collect();
        let mut out = vec![(self.workers(), format!("[{}]", workers.join(",")))];
        if !cores.is_empty() {
            out.push((self.cores(), format!("[{}]", cores.join(","))));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parameters_where_workers_are_discovered() {
        for (name, plain, discovered) in [
            ("core.overloaded", "u.core.overloaded", "u.core.overloaded"),
            ("worker.0.requests", "u.worker.0.requests", "u.worker.0.requests"),
            ("worker.12.requests", "u.worker.12.requests", "u.worker.requests[12]"),
            (
                "worker.1.core.2.exceptions",
                "u.worker.1.core.2.exceptions",
                "u.worker.core.exceptions[1,2]",
            ),
            ("worker.one.requests", "u.worker.one.requests", "u.worker.one.requests"),
            ("workers", "u.workers", "u.workers"),
        ] {
            for (discovery, key) in [(false, plain), (true, discovered)] {
                let names = Names { prefix: "u".into(), discovery };
                assert_eq!(names.key(name), key);
            }
        }
    }

    #[test]
    fn what_is_found_is_said_once() {
        let names = Names { prefix: "u".into(), discovery: true };
        let list = [
            "worker.0.tx",
            "worker.1.tx",
            "worker.1.rx",
            "worker.1.core.0.a",
            "worker.1.core.0.b",
            "worker.1.core.1.a",
            "worker.2.tx",
        ];
        assert_eq!(
            names.found(list.into_iter()),
            [
                ("u.workers.discovery".into(), r##"[{"{#WORKER}":"1"},{"{#WORKER}":"2"}]"##.into()),
                (
                    "u.cores.discovery".to_owned(),
                    r##"[{"{#WORKER}":"1","{#CORE}":"0"},{"{#WORKER}":"1","{#CORE}":"1"}]"##
                        .to_owned()
                ),
            ]
        );
        assert_eq!(
            names.found(["a"].into_iter()),
            [("u.workers.discovery".into(), "[]".to_owned())]
        );
    }
}
