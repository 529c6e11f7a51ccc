//! One-shot commands: what `uwsgi` does instead of serving.

use std::io::{Read, Write};

use uwsgi_config::{Action, Answer, Config, Explained, Registry};
use uwsgi_sys::signal;

use crate::dial::dial;
use crate::source::{self, System};
use crate::{build_info, commands, log, probes, sockets};

/// Runs the actions of a configuration in order; `Some` is the exit code when one ends the run.
pub(crate) fn run(config: &Config, binary: &str, system: &System) -> Option<i32> {
    config.actions.iter().find_map(|action| one(action, binary, system, config))
}

fn one(action: &Action, binary: &str, system: &System, config: &Config) -> Option<i32> {
    let names = &config.registry;
    match action {
        Action::Help => print(&uwsgi_config::help(binary, names)),
        Action::Version => print(&format!("{}\n", uwsgi_config::VERSION)),
        Action::DumpOptions => print(&uwsgi_config::dump_options(names)),
        Action::OptionStatus => print(&uwsgi_config::option_status(names)),
        Action::Explain(list) => return Some(explain(list, names)),
        Action::JsonSchema => print(&uwsgi_config::json_schema(names)),
        Action::Completion(shell) => return Some(completion(shell, names)),
        Action::BuildInfo => print(&build_info::text()),
        Action::EbpfCheck => return Some(probes::check(config, &mut |text| print(text))),
        Action::Stop(path) => return Some(signal_pidfile(system, path, signal::SIGINT)),
        Action::Reload(path) => return Some(signal_pidfile(system, path, signal::SIGHUP)),
        Action::Pause(path) => return Some(signal_pidfile(system, path, signal::SIGTSTP)),
        Action::CheaperReplay(path) => return Some(commands::cheaper_replay(path, config)),
        Action::ConnectAndRead(text) => return Some(connect_and_read(text)),
        Action::Signal(text) => return Some(commands::signal(text)),
        Action::Ping(node) => return Some(commands::ping(node, config)),
        Action::Nagios => {
            let (line, code) = commands::nagios(config);
            print(&format!("{line}\n"));
            return Some(code);
        }
        Action::CompilerFlags => {
            print(commands::C_FLAGS);
            log!("{}", commands::C_FLAGS_HINT);
        }
        Action::Header => print(uwsgi_abi::C_HEADER),
        Action::BuildScript => print(commands::NO_SCRIPT),
        Action::BuildPlugin(text) => return Some(commands::build_plugin(text)),
        Action::Extract(what) => return Some(source::extract(system, what)),
        Action::AppendData(what) => return Some(source::append_data(system, what)),
        Action::PrintSymbol(name) => return Some(source::print_symbol(system, name)),
        // The answer has standard output to itself where a program reads it.
        Action::Print(text) if config.check == Some(Answer::Json) => {
            log!("{text}");
            return None;
        }
        Action::Print(text) => {
            print(&format!("{text}\n"));
            return None;
        }
        Action::Exit(code) => return Some(*code),
    }
    Some(0)
}

/// Explains every name of a comma list; an unknown one makes it 1.
fn explain(list: &str, names: &Registry) -> i32 {
    let mut code = 0;
    let asked = list.split(',').filter(|name| !name.trim().is_empty());
    for (index, name) in asked.enumerate() {
        match uwsgi_config::explain(name, names) {
            Explained::Known(text) => {
                print(&format!("{}{text}", if index > 0 { "\n" } else { "" }))
            }
            Explained::Unknown(text) => {
                log!("{text}");
                code = 1;
            }
        }
    }
    code
}

fn completion(shell: &str, names: &Registry) -> i32 {
    match uwsgi_config::completion(shell, names) {
        Some(text) => {
            print(&text);
            0
        }
        None => {
            log!("no completion for \"{shell}\", only for bash, zsh and fish");
            1
        }
    }
}

/// To standard output; a reader that went away is no failure of ours.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn signal_pidfile(system: &System, path: &str, signal: i32) -> i32 {
    match source::pid(system, path) {
        Ok(pid) => commands::signal_pid(path, pid, signal),
        Err(code) => code,
    }
}

fn connect_and_read(text: &str) -> i32 {
    let stream = match dial(text, None) {
        Ok(stream) => stream,
        Err(e) => {
            log!("uwsgi_connect(): {} [core/uwsgi.c line {}]", sockets::plain(&e), line!());
            return 1;
        }
    };
    copy_to_log(stream)
}

fn copy_to_log(mut stream: impl Read) -> i32 {
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
