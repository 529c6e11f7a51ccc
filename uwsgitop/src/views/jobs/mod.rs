//! What runs beside the workers: mules, spoolers, crons, daemons, routers, master and observer; who
//! holds a lock.
//!
//! Answers: does everything run, what died or keeps dying, when did a command run last and when
//! does it again, what piles up? Another form tells what each process uses of the machine. What is
//! dead or was just started again stands on top.

mod processes;
mod rows;
mod when;

use super::parts::forms;
use super::{Context, Id, View};
use crate::page::{Line, Page, Paint, Table};
use crate::picture::Picture;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Jobs,
    key: '6',
    name: "jobs",
    answers: "Do spoolers, mules, crons and daemons run, and how often did they die?",
    keys: &[("m", "what they do, or what each process uses")],
    absent: "The source has no spoolers, mules, crons or daemons.",
    present: |_, p| {
        let beside = p.spoolers.is_empty() && p.mules.is_empty() && p.crons.is_empty();
        let processes = p.master.is_none() && p.observer.is_none() && p.gateways.is_empty();
        !(beside && processes && p.daemons.is_empty() && p.locks.is_empty())
    },
    build: page,
};

const FORMS: &[&str] = &["jobs", "processes"];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let measured = picture.master.is_some() || !picture.mules.is_empty();
    let (form, names) = forms(FORMS, context.choice.form);
    // The older server measures no process but workers.
    let (form, names) = if measured { (form, Some(names)) } else { (0, None) };
    let (head, table) =
        if form == 0 { jobs(context, picture) } else { processes(context, picture) };
    let mut tail = kills(picture);
    tail.extend(names);
    Page { head: vec![head], table: Some(table), tail }
}

fn jobs(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let mut jobs = rows::all(context, picture);
    jobs.sort_by_key(|job| job.health);
    let count = |health| jobs.iter().filter(|job| job.health == health).count();
    let (dead, restarted) = (count(rows::Health::Dead), count(rows::Health::Restarted));
    let mut line = match dead {
        0 => Line::of(" everything runs", Paint::Good),
        _ => Line::of(format!(" {dead} DEAD"), Paint::Bad),
    };
    if restarted > 0 {
        line = line.and(format!("; {restarted} just started again"), Paint::Warn);
    }
    let late = count(rows::Health::Late);
    if late > 0 {
        line = line.and(format!("; {late} late"), Paint::Warn);
    }
    let held = picture.locks.iter().filter(|lock| lock.holder != 0).count();
    if !picture.locks.is_empty() {
        let all = picture.locks.len();
        let paint = if held > 0 { Paint::Warn } else { Paint::Plain };
        line = line.and(format!("; {held} of {all} locks held"), paint);
    }
    let rows = jobs.into_iter().map(|job| job.row).collect();
    (line, Table { empty: "Nothing but workers.", ..Table::new(rows::COLUMNS, rows) })
}

fn processes(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let head = Line::of(" processes but the workers", Paint::Title);
    (head, Table::new(processes::COLUMNS, processes::all(context, picture)))
}

