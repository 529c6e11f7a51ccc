//! One-shot commands: what `uwsgi` does instead of serving.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use uwsgi_config::{Action, Config};
use uwsgi_sys::{process, signal};

use crate::address::{self, Address};
use crate::{log, pidfile, sockets};

/// Runs the actions of a configuration in order; `Some` is the exit code when one ends the run.
pub fn run(config: &Config, binary: &str) -> Option<i32> {
    config.actions.iter().find_map(|action| one(action, binary))
}

fn one(action: &Action, binary: &str) -> Option<i32> {
    match action {
        Action::Help => print(&uwsgi_config::help(binary)),
        Action::Version => print(&format!("{}\n", uwsgi_config::VERSION)),
        Action::DumpOptions => print(&uwsgi_config::dump_options()),
        Action::OptionStatus => print(&uwsgi_config::option_status()),
        // The rest of the start decides whether a configuration is good.
        Action::Check => return None,
        Action::Stop(path) => return Some(signal_pidfile(path, signal::SIGINT)),
        Action::Reload(path) => return Some(signal_pidfile(path, signal::SIGHUP)),
        Action::Pause(path) => return Some(signal_pidfile(path, signal::SIGTSTP)),
        Action::ConnectAndRead(text) => return Some(connect_and_read(text)),
        Action::Print(text) => {
            print(&format!("{text}\n"));
            return None;
        }
        Action::Exit(code) => return Some(*code),
    }
    Some(0)
}

/// To standard output; a reader that went away is no failure of ours.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn signal_pidfile(path: &str, signal: i32) -> i32 {
    let pid = match pidfile::read(path) {
        Ok(pid) => pid,
        Err(text) => {
            log!("{text}");
            return 1;
        }
    };
    match process::kill(pid, signal) {
        Ok(()) => 0,
        Err(e) => {
            log!("signal_pidfile()/kill(): {} [core/uwsgi.c line {}]", sockets::plain(&e), line!());
            255
        }
    }
}

fn connect_and_read(text: &str) -> i32 {
    let stream = match connect(text) {
        Ok(stream) => stream,
        Err(e) => {
            log!("uwsgi_connect(): {} [core/uwsgi.c line {}]", sockets::plain(&e), line!());
            return 1;
        }
    };
    copy_to_log(stream)
}

fn copy_to_log(mut stream: Box<dyn Read>) -> i32 {
    let mut buffer = [0u8; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return 0,
            Ok(n) => log::raw(&buffer[..n]),
            Err(e) => {
                log!("uwsgi_connect(): {}", sockets::plain(&e));
                return 1;
            }
        }
    }
}

fn connect(text: &str) -> std::io::Result<Box<dyn Read>> {
    let invalid = |e: String| std::io::Error::new(std::io::ErrorKind::InvalidInput, e);
    Ok(match address::parse(text, false).map_err(invalid)? {
        Address::Tcp { host, port } => {
            let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
            Box::new(TcpStream::connect(address::resolve(&host, port).map_err(invalid)?)?)
        }
        Address::Unix(path) => Box::new(UnixStream::connect(path)?),
        Address::Abstract { name, .. } => {
            let padded: Vec<u8> = name.iter().copied().chain([0]).collect();
            let fd = uwsgi_sys::socket::connect_abstract(&padded)
                .or_else(|_| uwsgi_sys::socket::connect_abstract(&name))?;
            let stream = UnixStream::from(fd);
            stream.set_nonblocking(false)?;
            Box::new(stream)
        }
        Address::Fd(n) => Box::new(std::fs::File::from(uwsgi_sys::fd::adopt(n)?)),
    })
}
