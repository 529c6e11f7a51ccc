//! The edge: does what needs only the system, and hands the rest to the server.

mod exec;
mod file;
mod mount;
mod server;
mod wait;

use std::process::Command;
use std::time::{Duration, Instant};

pub use server::{NoServer, Server};
pub use wait::see;

use crate::action::Rpc;
use crate::wait::{DEFAULT_S, Step, Target, Waiting};
use crate::{Action, Doer, Env, Failure, Line};

/// How long until RPC is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// What `exec` and waits need of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Values of `binsh`, in order.
    pub shells: Vec<String>,
    /// Limits of waits, in seconds.
    pub limits: Limits,
    /// Prepares each command before it starts: that it dies with its parent, descriptors, signals.
    pub prepare: fn(&mut Command),
}

/// Limits of waits, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `wait-for-interface-timeout`.
    pub interface: u64,
    /// `wait-for-fs-timeout`.
    pub fs: u64,
    /// `wait-for-socket-timeout`.
    pub socket: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { interface: DEFAULT_S, fs: DEFAULT_S, socket: DEFAULT_S }
    }
}

impl Limits {
    /// The limit of a kind of thing.
    pub fn of(&self, target: Target) -> u64 {
        match target {
            Target::Interface => self.interface,
            Target::Socket => self.socket,
            Target::Any | Target::File | Target::Dir | Target::Mountpoint => self.fs,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { shells: Vec::new(), limits: Limits::default(), prepare: |_| {} }
    }
}

/// Does actions in this process.
#[derive(Debug)]
pub struct Real<S> {
    settings: Settings,
    server: S,
    began: Instant,
}

impl<S: Server> Real<S> {
    /// Does actions with these settings, and asks this server for what it does not do itself.
    pub fn new(settings: Settings, server: S) -> Real<S> {
        Real { settings, server, began: Instant::now() }
    }

    /// Its server.
    pub fn server(&mut self) -> &mut S {
        &mut self.server
    }

    /// Waits for something, and tells about it. The failure has no text that was not yet told.
    pub fn wait(&mut self, target: Target, name: &str) -> Result<(), Line> {
        let limit = self.settings.limits.of(target);
        let (waiting, line) = Waiting::begin(target, name, limit, self.now_us());
        self.log(line);
        loop {
            let seen = see(target, name, &mut self.server);
            match waiting.look(seen, self.now_us()) {
                Step::Found(line) => {
                    self.log(line);
                    return Ok(());
                }
                Step::Gone(line) => return Err(line),
                Step::Again(us) if self.server.pause(Duration::from_micros(us)) => {}
                Step::Again(_) => return Err(Line::plain(server::GIVEN_UP)),
            }
        }
    }

    fn rpc(&mut self, rpc: &Rpc) -> Result<(), Failure> {
        loop {
            match self.server.rpc(rpc) {
                Ok(text) if !text.is_empty() => {
                    let called = rpc.called();
                    self.log(Line::plain(format!("[rpc result from \"{called}\"] {text}")));
                    return Ok(());
                }
                Ok(_) if !rpc.retry => return Err(Failure::Told("hook rpc: no answer".into())),
                Err(failure) if !rpc.retry => return Err(failure),
                _ if self.server.pause(RETRY) => {}
                _ => return Err(Failure::Told(server::GIVEN_UP.into())),
            }
        }
    }
}

impl<S: Server> Doer for Real<S> {
    fn act(&mut self, action: &Action, env: &Env) -> Result<(), Failure> {
        match action {
            Action::Exec(command) => exec::run(&self.settings, command, env),
            Action::Chdir(path) => file::chdir(path),
            Action::Mkdir(path) => file::mkdir(path),
            Action::Chmod { path, mode } => file::chmod(path, mode.bits),
            Action::Chown { path, user, group } => file::chown(path, user, group, &self.server),
            Action::Sticky(path) => file::sticky(path),
            Action::Create(path) => file::create(path),
            Action::Write { path, text, append } => file::write(path, text, *append),
            Action::Fifo { path, text, spin } => file::fifo(path, text, *spin, &mut self.server),
            Action::Unlink(path) => file::unlink(path),
            Action::Mount(mount) => mount::mount(mount),
            Action::Umount(umount) => mount::umount(umount),
            Action::Hostname(name) => file::hostname(name),
            Action::Wait { target, name } => {
                self.wait(*target, name).map_err(|line| Failure::Told(line.text))
            }
            Action::Rpc(rpc) => self.rpc(rpc),
            Action::Putenv { name, value } => self.server.putenv(name, value.as_deref()),
            Action::Alarm { alarm, text } => self.server.alarm(alarm, text),
            Action::UnixSignal { signal, symbol } => self.server.unix_signal(*signal, symbol),
            Action::Call(call) => server::call(&mut self.server, call),
            Action::Other { name, argument } => self.server.other(name, argument),
            // Both are answered before they come here; a code of its own is nothing to do.
            Action::Exit(_) => Ok(()),
            Action::Print(text) => {
                self.log(Line::plain(text.clone()));
                Ok(())
            }
        }
    }

    fn log(&mut self, line: Line) {
        self.server.log(line);
    }

    fn now_us(&mut self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
