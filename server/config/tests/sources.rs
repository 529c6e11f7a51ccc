//! What comes from the binary itself.

mod support;

use support::{Files, load_with};

#[test]
fn the_configuration_inside_the_binary_comes_first() {
    let files = Files::new(&[
        ("embedded", "[other]\nthreads = 9\n[uwsgi]\nset-ph = a=built in\nprocesses = %k\n"),
        ("x.ini", "[uwsgi]\nprocesses = 5\n"),
    ]);
    let env = [("UWSGI_SET_PH", "a=from outside")];
    let config = load_with(&["--ini", "x.ini"], &env, &files).unwrap();
    let processes: Vec<&str> = config.values("processes").collect();
    assert_eq!(processes, ["2", "5"], "magic variables are known, later mentions win");
    let a: Vec<&str> = config.values("a").collect();
    assert_eq!(a, ["built in", "from outside"]);
    assert!(!config.has("threads"));
    assert_eq!(config.messages[0], "[uWSGI] using embedded config data");
    let fault = Files::new(&[("embedded", "[uwsgi]\nstrict = true\nno such thing = 1\n")]);
    let failure = load_with(&[], &[], &fault).unwrap_err();
    assert!(failure.lines.iter().any(|line| line.contains("at embedded:3")), "{failure:?}");
}
