//! One worker, whole: what the classic table has no room for, below it.
//!
//! Answers: why did it end, and how often? What does it use of the processor and of memory, and is
//! that its own? Which of its applications and cores do the work? When will harakiri end it? What
//! a source does not measure is left out. Pure.

use super::Context;
use crate::human;
use crate::page::{Line, Paint, Span, columns_of};
use crate::picture::{App, Picture, Worker};

/// Columns of the name of a fact.
const INDENT: usize = 11;

/// Applications and cores that are named; more of them would push out the rest.
const MOST: usize = 8;

/// An item of a fact, and its meaning.
type Item = (String, Paint);

/// The lines for the worker that was opened, or the one under the cursor since; none where none is
/// open.
pub(super) fn lines(context: &Context<'_>, picture: &Picture) -> Vec<Line> {
    let opened = context.choice.open.as_ref();
    let key = opened.map(|opened| context.choice.cursor.as_ref().unwrap_or(opened));
    // `2`, or `2:1` of one of its cores: the place in the list, from one.
    let number = key.and_then(|key| key.split(':').next()?.parse::<usize>().ok());
    let place = number.and_then(|number| number.checked_sub(1));
    let Some((place, worker)) =
        place.and_then(|place| Some((place, picture.workers().get(place)?)))
    else {
        return Vec::new();
    };
    let one = One { context, worker, place };
    let facts = [
        ("life", one.life()),
        ("processor", one.processor()),
        ("memory", one.memory()),
        ("requests", one.requests()),
        ("cores", one.cores()),
        ("apps", one.apps()),
        ("signals", one.signals()),
    ];
    let mut lines = vec![one.title()];
    lines.extend(facts.iter().flat_map(|(name, items)| fact(name, items, context.width)));
    lines
}

struct One<'a> {
    context: &'a Context<'a>,
    worker: &'a Worker,
    /// Its place in the list.
    place: usize,
}

