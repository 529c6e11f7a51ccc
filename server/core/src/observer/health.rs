//! Whether the instance lives and whether it should get requests, for those who watch over it.
//!
//! `/healthz` asks to be restarted: it is ok as long as the observer answers and the master's loop
//! turns. `/readyz` asks to be left out: it is ok while the instance runs and at least one worker
//! accepts. Both name a reason in one line. Pure but for the reading of the rows.

use std::fmt::Write as _;

use crate::clock;
use crate::instance::Instance;

/// Seconds without a turn after which the master counts as stuck. Its longest work is forking; it
/// turns once per second.
const STUCK: u64 = 30;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Does it live?
    Alive,
    /// Should it get requests?
    Ready,
}

/// What decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Facts {
    /// As in the instance row.
    phase: u64,
    /// Seconds since the master turned, if it ever did.
    silence: u64,
    workers: u64,
    accepting: u64,
    cheap: u64,
    paused: u64,
}

/// Why not; nothing when all is well.
fn objection(probe: Probe, facts: &Facts) -> Option<String> {
    let Facts { phase, silence, workers, accepting, cheap, paused } = *facts;
    if silence > STUCK {
        return Some(format!("the master has not turned for {silence} seconds"));
    }
    if probe == Probe::Alive || (phase == 1 && accepting > 0) {
        return None;
    }
    let reason = match phase {
        0 => "starting",
        1 if workers > 0 && cheap == workers => "all workers are cheap",
        1 if paused > 0 && cheap + paused == workers => "all workers are paused",
        1 => return Some(format!("no worker accepts connections (0 of {workers})")),
        2 | 3 => "reloading",
        _ => "stopping",
    };
    Some(reason.to_owned())
}

fn facts(instance: &Instance) -> Facts {
    let globals = instance.arena.globals();
    let seen = globals.master_seen_us.get();
    let silence = if seen == 0 { 0 } else { clock::epoch_us().saturating_sub(seen) / 1_000_000 };
    let workers = instance.arena.shape().workers;
    let mut facts =
        Facts { phase: globals.phase.get(), silence, workers: workers.into(), ..Facts::default() };
    for row in (1..=workers).map(|id| instance.arena.worker(id)) {
        let (cheap, paused) = (row.cheaped.get() > 0, row.suspended.get() > 0);
        facts.cheap += u64::from(cheap);
        facts.paused += u64::from(paused && !cheap);
        let runs = row.accepting.get() > 0 && row.pid.get() > 0;
        facts.accepting += u64::from(runs && !cheap && !paused);
    }
    facts
}

/// Status line, content type and body of the answer.
pub(super) fn answer(
    instance: &Instance,
    probe: Probe,
    accept: Option<&str>,
) -> (&'static str, &'static str, Vec<u8>) {
    let facts = facts(instance);
    let objection = objection(probe, &facts);
    let status = if objection.is_some() { "503 Service Unavailable" } else { "200 OK" };
    if accept.is_some_and(|accept| accept.contains("application/json")) {
        return (status, "application/json", json(&facts, objection.as_deref()));
    }
    (status, "text/plain", format!("{}\n", objection.as_deref().unwrap_or("ok")).into_bytes())
}

/// Reasons are our own words and need no escaping.
fn json(facts: &Facts, objection: Option<&str>) -> Vec<u8> {
    let mut out = String::from("{\"status\":");
    let _ = match objection {
        None => write!(out, "\"ok\""),
        Some(reason) => write!(out, "\"unavailable\",\"reason\":\"{reason}\""),
    };
    let _ = writeln!(out, ",\"workers\":{},\"accepting\":{}}}", facts.workers, facts.accepting);
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_answer() {
        let well = Facts { phase: 1, workers: 4, accepting: 1, ..Facts::default() };
        let nobody = Facts { accepting: 0, ..well };
        let table = [
            (well, None),
            (Facts { phase: 0, ..nobody }, Some("starting")),
            (nobody, Some("no worker accepts connections (0 of 4)")),
            (Facts { cheap: 4, ..nobody }, Some("all workers are cheap")),
            (Facts { cheap: 1, paused: 3, ..nobody }, Some("all workers are paused")),
            (Facts { phase: 2, ..well }, Some("reloading")),
            (Facts { phase: 3, ..nobody }, Some("reloading")),
            (Facts { phase: 4, ..well }, Some("stopping")),
        ];
        for (facts, want) in table {
            assert_eq!(objection(Probe::Ready, &facts).as_deref(), want, "{facts:?}");
            assert_eq!(objection(Probe::Alive, &facts), None, "it lives in {facts:?}");
        }
    }

    #[test]
    fn a_master_that_does_not_turn_is_not_alive() {
        let facts =
            Facts { phase: 1, workers: 1, accepting: 1, silence: STUCK + 1, ..Facts::default() };
        for probe in [Probe::Alive, Probe::Ready] {
            assert!(objection(probe, &facts).is_some_and(|why| why.contains("31 seconds")));
            assert_eq!(objection(probe, &Facts { silence: STUCK, ..facts }), None);
        }
    }

    #[test]
    fn programs_get_json() {
        let facts = Facts { workers: 2, ..Facts::default() };
        let text = |objection| String::from_utf8(json(&facts, objection)).unwrap();
        assert_eq!(text(None), "{\"status\":\"ok\",\"workers\":2,\"accepting\":0}\n");
        let want =
            "{\"status\":\"unavailable\",\"reason\":\"starting\",\"workers\":2,\"accepting\":0}\n";
        assert_eq!(text(Some("starting")), want);
    }
}
