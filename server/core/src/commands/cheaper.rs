//! `--cheaper-replay TRACE`: what each algorithm would have done to a recorded load.

use std::io::Write as _;

use uwsgi_cheaper::algorithm::NAMES;
use uwsgi_cheaper::{Settings, Trace, replay};
use uwsgi_config::Config;

use crate::{log, policy, sockets};

/// Replays the trace under the options beside it; the exit code.
pub(crate) fn cheaper_replay(path: &str, config: &Config) -> i32 {
    match told(path, config) {
        Ok(text) => {
            // A reader that went away is no failure of ours.
            let _ = std::io::stdout().write_all(text.as_bytes());
            0
        }
        Err(text) => {
            log!("{text}");
            1
        }
    }
}

fn told(path: &str, config: &Config) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("unable to read the trace {path}: {}", sockets::plain(&e)))?;
    let trace: Trace = text.parse().map_err(|fault| format!("{path}, {fault}"))?;
    let settings = settings(config)?;
    let report = replay(&trace, &settings, &NAMES);
    let mut text = report.to_string();
    if let Some(asked) = config.last("cheaper-algo") {
        for outcome in report.outcomes.iter().filter(|outcome| outcome.name == asked) {
            text.push_str(&format!("\nlog of {asked}:\n"));
            for (at_us, line) in &outcome.log {
                text.push_str(&format!("{:>8.1}s  {}\n", *at_us as f64 / 1e6, line.text));
            }
        }
    }
    Ok(text)
}

fn settings(config: &Config) -> Result<Settings, String> {
    let mut asked = policy::cheaper_settings(config);
    asked.cheaper = asked.cheaper.max(1);
    let (floor, most) = (asked.cheaper, asked.processes);
    asked.bounded().ok_or_else(|| {
        format!(
            "--cheaper-replay needs more \"processes\" (here {most}) than \"cheaper\" (here \
             {floor}): give both beside it, or the configuration of the instance"
        )
    })
}
