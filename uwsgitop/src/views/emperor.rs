//! Vassals.
//!
//! Which vassals do not run as they should, and why? Since when does each run, and how often was it
//! started again? Which are held back, and for how long? Who watches them?
//! What needs a look stands first: cursed, held back, not ready, silent; the others follow in the
//! order of the source.

use super::{Context, Id, View};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Banned, Body, Emperor, Vassal};

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Emperor,
    key: '8',
    name: "emperor",
    answers: "Which vassals run, which are held back, and how is each doing?",
    keys: &[("Enter", "opens the vassal's own statistics as a source, where they are found")],
    absent: "The source is no emperor.",
    present: |_, picture| matches!(picture.body, Body::Emperor(_)),
    build: page,
};

const COLUMNS: &[Column] = &[
    flexible("VASSAL", 0, 14),
    column("STATE", false, 0),
    column("UPTIME", true, 1),
    column("RESTARTS", true, 2),
    column("HELD", true, 3),
    column("PID", true, 4),
    column("CHANGED", true, 5),
    column("HEARTBEAT", true, 7),
    column("UID:GID", false, 8),
    column("AGE", true, 9),
    flexible("MONITOR", 10, 14),
];

fn page(context: &Context<'_>) -> Page {
    let Some(Body::Emperor(emperor)) = context.picture().map(|picture| &picture.body) else {
        return Page::default();
    };
    let mut seen: Vec<Seen<'_>> = emperor.vassals.iter().map(|v| Seen::of(v, emperor)).collect();
    let gone = |banned: &&Banned| !emperor.vassals.iter().any(|vassal| vassal.id == banned.id);
    seen.extend(emperor.banned.iter().filter(gone).map(Seen::gone));
    seen.sort_by_key(|seen| seen.trouble());
    let head = vec![summary(&seen, emperor)];
    let rows = seen.iter().map(|seen| seen.row(context)).collect();
    let empty = "no vassals: nothing was found by the monitors above";
    let table = Table { empty, ..Table::new(COLUMNS, rows) };
    Page { head, table: Some(table), tail: about(context, &seen) }
}

/// A vassal with what holds it back; one that is held back may be nothing else.
struct Seen<'a> {
    id: &'a str,
    vassal: Option<&'a Vassal>,
    banned: Option<&'a Banned>,
    state: String,
    paint: Paint,
}

impl<'a> Seen<'a> {
    fn of(vassal: &'a Vassal, emperor: &'a Emperor) -> Self {
        let banned = emperor.banned.iter().find(|banned| banned.id == vassal.id);
        let (state, paint) = state(vassal);
        Self { id: &vassal.id, vassal: Some(vassal), banned, state, paint }
    }

    fn gone(banned: &'a Banned) -> Self {
        let state = "held back".to_owned();
        Self { id: &banned.id, vassal: None, banned: Some(banned), state, paint: Paint::Bad }
    }

    /// Small for what must be seen first.
    fn trouble(&self) -> u8 {
        match self.paint {
            Paint::Bad => 0,
            Paint::Warn => 1,
            _ => 2,
        }
    }

    fn row(&self, context: &Context<'_>) -> Row {
        let age = |moment: u64| context.since(moment).map_or_else(Cell::none, age);
        let held = self.banned.map_or_else(Cell::none, |banned| {
            let level = banned.throttle_level;
            Cell::number(level as f64, human::duration(level.saturating_mul(1_000)))
        });
        let head = [Cell::text(self.id), Cell::text(self.state.as_str()).painted(self.paint)];
        let rest = match self.vassal {
            Some(vassal) => vec![
                if vassal.pid > 0 { age(vassal.last_run) } else { Cell::none() },
                Cell::count(vassal.respawns),
                held,
                if vassal.pid > 0 { pid(vassal.pid) } else { Cell::none() },
                age(vassal.last_mod),
                age(vassal.last_heartbeat),
                Cell::text(format!("{}:{}", vassal.uid, vassal.gid)),
                age(vassal.born),
                Cell::text(vassal.monitor.as_str()),
            ],
            None => vec![Cell::none(), Cell::none(), held],
        };
        Row::new(self.id, head.into_iter().chain(rest).collect())
    }
}

fn age(seconds: u64) -> Cell {
    Cell::number(seconds as f64, human::age(seconds))
}

fn pid(pid: i64) -> Cell {
    Cell::number(pid as f64, pid.to_string())
}

/// What a vassal is doing, in words. Few vassals tell that they are loyal, so its absence says
/// nothing; that one is ready is told by the server itself.
fn state(vassal: &Vassal) -> (String, Paint) {
    let (word, paint) = match vassal {
        Vassal { cursed: 1.., .. } => ("cursed", Paint::Bad),
        Vassal { pid: ..=0, on_demand, .. } if !on_demand.is_empty() => ("on demand", Paint::Plain),
        Vassal { pid: ..=0, .. } => ("down", Paint::Bad),
        Vassal { accepting: true, .. } => ("accepting", Paint::Good),
        Vassal { ready: true, .. } => ("ready", Paint::Good),
        _ => ("starting", Paint::Warn),
    };
    let loyal = if vassal.loyal && paint == Paint::Good { ", loyal" } else { "" };
    let zerg = if vassal.zerg { ", zerg" } else { "" };
    (format!("{word}{loyal}{zerg}"), paint)
}

