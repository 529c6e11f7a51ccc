//! Every byte, alone and in company.

use super::*;
use proptest::prelude::*;

fn fifo(slots: &[&str]) -> Fifo {
    let slots = slots.iter().map(|slot| (*slot).to_owned()).collect();
    Fifo::new(slots, Table::default(), false).unwrap()
}

fn open(path: &str, leave: &str) -> Order {
    Order::Open { path: path.into(), leave: leave.into() }
}

const fn obey(byte: u8, command: Command) -> Order {
    Order::Obey { byte, command }
}

const REPORT: Order = obey(b's', Command::Report);
const RELOAD: Order = obey(b'r', Command::Reload);
const FORK: Order = obey(b'f', Command::Fork);
const PAUSE: Order = obey(b'p', Command::Pause);

#[test]
fn every_letter_has_its_order() {
    for (byte, order) in [
        (b'+', Order::Workers(1)),
        (b'-', Order::Workers(-1)),
        (b'S', Order::Subscriptions { blocked: true }),
    ] {
        one_byte_is(byte, order);
    }
    for (byte, command) in [
        (b'B', Command::Reinforcement),
        (b'c', Command::ReloadChain),
        (b'C', Command::GoCheap),
        (b'E', Command::Rescan),
        (b'f', Command::Fork),
        (b'l', Command::ReopenLog),
        (b'L', Command::RotateLog),
        (b'p', Command::Pause),
        (b'P', Command::WritePidfiles),
        (b'q', Command::StopGracefully),
        (b'Q', Command::Stop),
        (b'r', Command::Reload),
        (b'R', Command::ReloadBrutally),
        (b's', Command::Report),
        (b'w', Command::ReloadWorkers),
        (b'W', Command::KillWorkers),
    ] {
        one_byte_is(byte, obey(byte, command));
    }
}

fn one_byte_is(byte: u8, order: Order) {
    let mut fifo = fifo(&["/f0"]);
    assert_eq!(fifo.read(&[byte], true).given(), [order], "{}", byte as char);
    assert_eq!((fifo.received(byte), fifo.unknown()), (1, 0));
}

#[test]
fn other_bytes_are_counted_and_ignored() {
    let mut fifo = fifo(&["/f0"]);
    let known = b"+-0123456789BcCEflLpPqQrRsSwW";
    let others: Vec<u8> = (0..=255).filter(|byte| !known.contains(byte)).collect();
    assert!(fifo.read(&others, true).is_empty());
    let blank = (0..=255u8).filter(u8::is_ascii_whitespace).count();
    assert_eq!(fifo.unknown(), 256 - (known.len() + blank) as u64);
    assert_eq!(fifo.read(b"r\n", true).given(), [RELOAD]);
    assert_eq!((fifo.received(b'\n'), fifo.commands()), (2, 1));
}

#[test]
fn odd_bytes_are_told_of_once_a_second() {
    let at = |ms: u64| Now { us: ms * 1000, wall_s: 0 };
    let mut fifo = fifo(&["/f0"]);
    fifo.read(b"r\n \t", true);
    assert_eq!(fifo.complaint(at(0)), None);
    fifo.read(b"hex", true);
    let text = "master fifo /f0: 3 bytes without a meaning ignored (the last was 0x78)";
    assert_eq!(fifo.complaint(at(0)), Some(Line::dated(text)));
    fifo.read(b"y", true);
    assert_eq!(fifo.complaint(at(999)), None, "one line per second");
    let text = "master fifo /f0: 1 byte without a meaning ignored (the last was 0x79)";
    assert_eq!(fifo.complaint(at(1000)), Some(Line::dated(text)));
    assert_eq!(fifo.complaint(at(5000)), None, "nothing new");
}

#[test]
fn what_repeats_itself_is_done_once() {
    let orders = |bytes: &[u8]| fifo(&["/f0"]).read(bytes, false).given();
    assert_eq!(orders(b"ssss"), [REPORT]);
    assert_eq!(orders(b"s\ns\n"), [REPORT, REPORT], "two writes of one line each");
    assert_eq!(orders(b"fff"), [FORK]);
    assert_eq!(orders(b"pp"), [PAUSE, PAUSE], "the second one undoes the first");
    assert_eq!(orders(b"srs"), [REPORT, RELOAD, REPORT]);
}

#[test]
fn a_master_may_begin_with_a_later_slot() {
    let mut fifo = fifo(&["/f0", "/f1"]);
    fifo.start_at(1);
    assert_eq!((fifo.slot(), fifo.path()), (1, "/f1"));
    fifo.start_at(2);
    assert_eq!(fifo.slot(), 1, "there is no such slot");
}

