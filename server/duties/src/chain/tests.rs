//! Chains of workers that come back, come late, or do not come back.

use super::*;
use proptest::prelude::*;

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 0 }
}

fn workers(count: u32) -> Vec<Worker> {
    let worker =
        |id| Worker { id, pid: 10 * i32::try_from(id).unwrap(), accepting: true, cheaped: false };
    (1..=count).map(worker).collect()
}

fn replace(workers: &mut [Worker], id: u32, pid: i32, accepting: bool) {
    let worker = workers.iter_mut().find(|worker| worker.id == id).unwrap();
    (worker.pid, worker.accepting) = (pid, accepting);
}

#[test]
fn one_worker_after_the_other() {
    let (mut chain, mut all) = (Chain::default(), workers(2));
    let steps = chain.start(at(0), &all);
    assert_eq!(steps.texts(), ["V chain reload starting...", "V chain next victim is worker 1"]);
    assert_eq!(steps.given(), [Order::Retire { id: 1, pid: 10 }]);
    assert!(chain.look(at(0), &all).is_empty(), "the old one still accepts, but is not the new");
    let waiting = ["V chain is still waiting for worker 1..."];
    assert_eq!(chain.look(at(1), &all).texts(), waiting);
    assert!(chain.died(1, 10, true).is_empty());
    replace(&mut all, 1, 0, false);
    assert_eq!(chain.look(at(2), &all).texts(), waiting);
    replace(&mut all, 1, 11, false);
    assert_eq!(chain.look(at(3), &all).texts(), waiting, "it loads");
    replace(&mut all, 1, 11, true);
    let steps = chain.look(at(3), &all);
    assert_eq!(steps.texts(), ["V chain next victim is worker 2"]);
    assert_eq!(steps.given(), [Order::Retire { id: 2, pid: 20 }]);
    replace(&mut all, 2, 21, true);
    assert_eq!(chain.look(at(4), &all).texts(), ["V chain reloading complete"]);
    assert_eq!((chain.runs(), chain.last()), (false, Some(Outcome::Complete)));
    assert!(chain.look(at(9), &all).is_empty());
}

#[test]
fn waiting_is_told_once_a_second_whenever_it_is_asked() {
    let (mut chain, all) = (Chain::default(), workers(1));
    chain.start(at(0), &all);
    let told: Vec<_> = (0..350)
        .filter(|n| !chain.look(Now { us: n * 10_000, wall_s: 0 }, &all).is_empty())
        .collect();
    assert_eq!(told, [100, 200, 300]);
}

#[test]
fn a_second_chain_waits_for_no_one() {
    let (mut chain, all) = (Chain::default(), workers(1));
    chain.start(at(0), &all);
    let steps = chain.start(at(0), &all);
    assert_eq!(steps.texts(), ["V chain reload already running..."]);
    assert!(steps.given().is_empty());
}

#[test]
fn empty_and_loading_slots_are_passed_over() {
    let mut all = workers(4);
    all[0].cheaped = true;
    all[1].accepting = false;
    all[2].pid = 0;
    let mut chain = Chain::default();
    assert_eq!(chain.start(at(0), &all).given(), [Order::Retire { id: 4, pid: 40 }]);
    let steps = Chain::default().start(at(0), &[]);
    assert_eq!(steps.texts(), ["V chain reload starting...", "V chain reloading complete"]);
}

#[test]
fn a_victim_that_is_cheaped_meanwhile_is_not_waited_for() {
    let (mut chain, mut all) = (Chain::default(), workers(2));
    chain.start(at(0), &all);
    (all[0].cheaped, all[0].pid) = (true, 0);
    assert_eq!(chain.look(at(0), &all).given(), [Order::Retire { id: 2, pid: 20 }]);
}

#[test]
fn two_failures_end_the_chain_and_spare_the_rest() {
    let (mut chain, mut all) = (Chain::default(), workers(3));
    chain.start(at(0), &all);
    replace(&mut all, 1, 11, false);
    assert!(chain.died(1, 11, false).is_empty(), "once may happen");
    assert!(chain.died(2, 20, false).is_empty(), "another worker's death is another matter");
    assert!(chain.died(1, 12, true).is_empty(), "one that had begun to accept did start");
    let steps = chain.died(1, 12, false);
    let text = "chain reload aborted: worker 1 failed to start 2 times, the workers behind it keep \
                serving as they are";
    assert_eq!(steps.texts(), [format!("V {text}")]);
    assert_eq!(steps.given(), [Order::Alarm(text.into())]);
    assert_eq!((chain.runs(), chain.last()), (false, Some(Outcome::Aborted)));
    assert!(chain.look(at(5), &all).is_empty());
    assert!(!chain.start(at(6), &all).is_empty(), "it can be tried again");
}

#[test]
fn failures_of_one_victim_do_not_count_for_the_next() {
    let (mut chain, mut all) = (Chain::default(), workers(2));
    chain.start(at(0), &all);
    chain.died(1, 11, false);
    replace(&mut all, 1, 12, true);
    chain.look(at(1), &all);
    assert!(chain.died(2, 21, false).is_empty());
    assert!(chain.runs());
}

#[test]
fn a_reload_of_the_instance_makes_it_needless() {
    let (mut chain, all) = (Chain::default(), workers(2));
    chain.cancel();
    assert_eq!(chain.last(), None);
    chain.start(at(0), &all);
    chain.cancel();
    assert_eq!((chain.runs(), chain.last()), (false, Some(Outcome::Cancelled)));
}

proptest! {
    /// However long each one takes: never are two workers away because of the chain, each is
    /// reloaded once, in order.
    #[test]
    fn at_most_one_is_away(times in prop::collection::vec((0u64..5, 0u64..5), 1..8)) {
        let mut all = workers(u32::try_from(times.len()).unwrap());
        let (mut chain, mut away, mut order) = (Chain::default(), None, Vec::new());
        let mut steps = chain.start(at(0), &all);
        for second in 0..200 {
            for given in steps.given() {
                let Order::Retire { id, .. } = given else { panic!("no alarm") };
                prop_assert_eq!(away, None, "two at once");
                away = Some((id, second));
                order.push(id);
            }
            if let Some((id, since)) = away {
                let (serving, loading) = times[id as usize - 1];
                if second >= since + serving + loading {
                    replace(&mut all, id, 1000 + i32::try_from(id).unwrap(), true);
                    away = None;
                } else if second >= since + serving {
                    replace(&mut all, id, 0, false);
                }
            }
            steps = chain.look(at(second + 1), &all);
        }
        prop_assert_eq!(order, (1..=u32::try_from(times.len()).unwrap()).collect::<Vec<_>>());
        prop_assert_eq!(chain.last(), Some(Outcome::Complete));
    }
}