/// ` 3 vassals: 1 cursed, 1 held back, 1 accepting, 1 on demand`
fn summary(seen: &[Seen<'_>], emperor: &Emperor) -> Line {
    let of = |word: &str| {
        seen.iter().filter(|s| s.vassal.is_some() && s.state.starts_with(word)).count()
    };
    let held = emperor.banned.len();
    let words = [
        (of("cursed"), "cursed", Paint::Bad),
        (of("down"), "down", Paint::Bad),
        (held, "held back", Paint::Bad),
        (of("starting"), "starting", Paint::Warn),
        (of("ready"), "ready", Paint::Good),
        (of("accepting"), "accepting", Paint::Good),
        (of("on demand"), "on demand", Paint::Plain),
    ];
    let count = emperor.vassals.len();
    let mut line = Line::title(format!(" {count} vassal{}", if count == 1 { "" } else { "s" }));
    let mut between = ": ";
    for (count, word, paint) in words.into_iter().filter(|(count, ..)| *count > 0) {
        line = line.and(between, Paint::Plain).and(format!("{count} {word}"), paint);
        between = ", ";
    }
    line
}

/// More of the vassal under the cursor.
fn about(context: &Context<'_>, seen: &[Seen<'_>]) -> Vec<Line> {
    let at = context.choice.cursor.as_deref();
    let Some(seen) = seen.iter().find(|seen| Some(seen.id) == at) else { return Vec::new() };
    let ago = |moment: u64| match context.since(moment) {
        Some(seconds) => format!("{} ago", human::age(seconds)),
        None => "never".to_owned(),
    };
    let mut lines = vec![Line::title(format!(" {}", seen.id))];
    if let Some(vassal) = seen.vassal {
        let told =
            [("loyal", vassal.loyal), ("ready", vassal.ready), ("accepts", vassal.accepting)];
        let told: Vec<&str> =
            told.iter().filter(|(_, told)| *told).map(|(word, _)| *word).collect();
        let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
        lines.push(Line::plain(format!(
            " it told: {told}; first start {}, last start {}",
            ago(vassal.first_run),
            ago(vassal.last_run)
        )));
        if vassal.cursed > 0 {
            let text =
                format!(" cursed {}: it was told to end and is waited for", ago(vassal.cursed));
            lines.push(Line::of(text, Paint::Bad));
        }
        if !vassal.on_demand.is_empty() {
            let text = format!(" started by the first connection to {}", vassal.on_demand);
            lines.push(Line::plain(text));
        }
    }
    if let Some(banned) = seen.banned {
        let pause = human::duration(banned.throttle_level.saturating_mul(1_000));
        let text = format!(
            " held back: {pause} between starts after {} attempts, first {}, last {}",
            banned.attempts,
            ago(banned.first_attempt),
            ago(banned.last_attempt)
        );
        lines.push(Line::of(text, Paint::Bad));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::screens::{self, NOW_SECONDS};

    fn vassal(id: &str, pid: i64) -> Vassal {
        Vassal {
            id: id.to_owned(),
            pid,
            born: NOW_SECONDS - 90_000,
            last_mod: NOW_SECONDS - 86_400,
            first_run: NOW_SECONDS - 90_000,
            last_run: NOW_SECONDS - 7_000,
            ready: pid > 0,
            accepting: pid > 0,
            uid: 33,
            gid: 33,
            monitor: "/srv/vassals".to_owned(),
            respawns: 2,
            ..Vassal::default()
        }
    }

    fn picture(second: u64) -> Picture {
        let cursed = Vassal {
            cursed: NOW_SECONDS - 12,
            accepting: false,
            ready: false,
            respawns: 60 + second,
            ..vassal("broken.ini", 4711)
        };
        let lazy = Vassal { on_demand: "/run/lazy.sock".to_owned(), ..vassal("lazy.ini", -1) };
        let slow = Vassal { accepting: false, ready: false, ..vassal("slow.ini", 4800) };
        let loyal = Vassal {
            loyal: true,
            last_heartbeat: NOW_SECONDS - 3,
            ..vassal("a-shop-with-a-rather-long-name.example.org.ini", 4712)
        };
        let banned = |id: &str, throttle_level| Banned {
            id: id.to_owned(),
            throttle_level,
            attempts: 9,
            first_attempt: NOW_SECONDS - 300,
            last_attempt: NOW_SECONDS - 20,
        };
        let emperor = Emperor {
            monitors: vec!["/srv/vassals".to_owned()],
            tyrant: 1,
            vassals: vec![loyal, vassal("api.ini", 4713), lazy, slow, cursed],
            banned: vec![banned("broken.ini", 9_001), banned("removed.ini", 180_000)],
        };
        Picture { body: Body::Emperor(emperor), ..screens::instance(second) }
    }

    #[test]
    fn screens() {
        screens::view(Id::Emperor, picture);
    }

    #[test]
    fn a_state_is_the_most_pressing_thing_about_a_vassal() {
        let shown = |vassal: &Vassal| state(vassal).0;
        let runs = vassal("a", 5);
        assert_eq!(shown(&runs), "accepting");
        assert_eq!(shown(&Vassal { loyal: true, ..runs.clone() }), "accepting, loyal");
        assert_eq!(shown(&Vassal { cursed: 9, loyal: true, ..runs.clone() }), "cursed");
        assert_eq!(shown(&Vassal { accepting: false, zerg: true, ..runs.clone() }), "ready, zerg");
        assert_eq!(shown(&Vassal { pid: -1, ..runs.clone() }), "down");
        let silent = Vassal { ready: false, accepting: false, ..runs };
        assert_eq!(state(&silent), ("starting".to_owned(), Paint::Warn));
    }
}
