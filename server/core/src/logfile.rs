//! The file that `logto`, `logto2`, `daemonize` or `daemonize2` names, while the server runs: moved away
//! when it is too large or when somebody asks, and opened again.
//!
//! It owns descriptors 1 and 2 of the master; those who write lines for all processes are told by
//! [`crate::alarm::follow`]. Who writes to the file directly goes on where he is. It refuses to give up the
//! old file before the new one is open: a line always has a place.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use uwsgi_logs::rotate;

use crate::alarm::follow::News;
use crate::alarm::tap;
use crate::instance::Instance;
use crate::sockets::plain;
use crate::{clock, daemon, log};

/// Time until a file that could not be moved away is tried again without being asked.
const PAUSE: Duration = Duration::from_secs(60);

/// Mode of a log file that is made where there was none.
pub(crate) const MODE: u32 = 0o640;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LogFile {
    /// As named; a UDP address is never taken for one, because the log is no file then.
    path: Option<PathBuf>,
    most: u64,
    backup: Option<String>,
    mode: Option<u32>,
    tried: Option<Instant>,
}

impl LogFile {
    /// What the options say. A path counts from where the process stood when it was opened.
    pub(crate) fn new(instance: &Instance) -> LogFile {
        let policy = &instance.settings.policy;
        let (output, logging) = (&policy.output, &policy.logging);
        let begun = instance.cwd.clone();
        let changed = instance.settings.chdir.as_ref().map_or(begun.clone(), |dir| begun.join(dir));
        let early = output.daemonize.as_ref().or(output.logto.as_ref());
        let named = [(&output.daemonize2, changed), (&output.logto2, begun.clone())];
        let named = named.into_iter().find_map(|(name, at)| Some(at.join(name.as_ref()?)));
        let path = named.or_else(|| Some(begun.join(early?)));
        LogFile {
            path,
            most: logging.most,
            backup: logging.backup.clone(),
            mode: output.mode,
            tried: None,
        }
    }

    /// To be asked once a second.
    pub(crate) fn look(&mut self, instance: &Instance) {
        if self.most == 0 || self.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        let due = self.present().is_some_and(|(_, log)| rotate::is_due(log.size(), self.most));
        if due {
            self.move_away(instance);
        }
    }

    /// Moves the file away, and loggers move theirs.
    pub(crate) fn rotate(&mut self, instance: &Instance) {
        if !self.move_away(instance) {
            tell(instance, News::Rotated, false);
        }
    }

    /// Opens the file by the name it has now, and loggers open theirs.
    pub(crate) fn reopen(&mut self, instance: &Instance) {
        let Some((path, log)) = self.present() else {
            return tell(instance, News::Reopened, false);
        };
        let now = clock::epoch_s();
        write(&format!("[{now}] logsize: {}, triggering log-reopen...\n", log.size()));
        match self.lead(path, &log) {
            Ok(()) => write(&format!("[{now}] {} reopened.\n", path.display())),
            Err(text) => log!("unable to reopen the log, it stays where it is: {text}"),
        }
        tell(instance, News::Reopened, true);
    }

    /// The path and what is open now; nothing where the log is no file of ours.
    fn present(&self) -> Option<(&Path, Metadata)> {
        let path = self.path.as_deref()?;
        let log = File::from(uwsgi_sys::fd::duplicate(2).ok()?).metadata().ok()?;
        Some((path, log)).filter(|(_, log)| log.is_file())
    }

    /// False when there is nothing to move.
    fn move_away(&mut self, instance: &Instance) -> bool {
        let Some((path, log)) = self.present() else { return false };
        let text = path.to_string_lossy();
        let taken = |name: &str| Path::new(name).exists();
        let name = rotate::name(&text, self.backup.as_deref(), clock::epoch_s(), taken);
        // All names of this second are taken: the next one will do.
        let Some(name) = name else { return true };
        let result = match is_at(path, &log) {
            // Somebody else has moved it: what is at its place is not ours to move.
            false => self.lead(path, &log),
            true => self.exchange(path, &name, &log),
        };
        match result {
            Ok(()) => {
                self.tried = None;
                instance.arena.globals().log_rotations.add(1);
                tell(instance, News::Rotated, true);
            }
            Err(text) => {
                self.tried = Some(Instant::now());
                log!("unable to rotate log: {text}");
            }
        }
        true
    }

    /// The old file gets another name, and a new one its place; or everything stays as it was.
    fn exchange(&self, path: &Path, name: &str, log: &Metadata) -> Result<(), String> {
        let ctime = clock::ctime();
        fs::rename(path, name).map_err(|e| format!("rename(): {} [{name}]", plain(&e)))?;
        let size = log.size();
        write(&format!("{ctime} - logsize: {size}, triggering rotation to {name}...\n"));
        self.lead(path, log).inspect_err(|_| {
            let _ = fs::rename(name, path);
        })
    }

    /// Leads the log to the file at `path`. One that is made for this is like the one before.
    fn lead(&self, path: &Path, before: &Metadata) -> Result<(), String> {
        let failed = |e: std::io::Error| format!("open(\"{}\"): {}", path.display(), plain(&e));
        let open = |new: bool| {
            let mut options = OpenOptions::new();
            options.append(true).create_new(new).mode(MODE).open(path)
        };
        let (file, made) = match open(true) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => (open(false), false),
            opened => (opened, true),
        };
        let file = file.map_err(failed)?;
        if made {
            be_like(&file, before);
        }
        if let Some(mode) = self.mode {
            // It is written to all the same.
            let _ = file.set_permissions(Permissions::from_mode(mode));
        }
        daemon::lead(&file)
    }
}

/// Mode and owner of a file that takes the place of another. Who may not give files away keeps it.
fn be_like(file: &File, before: &Metadata) {
    let _ = file.set_permissions(Permissions::from_mode(before.mode() & 0o7777));
    let same = file.metadata().is_ok_and(|m| (m.uid(), m.gid()) == (before.uid(), before.gid()));
    if !same && fchown(file, Some(before.uid()), Some(before.gid())).is_err() {
        let _ = fchown(file, None, Some(before.gid()));
    }
}

fn is_at(path: &Path, log: &Metadata) -> bool {
    fs::metadata(path).is_ok_and(|at| (at.dev(), at.ino()) == (log.dev(), log.ino()))
}

fn write(text: &str) {
    tap::write_all(2, text.as_bytes());
}

/// Who writes for all is told; `moved` when the log itself is another file now.
fn tell(instance: &Instance, news: News, moved: bool) {
    let Some(follow) = instance.log_tap.as_ref().and_then(|tap| tap.follow()) else { return };
    let stderr = std::io::stderr();
    if let Err(e) = follow.tell(news, moved.then(|| stderr.as_fd())) {
        log!("the observer cannot be told of the log file: {}", plain(&e));
    }
}
