//! The interactive screen under a real pseudo-terminal: what it shows, and that every way out
//! gives the terminal back.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::server::{document, refusing, serve, tcp, uwsgitop};

/// How long a condition may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

const LEAVE_ALTERNATE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

struct Session {
    child: Child,
    keyboard: File,
    terminal: OwnedFd,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Session {
    fn start(words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let mut command = uwsgitop();
        // A group of its own: the kernel refuses to stop members of an orphaned one.
        command.args(words).env("TERM", "xterm").process_group(0);
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (deliver, output) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut chunk) {
                if deliver.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, terminal, output, seen: String::new() }
    }

    /// Reads on until `text` appears after what was waited for before.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("{text:?} did not appear ({error}): {:?}", self.seen),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    /// Waits for the end, which must leave the terminal as it was.
    #[track_caller]
    fn end(mut self) -> ExitStatus {
        self.wait_for(SHOW_CURSOR);
        self.wait_for(LEAVE_ALTERNATE);
        let status = self.child.wait().unwrap();
        assert!(!self.is_raw(), "the terminal is left in raw mode");
        status
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Only a failed test comes here with a living child.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn growing() -> String {
    tcp(false, |n| document(10 * (n + 1)))
}

#[test]
fn the_screen_refreshes_and_q_restores_the_terminal() {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let address = tcp(false, move |n| {
        counted.store(n, Ordering::Relaxed);
        document(10 * (n + 1))
    });
    let mut session = Session::start(&["--frequency", "0", &address]);
    session.wait_for("uwsgi-2.0.31");
    session.wait_for("STATUS");
    assert!(session.is_raw(), "the screen reads single keys");
    session.press("a");
    // Only cells that change are sent: the id `1` becomes `1:0`.
    session.wait_for(":0");
    let end = Instant::now() + PATIENCE;
    while asked.load(Ordering::Relaxed) < 5 {
        assert!(Instant::now() < end, "the screen stopped refreshing");
        thread::yield_now();
    }
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn control_c_quits() {
    let mut session = Session::start(&[&growing()]);
    session.wait_for("STATUS");
    session.press("\u{3}");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn every_ending_signal_restores_the_terminal_and_is_passed_on() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let mut session = Session::start(&[&growing()]);
        session.wait_for("STATUS");
        session.signal(signal);
        assert_eq!(session.end().signal(), Some(signal.as_raw()), "{signal:?}");
    }
}

#[test]
fn a_stop_gives_the_terminal_back_and_a_continue_takes_it_again() {
    let mut session = Session::start(&[&growing()]);
    session.wait_for("STATUS");
    session.press("\u{1a}");
    session.wait_for(LEAVE_ALTERNATE);
    let pid = Pid::from_child(&session.child);
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped() && !session.is_raw(), "stopped with the terminal given back");
    session.signal(Signal::CONT);
    session.wait_for("STATUS");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn a_server_that_dies_is_told_and_bad_documents_are_skipped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut left = 3;
    // Good, garbage, good, then nobody listens any more.
    let accept = move || {
        if left == 0 {
            return Err(std::io::Error::other("gone"));
        }
        left -= 1;
        listener.accept().map(|(stream, _)| stream)
    };
    serve(accept, false, |n| if n == 1 { b"{".to_vec() } else { document(10 * (n + 1)) });
    let mut session = Session::start(&["--frequency", "0", &address]);
    session.wait_for("STATUS");
    session.wait_for("no answer from");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn nobody_at_start_leaves_the_terminal_alone() {
    let (_port, closed) = refusing();
    let mut session = Session::start(&[&closed]);
    session.wait_for("refused");
    let status = session.child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(!session.is_raw());
}
