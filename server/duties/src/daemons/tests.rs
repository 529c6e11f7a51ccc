//! Courses of daemons, second by second.

use super::*;
use crate::signal::{HUP, KILL, TERM};
use crate::{SECOND, Step};
use proptest::prelude::*;

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 1000 + seconds }
}

fn set(option: &str, value: &str) -> Daemons {
    let spec = Spec::parse(option, value).unwrap().spec;
    Daemons::new([(spec, Ids { uid: 1, gid: 2 })], 0)
}

fn absent(_: &str) -> Pidfile {
    Pidfile::Absent
}

fn alive(pid: i32) -> impl FnMut(&str) -> Pidfile {
    move |_| Pidfile::Names { pid, alive: true }
}

fn dead(pid: i32) -> impl FnMut(&str) -> Pidfile {
    move |_| Pidfile::Names { pid, alive: false }
}

/// Started at second 0 with this process.
fn running(option: &str, value: &str, pid: i32) -> Daemons {
    let mut set = set(option, value);
    set.start(at(0), &mut absent);
    set.spawned(0, Ok(pid), at(0));
    set
}

fn state(set: &Daemons) -> (State, i32) {
    let status = set.status().next().unwrap();
    (status.state, status.pid)
}

/// A child of the master ended, and nobody of its group is left.
fn ended(set: &mut Daemons, pid: i32, end: End, now: Now) -> Steps<Order> {
    let mut seen = Steps::new();
    for step in set.exited(pid, end, now).unwrap_or_default() {
        match step {
            Step::Do(Order::LookAtGroup { id, group }) => {
                assert_eq!(group, pid);
                seen.extend(set.group_seen(id, false, now));
            }
            other => seen.extend([other]),
        }
    }
    seen
}

fn group(pid: i32, signal: i32) -> Order {
    Order::Signal { pid, group: true, signal }
}

#[test]
fn a_dumb_daemon_is_spawned_and_respawned() {
    let mut set = set("attach-daemon", "run it");
    let steps = set.start(at(0), &mut absent);
    assert_eq!(steps.texts(), ["[uwsgi-daemons] spawning \"run it\" (uid: 1 gid: 2)"]);
    assert_eq!(steps.given(), [Order::Spawn { id: 0, detach: false }]);
    assert_eq!(state(&set), (State::Starting, 0));
    assert!(set.spawned(0, Ok(7), at(0)).is_empty());
    assert_eq!(state(&set), (State::Up, 7));
    let steps = set.exited(7, End::Code(3), at(60)).unwrap();
    assert_eq!(steps.texts(), ["[uwsgi-daemons] respawning \"run it\" (uid: 1 gid: 2)"]);
    let spawn = Order::Spawn { id: 0, detach: false };
    assert_eq!(steps.given(), [group(7, TERM), spawn], "nobody runs beside the next one");
    let status = set.status().next().unwrap();
    assert_eq!((status.spawns, status.last_end), (2, Some(End::Code(3))));
    assert_eq!(set.exited(99, End::Code(0), at(61)), None, "a stranger");
}

#[test]
fn a_daemon_that_dies_at_once_waits_longer_each_time() {
    let mut set = running("attach-daemon", "false", 10);
    let (mut now, mut delays) = (at(0), Vec::new());
    for pid in 10..15 {
        let steps = set.exited(pid, End::Code(1), now).unwrap();
        let status = set.status().next().unwrap();
        assert_eq!(status.state, State::Throttled);
        let delay = status.throttle_s;
        assert_eq!(
            steps.texts(),
            [format!("[uwsgi-daemons] throttling \"false\" for {delay} seconds")]
        );
        let due = set.due().unwrap();
        assert!(set.tick(Now { us: due - 1, wall_s: 0 }).is_empty(), "not before its time");
        now = Now { us: due, wall_s: 0 };
        assert_eq!(set.tick(now).given(), [Order::Spawn { id: 0, detach: false }]);
        set.spawned(0, Ok(pid + 1), now);
        delays.push(delay);
    }
    assert_eq!(delays, [1, 2, 3, 4, 5]);
    now.us += 4 * SECOND;
    let steps = set.exited(15, End::Code(1), now).unwrap();
    assert_eq!(steps.given().len(), 2, "who lived longer than three seconds comes back at once");
}

