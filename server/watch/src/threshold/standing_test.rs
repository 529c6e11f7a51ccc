//! The state machine: recorded courses as tables, and what holds for every course.

use super::*;
use crate::threshold::spec::Op;
use proptest::prelude::*;

fn at(second: i64) -> Moment {
    Moment { steady_s: second, epoch_s: 1_000_000 + second.cast_unsigned() }
}

fn reading(value: f64, bound: f64, clear: f64) -> Reading {
    let holds = Op::AtLeast.holds(value, bound);
    Reading::Known { value, bound, holds, over: !Op::AtLeast.holds(value, clear) }
}

fn policy(hold: i64, repeat: Repeat) -> Policy {
    Policy { hold, repeat, alarm: true, recovery: true }
}

/// One letter for each second: `A`larm, `R`ecovery or what it is: `.` quiet, `p`ending, `f`iring.
fn course(values: &[f64], clear: f64, policy: Policy) -> String {
    let mut standing = Standing::adopt(Past::default(), at(0));
    let look = |(second, value): (i64, &f64)| {
        let reading =
            if value.is_infinite() { Reading::Unknown } else { reading(*value, 10.0, clear) };
        match standing.step(at(second), reading, policy) {
            Say::Alarm => 'A',
            Say::Recovery { .. } => 'R',
            Say::Nothing => match standing.past.state {
                ThresholdState::Quiet => '.',
                ThresholdState::Pending => 'p',
                ThresholdState::Firing => 'f',
            },
        }
    };
    (0..).zip(values).map(look).collect()
}

#[test]
fn courses() {
    const X: f64 = f64::INFINITY;
    let every = Repeat::After;
    let cases: [(&str, &[f64], f64, Policy, &str); 11] = [
        ("classic, no rate: at every look", &[9., 10., 11., 9.], 10., policy(0, every(0)), ".AAR"),
        ("classic, rate", &[10.; 9], 10., policy(0, every(4)), "AfffAfffA"),
        (
            "a rate counts from the last alarm, however often it fires",
            &[10., 0., 10., 0., 10., 10.],
            10.,
            policy(0, every(4)),
            "ARf.Af",
        ),
        ("once", &[10., 10., 0., 10., 10.], 10., policy(0, Repeat::Never), "AfRAf"),
        ("for", &[10., 10., 10., 10., 0.], 10., policy(3, Repeat::Never), "pppAR"),
        (
            "for begins anew",
            &[10., 10., 0., 10., 10., 10.],
            10.,
            policy(2, Repeat::Never),
            "pp.ppA",
        ),
        ("hysteresis", &[10., 9., 8., 9., 7., 9.], 8., policy(0, Repeat::Never), "AfffR."),
        ("unknown changes nothing", &[10., X, X, 10., X, 0.], 10., policy(0, every(2)), "AffAfR"),
        ("unknown is not enough for a start", &[10., X, X, 10.], 10., policy(2, every(0)), "pppA"),
        ("nothing at all", &[f64::NAN, 10., f64::NAN], 10., policy(0, Repeat::Never), ".AR"),
        (
            "no recovery of what nobody was told",
            &[10., 0., 10., 0.],
            10.,
            policy(0, every(100)),
            "ARf.",
        ),
    ];
    for (name, values, clear, policy, want) in cases {
        assert_eq!(course(values, clear, policy), want, "{name}");
    }
}

#[test]
fn without_alarm_or_text_nothing_is_said_and_everything_counted() {
    let silent = Policy { alarm: false, ..policy(0, Repeat::Never) };
    assert_eq!(course(&[10., 0., 10.], 10., silent), "f.f");
    let no_text = Policy { recovery: false, ..policy(0, Repeat::Never) };
    assert_eq!(course(&[10., 0., 10.], 10., no_text), "A.A");
}

#[test]
fn a_new_observer_neither_pages_again_nor_forgets_to_resolve() {
    let mut first = Standing::adopt(Past::default(), at(0));
    assert_eq!(first.step(at(5), reading(20., 10., 10.), policy(0, Repeat::Never)), Say::Alarm);
    let mut second = Standing::adopt(first.past, at(9));
    let mut say = |second_: i64, value| {
        second.step(at(second_), reading(value, 10., 10.), policy(0, Repeat::Never))
    };
    assert_eq!(say(9, 20.), Say::Nothing, "it was told");
    assert_eq!(say(15, 0.), Say::Recovery { since: 1_000_005, held: 10 });
    assert_eq!(say(16, 20.), Say::Alarm);
    assert_eq!(second.past.fired, 2);
}

#[test]
fn a_clock_that_was_set_back_neither_pages_again_nor_blocks() {
    let past = Past { state: ThresholdState::Firing, since: 5_000, last_alarm: 5_000, fired: 1 };
    let now = Moment { steady_s: 100, epoch_s: 1_000 };
    let mut standing = Standing::adopt(past, now);
    let policy = policy(0, Repeat::After(10));
    let mut say = |steady_s| {
        let now = Moment { steady_s, epoch_s: 1_000 };
        standing.step(now, reading(20., 10., 10.), policy)
    };
    assert_eq!([say(100), say(109), say(110)], [Say::Nothing, Say::Nothing, Say::Alarm]);
}

proptest! {
    #[test]
    fn what_holds_for_every_course(
        values in prop::collection::vec(0..20u8, 1..200),
        clear in 5..=10u8,
        hold in 0..6i64,
        rate in prop::option::of(0..8u64),
        restarts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let policy = policy(hold, rate.map_or(Repeat::Never, Repeat::After));
        let (bound, clear) = (10.0, f64::from(clear));
        let restarts: Vec<_> = restarts.iter().map(|i| i.index(values.len())).collect();
        let mut standing = Standing::adopt(Past::default(), at(0));
        let (mut since, mut last_alarm, mut last_said) = (None, None, Say::Nothing);
        for (second, value) in (0..).zip(&values) {
            if restarts.contains(&(second as usize)) {
                standing = Standing::adopt(standing.past, at(second));
            }
            let value = f64::from(*value);
            let before = standing.past;
            let say = standing.step(at(second), reading(value, bound, clear), policy);
            since = (value >= bound).then(|| since.unwrap_or(second));
            let fires = standing.past.state == ThresholdState::Firing;
            if before.state == ThresholdState::Firing && (clear..bound).contains(&value) {
                prop_assert!(fires, "flapped inside the band");
            }
            if fires && before.state != ThresholdState::Firing {
                let since = since.expect("it holds");
                prop_assert!(second - since >= hold, "fired after {} s", second - since);
                prop_assert_eq!(standing.past.fired, before.fired + 1);
            }
            match say {
                Say::Alarm => {
                    prop_assert!(fires);
                    if let (Some(rate), Some(last)) = (rate, last_alarm) {
                        prop_assert!(second - last >= rate as i64, "again after {}", second - last);
                    }
                    if rate.is_none() {
                        prop_assert!(last_said != Say::Alarm, "told twice");
                    }
                    last_alarm = Some(second);
                    last_said = say;
                }
                Say::Recovery { .. } => {
                    prop_assert!(value < clear && last_said == Say::Alarm);
                    last_said = say;
                }
                Say::Nothing => {}
            }
        }
    }
}