/// Who ended processes of the instance, where a probe watches.
fn kills(picture: &Picture) -> Vec<Line> {
    if picture.kills.is_empty() {
        return Vec::new();
    }
    let mut line = Line::title(" workers ended by signals:");
    for kill in &picture.kills {
        line = line.and(format!("  {} {} from {}", kill.count, kill.signal, kill.by), Paint::Warn);
    }
    vec![line]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::picture::{Cron, Daemon, Gateway, Kill, Late, Lock, Mule, Process, Spooler};
    use crate::screens::{NOW_SECONDS, fed, grid, instance, same_as_file, view};
    use crate::state::Key;

    fn process(pid: u64, cpu_time: u64) -> Process {
        Process {
            pid,
            cpu_time,
            rss: 34 << 20,
            vsz: 300 << 20,
            open_fds: 23,
            threads: 4,
            switches: [cpu_time / 50, cpu_time / 900],
            faults: [4_000, 3],
            ..Process::default()
        }
    }

    fn mule(id: u64, second: u64) -> Mule {
        Mule {
            id,
            process: process(4100 + id, 1_000_000 + 70_000 * id * second),
            status: if id == 2 { "sig17".to_owned() } else { "idle".to_owned() },
            signals: 40 + id * second,
            signal_queue: 3 * (id - 1),
            messages: 900 + 12 * second,
            last_spawn: NOW_SECONDS - 86_000,
            respawn_count: 1,
            ..Mule::default()
        }
    }

    fn cron(when: [i64; 5], command: &str, pid: i64) -> Cron {
        let started_at = if pid > 0 { NOW_SECONDS - 14 } else { 0 };
        Cron { when, command: command.to_owned(), pid, started_at, ..Cron::default() }
    }

    fn busy(second: u64) -> Picture {
        let dead = Mule {
            process: Process::default(),
            respawn_count: 41,
            harakiri_count: 7,
            dropped: 12,
            ..mule(3, second)
        };
        let weekly =
            Cron { unique: true, ..cron([30, 4, -1, -1, 1], "/usr/local/bin/weekly --all", -1) };
        let late = |last, max| Some(Late { count: 60, sum: 4_000, last, max });
        let daemon = |command: &str, pid, respawns| Daemon {
            command: command.to_owned(),
            pid,
            respawns,
            ..Daemon::default()
        };
        Picture {
            mules: vec![mule(1, second), mule(2, second), dead],
            spoolers: vec![Spooler {
                dir: "/srv/app/spool".into(),
                pid: 4200,
                tasks: 12_040 + 3 * second,
                running: true,
                ..Spooler::default()
            }],
            crons: vec![
                cron([-5, -1, -1, -1, -1], "/srv/app/manage.py sessions", 5100),
                weekly,
                cron([0, 3, -1, -1, -1], "/usr/bin/backup", -1),
            ],
            daemons: vec![
                daemon("memcached -m 64 -s /run/app/memcached.sock", 4300, 0),
                daemon("celery worker --concurrency 4", 9000 + second, 12 + second),
            ],
            locks: vec![
                Lock { name: "user 0".into(), holder: 4002 },
                Lock { name: "signal".into(), holder: 0 },
            ],
            master: Some(Process {
                late: late(350, 12_000),
                ..process(3999, 3_000_000 + 9_000 * second)
            }),
            observer: Some(Process {
                late: late(1_200_000, 1_900_000),
                ..process(4000, 9_000_000 + 21_000 * second)
            }),
            gateways: vec![Gateway {
                name: "http".into(),
                process: process(4001, 80_000_000 + 240_000 * second),
                respawns: 1,
                requests: 90_000 + 260 * second,
                queue: 2,
                ..Gateway::default()
            }],
            kills: vec![Kill { signal: "SIGKILL".into(), by: "oom-killer".into(), count: 2 }],
            ..instance(second)
        }
    }

    #[test]
    fn what_is_dead_is_on_top_at_every_size() {
        view(Id::Jobs, busy);
        let mut app = fed(busy);
        app.press(Key::View(Id::Jobs));
        app.press(Key::Form);
        for size in [(60, 15), (120, 40)] {
            let name = format!("jobs-processes-{}x{}.txt", size.0, size.1);
            same_as_file(&name, &grid(&mut app, true, size));
        }
    }

    #[test]
    fn the_older_server_tells_jobs_and_no_processes() {
        let json = include_bytes!("../../../tests/documents/jobs-2.0.31.json");
        let mut app = fed(|second| Picture {
            taken: (1_795_242_215 + second) * 1_000_000,
            ..document::parse(json).unwrap()
        });
        app.press(Key::View(Id::Jobs));
        let seen = grid(&mut app, true, (120, 40));
        same_as_file("jobs-older-120x40.txt", &seen);
        app.press(Key::Form);
        assert_eq!(grid(&mut app, true, (120, 40)), seen, "there is no other form");
    }
}