#[test]
fn the_delay_has_the_cap_of_its_daemon() {
    let mut set = running("attach-daemon2", "cmd=false,max_throttle=2", 10);
    let mut delays = Vec::new();
    for pid in 10..15 {
        let now = Now { us: set.due().unwrap_or_default(), wall_s: 0 };
        set.tick(now);
        set.spawned(0, Ok(pid), now);
        set.exited(pid, End::Code(1), now).unwrap();
        delays.push(set.status().next().unwrap().throttle_s);
    }
    assert_eq!(delays, [1, 2, 2, 2, 2]);
}

#[test]
fn a_spawn_that_fails_is_tried_again_later() {
    let mut set = set("attach-daemon", "x");
    set.start(at(0), &mut absent);
    let steps = set.spawned(0, Err("no more processes".into()), at(0));
    assert_eq!(
        steps.texts(),
        [
            "[uwsgi-daemons] unable to spawn \"x\": no more processes",
            "[uwsgi-daemons] throttling \"x\" for 1 seconds",
        ]
    );
    assert_eq!(set.due(), Some(SECOND));
}

#[test]
fn the_death_of_a_control_daemon_ends_the_instance() {
    let mut set = running("attach-control-daemon", "sleep 5", 7);
    let steps = set.exited(7, End::Code(0), at(5)).unwrap();
    let both = [Step::Do(group(7, TERM)), Step::Do(Order::ShutDown)];
    assert_eq!(steps.into_iter().collect::<Vec<_>>(), both);
    assert!(set.stop(Ending::Stop, at(5)).is_empty());
    assert!(set.all_gone());
}

#[test]
fn the_end_of_the_instance_is_the_end_of_a_dumb_daemon() {
    let mut set = running("attach-daemon", "run", 7);
    let steps = set.stop(Ending::Stop, at(10));
    assert_eq!(steps.texts(), ["[uwsgi-daemons] stopping daemon (pid: 7): run"]);
    assert_eq!(steps.given(), [group(7, TERM)]);
    assert!(set.stop(Ending::Stop, at(10)).is_empty(), "asked once");
    for second in [11, 12] {
        assert_eq!(set.due(), Some(second * SECOND));
        assert_eq!(set.tick(at(second)).given(), [group(7, TERM)], "reminded each second");
    }
    assert!(!set.all_gone());
    let steps = ended(&mut set, 7, End::Signal(15), at(12));
    assert_eq!(steps.texts(), ["daemon \"run\" (pid: 7) annihilated"]);
    assert!(set.all_gone());
    assert_eq!(set.due(), None);
}

#[test]
fn who_does_not_die_in_time_is_killed_once() {
    let mut set = running("attach-daemon", "run", 7);
    set.stop(Ending::Stop, at(10));
    let steps = set.tick(at(13));
    assert_eq!(
        steps.texts(),
        ["[uwsgi-daemons] daemon did not die in time, killing (pid: 7): run"]
    );
    assert_eq!(steps.given(), [group(7, KILL)]);
    assert!(set.tick(at(20)).is_empty());
    assert_eq!(set.due(), None, "nothing is left to do but to wait");
}

#[test]
fn who_outlives_the_leader_of_the_group_is_waited_for() {
    let mut set = running("attach-daemon", "run", 7);
    set.stop(Ending::Stop, at(10));
    let look = Order::LookAtGroup { id: 0, group: 7 };
    let steps = set.exited(7, End::Signal(15), at(10)).unwrap();
    assert_eq!(steps.given(), std::slice::from_ref(&look));
    assert_eq!(set.exited(7, End::Code(0), at(10)), None, "the number may be somebody else's");
    assert!(set.group_seen(0, true, at(10)).is_empty());
    assert_eq!(set.tick(at(11)).given(), [look.clone(), group(7, TERM)], "reminded, too");
    assert!(!set.all_gone());
    assert_eq!(set.tick(at(13)).given(), [look.clone(), group(7, KILL)], "the same mercy");
    assert!(set.group_seen(0, true, at(13)).is_empty() && !set.all_gone());
    assert_eq!(set.tick(at(14)).given(), [look]);
    let steps = set.group_seen(0, true, at(14));
    assert_eq!(steps.texts(), ["daemon \"run\" (pid: 7) annihilated"], "nobody waits for ever");
    assert!(set.all_gone() && set.due().is_none());
    assert!(set.group_seen(0, true, at(15)).is_empty());
}

