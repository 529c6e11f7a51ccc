//! The order of choice, on machines that exist only here.

use super::*;

#[derive(Default)]
struct Fake {
    files: Vec<&'static str>,
    pyvenv: Option<&'static str>,
    probes: Vec<(&'static str, Probe)>,
    libraries: Vec<&'static str>,
}

impl World for Fake {
    fn is_file(&self, path: &Path) -> bool {
        let listed = |p: &&'static str| Path::new(p) == path;
        self.files.iter().any(listed)
            || self.libraries.iter().any(listed)
            || self.probes.iter().any(|(p, _)| Path::new(p) == path)
    }
    fn pyvenv(&self, _home: &Path) -> Option<String> {
        self.pyvenv.map(str::to_owned)
    }
    fn probe(&self, program: &Path) -> Option<Probe> {
        self.probes.iter().find(|(p, _)| Path::new(p) == program).map(|(_, probe)| probe.clone())
    }
    fn libraries(&self) -> Vec<Library> {
        self.libraries.iter().filter_map(|p| library_at(Path::new(p))).collect()
    }
}

fn probe(prefix: &str, minor: u8, shared: bool) -> Probe {
    Probe {
        libdir: PathBuf::from(format!("{prefix}/lib")),
        instsoname: if shared {
            format!("libpython3.{minor}.so.1.0")
        } else {
            format!("libpython3.{minor}.a")
        },
        shared,
        version: (3, minor),
        executable: PathBuf::from(format!("{prefix}/bin/python3.{minor}")),
        free_threaded: false,
    }
}

fn wish<'a>() -> Wish<'a> {
    Wish { home: None, python_lib: None, plugin_names: &[], path: OsStr::new("/a/bin:/b/bin") }
}

#[test]
fn the_library_given_wins_and_must_exist() {
    let world = Fake {
        files: vec!["/x/lib/libpython3.12.so.1.0", "/x/bin/python3.12", "/x/lib/libfoo.so"],
        probes: vec![("/a/bin/python3", probe("/a", 11, true))],
        ..Fake::default()
    };
    let lib = |p| Wish { python_lib: Some(Path::new(p)), ..wish() };
    let found = choose(&lib("/x/lib/libpython3.12.so.1.0"), &world).unwrap();
    assert_eq!(found.version, (3, 12));
    assert_eq!(found.program, Path::new("/x/bin/python3.12"));
    assert!(choose(&lib("/nowhere.so"), &world).unwrap_err().contains("is not a file"));
    assert!(choose(&lib("/x/lib/libfoo.so"), &world).unwrap_err().contains("is not named like"));
}

#[test]
fn a_number_in_a_plugin_name_selects_that_version() {
    let world = Fake {
        probes: vec![("/a/bin/python3", probe("/a", 11, true))],
        libraries: vec!["/a/lib/libpython3.11.so.1.0", "/c/lib/libpython3.9.so.1.0"],
        ..Fake::default()
    };
    let names = ["http".to_owned(), "python39".to_owned()];
    let found = choose(&Wish { plugin_names: &names, ..wish() }, &world).unwrap();
    assert_eq!(found.lib, Path::new("/c/lib/libpython3.9.so.1.0"));
    let names = ["python310".to_owned()];
    let error = choose(&Wish { plugin_names: &names, ..wish() }, &world).unwrap_err();
    assert!(error.contains("libpython3.10"), "{error}");
}

#[test]
fn plugin_names_carry_versions() {
    for (name, version) in [
        ("python", None),
        ("python3", None),
        ("python39", Some((3, 9))),
        ("python311", Some((3, 11))),
        ("python3.12", Some((3, 12))),
        ("py313", Some((3, 13))),
        ("gevent_python311", Some((3, 11))),
        ("/usr/lib/uwsgi/plugins/python311_plugin.so", Some((3, 11))),
        ("python27", None),
        ("http", None),
    ] {
        assert_eq!(version_in_plugin_name(name), version, "{name}");
    }
}

#[test]
fn a_virtualenv_chooses_its_base() {
    let world = Fake {
        pyvenv: Some("home = /c/bin\nversion = 3.10.4\n"),
        probes: vec![
            ("/a/bin/python3", probe("/a", 11, true)),
            ("/c/bin/python3", probe("/c", 10, true)),
        ],
        libraries: vec!["/c/lib/libpython3.10.so.1.0"],
        ..Fake::default()
    };
    let found = choose(&Wish { home: Some(Path::new("/venv")), ..wish() }, &world).unwrap();
    assert_eq!(found.lib, Path::new("/c/lib/libpython3.10.so.1.0"));
}

#[test]
fn a_virtualenv_whose_base_moved_on_finds_its_version_elsewhere() {
    // the base was upgraded in place: its python3 is now 3.12
    let world = Fake {
        pyvenv: Some("home = /c/bin\nversion_info = 3.10.4.final.0\n"),
        probes: vec![("/c/bin/python3", probe("/c", 12, true))],
        libraries: vec!["/c/lib/libpython3.12.so.1.0", "/d/lib/libpython3.10.so.1.0"],
        ..Fake::default()
    };
    let found = choose(&Wish { home: Some(Path::new("/venv")), ..wish() }, &world).unwrap();
    assert_eq!(found.lib, Path::new("/d/lib/libpython3.10.so.1.0"));
}

#[test]
fn a_static_python3_falls_back_to_a_library_of_its_version_only() {
    let mut world = Fake {
        probes: vec![("/a/bin/python3", probe("/a", 11, false))],
        libraries: vec!["/d/lib/libpython3.11.so.1.0", "/d/lib/libpython3.13.so.1.0"],
        ..Fake::default()
    };
    assert_eq!(choose(&wish(), &world).unwrap().version, (3, 11));
    world.libraries = vec!["/d/lib/libpython3.13.so.1.0"];
    let error = choose(&wish(), &world).unwrap_err();
    assert!(error.contains("/a/bin/python3.11") && error.contains("libpython3.11"), "{error}");
}

#[test]
fn without_any_python3_the_newest_library_is_taken() {
    let world = Fake {
        libraries: vec![
            "/d/lib/libpython3.8.so.1.0",
            "/d/lib/libpython3.11.so.1.0",
            "/d/lib/libpython3.9.so.1.0",
            "/d/lib/libpython2.7.so.1.0",
        ],
        ..Fake::default()
    };
    assert_eq!(choose(&wish(), &world).unwrap().version, (3, 11));
    let error = choose(&wish(), &Fake::default()).unwrap_err();
    assert!(error.contains("python-lib"), "{error}");
}

#[test]
fn a_build_with_a_global_lock_goes_before_a_free_threaded_one() {
    let world = Fake {
        libraries: vec!["/d/lib/libpython3.13t.so.1.0", "/d/lib/libpython3.13.so.1.0"],
        ..Fake::default()
    };
    let found = choose(&wish(), &world).unwrap();
    assert!(!found.free_threaded);
    assert_eq!(found.lib, Path::new("/d/lib/libpython3.13.so.1.0"));
}

#[test]
fn versions_before_the_oldest_are_refused() {
    let world = Fake { files: vec!["/x/lib/libpython3.8.so.1.0"], ..Fake::default() };
    let lib = Wish { python_lib: Some(Path::new("/x/lib/libpython3.8.so.1.0")), ..wish() };
    assert!(choose(&lib, &world).unwrap_err().contains("too old"));
}
