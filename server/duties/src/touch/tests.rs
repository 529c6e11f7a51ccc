//! Every option, every kind of change.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// A directory that lies in memory.
#[derive(Default)]
struct Files(HashMap<String, Stat>);

impl Files {
    fn put(&mut self, path: &str, mtime_ns: i128, inode: u64) {
        self.0.insert(path.into(), Stat { mtime_ns, inode });
    }

    fn look(&self, path: &str) -> Seen {
        self.0.get(path).copied()
    }
}

fn watch(option: &str, value: &str) -> Watch {
    Watch::parse(option, value).unwrap()
}

/// The steps after a touch of `/f`, `/g` and so on, all watched by these options.
fn touched(options: &[(&str, &str)], chain_runs: bool) -> Steps<Order> {
    let watches: Vec<_> = options.iter().map(|(option, value)| watch(option, value)).collect();
    let mut files = Files::default();
    watches.iter().for_each(|watch| files.put(&watch.path, 5, 1));
    let (mut touches, steps) = Touches::new(watches.clone(), |path| files.look(path));
    assert!(steps.is_empty());
    assert!(touches.look(chain_runs, |path| files.look(path)).is_empty(), "nothing changed");
    watches.iter().for_each(|watch| files.put(&watch.path, 6, 1));
    let steps = touches.look(chain_runs, |path| files.look(path));
    assert!(touches.look(chain_runs, |path| files.look(path)).is_empty(), "told once");
    steps
}

#[test]
fn every_option_has_its_line_and_its_order() {
    let text = |what: &str| vec![format!("V *** /f has been touched... {what} !!! ***")];
    for (option, value, texts, order) in [
        ("touch-reload", "/f", text("grace them all"), Order::Reload),
        ("touch-workers-reload", "/f", text("workers reload"), Order::ReloadWorkers),
        ("touch-chain-reload", "/f", text("chain reload"), Order::ReloadChain),
        ("touch-mules-reload", "/f", text("mules reload"), Order::ReloadMules),
        ("touch-spoolers-reload", "/f", text("spoolers reload"), Order::ReloadSpoolers),
        ("touch-logrotate", "/f", vec![], Order::RotateLog),
        ("touch-logreopen", "/f", vec![], Order::ReopenLog),
        (
            "touch-exec",
            "/f ls -l /",
            vec!["V [uwsgi-touch-exec] running ls -l /".into()],
            Order::Run("ls -l /".into()),
        ),
        (
            "touch-signal",
            "/f 17",
            vec!["V [uwsgi-touch-signal] raising 17".into()],
            Order::Raise(17),
        ),
        ("hook-touch", "/f exec:a b", vec![], Order::Hook("exec:a b".into())),
    ] {
        let steps = touched(&[(option, value)], false);
        assert_eq!(steps.texts(), texts, "{option}");
        assert_eq!(steps.given(), [order], "{option}");
    }
}

#[test]
fn a_file_of_a_daemon_names_it() {
    let mut files = Files::default();
    let watches = vec![Watch::of_daemon(3, "/f")];
    let (mut touches, _) = Touches::new(watches, |path| files.look(path));
    files.put("/f", 1, 1);
    let steps = touches.look(false, |path| files.look(path));
    assert_eq!(steps.given(), [Order::Daemon { id: 3, file: "/f".into() }]);
}

#[test]
fn a_running_chain_is_not_begun_again() {
    let already = "V *** /f has been touched... but chain reload is already running ***";
    let steps = touched(&[("touch-chain-reload", "/f")], true);
    assert_eq!((steps.texts(), steps.given()), (vec![already.to_owned()], vec![]));
    let steps = touched(&[("touch-chain-reload", "/g"), ("touch-chain-reload", "/f")], false);
    let first = "V *** /g has been touched... chain reload !!! ***";
    assert_eq!(steps.texts(), [first, already]);
    assert_eq!(steps.given(), [Order::ReloadChain]);
}