impl One<'_> {
    fn title(&self) -> Line {
        let worker = self.worker;
        let id = if worker.id > 0 { worker.id } else { self.place as u64 + 1 };
        let takes = if worker.accepting { ", takes requests" } else { "" };
        Line::title(format!(" WORKER {id}"))
            .and(format!("  process {}, ", worker.pid), Paint::Plain)
            .and(worker.status.as_str(), Paint::of(&worker.status))
            .and(takes, Paint::Plain)
            .and("   Esc: closes this", Paint::Hint)
    }

    /// How it will end, ended and began.
    fn life(&self) -> Vec<Item> {
        let worker = self.worker;
        let mut items = Vec::new();
        if worker.harakiri_pending > 0 {
            let left = worker.harakiri_pending.saturating_sub(self.context.seconds());
            let at = human::clock(worker.harakiri_pending, self.context.zone);
            items.push((format!("harakiri at {at} in {}", human::age(left)), Paint::Warn));
        }
        if !worker.last_exit.is_empty() {
            items.push((format!("last end: {}", worker.last_exit), Paint::Warn));
        }
        let wished = |reason: &str| matches!(reason, "asked" | "recycled" | "cheap");
        items.extend(worker.exits.iter().map(|end| {
            let paint = if wished(&end.reason) { Paint::Plain } else { Paint::Warn };
            (format!("{} {}", end.count, end.reason.replace('_', " ")), paint)
        }));
        if worker.harakiri_count > 0 {
            items.push((format!("{} harakiri in all", worker.harakiri_count), Paint::Warn));
        }
        items.push(plain(format!("started {}", times(worker.respawn_count))));
        if let Some(age) = self.context.since(worker.last_spawn) {
            items.push(plain(format!("runs for {}", human::age(age))));
        }
        if worker.startup > 0 {
            items.push(plain(format!("starting took {}", human::duration(worker.startup))));
        }
        items
    }

    fn processor(&self) -> Vec<Item> {
        let worker = self.worker;
        let spent = self
            .context
            .state
            .past
            .rate(|picture| picture.workers().get(self.place).map(|worker| worker.cpu_time));
        let mut items = Vec::new();
        if worker.cpu_time > 0 {
            let now = spent.map(|micros| format!("{} of a core now", human::share(micros / 1e6)));
            items.extend(now.map(plain));
            items.push(plain(format!("{} in all", human::duration(worker.cpu_time))));
        }
        let counted = [(worker.threads, "threads"), (worker.open_fds, "open descriptors")];
        items.extend(
            counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| plain(format!("{n} {what}"))),
        );
        items
    }

    fn memory(&self) -> Vec<Item> {
        let worker = self.worker;
        let parts = [
            (worker.rss, "resident", Paint::Plain),
            (worker.uss, "of its own", Paint::Plain),
            (worker.pss, "with its share of the rest", Paint::Plain),
            (worker.swap, "swapped !", Paint::Warn),
            (worker.vsz, "of addresses", Paint::Plain),
        ];
        let measured = parts.iter().filter(|(bytes, ..)| *bytes > 0);
        measured
            .map(|(bytes, what, paint)| (format!("{} {what}", human::size(*bytes)), *paint))
            .collect()
    }

    fn requests(&self) -> Vec<Item> {
        let worker = self.worker;
        let mut items = vec![plain(format!("{} in all", worker.requests))];
        if worker.delta_requests > 0 && worker.delta_requests != worker.requests {
            items.push(plain(format!("{} since it started", worker.delta_requests)));
        }
        let bad = [(worker.failed_requests, "failed"), (worker.exceptions, "exceptions")];
        items.extend(
            bad.iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| (format!("{n} {what}"), Paint::Warn)),
        );
        let bytes = [(worker.tx, "sent"), (worker.rx, "received")];
        items.extend(
            bytes
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| plain(format!("{} {what}", human::size(*n)))),
        );
        items
    }

    /// Which of them are in a request, and what each has served.
    fn cores(&self) -> Vec<Item> {
        let cores = &self.worker.cores;
        if cores.is_empty() {
            return Vec::new();
        }
        let busy = cores.iter().filter(|core| core.in_request).count();
        let mut items = vec![plain(format!("{busy} of {} in a request", cores.len()))];
        let served = cores.iter().take(MOST).map(|core| format!("{}: {}", core.id, core.requests));
        let more = if cores.len() > MOST { " .." } else { "" };
        items.push(plain(format!("served {}{more}", served.collect::<Vec<_>>().join("  "))));
        let errors = |value: fn(&crate::picture::Core) -> u64| {
            cores.iter().map(value).fold(0, u64::saturating_add)
        };
        let bad = [
            (errors(|c| c.read_errors), "reads failed"),
            (errors(|c| c.write_errors), "writes failed"),
        ];
        items.extend(
            bad.iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| (format!("{n} {what}"), Paint::Warn)),
        );
        items
    }

    /// Those that worked most.
    fn apps(&self) -> Vec<Item> {
        let mut apps: Vec<&App> = self.worker.apps.iter().collect();
        apps.sort_by_key(|app| std::cmp::Reverse(app.requests));
        let item = |app: &&App| {
            let name = if app.mountpoint.is_empty() { "the default" } else { &app.mountpoint };
            let failed = match app.exceptions {
                0 => String::new(),
                count => format!(", {count} exceptions"),
            };
            let paint = if app.exceptions > 0 { Paint::Warn } else { Paint::Plain };
            (format!("{name} {} requests{failed}", app.requests), paint)
        };
        let mut items: Vec<Item> = apps.iter().take(MOST).map(item).collect();
        if apps.len() > MOST {
            items.push(plain(format!("{} more", apps.len() - MOST)));
        }
        items
    }

    fn signals(&self) -> Vec<Item> {
        let worker = self.worker;
        let mut items = vec![plain(format!("{} handled", worker.signals))];
        if worker.signal_queue > 0 {
            items.push((format!("{} wait", worker.signal_queue), Paint::Warn));
        }
        if worker.killed_count > 0 {
            items.push((format!("killed {}", times(worker.killed_count)), Paint::Warn));
        }
        items
    }
}

