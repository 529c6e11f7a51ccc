//! What the screen may do to a server, when `--control` allows it.
//!
//! Owns the actions and the rules of who may be asked for what: a command goes to the master's FIFO
//! where one is named, else as a signal to a process that has proved to be that master or its
//! worker; what no signal asks for goes to the FIFO that such a master names itself. Refuses to signal on the word of a document alone: process ids mean nothing across
//! machines and namespaces.

pub(crate) mod asking;
mod process;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::picture::{Picture, Worker};
use process::Kin;

/// Something that can be asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Reload, workers finish what they do.
    Reload,
    /// Reload one worker after the other.
    ChainReload,
    /// Pause, or go on.
    Pause,
    /// One worker more.
    More,
    /// One worker fewer.
    Fewer,
    /// Write the stacks of one worker's threads to the log.
    Stack,
}

/// An action as the menu and the server know it.
struct Known {
    action: Action,
    key: char,
    name: &'static str,
    /// What asks for it in a master FIFO.
    byte: Option<u8>,
    /// What asks the master for it, or the worker whose stack is wanted.
    signal: Option<Signal>,
}

impl Known {
    const fn new(action: Action, key: char, name: &'static str) -> Self {
        Self { action, key, name, byte: None, signal: None }
    }

    const fn byte(mut self, byte: u8) -> Self {
        self.byte = Some(byte);
        self
    }

    const fn signal(mut self, signal: Signal) -> Self {
        self.signal = Some(signal);
        self
    }
}

/// All of them in the order of the menu.
const ACTIONS: &[Known] = &[
    Known::new(Action::Reload, 'r', "reload").byte(b'r').signal(Signal::HUP),
    Known::new(Action::ChainReload, 'c', "chain reload").byte(b'c'),
    Known::new(Action::Pause, 'p', "pause").byte(b'p').signal(Signal::TSTP),
    Known::new(Action::More, '+', "more").byte(b'+'),
    Known::new(Action::Fewer, '-', "fewer").byte(b'-'),
    Known::new(Action::Stack, 'd', "stack").signal(Signal::USR2),
];

impl Action {
    /// The action of a key of the menu.
    pub(crate) fn of(key: char) -> Option<Self> {
        ACTIONS.iter().find(|row| row.key == key).map(|row| row.action)
    }

    fn row(self) -> (&'static str, Option<u8>, Option<Signal>) {
        let row = ACTIONS.iter().find(|row| row.action == self);
        row.map_or(("", None, None), |row| (row.name, row.byte, row.signal))
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether it disturbs what the server does, so that it is asked twice.
    pub(crate) fn disturbs(self) -> bool {
        self != Self::Stack
    }
}

/// The menu as one line of text.
pub(crate) fn menu() -> String {
    let items: Vec<String> =
        ACTIONS.iter().map(|row| format!("{} {}", row.key, row.name)).collect();
    format!(" act: {}  Esc nothing", items.join("  "))
}

/// The permission, and the way to the master.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Control {
    /// The master's FIFO; without one signals are sent.
    pub(crate) fifo: Option<PathBuf>,
}

/// Whom an action is meant for.
pub(crate) struct Target<'a> {
    /// The instance as it was seen last.
    pub(crate) picture: &'a Picture,
    /// The source is on this machine.
    pub(crate) local: bool,
    /// The worker under the cursor.
    pub(crate) worker: Option<&'a Worker>,
}

impl Control {
    /// Carries an action out; the sentence says what was done.
    ///
    /// # Errors
    /// A sentence that says why not, and what would help.
    pub(crate) fn perform(&self, action: Action, target: &Target<'_>) -> Result<String, String> {
        let (name, byte, signal) = action.row();
        if let (Some(fifo), Some(byte)) = (&self.fifo, byte) {
            return write(fifo, byte).map(|()| format!("{name}: asked through {}", fifo.display()));
        }
        if !target.local {
            return Err("the server is on another machine: signals do not get there".to_owned());
        }
        let (pid, kin) = recipient(action, target)?;
        let Some(signal) = signal else {
            let found = process::fifo(pid, &kin).map_err(|why| {
                format!("\"{name}\" goes through the master's FIFO only (--fifo PATH): {why}")
            });
            let (fifo, shown) = found?;
            let byte = byte.unwrap_or(b'\n');
            return write(&fifo, byte).map(|()| format!("{name}: asked through {shown}"));
        };
        process::signal(pid, signal, &kin)?;
        let after = if action == Action::Stack { ", see the log of the server" } else { "" };
        Ok(format!("{name}: asked process {pid}{after}"))
    }
}

