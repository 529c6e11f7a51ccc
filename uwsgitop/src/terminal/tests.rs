//! Panics under a pseudo-terminal: this test program runs itself there, because the panic hook and
//! the modes of a terminal are those of a whole process.

use super::*;
use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// Says in the child what it shall do.
const DEED: &str = "UWSGITOP_TEST_DEED";

const LEAVE: &str = "\u{1b}[?1049l";

/// What the child does; nothing where nobody asked for it.
#[test]
fn deed() {
    let Ok(deed) = env::var(DEED) else { return };
    let guard = Guard::enter(true).unwrap();
    let mut screen = Terminal::new(CrosstermBackend::new(stdout())).unwrap();
    let mut frame =
        |text: &str| write(|| screen.draw(|f| f.render_widget(text, f.area())).map(drop));
    match deed.as_str() {
        "here" => panic!("a fault on purpose"),
        "in a frame" => drop(write::<()>(|| panic!("a fault on purpose"))),
        "in a thread" => {
            let _ = thread::spawn(|| panic!("a fault on purpose")).join();
            let refused = frame("too late").unwrap_err();
            assert!(refused.to_string().contains("fault"), "{refused}");
        }
        "beside frames" => {
            let fault = thread::spawn(|| {
                thread::sleep(Duration::from_millis(20));
                panic!("a fault on purpose")
            });
            let mut count = 0;
            while frame(&format!("frame {count}")).is_ok() {
                count += 1;
            }
            assert!(fault.join().is_err() && held().is_err());
        }
        other => panic!("no such deed: {other}"),
    }
    drop(guard);
}

/// Everything the child wrote, and whether the terminal is raw afterwards.
fn seen(deed: &str) -> (String, bool) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let end = || Stdio::from(terminal.try_clone().unwrap());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "terminal::tests::deed", "--nocapture"]).env(DEED, deed);
    command.env("TERM", "xterm").env("RUST_BACKTRACE", "0");
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    drop(command);
    let mut screen = File::from(master);
    let (deliver, output) = channel();
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut chunk) {
            if deliver.send(chunk[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    child.wait().unwrap();
    let raw = !tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ICANON);
    drop(terminal);
    // The other end reads to the end of all that was written.
    let bytes: Vec<u8> = output.iter().flatten().collect();
    (String::from_utf8_lossy(&bytes).into_owned(), raw)
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_before_it_is_told() {
    for deed in ["here", "in a frame", "in a thread", "beside frames"] {
        let (text, raw) = seen(deed);
        assert!(!raw, "{deed}: left in raw mode: {text:?}");
        let entered = text.find("\u{1b}[?1049h").unwrap_or_else(|| panic!("{deed}: {text:?}"));
        let left = text.find(LEAVE).unwrap_or_else(|| panic!("{deed}: {text:?}"));
        let told = text.find("a fault on purpose").unwrap_or_else(|| panic!("{deed}: {text:?}"));
        assert!(entered < left && left < told, "{deed}: {text:?}");
        assert_eq!(text.matches(LEAVE).count(), 1, "{deed}: left once: {text:?}");
        let after = &text[left..];
        assert!(!after.contains("frame ") && !after.contains("too late"), "{deed}: {text:?}");
        assert!(text[..left].contains("\u{1b}[?25h"), "{deed}: the cursor shows: {text:?}");
    }
}
