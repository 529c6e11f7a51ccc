//! Whatever the bytes, loading ends with a configuration or a failure, never with a panic.

mod support;

use proptest::prelude::*;
use support::{Files, load_with};

fn piece() -> impl Strategy<Value = String> {
    let fixed = prop_oneof![
        Just("[uwsgi]\n"),
        Just("ini = x.ini\n"),
        Just("include = x.ini:a\n"),
        Just("set-ph = a=%(a)b\n"),
        Just("a = x%(a)\n"),
        Just("processes = %(a + $(B) * 3)\n"),
        Just("%n%d%%%("),
        Just("strict = 1\n"),
        Just("@(x.ini)"),
        Just("for = a b\n"),
        Just("if-opt = a\n"),
        Just("endif =\n"),
        Just("else =\n"),
        Just("set = if-not-env=B\n"),
        Just("for-times = 3\n"),
        Just("for-glob = *\n"),
        Just("if-hostname-match = (b\n"),
        Just("declare-option = p=a=$1;p=%(a);set=q=$2\n"),
        Just("declare-option2 = q=set=a=$1\\;;include=x.ini\n"),
        Just("p = x y\n"),
        Just("q = %(a)\n"),
        Just("inject-after = x.ini\n"),
        Just("inherit = x.ini\n"),
        Just("ienv = B\n"),
        Just("blacklist = p inherit\n"),
    ];
    prop_oneof![fixed.prop_map(str::to_owned), "[ -~\\n]{0,12}", "\\PC{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_file_loads_or_fails(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut files = Files::default();
        files.0.insert("x.ini".into(), [b"[uwsgi]\n".as_slice(), &bytes].concat());
        let _ = load_with(&["--ini", "x.ini"], &[], &files);
    }

    #[test]
    fn any_mix_of_lines_loads_or_fails(pieces in proptest::collection::vec(piece(), 0..12)) {
        let files = Files::new(&[("x.ini", &format!("[uwsgi]\n{}", pieces.concat()))]);
        let _ = load_with(&["x.ini"], &[("B", "7")], &files);
    }

    #[test]
    fn any_command_line_loads_or_fails(
        args in proptest::collection::vec(prop_oneof!["-{1,2}[a-zA-Z=-]{0,6}", "\\PC{0,8}"], 0..6),
    ) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let _ = load_with(&args, &[], &Files::default());
    }

    #[test]
    fn plain_lines_survive_unchanged(
        pairs in proptest::collection::vec(("zz[a-z]{1,8}", "[a-z0-9/:. ;#=]{0,12}"), 0..8),
    ) {
        let text: String = pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let files = Files::new(&[("f.ini", &format!("[uwsgi]\n{text}"))]);
        let config = load_with(&["--include", "f.ini"], &[], &files).expect("plain lines load");
        let read = config.entries.iter().skip(1).filter(|entry| entry.row.is_none());
        let read: Vec<(String, String)> =
            read.map(|entry| (entry.key.clone(), entry.text().to_owned())).collect();
        let wanted: Vec<(String, String)> = pairs
            .iter()
            .filter(|(key, _)| uwsgi_config::table::find(key).is_none())
            .map(|(key, value)| (key.clone(), value.trim().to_owned()))
            .collect();
        prop_assert_eq!(read, wanted);
    }
}