#[test]
fn more_and_fewer_workers_are_summed_up() {
    let workers = |bytes: &[u8]| fifo(&["/f0"]).read(bytes, false).given();
    assert_eq!(workers(b"+++\n"), [Order::Workers(3)]);
    assert_eq!(workers(b"++-"), [Order::Workers(1)]);
    assert_eq!(workers(b"+-"), []);
    assert_eq!(workers(b"+\n+s-"), [Order::Workers(2), REPORT, Order::Workers(-1)]);
}

#[test]
fn a_slot_takes_effect_at_once() {
    let mut fifo = fifo(&["/f0", "/f1"]);
    let steps = fifo.read(b"1fp", false);
    assert_eq!(steps.texts(), ["V active master fifo is now /f1"]);
    assert_eq!(steps.given(), [open("/f1", "/f0"), FORK, PAUSE]);
    assert_eq!((fifo.slot(), fifo.path()), (1, "/f1"));
    let steps = fifo.read(b"1", false);
    assert_eq!(steps.texts(), ["V active master fifo is now /f1"]);
    assert!(steps.given().is_empty(), "it is open already");
    let steps = fifo.read(b"7", false);
    assert_eq!(steps.texts(), ["V active master fifo is now /f0"], "there is no such slot");
    assert_eq!(steps.given(), [open("/f0", "/f1")]);
}

#[test]
fn without_an_emperor_there_is_no_reinforcement() {
    let steps = fifo(&["/f0"]).read(b"B", false);
    assert_eq!(steps.texts(), ["[broodlord] instance not governed by an Emperor !!!"]);
    assert!(steps.given().is_empty());
}

#[test]
fn subscriptions_are_blocked_and_sent_again() {
    let mut plain = fifo(&["/f0"]);
    let steps = plain.read(b"SS", false);
    assert_eq!(steps.texts(), ["V subscriptions blocked", "V subscriptions re-enabled"]);
    assert!(!plain.subscriptions_blocked());
    let mut unsubscribed = Fifo::new(vec!["/f0".into()], Table::default(), true).unwrap();
    assert!(unsubscribed.subscriptions_blocked());
    assert_eq!(unsubscribed.read(b"S", false).texts(), ["V subscriptions re-enabled"]);
}

#[test]
fn plugins_add_and_replace() {
    let mut table = Table::default();
    table.set(b'x', Some(Meaning::Command(Command::Plugin(4))));
    table.set(b'r', Some(Meaning::Command(Command::Plugin(5))));
    table.set(b'Q', None);
    let mut fifo = Fifo::new(vec!["/f0".into()], table, false).unwrap();
    assert_eq!(
        fifo.read(b"xrQ", false).given(),
        [obey(b'x', Command::Plugin(4)), obey(b'r', Command::Plugin(5))]
    );
    assert_eq!(fifo.unknown(), 1);
}

#[test]
fn without_a_path_there_is_no_fifo() {
    assert!(Fifo::new(Vec::new(), Table::default(), false).is_none());
}

#[test]
fn lines_of_those_who_act() {
    assert_eq!(FORKING, "fork()'ing uWSGI...");
    assert_eq!(forked(7), Line::dated("new master copy spawned with pid 7"));
    assert_eq!(writing_pidfile("/p"), Line::plain("writing pidfile to /p"));
    assert_eq!(removed("/f"), Line::plain("VACUUM: master fifo /f removed."));
}

proptest! {
    /// However the bytes are cut into reads, the same happens. (Repetitions are done once in each.)
    #[test]
    fn cuts_do_not_matter(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        cut in 0usize..80,
    ) {
        bytes.dedup();
        let sum = |orders: Vec<Order>| {
            let (mut workers, mut others) = (0, Vec::new());
            for order in orders {
                match order {
                    Order::Workers(more) => workers += more,
                    other => others.push(other),
                }
            }
            (workers, others)
        };
        let (mut whole, mut parts) = (fifo(&["/a", "/b", "/c"]), fifo(&["/a", "/b", "/c"]));
        let at_once = whole.read(&bytes, true).given();
        let (one, other) = bytes.split_at(cut.min(bytes.len()));
        let mut cut = parts.read(one, true).given();
        cut.extend(parts.read(other, true).given());
        prop_assert_eq!(sum(at_once), sum(cut));
        prop_assert_eq!(whole.path(), parts.path());
        prop_assert_eq!(whole.unknown(), parts.unknown());
    }
}
