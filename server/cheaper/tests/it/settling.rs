//! Constant load: the number of workers comes to rest, and is enough.

use uwsgi_cheaper::trace::Machine;
use uwsgi_cheaper::{Busyness, Settings};

use crate::rig::{Dice, FOLLOW, Rig, SECOND, any_settings};

const SEEDS: u64 = 200;

/// Cycles after which nothing changes any more, with room for slow timers.
const SETTLES: u64 = 400;

fn roomy(dice: &mut Dice) -> Machine {
    Machine { start_up_us: dice.from(0, 3 * SECOND), listen: 10_000, ..Machine::default() }
}

#[test]
fn under_constant_load_the_number_comes_to_rest() {
    for seed in 0..SEEDS {
        for algo in FOLLOW {
            let mut dice = Dice::new(seed);
            let settings = any_settings(algo, &mut dice);
            let mut rig = Rig::new(&settings, roomy(&mut dice));
            let parallel = dice.from(0, settings.processes as u64 + 8);
            let ticks = [1, 2, 3][dice.from(0, 2) as usize];
            (0..SETTLES).for_each(|_| {
                rig.closed_loop(parallel, ticks);
            });
            let rest = rig.pool.active();
            for cycle in 0..60 {
                rig.closed_loop(parallel, ticks);
                let now = rig.pool.active();
                assert_eq!(now, rest, "seed {seed} {algo} {parallel} clients, cycle {cycle}");
            }
        }
    }
}

#[test]
fn spare_rests_with_exactly_one_spare_worker_where_there_is_room() {
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let settings = any_settings("spare", &mut dice);
        let mut rig = Rig::new(&settings, roomy(&mut dice));
        let parallel = dice.from(0, settings.processes as u64 + 8);
        (0..200).for_each(|_| {
            rig.closed_loop(parallel, 2);
        });
        let want = (parallel as usize + 1).clamp(settings.cheaper, settings.processes);
        assert_eq!(rig.pool.active(), want, "seed {seed} {parallel} clients {settings:?}");
    }
}

#[test]
fn spare2_rests_with_as_many_idle_workers_as_asked_for() {
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let settings = any_settings("spare2", &mut dice);
        let mut rig = Rig::new(&settings, roomy(&mut dice));
        let parallel = dice.from(0, settings.processes as u64 + 8);
        (0..200).for_each(|_| {
            rig.closed_loop(parallel, 2);
        });
        let want = (parallel as usize + settings.cheaper).min(settings.processes);
        assert_eq!(rig.pool.active(), want, "seed {seed} {parallel} clients {settings:?}");
    }
}

#[test]
fn a_load_that_all_workers_could_carry_does_not_queue_for_ever() {
    for seed in 0..SEEDS {
        for algo in FOLLOW {
            let mut dice = Dice::new(seed);
            let busyness = Busyness { backlog_alert: 8, ..Busyness::default() };
            let settings = Settings { busyness, ..any_settings(algo, &mut dice) };
            let mut rig = Rig::new(&settings, roomy(&mut dice));
            // Requests of 0.2 s: five per second and worker; at most six of ten workers' worth.
            let per_second = dice.from(1, (settings.processes as u64 * 3).max(1));
            let mut late = 0;
            for second in 0..300 {
                let from = rig.pool.now_us();
                for index in 0..per_second {
                    rig.pool.advance(from + index * SECOND / per_second);
                    rig.pool.arrive(SECOND / 5);
                }
                rig.pool.advance(from + SECOND);
                rig.cycle(0);
                late = if second > 150 { late.max(rig.pool.waiting() as u64) } else { 0 };
            }
            let bearable = per_second + settings.overload();
            assert!(
                late <= bearable,
                "seed {seed} {algo}: {late} wait, {per_second}/s, {settings:?}"
            );
            (0..60).for_each(|_| {
                rig.rest();
            });
            assert_eq!((rig.pool.waiting(), rig.pool.dropped()), (0, 0), "seed {seed} {algo}");
        }
    }
}