#[test]
fn all_daemons_stop_at_the_same_time() {
    let spec = |n| Spec::parse("attach-daemon", &format!("run {n}")).unwrap().spec;
    let mut set = Daemons::new((0..5).map(|n| (spec(n), Ids::default())), 7);
    set.start(at(0), &mut absent);
    for (id, pid) in (0..5).zip(10..) {
        set.spawned(id, Ok(pid), at(0));
    }
    assert_eq!(set.stop(Ending::Stop, at(1)).given().len(), 5);
    let kills = set.tick(at(8)).given();
    assert_eq!(kills, (10..15).map(|pid| group(pid, KILL)).collect::<Vec<_>>(), "reload-mercy");
}

#[test]
fn a_reload_has_a_signal_of_its_own() {
    let value = "cmd=run,stopsignal=2,reloadsignal=10";
    let signals = |why| {
        let mut set = running("attach-daemon2", value, 7);
        let mut all = set.stop(why, at(1)).given();
        all.extend(set.tick(at(2)).given());
        all
    };
    assert_eq!(signals(Ending::Reload), [group(7, 10), group(7, 10)]);
    assert_eq!(signals(Ending::Stop), [group(7, 2), group(7, 2)]);
    let mut plain = running("attach-daemon2", "cmd=run,stopsignal=2", 7);
    assert_eq!(plain.stop(Ending::Reload, at(1)).given(), [group(7, 2)], "not given");
}

#[test]
fn who_waits_for_a_respawn_is_gone_at_once() {
    let mut set = running("attach-daemon", "false", 7);
    set.exited(7, End::Code(1), at(0)).unwrap();
    assert!(set.stop(Ending::Stop, at(0)).is_empty());
    assert!(set.all_gone());
    assert!(set.tick(at(100)).is_empty(), "and does not come back");
}

#[test]
fn a_process_that_came_too_late_does_not_stay() {
    let mut set = set("attach-daemon", "run");
    set.start(at(0), &mut absent);
    assert!(set.stop(Ending::Stop, at(0)).is_empty());
    assert!(!set.all_gone(), "its process is not known yet");
    assert_eq!(set.spawned(0, Ok(7), at(0)).given(), [group(7, TERM)]);
    ended(&mut set, 7, End::Signal(15), at(0));
    assert!(set.all_gone());
    assert_eq!(set.spawned(0, Ok(8), at(0)).given(), [group(8, KILL)]);
}

#[test]
fn a_live_pidfile_is_adopted() {
    let mut set = set("smart-attach-daemon", "/p run");
    let steps = set.start(at(0), &mut alive(70));
    assert_eq!(steps.texts(), ["[uwsgi-daemons] found valid/active pidfile for \"run\" (pid: 70)"]);
    assert!(steps.given().is_empty());
    assert_eq!(state(&set), (State::Adopted, 70));
    assert!(set.second(at(1), &mut alive(70)).is_empty());
    let steps = set.second(at(2), &mut dead(70));
    assert_eq!(steps.texts(), ["[uwsgi-daemons] spawning \"run\" (uid: 1 gid: 2)"], "at once");
}

