//! Mounts and names done for real, inside namespaces of their own.
//!
//! Each test runs this binary again under `unshare` and looks at how it ends. Without root, or where
//! namespaces are not allowed, it is skipped and says why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing helper is a failing test"
)]

use std::fs;
use std::process::Command;

use uwsgi_hooks::real::{NoServer, Real, Settings};
use uwsgi_hooks::{Doer, Failure, action};

const INSIDE: &str = "UWSGI_HOOKS_TEST_INSIDE";

/// The directory of the test inside namespaces of our own. Outside, runs the test of this name
/// there.
fn inside(test: &str) -> Option<String> {
    if let Ok(directory) = std::env::var(INSIDE) {
        return Some(directory);
    }
    let own = ["--mount", "--uts", "--propagation", "private"];
    let allowed = Command::new("unshare").args(own).arg("true").output();
    match allowed {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        Err(error) => {
            eprintln!("skipped: unshare: {error}");
            return None;
        }
    }
    let directory = std::env::temp_dir().join(format!("uwsgi-{test}-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let mut again = Command::new("unshare");
    again.args(own).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let status = again.env(INSIDE, &directory).status().unwrap();
    fs::remove_dir(&directory).unwrap();
    assert!(status.success(), "inside of namespaces");
    None
}

fn act(name: &str, argument: &str) -> Result<(), Failure> {
    let action = action::kind(name).unwrap().read(argument)?;
    Real::new(Settings::default(), NoServer).act(&action, &[])
}

fn options(path: &str) -> String {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let of_path = |line: &&str| line.split(' ').nth(4) == Some(path);
    let line = table.lines().rfind(of_path).unwrap_or_default();
    line.split(' ').nth(5).unwrap_or_default().to_owned()
}

/// A filesystem of our own, with directories.
fn prepare(ground: &str) {
    act("mount", &format!("tmpfs none {ground} nosuid,nodev size=1m")).unwrap();
    for name in ["a", "a b", "c"] {
        fs::create_dir(format!("{ground}/{name}")).unwrap();
    }
}

#[test]
fn a_mount_has_its_flags_and_data() {
    let Some(ground) = inside("a_mount_has_its_flags_and_data") else { return };
    prepare(&ground);
    assert!(options(&ground).starts_with("rw,nosuid,nodev"), "{}", options(&ground));
    let told = |text: &str| Err(Failure::Told(text.to_owned()));
    assert_eq!(
        act("mount", &format!("nofs none {ground}/a")),
        told("uwsgi_mount(): No such device")
    );
    assert_eq!(act("umount", &format!("{ground}/a")), told("uwsgi_umount(): Invalid argument"));
    assert_eq!(act("umount", &ground), Ok(()));
}

#[test]
fn a_bind_can_be_read_only_and_keeps_what_was_taken() {
    let Some(ground) = inside("a_bind_can_be_read_only_and_keeps_what_was_taken") else { return };
    prepare(&ground);
    fs::write(format!("{ground}/a/f"), "x").unwrap();
    act("mount", &format!("none {ground}/a {ground}/c bind,ro,private")).unwrap();
    assert_eq!(fs::read_to_string(format!("{ground}/c/f")).unwrap(), "x");
    assert!(fs::write(format!("{ground}/c/f"), "y").is_err(), "it is read-only");
    assert!(fs::write(format!("{ground}/a/f"), "y").is_ok(), "only there");
    assert!(
        options(&format!("{ground}/c")).starts_with("ro,nosuid,nodev"),
        "{}",
        options(&format!("{ground}/c"))
    );
}

#[test]
fn a_tree_is_unmounted_from_its_leaves() {
    let Some(ground) = inside("a_tree_is_unmounted_from_its_leaves") else { return };
    prepare(&ground);
    for target in ["a", "a b", "c", "c"] {
        act("mount", &format!("tmpfs none '{ground}/{target}'")).unwrap();
    }
    fs::create_dir(format!("{ground}/a/deep")).unwrap();
    act("mount", &format!("tmpfs none {ground}/a/deep")).unwrap();
    let busy = Err(Failure::Told("uwsgi_umount(): Device or resource busy".into()));
    assert_eq!(act("umount", &ground), busy);
    assert_eq!(act("umount", &format!("{ground} rec")), Ok(()));
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!table.contains(&ground), "{table}");
}

#[test]
fn a_busy_tree_can_be_detached() {
    let Some(ground) = inside("a_busy_tree_can_be_detached") else { return };
    prepare(&ground);
    act("mount", &format!("tmpfs none {ground}/a")).unwrap();
    let _held = fs::File::create(format!("{ground}/a/f")).unwrap();
    assert_eq!(act("umount", &format!("{ground} rec,detach")), Ok(()));
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!table.contains(&ground), "{table}");
}

#[test]
fn without_proc_nothing_is_unmounted_recursively() {
    let Some(ground) = inside("without_proc_nothing_is_unmounted_recursively") else { return };
    prepare(&ground);
    act("mount", "tmpfs none /proc").unwrap();
    let stop = "the /proc filesystem must be mounted for recursive umount".to_owned();
    assert_eq!(act("umount", &format!("{ground} rec")), Err(Failure::Stop(stop)));
}

#[test]
fn the_host_has_a_name_of_ours() {
    if inside("the_host_has_a_name_of_ours").is_none() {
        return;
    }
    act("hostname", "foobar").unwrap();
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim(), "foobar");
}