fn recipient(action: Action, target: &Target<'_>) -> Result<(u64, Kin), String> {
    let picture = target.picture;
    let master = picture.pid.filter(|pid| *pid > 1).ok_or("the source names no master")?;
    if action != Action::Stack {
        return Ok((master, Kin { parent: None, uid: picture.uid, cwd: picture.cwd.clone() }));
    }
    let oldest = picture.in_flight.first().map(|request| request.worker);
    let oldest = picture.workers().iter().find(|worker| Some(worker.id) == oldest);
    let worker = target.worker.or(oldest).filter(|worker| worker.pid > 1);
    let worker = worker.ok_or("move the cursor to a worker that runs")?;
    Ok((worker.pid, Kin { parent: Some(master), uid: picture.uid, cwd: None }))
}

fn write(fifo: &Path, byte: u8) -> Result<(), String> {
    // Without a reader the open fails at once instead of waiting for one.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let open = OpenOptions::new().write(true).custom_flags(flags as i32).open(fifo);
    let failed = |error: std::io::Error| match error.raw_os_error() {
        Some(6) => format!("nobody reads the FIFO {}: is the master running?", fifo.display()),
        _ => format!("the FIFO {}: {error}", fifo.display()),
    };
    let mut file = open.map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    if !std::os::unix::fs::FileTypeExt::is_fifo(&kind) {
        return Err(format!("{} is no FIFO", fifo.display()));
    }
    file.write_all(&[byte]).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Body;
    use crate::screens::{instance, worker};

    fn refused(action: Action, picture: &Picture, local: bool) -> String {
        let target = Target { picture, local, worker: None };
        Control::default().perform(action, &target).unwrap_err()
    }

    #[test]
    fn what_cannot_be_done_is_said_with_what_would_help() {
        let classic = instance(0);
        assert!(refused(Action::ChainReload, &classic, true).contains("--fifo"));
        assert!(refused(Action::Reload, &classic, false).contains("another machine"));
        let stack = refused(Action::Stack, &classic, true);
        assert!(stack.contains("move the cursor"), "{stack}");
        assert!(refused(Action::More, &classic, false).contains("another machine"));
        for pid in [None, Some(0), Some(1)] {
            let nobody = Picture { pid, ..instance(0) };
            assert!(refused(Action::Reload, &nobody, true).contains("no master"), "{pid:?}");
        }
    }

    #[test]
    fn a_process_that_is_not_the_master_is_never_signalled() {
        // This test process is no server: its program, its directory and its parent are others.
        let me = u64::from(std::process::id());
        let picture = Picture { pid: Some(me), ..instance(0) };
        let error = refused(Action::Reload, &picture, true);
        assert!(error.contains(&format!("process {me}")), "{error}");
        let mut picture = instance(0);
        picture.body = Body::Workers(vec![Worker { pid: me, ..worker(1, 5, "busy") }]);
        let target = Target { picture: &picture, local: true, worker: picture.workers().first() };
        let error = Control::default().perform(Action::Stack, &target).unwrap_err();
        assert!(error.contains("no longer"), "{error}");
    }

    #[test]
    fn a_fifo_gets_one_byte_and_other_files_none() {
        let folder = std::env::temp_dir().join(format!("uwsgitop-fifo-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (fifo, file) = (folder.join("fifo"), folder.join("file"));
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        assert!(write(&fifo, b'r').unwrap_err().contains("nobody reads"));
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
        let reader = rustix::fs::open(&fifo, flags, 0o600.into()).unwrap();
        write(&fifo, b'r').unwrap();
        let mut bytes = [0; 4];
        assert_eq!(rustix::io::read(&reader, &mut bytes), Ok(1));
        assert_eq!(bytes[0], b'r');
        std::fs::write(&file, "x").unwrap();
        assert!(write(&file, b'r').unwrap_err().contains("no FIFO"));
        assert_eq!(std::fs::read(&file).unwrap(), b"x", "it is left alone");
        assert!(write(&folder.join("none"), b'r').unwrap_err().contains("No such file"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_action_has_a_key_of_its_own() {
        for row in ACTIONS {
            assert_eq!(Action::of(row.key), Some(row.action));
            assert!(menu().contains(row.name));
            assert!(row.byte.is_some() || row.signal.is_some(), "{} has a way", row.name);
        }
        assert_eq!(Action::of('z'), None);
    }
}