#[test]
fn a_smart_daemon_is_known_by_its_pidfile() {
    let mut set = running("smart-attach-daemon", "/p run", 7);
    assert_eq!(state(&set), (State::Starting, 7), "the launcher");
    assert!(set.second(at(1), &mut absent).is_empty());
    assert!(set.exited(7, End::Code(0), at(1)).unwrap().is_empty());
    let steps = set.second(at(2), &mut alive(70));
    assert_eq!(
        steps.texts(),
        ["[uwsgi-daemons] found changed pid for \"run\" (old_pid: 7 new_pid: 70)"]
    );
    assert_eq!(state(&set), (State::Up, 70));
    assert!(set.second(at(3), &mut alive(70)).is_empty());
    let steps = set.second(at(9), &mut alive(71));
    assert_eq!(
        steps.texts(),
        ["[uwsgi-daemons] found changed pid for \"run\" (old_pid: 70 new_pid: 71)"]
    );
    let steps = set.second(at(10), &mut absent);
    assert_eq!(steps.texts(), ["[uwsgi-daemons] respawning \"run\" (uid: 1 gid: 2)"]);
}

#[test]
fn a_launcher_that_stays_is_told_each_freq_seconds() {
    let mut set = running("smart-attach-daemon", "/p,3 run", 7);
    let lines: Vec<_> = (1..=6).map(|second| set.second(at(second), &mut absent).texts()).collect();
    let complaint = ["[uwsgi-daemons] \"run\" (pid: 7) did not daemonize !!!"];
    let silent: [&str; 0] = [];
    assert_eq!(lines[..3], [&silent[..], &silent, &complaint]);
    assert_eq!(lines[3..], [&silent[..], &silent, &complaint], "counted anew");
}

#[test]
fn a_launcher_that_left_nothing_behind_is_started_again() {
    let mut set = running("smart-attach-daemon", "/p,2 run", 7);
    set.exited(7, End::Code(0), at(0)).unwrap();
    assert!(set.second(at(1), &mut dead(6)).is_empty());
    let steps = set.second(at(9), &mut dead(6));
    assert_eq!(
        steps.texts(),
        [
            "[uwsgi-daemons] found changed pidfile for \"run\" (old_pid: 7 new_pid: 6)",
            "[uwsgi-daemons] respawning \"run\" (uid: 1 gid: 2)",
        ]
    );
}

#[test]
fn a_pidfile_that_cannot_be_read_is_told_once() {
    let mut set = running("smart-attach-daemon", "/p run", 7);
    let mut broken = |_: &str| Pidfile::Unreadable("Permission denied".into());
    assert_eq!(
        set.second(at(1), &mut broken).texts(),
        ["[uwsgi-daemons] no pid for \"run\": Permission denied"]
    );
    assert!(set.second(at(2), &mut broken).is_empty());
    let mut init = alive(1);
    assert_eq!(
        set.second(at(3), &mut init).texts(),
        ["[uwsgi-daemons] no pid for \"run\": 1 cannot be a daemon"],
        "a signal to its group would reach everybody"
    );
}

#[test]
fn a_pidfile_that_cannot_be_read_at_the_start_is_told_and_not_again() {
    let mut set = set("smart-attach-daemon", "/p run");
    let mut broken = |_: &str| Pidfile::Unreadable("no file".into());
    let steps = set.start(at(0), &mut broken);
    let lines = [
        "[uwsgi-daemons] no pid for \"run\": no file",
        "[uwsgi-daemons] spawning \"run\" (uid: 1 gid: 2)",
    ];
    assert_eq!(steps.texts(), lines);
    set.spawned(0, Ok(7), at(0));
    assert!(set.second(at(1), &mut broken).is_empty());
}

#[test]
fn the_second_kind_of_smart_daemon_is_put_in_the_background() {
    let mut set = set("smart-attach-daemon2", "/p run");
    assert_eq!(set.start(at(0), &mut absent).given(), [Order::Spawn { id: 0, detach: true }]);
    let steps = set.spawned(0, Ok(7), at(0));
    assert_eq!(steps.given(), [Order::WritePidfile { path: "/p".into(), pid: 7 }]);
    assert_eq!(state(&set), (State::Up, 7));
    assert!(set.second(at(1), &mut alive(7)).is_empty(), "no race with its own pidfile");
    let steps = set.exited(7, End::Code(0), at(60)).unwrap();
    assert_eq!(steps.given(), [Order::Spawn { id: 0, detach: true }], "a child of ours");
}

