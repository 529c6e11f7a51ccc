//! `--ebpf-check`: what this kernel offers, and what would become of each probe, found out by
//! loading it and letting it go.

use std::fmt::Write as _;

use crate::load;
use crate::maps::Sizes;
use crate::offer::{Offer, TYPES};
use crate::probe::{PROBES, Probe};
use crate::status::{State, Status};

/// Tries all probes; the text for people, and whether those that are `wanted` would work whole.
pub fn check(wanted: &[&Probe]) -> (String, bool) {
    let offer = Offer::look();
    let all: Vec<&Probe> = PROBES.iter().collect();
    let (live, status) = load(&all, Sizes { workers: 1, cores: 1 });
    drop(live);
    let text = offered(&offer) + &states(&status);
    let works = |name: &str| status.iter().any(|s| s.name == name && s.state == State::Healthy);
    let lost = wanted.iter().map(|probe| probe.name).filter(|name| !works(name));
    let lost = lost.collect::<Vec<_>>().join(", ");
    let names = wanted.iter().map(|probe| probe.name).collect::<Vec<_>>().join(", ");
    match lost.is_empty() {
        true => (format!("{text}\nready: {names} would be loaded\n"), true),
        false => (format!("{text}\nnot ready: of {names} these would not work: {lost}\n"), false),
    }
}

fn offered(offer: &Offer) -> String {
    let (mut text, lacks) = (String::new(), offer.lacks.join(" and "));
    let mut row = |name: &str, what: String| {
        let _ = writeln!(text, "{name:<22}{what}");
    };
    let types = match (offer.types, offer.sys) {
        (true, _) => TYPES.to_owned(),
        (false, true) => format!("none: {TYPES} cannot be read"),
        (false, false) => "none: /sys is not mounted".into(),
    };
    row("kernel types (BTF)", types);
    row("capabilities", if lacks.is_empty() { "enough".into() } else { format!("no {lacks}") });
    row(
        "without capabilities",
        match offer.unprivileged {
            Some(0) => "bpf() may be called, but not for probes".into(),
            Some(n) => format!("bpf() is refused (kernel.unprivileged_bpf_disabled is {n})"),
            None => "not known (no kernel.unprivileged_bpf_disabled)".into(),
        },
    );
    row(
        "user namespace",
        if offer.user_namespace { "an own one" } else { "of the machine" }.into(),
    );
    row("seccomp filter", if offer.seccomp { "yes" } else { "no" }.into());
    row("lockdown", offer.lockdown.clone().unwrap_or_else(|| "no".into()));
    row(
        "locked memory",
        match offer.memlock {
            Some(bytes) => format!("{bytes} bytes (counts on old kernels only)"),
            None => "no limit".into(),
        },
    );
    row(
        "tracefs",
        match &offer.tracefs {
            Some(place) => format!("mounted at {place} (no probe needs it)"),
            None => "not mounted (no probe needs it)".into(),
        },
    );
    text
}

fn states(status: &[Status]) -> String {
    let mut text = String::from("\n");
    let mut said = String::new();
    for (status, probe) in status.iter().zip(PROBES) {
        let (name, state, about) = (&status.name, status.state.name(), probe.about);
        // No "of so many": some programs stand in for others.
        let programs = format!("{} attached", status.programs);
        let _ = writeln!(text, "{name:<12}{state:<14}{programs:<13}{about}");
        let why = status.why();
        for (what, words) in [("reason", &status.reason), ("remedy", &status.remedy)] {
            if !words.is_empty() && why != said {
                let _ = writeln!(text, "{:12}{what}: {words}", "");
            }
        }
        if !why.is_empty() && why == said {
            let _ = writeln!(text, "{:12}for the same reason", "");
        }
        said = why;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracefs_is_told_and_never_asked_for() {
        let with = Offer { tracefs: Some("/t".into()), ..Offer::default() };
        assert!(offered(&with).contains("mounted at /t (no probe needs it)"));
        assert!(offered(&Offer::default()).contains("not mounted (no probe needs it)"));
    }

    #[test]
    fn a_probe_that_would_not_work_says_why() {
        let mut all: Vec<Status> = PROBES.iter().map(Status::off).collect();
        all[0] = Status {
            state: State::Unsupported,
            reason: "no types".into(),
            remedy: "types".into(),
            ..all[0].clone()
        };
        let text = states(&all);
        assert!(text.contains("accept      unsupported   0 attached "), "{text}");
        assert!(text.contains("reason: no types") && text.contains("remedy: types"), "{text}");
    }
}
