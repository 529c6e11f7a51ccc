//! `fallback-config`: the file that takes over when this instance fails.
//!
//! Owns when that happens, what is said, and the end of circles. The binary is executed again with
//! the file as its only argument: same pid, same environment, and every listening socket is
//! handed over, so that clients who wait in a queue are served by the new configuration. It is a
//! first start, not a reload.
//!
//! A file that fails before it has served for a second is not tried twice in a row. Without that
//! rule a file that names itself would keep a processor busy for ever.

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use uwsgi_sys::{leftovers, process, signal};

use crate::kept::{self, escape, unescape};
use crate::{log, logv, sockets};

/// The files tried since something served last. It does not begin with `UWSGI_`, which would make
/// it an option.
pub(crate) const VARIABLE: &str = "_UWSGI_FELL_BACK";

/// An instance that served so long was no failed attempt.
const LASTED: Duration = Duration::from_secs(1);

/// Exit codes that call for the fallback: any failure to start, and `need-app` without an app.
const FAILURES: [i32; 2] = [1, 22];

/// What to do at the end of this process.
struct Plan {
    file: String,
    binary: PathBuf,
    directory: PathBuf,
    /// Files that failed one after the other, this image among them.
    tried: Vec<String>,
    /// When the processes were up.
    serving: OnceLock<Instant>,
    /// The sockets for the next image, in the form of [`kept::VARIABLE`].
    sockets: Mutex<Option<String>>,
}

static PLAN: OnceLock<Plan> = OnceLock::new();

/// Takes the variable of the image before this one; to be called while there is one thread.
pub(crate) fn inherited() -> Vec<String> {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    uwsgi_sys::env::set(VARIABLE, None);
    text.split(';').filter(|file| !file.is_empty()).map(unescape).collect()
}

/// From now on a failure of this process executes `binary` with `file`.
pub(crate) fn plan(file: &str, binary: PathBuf, tried: Vec<String>) {
    let directory = std::env::current_dir().unwrap_or_default();
    let (serving, sockets) = (OnceLock::new(), Mutex::new(None));
    let _ = PLAN.set(Plan { file: file.to_owned(), binary, directory, tried, serving, sockets });
}

/// The instance is up: it is no failed attempt once it lasts.
pub(crate) fn note_serving() {
    if let Some(plan) = PLAN.get() {
        let _ = plan.serving.set(Instant::now());
    }
}

/// Whether ending with `code` executes something else.
pub(crate) fn wanted(code: i32) -> bool {
    PLAN.get().is_some() && FAILURES.contains(&code)
}

/// Lets these descriptors go over to the configuration that takes over, beside earlier ones.
pub(crate) fn hand_over<'a>(entries: impl Iterator<Item = (String, BorrowedFd<'a>, u64)>) {
    let Some(plan) = PLAN.get() else { return };
    if let Ok(mut sockets) = plan.sockets.lock() {
        let before = sockets.take().into_iter();
        *sockets = Some(before.chain([kept::pass_on(entries)]).collect::<Vec<_>>().join(";"));
    }
}

/// Executes the fallback if `code` calls for one; the code to end with otherwise.
pub(crate) fn instead_of(code: i32) -> i32 {
    let Some(plan) = PLAN.get().filter(|_| wanted(code)) else {
        leftovers::remove();
        return code;
    };
    let (binary, pid) = (plan.binary.display(), process::pid());
    logv!("!!! {binary} (pid: {pid}) exited with status {code} !!!");
    let lasted = plan.serving.get().is_some_and(|since| since.elapsed() >= LASTED);
    let Some(tried) = next_tried(&plan.tried, &plan.file, lasted) else {
        logv!("!!! Fallback config {} has just failed, not executed again !!!", plan.file);
        leftovers::remove();
        return code;
    };
    logv!("!!! Fallback config to {} !!!", plan.file);
    let _ = std::env::set_current_dir(&plan.directory);
    let argv = [plan.binary.clone().into_os_string(), OsString::from(&plan.file)];
    signal::reset(&[]);
    let error = process::exec(plan.binary.as_os_str(), &argv, &environment(plan, &tried));
    log!("execvp(): {} [core/fallback line {}]", sockets::plain(&error), line!());
    code
}

/// The files tried when `file` is executed next; `None` when it was tried already.
fn next_tried(tried: &[String], file: &str, lasted: bool) -> Option<Vec<String>> {
    let before = if lasted { &[] } else { tried };
    let again = before.iter().any(|other| other == file);
    (!again).then(|| before.iter().cloned().chain([file.to_owned()]).collect())
}

/// Our own environment; only what would make the next image a reload stays behind.
fn environment(plan: &Plan, tried: &[String]) -> Vec<(OsString, OsString)> {
    let sockets = plan.sockets.lock().ok().and_then(|mut sockets| sockets.take());
    let mut env: Vec<_> = std::env::vars_os().filter(|(name, _)| name != "UWSGI_RELOADS").collect();
    env.extend(sockets.as_ref().map(|table| (kept::VARIABLE.into(), table.into())));
    let tried: Vec<String> = tried.iter().map(|file| escape(file)).collect();
    env.push((VARIABLE.into(), tried.join(";").into()));
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_tried_twice_until_something_lasts() {
        let list = |names: &str| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (tried, file, lasted, expected) in [
            ("", "a", false, Some("a")),
            ("a", "a", false, None),
            ("a", "b", false, Some("a b")),
            ("a b", "a", false, None),
            ("a b", "a", true, Some("a")),
        ] {
            assert_eq!(
                next_tried(&list(tried), file, lasted),
                expected.map(list),
                "{tried} {file}"
            );
        }
    }

    #[test]
    fn without_a_plan_a_code_stays_what_it_is() {
        assert!(!wanted(1));
        assert_eq!(instead_of(1), 1);
    }
}