#[test]
fn no_second_copy_runs_beside_one_that_lost_its_pidfile() {
    let mut set = running("smart-attach-daemon2", "/p,2 run", 7);
    assert!(set.second(at(8), &mut absent).is_empty(), "the file may come late");
    let steps = set.second(at(9), &mut absent);
    assert_eq!(steps.given(), [group(7, TERM), Order::Spawn { id: 0, detach: true }]);
    set.spawned(0, Ok(8), at(9));
    assert!(set.exited(7, End::Code(0), at(9)).unwrap().is_empty(), "no stranger, no respawn");
    assert!(set.exited(7, End::Code(0), at(9)).is_none(), "buried once");
    set.second(at(10), &mut alive(8));
    let steps = set.second(at(20), &mut dead(8));
    assert_eq!(steps.given(), [Order::Spawn { id: 0, detach: true }], "known to be dead");
}

#[test]
fn a_smart_daemon_outlives_the_instance() {
    for why in [Ending::Stop, Ending::Reload] {
        let mut set = running("smart-attach-daemon", "/p run", 7);
        set.second(at(1), &mut alive(70));
        assert!(set.stop(why, at(2)).is_empty());
        assert!(set.all_gone());
        assert!(set.second(at(3), &mut dead(70)).is_empty());
    }
}

#[test]
fn a_smart_daemon_may_ask_to_be_told() {
    for (keys, why, signal) in [
        ("", Ending::Reload, HUP),
        ("", Ending::Stop, TERM),
        (",reloadsignal=10,stopsignal=2", Ending::Reload, 10),
        (",reloadsignal=10,stopsignal=2", Ending::Stop, 2),
    ] {
        let value = format!("cmd=run,pidfile=/p,notifypid=1{keys}");
        let mut set = running("attach-daemon2", &value, 7);
        set.second(at(1), &mut alive(70));
        let told = Order::Signal { pid: 70, group: false, signal };
        assert_eq!(set.stop(why, at(2)).given(), [told], "{keys}");
        assert!(set.all_gone());
    }
}

#[test]
fn a_touch_ends_the_daemon() {
    let mut set = running("attach-daemon2", "cmd=run,touch=/a;/b,stopsignal=10", 7);
    assert_eq!(set.touches().collect::<Vec<_>>(), [(0, "/a"), (0, "/b")]);
    let steps = set.touched(0, "/b");
    let text = "V *** /b has been touched... reloading daemon \"run\" (pid: 7) !!! ***";
    assert_eq!(steps.texts(), [text]);
    assert_eq!(steps.given(), [group(7, 10)]);
    let steps = set.exited(7, End::Signal(10), at(60)).unwrap();
    assert_eq!(steps.given(), [group(7, 10), Order::Spawn { id: 0, detach: false }]);
    assert!(set.touched(0, "/b").is_empty(), "nobody to end");
    assert!(set.touched(5, "/b").is_empty());
}

#[test]
fn daemons_of_a_legion_run_while_this_node_is_lord() {
    let mut set = set("legion-attach-daemon", "l1 run");
    assert!(set.start(at(0), &mut absent).is_empty());
    assert!(set.lord("other", true, at(0), &mut absent).is_empty());
    assert_eq!(set.lord("l1", true, at(1), &mut absent).given().len(), 1);
    set.spawned(0, Ok(7), at(1));
    assert!(set.lord("l1", true, at(2), &mut absent).is_empty(), "said each second");
    let steps = set.lord("l1", false, at(3), &mut absent);
    assert_eq!(steps.texts(), ["[uwsgi_daemons] stopping legion \"l1\" daemon: run (pid: 7)"]);
    assert_eq!(steps.given(), [group(7, TERM)]);
    assert_eq!(set.tick(at(6)).given(), [group(7, KILL)]);
    assert!(ended(&mut set, 7, End::Signal(9), at(6)).is_empty(), "no respawn, no line");
    assert_eq!(state(&set), (State::Down, 0));
    assert_eq!(set.lord("l1", true, at(9), &mut absent).given().len(), 1, "lord again");
}

