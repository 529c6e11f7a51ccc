//! Runs the test host once per case and gives back what it said.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use uwsgi_pyfind::{Found, Wish, find};

/// What a run of the host left behind.
pub(crate) struct Run {
    /// Responses, one block per request.
    pub(crate) out: String,
    /// The log.
    pub(crate) log: String,
    /// Exit code; a signal is shown as 128 and its number.
    pub(crate) code: i32,
}

impl Run {
    /// The value of a field in the `nth` response.
    pub(crate) fn field(&self, nth: usize, name: &str) -> &str {
        let blocks = self.out.strip_prefix("> ").unwrap_or(&self.out);
        let block = blocks.split("\n> ").nth(nth).unwrap_or_default();
        let line = block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }

    /// Body of the `nth` response.
    pub(crate) fn body(&self, nth: usize) -> String {
        self.field(nth, "body").replace("\\'", "'").replace("\\\"", "\"")
    }
}

/// A directory of one test, removed even when the test fails.
#[allow(dead_code, reason = "not every test file needs one")]
pub(crate) struct Scratch(PathBuf);

#[allow(dead_code, reason = "not every test file needs one")]
impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("uwsgi-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }
}

impl std::ops::Deref for Scratch {
    type Target = std::path::Path;
    fn deref(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Every CPython on this machine that the plugin serves, oldest first.
pub(crate) fn pythons() -> &'static [Found] {
    static FOUND: OnceLock<Vec<Found>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found: Vec<Found> = (9..20)
            .filter_map(|minor| {
                let names = [format!("python3{minor}")];
                find(&Wish { home: None, python_lib: None, plugin_names: &names, path: &path }).ok()
            })
            .collect();
        assert!(!found.is_empty(), "no shared libpython on this machine: nothing would be tested");
        found
    })
}

/// The newest of them, for cases that do not depend on the version.
pub(crate) fn newest() -> &'static Found {
    pythons().last().unwrap()
}

/// Directory of the test apps.
pub(crate) fn apps() -> String {
    format!("{}/tests/apps", env!("CARGO_MANIFEST_DIR"))
}

/// The host and the plugin as this very test run built them.
fn built() -> (PathBuf, PathBuf) {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    let host = deps.parent().unwrap().join("examples/wsgi_host");
    (host, deps.join("libuwsgi_python.so"))
}

/// Serves request lines with a libpython under some options.
pub(crate) fn run_on(python: &Found, options: &[&str], lines: &[&str]) -> Run {
    let (host, plugin) = built();
    let mut child = Command::new(host)
        .arg(&python.lib)
        .arg(plugin)
        .arg(format!("python-program-name={}", python.program.display()))
        .arg(format!("pythonpath={}", apps()))
        .args(options)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example wsgi_host is built with the tests");
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(lines.join("\n").as_bytes()); // a host that ends early reads nothing
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0)),
    }
}

/// The same with the newest libpython.
pub(crate) fn run(options: &[&str], lines: &[&str]) -> Run {
    run_on(newest(), options, lines)
}

/// `option=APPS/file`.
pub(crate) fn file(name: &str) -> String {
    format!("wsgi-file={}/{name}", apps())
}
