//! What the build puts into the binary, by the names of the environment.

#[path = "../build.rs"]
#[allow(dead_code, reason = "its main runs in the build, its parts here")]
mod build;

use std::fs;

#[test]
fn files_and_directories_become_symbols() {
    let home = std::env::temp_dir().join(format!("uwsgi-embed-{}", std::process::id()));
    fs::create_dir_all(home.join("templates/deep")).unwrap();
    for name in ["boot-strap.py", "templates/b.html", "templates/a.html", "templates/deep/c"] {
        fs::write(home.join(name), name).unwrap();
    }
    let mut files = Vec::new();
    for (name, path) in [("lib/boot-strap.py", "boot-strap.py"), ("views", "templates")] {
        build::collect(&home.join(path), &build::symbol(name), &mut files).unwrap();
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["lib_boot_strap_py", "views_a_html", "views_b_html", "views_deep_c"];
    assert_eq!(names, expected);
    let missing = build::collect(&home.join("none"), "none", &mut files).unwrap_err();
    assert!(missing.to_string().contains("none: No such file"), "{missing}");
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn without_names_nothing_is_built_in() {
    assert_eq!(build::code(None, &[]), "Embedded { config: None, files: &[] }\n");
    let files = [("a_py".to_owned(), "/x/a \"b\".py".into())];
    let code = build::code(Some("/x/c.ini".as_ref()), &files);
    let file = r#"("a_py", include_bytes!("/x/a \"b\".py").as_slice())"#;
    let expected =
        format!("Embedded {{ config: Some(include_str!(\"/x/c.ini\")), files: &[{file}, ] }}\n");
    assert_eq!(code, expected);
}
