//! Known tables, and arbitrary ones against a model of how the kernel follows a path.

use proptest::prelude::*;

use super::*;

#[test]
fn the_deepest_goes_first_and_the_root_stays() {
    let text = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /old rw - tmpfs none rw
24 23 0:6 / /old/dev rw - devtmpfs none rw
25 24 0:7 / /old/dev/pts rw - devpts none rw
26 23 0:8 / /old/a\\040b rw - tmpfs none rw
27 22 0:9 / /older rw - tmpfs none rw
";
    assert_eq!(below(text, "/old"), ["/old/a b", "/old/dev/pts", "/old/dev"]);
    assert_eq!(below(text, "/old/"), ["/old/a b", "/old/dev/pts", "/old/dev"]);
    assert_eq!(below(text, "/old/dev"), ["/old/dev/pts"]);
    assert_eq!(below(text, "/nothing"), Vec::<String>::new());
    assert_eq!(below(text, "/").len(), 5, "all but the root");
    assert_eq!(below(text, "/").last().map(String::as_str), Some("/old"));
}

#[test]
fn a_mount_over_another_goes_before_what_it_hides() {
    let text = "\
1 1 0:1 / / rw - rootfs none rw
2 1 0:2 / /x/a rw - tmpfs none rw
3 2 0:3 / /x/a/b rw - tmpfs none rw
4 2 0:4 / /x/a rw - tmpfs none rw
";
    assert_eq!(below(text, "/x"), ["/x/a", "/x/a/b", "/x/a"]);
}

#[test]
fn what_lies_under_a_mount_that_stays_cannot_be_reached() {
    let text = "\
2 1 0:2 / /x rw - tmpfs none rw
3 2 0:3 / /x/b rw - tmpfs none rw
4 2 0:4 / /x rw - tmpfs none rw
5 4 0:5 / /x/c rw - tmpfs none rw
";
    assert_eq!(below(text, "/x"), ["/x/c"]);
}

#[test]
fn escapes_are_bytes() {
    for (word, path) in [
        ("/a\\040b", "/a b"),
        ("/\\134\\011\\012", "/\\\t\n"),
        ("/\\303\\244", "/ä"),
        ("/\\04", "/\\04"),
        ("/\\999", "/\\999"),
        ("/ü\\040", "/ü "),
    ] {
        assert_eq!(unescape(word), path);
    }
}

/// Mounts as the kernel keeps them, by path.
#[derive(Clone, Debug)]
struct Model(Vec<Entry>);

impl Model {
    fn new() -> Model {
        Model(vec![Entry { id: 1, parent: 0, path: "/".into() }])
    }

    /// The mount that a path leads to.
    fn lookup(&self, path: &str) -> u32 {
        let mut ways = vec!["/".to_owned()];
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let last = ways.last().unwrap().trim_end_matches('/').to_owned();
            ways.push(format!("{last}/{part}"));
        }
        let mut mount = 1;
        for way in ways {
            let on = |mount| move |e: &&Entry| e.parent == mount;
            while let Some(over) = self.0.iter().filter(on(mount)).find(|e| e.path == way) {
                mount = over.id;
            }
        }
        mount
    }

    fn mount(&mut self, path: &str) {
        let id = self.0.iter().map(|e| e.id).max().unwrap() + 1;
        self.0.push(Entry { id, parent: self.lookup(path), path: path.to_owned() });
    }

    fn umount(&mut self, path: &str) -> bool {
        let id = self.lookup(path);
        let busy = self.0.iter().any(|e| e.parent == id);
        let here = self.0.iter().any(|e| e.id == id && e.path == path);
        let ok = here && !busy && id != 1;
        self.0.retain(|e| !ok || e.id != id);
        ok
    }

    /// The table, its lines in an order of their own: a mount that was moved stands where it was.
    fn text(&self, order: u32) -> String {
        let mut entries = self.0.clone();
        entries.sort_by_key(|e| e.id * order % 31);
        let line =
            |e: &Entry| format!("{} {} 0:1 / {} rw - tmpfs none rw\n", e.id, e.parent, e.path);
        entries.iter().map(line).collect()
    }
}

proptest! {
    #[test]
    fn every_call_meets_its_mount(paths in proptest::collection::vec("(/[ab]){1,3}", 0..14), order in 1_u32..31) {
        let mut model = Model::new();
        for path in &paths {
            model.mount(path);
        }
        for path in below(&model.text(order), "/a") {
            prop_assert!(model.umount(&path), "{path} of {paths:?}");
        }
        let on_top = model.lookup("/a");
        prop_assert!(!model.0.iter().any(|e| e.parent == on_top && e.path.starts_with("/a")));
    }

    #[test]
    fn any_text_is_survived(text in "([0-9]{1,2} [0-9]{1,2} 0:1 / (/[ab\\\\0]){0,3} x\n|.{0,9}\n){0,20}", target in "(/a){0,2}/?") {
        let _ = below(&text, &target);
    }
}
