//! What is read, and what is refused with which words.

use super::*;

fn spec(text: &str) -> Spec {
    parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"))
}

#[test]
fn the_keys_of_the_original_mean_what_they_meant() {
    let plain = spec("key=worker.0.requests,value=3");
    assert_eq!(plain.what, What::Value("worker.0.requests".into()));
    assert_eq!((plain.op, plain.bound), (Op::AtLeast, Quantity::Plain(3.0)));
    assert_eq!((plain.alarm, plain.message, plain.reset), (None, None, None));
    assert_eq!((plain.repeat, plain.hold, plain.classic), (Repeat::After(0), 0, true));
    let full = spec(r"key=a,value=-4,alarm=x,rate=30,msg=too much\, really {x},reset=-7");
    assert_eq!(full.alarm.as_deref(), Some("x"));
    assert_eq!(full.message.as_deref(), Some("too much, really {x}"));
    assert_eq!((full.repeat, full.reset), (Repeat::After(30), Some(-7)));
    assert!(full.classic && full.remarks.is_empty());
}

#[test]
fn numbers_are_read_as_far_as_they_are_some() {
    let odd = spec("key=a,value=3x,rate=5y,reset=z");
    assert_eq!(
        (odd.bound, odd.repeat, odd.reset),
        (Quantity::Plain(3.0), Repeat::After(5), Some(0))
    );
    assert_eq!(odd.remarks.len(), 3, "{:?}", odd.remarks);
    assert_eq!(spec("key=a,value=").bound, Quantity::Plain(0.0));
    assert!(spec("key=a,value=1,foo=2").classic, "keys nobody reads change nothing");
}

#[test]
fn forms() {
    let a = || "a".to_owned();
    let cases = [
        ("key=a,value=1,delta=1", What::Delta(a(), 1)),
        ("key=a,value=1,rate-over=5m", What::Delta(a(), 300)),
        ("key=a,value=5%,per=b", What::Ratio(a(), "b".into(), None)),
        ("key=a,value=5%,per=b,window=1m", What::Ratio(a(), "b".into(), Some(60))),
        ("key=a,value=250ms,percentile=99", What::Percentile(a(), 0.99, 60)),
        ("key=a,value=1,percentile=50,window=10", What::Percentile(a(), 0.5, 10)),
    ];
    for (text, want) in cases {
        let spec = spec(text);
        assert_eq!(spec.what, want, "{text}");
        assert_eq!((spec.classic, spec.repeat), (false, Repeat::Never), "{text}");
        assert_eq!(spec.key(), "a");
    }
}

#[test]
fn objectives() {
    let What::Burn(burn) = spec("objective=99,bad=a,total=b,burn=1h:5m:14.4;6h:30m:6").what else {
        panic!("no burn rate")
    };
    assert!((burn.budget - 0.01).abs() < 1e-12);
    assert_eq!(burn.over, Over::Counters { bad: "a".into(), total: "b".into() });
    let pair = |long, short, factor| Pair { long, short, factor };
    assert_eq!(burn.pairs, [pair(3600, 300, 14.4), pair(21_600, 1_800, 6.0)]);
    let latency = spec("objective=99.9%,key=core.request_duration,limit=250ms,alarm=x");
    let What::Burn(burn) = latency.what else { panic!("no burn rate") };
    let limit_us = 250_000;
    assert_eq!(burn.over, Over::Latency { key: "core.request_duration".into(), limit_us });
    assert_eq!(burn.pairs.len(), 2, "the usual windows");
}

#[test]
fn conditions() {
    let spec = spec("key=a,value=10,op=<,for=2m,clear=12,clear-msg=well,min=5,per=b,window=9");
    assert_eq!((spec.op, spec.hold, spec.clear), (Op::Below, 120, Some(Quantity::Plain(12.0))));
    assert_eq!((spec.recovery.as_deref(), spec.least), (Some("well"), 5.0));
    assert_eq!(super::parse("key=a,value=1,recovery=").unwrap().recovery.as_deref(), Some(""));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let needs = "metric's threshold requires a key and a value: ";
    let mine = "metric's threshold: ";
    let cases = [
        ("x", needs, "", "key and value"),
        ("key=a", needs, "", "key and value"),
        ("value=3,percentile=9", needs, "", "key and value"),
        ("key=a,value=1,op==>", mine, "op==> is no comparison", ">=, >, <, <= or =="),
        ("key=a,value=1,for=soon", mine, "for=soon is no duration", "5m"),
        ("key=a,value=1,window=5", mine, "window=5 does not belong here", "per or percentile"),
        ("key=a,value=1,delta=0", mine, "delta=0 is no window", "from 1"),
        ("key=a,value=1,delta=4d", mine, "delta=4d is no window", "from 1"),
        ("key=a,value=1,delta=1,per=b", mine, "per=b stands beside delta", "one of the two"),
        ("key=a,value=1,delta=1,window=5", mine, "window=5 does not belong", "names its own"),
        ("key=a,value=1,percentile=0", mine, "percentile=0 is no percentile", "above 0"),
        ("key=a,value=1,percentile=101", mine, "percentile=101 is no percentile", "100"),
        ("key=a,value=1,delta=1,reset=0", mine, "reset=0 does not belong", "no reset"),
        ("key=a,value=1,limit=1s", mine, "limit=1s does not belong", "objective"),
        ("key=a,value=1,clear=2", mine, "clear=2 is on the wrong side", "at most"),
        ("key=a,value=1,op=<,clear=0", mine, "clear=0 is on the wrong side", "at least"),
        ("key=a,value=1,op===,clear=0", mine, "clear=0 does not fit op ==", "no clear"),
        ("key=a,value=1s,clear=0", mine, "clear=0 has another unit", "same unit"),
        ("key=a,value=1,per=b,min=x", mine, "min=x is no number", "from 0"),
        ("objective=100,bad=a,total=b", mine, "objective=100 is no objective", "99.9"),
        ("objective=99,bad=a", mine, "objective=99 does not say what", "bad and total"),
        ("objective=99,key=a", mine, "objective=99 does not say what", "key and limit"),
        ("objective=99,key=a,limit=1s,bad=b", mine, "objective=99 does not say", "bad and total"),
        ("objective=99,key=a,limit=5%", mine, "limit=5% is no time", "250ms"),
        ("objective=99,bad=a,total=b,value=1", mine, "value=1 does not belong", "in burn"),
        ("objective=99,bad=a,total=b,burn=5m:1h:2", mine, "burn=5m:1h:2 is no list", "LONG"),
        ("objective=99,bad=a,total=b,burn=1h:5m", mine, "burn=1h:5m is no list", "LONG"),
        ("objective=99,bad=a,total=b,op=<", mine, "op=< does not fit an objective", "no op"),
    ];
    for (text, start, middle, remedy) in cases {
        let refusal = parse(text).expect_err(text);
        let whole = &refusal.text;
        assert!(whole.starts_with(start) && whole.contains(middle), "{text}: {whole}");
        assert!(whole.ends_with(text), "{whole} names the whole list");
        assert!(refusal.remedy.contains(remedy), "{text}: {}", refusal.remedy);
    }
}
