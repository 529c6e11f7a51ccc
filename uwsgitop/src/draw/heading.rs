//! The two lines above the table, and how they break on a narrow terminal.
//!
//! Owns their wording, which other tools parse. Pure.

use jiff::{Timestamp, tz::TimeZone};

use crate::human;
use crate::picture::{Body, Picture};
use crate::state::State;

/// What stands between two facts.
const BETWEEN: &str = " - ";

/// The two lines for the last picture, `None` before the first one. `host` is the shown host.
pub(crate) fn lines(
    state: &State,
    host: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<[String; 2]> {
    let picture = state.picture.as_ref()?;
    Some([first(picture, state.past.total(), &human::ctime(now, zone)), second(picture, host)])
}

fn first(picture: &Picture, rate: Option<f64>, now: &str) -> String {
    let dash = if picture.version.is_empty() { "" } else { "-" };
    let name = format!("uwsgi{dash}{}", picture.version);
    match &picture.body {
        Body::Nothing | Body::Router(_) => format!("{name} - {now}"),
        Body::Emperor(emperor) => {
            let (list, tyrant) = (quoted(&emperor.monitors), emperor.tyrant);
            format!("{name} - {now} - emperor: {list} - tyrant: {tyrant}")
        }
        Body::Workers(_) => {
            let (requests, tx) = (picture.sum(|w| w.requests), picture.sum(|w| w.tx));
            let (rate, tx, queue) = (human::rate(rate), human::size(tx), picture.listen_queue);
            format!("{name} - {now} - req: {requests} - RPS: {rate} - lq: {queue} - tx: {tx}")
        }
    }
}

fn second(picture: &Picture, host: &str) -> String {
    let mut facts = vec![format!("node: {host}")];
    facts.extend(picture.cwd.as_ref().map(|cwd| format!("cwd: {cwd}")));
    facts.extend(picture.uid.map(|uid| format!("uid: {uid}")));
    facts.extend(picture.gid.map(|gid| format!("gid: {gid}")));
    facts.extend(picture.pid.map(|pid| format!("masterpid: {pid}")));
    facts.join(BETWEEN)
}

/// The monitors as a bracketed list of quoted words.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}

/// Breaks a line between facts so that no part is wider than `width`, in `most` parts at most;
/// what still does not fit is left to be cut by the terminal's edge.
pub(crate) fn fold(line: &str, width: usize, most: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for fact in line.split(BETWEEN) {
        let count = parts.len();
        match parts.last_mut() {
            Some(last)
                if count == most
                    || last.chars().count() + BETWEEN.len() + fact.chars().count() <= width =>
            {
                last.push_str(BETWEEN);
                last.push_str(fact);
            }
            _ => parts.push(fact.to_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Emperor, Worker};
    use std::time::Duration;

    fn shown(picture: Picture) -> [String; 2] {
        let mut state = State::default();
        state.ingest(Ok(picture), Duration::ZERO);
        lines(&state, "h", Timestamp::UNIX_EPOCH, &TimeZone::UTC).unwrap()
    }

    #[test]
    fn an_instance_shows_totals_and_its_master() {
        let worker = |requests, tx| Worker { requests, tx, ..Worker::default() };
        let [first, second] = shown(Picture {
            version: "2.0.31".into(),
            listen_queue: 4,
            cwd: Some("/srv".into()),
            uid: Some(1),
            gid: Some(2),
            pid: Some(3),
            body: Body::Workers(vec![worker(5, 1000), worker(6, 1048)]),
            ..Picture::default()
        });
        let wanted = "uwsgi-2.0.31 - Thu Jan  1 00:00:00 1970 - req: 11 - RPS:  - lq: 4 - tx: 2.0K";
        assert_eq!(first, wanted);
        assert_eq!(second, "node: h - cwd: /srv - uid: 1 - gid: 2 - masterpid: 3");
    }

    #[test]
    fn an_emperor_shows_its_monitors_and_absent_facts_leave_no_hole() {
        let emperor =
            Emperor { monitors: vec!["a".into(), "b".into()], tyrant: 1, ..Emperor::default() };
        let [first, second] =
            shown(Picture { body: Body::Emperor(emperor), uid: Some(7), ..Picture::default() });
        assert_eq!(first, "uwsgi - Thu Jan  1 00:00:00 1970 - emperor: ['a', 'b'] - tyrant: 1");
        assert_eq!(second, "node: h - uid: 7");
    }

    #[test]
    fn totals_of_absurd_documents_do_not_overflow() {
        let worker = Worker { requests: u64::MAX, tx: u64::MAX, ..Worker::default() };
        let body = Body::Workers(vec![worker.clone(), worker]);
        let [first, _] = shown(Picture { body, ..Picture::default() });
        assert!(first.contains(&format!("req: {}", u64::MAX)), "{first}");
    }

    #[test]
    fn a_line_breaks_between_facts_only() {
        assert_eq!(fold("aa - bb - cc", 7, 2), ["aa - bb", "cc"]);
        assert_eq!(fold("aa - bb - cc", 80, 2), ["aa - bb - cc"]);
        assert_eq!(fold("aa - bb - cc", 2, 2), ["aa", "bb - cc"], "the last part takes the rest");
        assert_eq!(fold("aaaaaaaa", 3, 2), ["aaaaaaaa"]);
        assert_eq!(fold("", 3, 2), [""]);
    }
}
