//! Recorded files of both versions, hosts and containers; arbitrary text.

use std::path::PathBuf;

use super::*;

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn with(name: &str, files: &[(&str, &str)]) -> Dir {
        let dir = std::env::temp_dir().join(format!("uwsgi-cg-{name}-{}", crate::process::pid()));
        for (file, text) in files {
            let path = dir.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Dir(dir)
    }

    /// The group at `path` as the second version mounts it here.
    fn unified(&self, path: &str) -> Places {
        let mounts = format!("26 1 0:1 / {} rw - cgroup2 cgroup2 rw\n", self.0.display());
        Places::find(&format!("0::{path}\n"), &mounts)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const V2_HOST: &str =
    "26 23 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1_HOST: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

#[test]
fn groups_are_found_where_they_are_mounted() {
    let v1_lines = "9:name=systemd:/\n8:pids:/p\n4:memory:/m/n\n2:cpu,cpuacct:/c\n0::/u\n";
    // Seen from a container whose mount begins at its own group, without a namespace.
    let inside = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let spaced = "26 23 0:23 / /a\\040b rw - cgroup2 c rw\n";
    let cases = [
        ("0::/system.slice/web.service\n", V2_HOST, "/sys/fs/cgroup/system.slice/web.service"),
        ("0::/\n", V2_HOST, "/sys/fs/cgroup"),
        (v1_lines, V1_HOST, "/sys/fs/cgroup/memory/m/n"),
        ("4:memory:/docker/abc\n", inside, "/sys/fs/cgroup/memory"),
        ("4:memory:/docker/abc/sub\n", inside, "/sys/fs/cgroup/memory/sub"),
        ("4:memory:/\n", inside, "/sys/fs/cgroup/memory"),
        ("0::/x\n", spaced, "/a b/x"),
    ];
    for (cgroup, mounts, want) in cases {
        let found = Places::find(cgroup, mounts);
        let memory = found.memory.map(|place| place.dir);
        assert_eq!(memory, Some(PathBuf::from(want)), "{cgroup} in {mounts}");
    }
}

#[test]
fn a_mixed_machine_has_each_controller_where_it_lives() {
    let lines = "8:pids:/p\n4:memory:/m\n2:cpu,cpuacct:/c\n0::/u\n";
    let found = Places::find(lines, V1_HOST);
    let dir = |place: &Option<find::Place>| place.as_ref().map(|p| p.dir.display().to_string());
    assert_eq!(dir(&found.cpu).as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct/c"));
    assert_eq!(dir(&found.cpuacct).as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct/c"));
    assert_eq!(dir(&found.pids).as_deref(), Some("/sys/fs/cgroup/pids/p"));
    assert_eq!(found.unified, Some("/sys/fs/cgroup/unified/u".into()));
    assert!(found.memory.is_some_and(|place| !place.unified));
}

#[test]
fn a_group_that_cannot_be_seen_is_not_guessed() {
    for (cgroup, mounts) in [
        ("0::/../../other\n", V2_HOST),
        ("0::/a\n", ""),
        ("", V2_HOST),
        ("rubbish\n::\n:\n", "rubbish\n- cgroup2\n"),
    ] {
        assert_eq!(Places::find(cgroup, mounts), Places::default(), "{cgroup:?} in {mounts:?}");
    }
}

#[test]
fn the_second_version_is_read() {
    let stall = "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n";
    let dir = Dir::with(
        "v2",
        &[
            ("a/memory.max", "2147483648\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.high", "max\n"),
            ("a/b/memory.current", "1228800\n"),
            ("a/b/memory.events", "low 0\nhigh 3\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n"),
            ("a/b/cpu.max", "150000 100000\n"),
            ("a/cpu.max", "max 100000\n"),
            (
                "a/b/cpu.stat",
                "usage_usec 5000\nuser_usec 4000\nsystem_usec 1000\nnr_periods 10\n\
                 nr_throttled 6\nthrottled_usec 700\nnr_bursts 0\n",
            ),
            ("a/b/pids.max", "max\n"),
            ("a/b/pids.current", "12\n"),
            ("a/b/cpu.pressure", stall),
        ],
    );
    let got = read(&dir.unified("/a/b"));
    let memory = Memory {
        limit: Some(2 << 30),
        high: None,
        usage: Some(1_228_800),
        high_events: Some(3),
        max_events: Some(4),
        oom_events: Some(2),
        oom_kills: Some(1),
    };
    assert_eq!(got.memory, memory, "a limit above the group counts, `max` is no limit");
    let cpu = Cpu {
        limit_milli: Some(1500),
        usage_us: Some(5000),
        periods: Some(10),
        throttled: Some(6),
        throttled_us: Some(700),
    };
    assert_eq!(got.cpu, cpu);
    assert_eq!((got.pids_limit, got.pids_current), (None, Some(12)));
    assert_eq!(got.pressure[0].unwrap().some.unwrap().total_us, 4);
    assert_eq!(got.pressure[1], None);
}

#[test]
fn the_first_version_is_read() {
    let dir = Dir::with(
        "v1",
        &[
            ("m/memory.limit_in_bytes", "9223372036854771712\n"),
            ("m/memory.soft_limit_in_bytes", "9223372036854771712\n"),
            ("m/memory.stat", "cache 5\nhierarchical_memory_limit 536870912\ntotal_cache 5\n"),
            ("m/memory.usage_in_bytes", "4096\n"),
            ("m/memory.failcnt", "7\n"),
            ("m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
            ("c/cpu.cfs_quota_us", "-1\n"),
            ("c/cpu.cfs_period_us", "100000\n"),
            ("c/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 3000000\n"),
            ("c/cpuacct.usage", "9000000\n"),
            ("p/pids.max", "100\n"),
            ("p/pids.current", "3\n"),
        ],
    );
    let root = dir.0.display();
    let mounts = format!(
        "1 1 0:1 / {root}/m rw - cgroup cgroup rw,memory\n2 1 0:1 / {root}/c rw - cgroup cgroup \
         rw,cpu,cpuacct\n3 1 0:1 / {root}/p rw - cgroup cgroup rw,pids\n"
    );
    let lines = "3:pids:/\n2:cpu,cpuacct:/\n1:memory:/\n";
    let got = read(&Places::find(lines, &mounts));
    assert_eq!((got.memory.limit, got.memory.high), (Some(512 << 20), None));
    assert_eq!((got.memory.usage, got.memory.max_events), (Some(4096), Some(7)));
    assert_eq!((got.memory.oom_kills, got.memory.oom_events), (Some(3), None));
    let cpu = Cpu {
        limit_milli: None,
        usage_us: Some(9000),
        periods: Some(5),
        throttled: Some(2),
        throttled_us: Some(3000),
    };
    assert_eq!(got.cpu, cpu, "a quota of -1 is no limit");
    assert_eq!((got.pids_limit, got.pids_current), (Some(100), Some(3)));
    std::fs::write(dir.0.join("c/cpu.cfs_quota_us"), "50000\n").unwrap();
    assert_eq!(read(&Places::find(lines, &mounts)).cpu.limit_milli, Some(500));
}

#[test]
fn missing_and_broken_files_are_absent() {
    let dir =
        Dir::with("gone", &[("a/memory.current", "x\n"), ("a/cpu.max", "5\n"), ("a/cpu.stat", "")]);
    assert_eq!(read(&dir.unified("/a")), Group::default());
    assert_eq!(read(&dir.unified("/b")), Group::default());
    assert_eq!(read(&Places::default()), Group::default());
    assert_eq!(milli(1, 0), None);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(cgroup in "(\\PC|\\n|:){0,200}", mounts in "([ -~]|\\n){0,200}") {
        let _ = Places::find(&cgroup, &mounts);
        let lines = format!("0::{cgroup}\n4:memory:{cgroup}\n");
        let found = Places::find(&lines, V2_HOST);
        // Whatever the text: what is read lies under the mount point.
        if let Some(place) = found.unified {
            proptest::prop_assert!(place.starts_with("/sys/fs/cgroup"));
            proptest::prop_assert!(!place.components().any(|c| c == std::path::Component::ParentDir));
        }
        let _ = (keyed(&mounts, "high"), crate::machine::parse_pressure(&mounts));
    }
}