fn plain(text: String) -> Item {
    (text, Paint::Plain)
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Items with commas between them, broken between items; nothing without any.
fn fact(name: &str, items: &[Item], width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut used = usize::MAX;
    for (index, (text, paint)) in items.iter().enumerate() {
        let comma = if index + 1 < items.len() { ", " } else { "" };
        let length = columns_of(text) + comma.len();
        if used.saturating_add(length) > width {
            let name = if lines.is_empty() { name } else { "" };
            lines.push(Line::title(format!(" {name:<10}")));
            used = INDENT;
        }
        used += length;
        if let Some(line) = lines.last_mut() {
            line.spans.push(Span { text: text.clone(), paint: *paint });
            line.spans.push(Span { text: comma.to_owned(), paint: Paint::Plain });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, End};
    use crate::screens::{self, NOW_SECONDS, at_every_size, grid};
    use crate::state::Key;
    use crate::state::ui::Move;

    fn end(reason: &str, count: u64) -> End {
        End { reason: reason.to_owned(), count }
    }

    /// An instance whose busiest worker has seen everything.
    fn picture(second: u64) -> Picture {
        let mut picture = screens::instance(second);
        let Body::Workers(workers) = &mut picture.body else { return picture };
        if let Some(worker) = workers.iter_mut().max_by_key(|worker| worker.requests) {
            let app = |mountpoint: &str, requests, exceptions| App {
                mountpoint: mountpoint.to_owned(),
                requests,
                exceptions,
                ..App::default()
            };
            *worker = Worker {
                accepting: true,
                delta_requests: 45,
                failed_requests: 3,
                exits: vec![end("signal", 2), end("harakiri", 1), end("recycled", 4)],
                last_exit: "signal 11".to_owned(),
                respawn_count: 8,
                startup: 1_200_000,
                uss: 20 << 20,
                pss: 25 << 20,
                swap: 3 << 20,
                rx: 7 << 20,
                cpu_time: 34_000_000 + second * 125_000,
                threads: 4,
                open_fds: 23,
                harakiri_pending: NOW_SECONDS + 14,
                harakiri_count: 3,
                killed_count: 2,
                signal_queue: 1,
                apps: vec![app("", 90_000, 0), app("/report", 700, 12)],
                ..worker.clone()
            };
        }
        picture
    }

    #[test]
    fn a_worker_is_opened_and_closed() {
        let mut app = screens::fed(picture);
        let classic = grid(&mut app, true, (120, 40));
        app.press(Key::Go(Move::First));
        app.press(Key::Open);
        at_every_size("worker", &mut app);
        let opened = grid(&mut app, true, (120, 40));
        let table = |text: &str| text.lines().take(8).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(table(&opened), table(&classic), "the classic table stays as it is");
        app.press(Key::Go(Move::Last));
        let other = grid(&mut app, true, (120, 40));
        assert!(!other.contains("WORKER 2") && other.contains(" WORKER "), "it follows the cursor");
        app.press(Key::Back);
        assert!(!grid(&mut app, true, (120, 40)).contains(" WORKER "));
    }

    #[test]
    fn what_nobody_measured_is_left_out() {
        let bare = |_| Picture {
            body: Body::Workers(vec![Worker { id: 1, ..Worker::default() }]),
            ..Picture::default()
        };
        let mut app = screens::fed(bare);
        grid(&mut app, true, (80, 24));
        app.press(Key::Go(Move::First));
        app.press(Key::Open);
        let seen = grid(&mut app, true, (80, 24));
        for absent in ["memory", "processor", "apps", "harakiri", "cores"] {
            assert!(!seen.contains(absent), "{absent}: {seen}");
        }
        assert!(seen.contains("started 0 times"), "{seen}");
    }
}
