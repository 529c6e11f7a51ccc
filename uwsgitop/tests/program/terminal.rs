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

use uwsgi_metrics::{Arena, Shape};

use crate::record::{Folder, record};
use crate::server::{document, refusing, serve, tcp, uwsgitop};

/// How long a condition may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const LEAVE_ALTERNATE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

pub(crate) struct Session {
    child: Child,
    keyboard: File,
    terminal: OwnedFd,
    output: Receiver<Vec<u8>>,
    /// What was not waited for yet.
    seen: String,
    /// Everything that was read.
    all: String,
}

impl Session {
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::start_with(words, &[])
    }

    fn start_with(words: &[&str], variables: &[(&str, &str)]) -> Self {
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
        command.args(words).env("TERM", "xterm").envs(variables.iter().copied()).process_group(0);
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
        Self { child, keyboard, terminal, output, seen: String::new(), all: String::new() }
    }

    /// Reads on until `text` appears after what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    self.seen.push_str(&text);
                    self.all.push_str(&text);
                }
                Err(error) => panic!("{text:?} did not appear ({error}): {:?}", self.seen),
            }
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
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
    pub(crate) fn end(mut self) -> ExitStatus {
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
fn a_stop_by_signal_is_one_by_key_and_an_end_before_a_continue_is_not_lost() {
    let mut session = Session::start(&[&growing()]);
    session.wait_for("STATUS");
    session.signal(Signal::TSTP);
    session.wait_for(LEAVE_ALTERNATE);
    let pid = Pid::from_child(&session.child);
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped() && !session.is_raw(), "stopped with the terminal given back");
    session.signal(Signal::TERM);
    session.signal(Signal::CONT);
    // It takes the terminal, sees the signal, and gives the terminal back.
    assert_eq!(session.end().signal(), Some(Signal::TERM.as_raw()));
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
fn the_mouse_moves_the_cursor_and_switches_views() {
    let mut session = Session::start(&["--no-arena", &growing()]);
    session.wait_for("STATUS");
    session.wait_for("quit");
    // Cells that stay are not sent again: the only ones in reverse video are those of the cursor.
    session.press("\u{1b}[<65;40;10M");
    session.wait_for("\u{1b}[7m");
    // The last line begins with the views.
    session.press("\u{1b}[<0;20;24M");
    session.wait_for("\u{1b}[7m");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn the_mouse_can_be_left_to_the_terminal() {
    let taken = "\u{1b}[?1006h";
    for (words, mouse) in [(&["--no-arena"][..], true), (&["--no-arena", "--no-mouse"], false)] {
        let mut session = Session::start(&[words, &[&growing()]].concat());
        session.wait_for("quit");
        assert_eq!(session.all.contains(taken), mouse, "{words:?}: {:?}", session.all);
        session.press("q");
        assert_eq!(session.end().code(), Some(0));
    }
}

#[test]
fn q_in_the_help_ends_the_help_only() {
    let mut session = Session::start(&["--no-arena", &growing()]);
    session.wait_for("STATUS");
    session.press("h");
    session.wait_for("KEYS");
    session.press("q");
    session.wait_for("WID");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn no_color_is_kept_and_t_is_a_wish() {
    let address = growing();
    let mut session = Session::start_with(&["--no-arena", &address], &[("NO_COLOR", "1")]);
    session.wait_for("STATUS");
    session.wait_for("quit");
    assert!(!session.all.contains("\u{1b}[38;5;"), "{:?}", session.all);
    session.press("t");
    session.wait_for("theme dark");
    assert!(session.all.contains("\u{1b}[38;5;"), "the key asks for colours: {:?}", session.all);
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn ascii_is_kept_where_the_locale_or_the_option_wants_it() {
    let vassals =
        |_| "{\"version\":\"1\",\"vassals\":[{\"id\":\"caf\u{e9}.ini\",\"pid\":7}]}".into();
    let address = tcp(false, vassals);
    let latin: &[(&str, &str)] = &[("LC_ALL", "de_DE.ISO-8859-1")];
    for (words, variables, seen) in [
        (&["--no-arena"][..], &[][..], "caf\u{e9}"),
        (&["--no-arena"], latin, "caf?"),
        (&["--no-arena", "--ascii"], &[], "caf?"),
    ] {
        let words = [words, &[&address]].concat();
        let mut session = Session::start_with(&words, variables);
        session.wait_for(seen);
        session.wait_for("quit");
        assert_eq!(session.all.is_ascii(), seen == "caf?", "{words:?}: {:?}", session.all);
        session.press("q");
        assert_eq!(session.end().code(), Some(0));
    }
}

#[test]
fn a_master_is_found_by_its_process_id() {
    // The only arena of this process: which of several is found is another question.
    let shape = Shape { workers: 1, cores: 1, ..Shape::default() };
    let arena = Arena::create(&shape).unwrap();
    arena.globals().version.set(b"2.0.31");
    arena.globals().master_pid.set(u64::from(std::process::id()));
    arena.core(1, 0).requests.set(9);
    let pid = std::process::id().to_string();
    let output = uwsgitop().args(["--once", "--pid", &pid]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("req: 9 "), "{text}");
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

#[test]
fn a_recording_is_replayed_with_pause_step_and_jumps() {
    let folder = Folder::new("replayed");
    let file = folder.file("r");
    record(&file, "1");
    let mut session = Session::start(&["--replay", &file]);
    session.wait_for("STATUS");
    session.wait_for("x1");
    session.press(")");
    session.wait_for("end");
    session.press("[");
    session.wait_for("paused");
    session.press("(");
    // The bar begins with the moment that is shown.
    session.wait_for("\u{25cf}\u{2500}");
    session.press("+++");
    session.wait_for("x60");
    session.press("q");
    assert_eq!(session.end().code(), Some(0));
}