#[test]
fn a_smart_daemon_of_a_legion_ends_with_the_instance() {
    let mut set = set("legion-smart-attach-daemon", "l1 /p run");
    set.lord("l1", true, at(0), &mut alive(70));
    let steps = set.stop(Ending::Stop, at(1));
    assert_eq!(steps.given(), [Order::Signal { pid: 70, group: false, signal: TERM }]);
    assert!(set.second(at(2), &mut alive(70)).is_empty());
    assert!(!set.all_gone());
    set.second(at(3), &mut dead(70));
    assert!(set.all_gone());
}

#[test]
fn a_launcher_that_was_asked_to_end_is_waited_for() {
    let mut set = set("legion-smart-attach-daemon", "l1 /p run");
    set.lord("l1", true, at(0), &mut absent);
    set.spawned(0, Ok(7), at(0));
    set.stop(Ending::Stop, at(1));
    set.second(at(2), &mut absent);
    assert!(!set.all_gone(), "it may still leave a daemon behind");
    set.exited(7, End::Signal(15), at(2)).unwrap();
    set.second(at(3), &mut alive(70));
    assert_eq!(state(&set), (State::Stopping, 70), "and it does");
    assert_eq!(set.tick(at(4)).given(), [Order::Signal { pid: 70, group: false, signal: KILL }]);
    set.second(at(5), &mut alive(71));
    let steps = set.second(at(6), &mut dead(71));
    assert_eq!(steps.texts(), ["daemon \"run\" (pid: 71) annihilated"]);
    assert!(set.all_gone());
}

#[test]
fn a_daemon_that_changes_its_pid_does_not_escape_the_kill() {
    let mut set = set("legion-smart-attach-daemon", "l1 /p run");
    set.lord("l1", true, at(0), &mut alive(70));
    set.stop(Ending::Stop, at(1));
    assert_eq!(set.tick(at(4)).given().len(), 1);
    let kill = Order::Signal { pid: 71, group: false, signal: KILL };
    assert_eq!(set.second(at(5), &mut alive(71)).given(), [kill]);
    assert!(set.second(at(6), &mut alive(71)).is_empty());
}

proptest! {
    /// Whatever happens: no signal without a process of ours, and after a stop everybody goes.
    #[test]
    fn any_course_ends(
        which in 0usize..6,
        course in prop::collection::vec((0u8..8, 0i32..4), 0..60),
    ) {
        let value = ["c", "c", "/p c", "/p c", "l c", "l /p c"];
        let option = spec::OPTIONS[which];
        let mut set = set(option, value[which]);
        let (mut now, mut pids, mut stopped) = (at(0), 1000, false);
        let mut steps = Steps::new();
        set.start(now, &mut absent);
        set.spawned(0, Ok(pids), now);
        for (event, n) in course {
            now.us += SECOND / 2;
            let mut look = |_: &str| match n {
                0 => Pidfile::Absent,
                1 => Pidfile::Names { pid: 1000, alive: false },
                _ => Pidfile::Names { pid: 1000 + n, alive: true },
            };
            let pid = set.status().next().unwrap().pid;
            let more = match event {
                0 => ended(&mut set, pid, End::Code(n), now),
                1 | 2 => set.second(now, &mut look),
                3 => set.lord("l", n > 1, now, &mut look),
                4 if n == 0 => { stopped = true; set.stop(Ending::Stop, now) },
                5 => set.touched(0, "f"),
                _ => set.tick(now),
            };
            steps.extend(more);
            for step in std::mem::take(&mut steps) {
                match step {
                    Step::Do(Order::Spawn { id, .. }) => {
                        prop_assert!(!stopped, "a spawn after the end");
                        pids += 1;
                        steps.extend(set.spawned(id, Ok(pids), now));
                    }
                    Step::Do(Order::Signal { pid, .. }) => prop_assert!(pid > 1),
                    _ => {}
                }
            }
        }
        set.stop(Ending::Stop, now);
        for _ in 0..10 {
            now.us += SECOND;
            set.tick(now);
            set.second(now, &mut absent);
            let pid = set.status().next().unwrap().pid;
            ended(&mut set, pid, End::Signal(9), now);
        }
        prop_assert!(set.all_gone());
    }
}