#[test]
fn all_changed_files_are_handled_and_no_order_comes_twice() {
    let steps = touched(
        &[
            ("touch-workers-reload", "/a"),
            ("touch-exec", "/b one"),
            ("touch-workers-reload", "/c"),
            ("touch-exec", "/d two"),
            ("touch-mules-reload", "/a"),
        ],
        false,
    );
    assert_eq!(
        steps.texts(),
        [
            "V *** /a has been touched... workers reload !!! ***",
            "V [uwsgi-touch-exec] running one",
            "V *** /c has been touched... workers reload !!! ***",
            "V [uwsgi-touch-exec] running two",
            "V *** /a has been touched... mules reload !!! ***",
        ]
    );
    assert_eq!(
        steps.given(),
        [
            Order::Run("one".into()),
            Order::Run("two".into()),
            Order::ReloadWorkers,
            Order::ReloadMules,
        ]
    );
}

#[test]
fn a_full_reload_makes_the_others_needless_and_comes_last() {
    let steps = touched(
        &[
            ("touch-reload", "/a"),
            ("touch-workers-reload", "/b"),
            ("touch-logreopen", "/c"),
            ("hook-touch", "/d print:x"),
        ],
        false,
    );
    assert_eq!(steps.given(), [Order::Hook("print:x".into()), Order::ReopenLog, Order::Reload]);
}

#[test]
fn rotation_wins_over_reopening() {
    let steps = touched(&[("touch-logreopen", "/a"), ("touch-logrotate", "/b")], false);
    assert_eq!(steps.given(), [Order::RotateLog]);
}

#[test]
fn what_counts_as_a_change() {
    let stat = |mtime_ns, inode| Some(Stat { mtime_ns, inode });
    for (before, now, want, why) in [
        (stat(5, 1), stat(5, 1), false, "the same"),
        (stat(5, 1), stat(6, 1), true, "a nanosecond"),
        (stat(5, 1), stat(4, 1), false, "back in time"),
        (stat(5, 1), stat(5, 2), true, "replaced within the same moment"),
        (stat(5, 1), stat(4, 2), true, "replaced by an older one"),
        (stat(5, 1), None, true, "gone"),
        (None, stat(0, 1), true, "appeared"),
        (None, None, false, "still missing"),
    ] {
        assert_eq!(fires(before, now), want, "{why}");
    }
}

#[test]
fn a_time_that_went_back_is_the_new_measure() {
    let mut files = Files::default();
    files.put("/f", 1000, 1);
    let (mut touches, _) = Touches::new(vec![watch("touch-reload", "/f")], |p| files.look(p));
    files.put("/f", 10, 1);
    assert!(touches.look(false, |p| files.look(p)).is_empty());
    files.put("/f", 20, 1);
    assert_eq!(touches.look(false, |p| files.look(p)).given(), [Order::Reload]);
}

#[test]
fn a_file_that_is_missing_at_the_start_is_told_and_fires_when_created() {
    let mut files = Files::default();
    let (mut touches, steps) = Touches::new(vec![watch("touch-reload", "/f")], |p| files.look(p));
    assert_eq!(
        steps.texts(),
        ["unable to stat() /f, events will be triggered as soon as the file is created"]
    );
    assert_eq!(touches.paths().collect::<Vec<_>>(), ["/f"]);
    assert!(touches.look(false, |p| files.look(p)).is_empty());
    files.put("/f", 1, 1);
    assert_eq!(touches.look(false, |p| files.look(p)).given(), [Order::Reload]);
    files.0.clear();
    assert_eq!(touches.look(false, |p| files.look(p)).given(), [Order::Reload], "and removed");
}

#[test]
fn mistakes_name_option_value_and_form() {
    for (option, value, text) in [
        ("touch-reload", "", "invalid --touch-reload: a file is needed"),
        ("touch-exec", "/f", "invalid --touch-exec \"/f\": must be \"file command\""),
        ("touch-exec", " ls", "invalid --touch-exec \" ls\": must be \"file command\""),
        ("touch-signal", "/f ", "invalid --touch-signal \"/f \": must be \"file signal\""),
        (
            "touch-signal",
            "/f 256",
            "invalid --touch-signal \"/f 256\": a signal from 0 to 255 is needed",
        ),
        ("hook-touch", "/f", "invalid --hook-touch \"/f\": must be \"file action:arg\""),
    ] {
        assert_eq!(Watch::parse(option, value), Err(text.into()));
    }
    assert_eq!(watch("touch-reload", "/a b").path, "/a b", "a blank is part of the name");
}

proptest! {
    #[test]
    fn no_value_brings_it_down(which in 0..OPTIONS.len(), value in ".*") {
        if let Ok(watch) = Watch::parse(OPTIONS[which], &value) {
            prop_assert!(!watch.path.is_empty());
        }
    }
}
