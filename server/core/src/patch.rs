//! Steps of the start that have nothing to do with serving: files to write, and other programs that
//! take this process over.

use std::ffi::OsString;

use uwsgi_config::Config;
use uwsgi_sys::{process, signal};

use crate::log;
use crate::sockets::plain;

/// The shell for command lines: the first one of `binsh` that can be executed.
pub(crate) fn shell(config: &Config) -> String {
    use rustix::fs::{Access, access};
    let usable = |path: &&str| access(*path, Access::EXEC_OK).is_ok();
    config.values("binsh").find(usable).unwrap_or("/bin/sh").to_owned()
}

/// `file-write = file=value`: writes each value and a newline into its file.
pub(crate) fn write_files(config: &Config) -> Result<(), String> {
    for text in config.values("file-write") {
        let Some((path, value)) = text.split_once('=') else {
            return Err(format!("unable to write empty value for \"{text}\""));
        };
        log!("writing \"{value}\" to \"{path}\" ...");
        std::fs::write(path, format!("{value}\n"))
            .map_err(|e| format!("open(\"{path}\"): {} [core/io.c line {}]", plain(&e), line!()))?;
    }
    Ok(())
}

/// Executes the program, or else the command line, that `when`-`binary-patch` names. Comes back
/// when there is none, or with the line for the log.
pub(crate) fn become_other(config: &Config, when: &str, argv: &[OsString]) -> Result<(), String> {
    let option = format!("{when}-binary-patch");
    if let Some(program) = config.last(&option) {
        let arguments = argv.iter().skip(1).cloned();
        let argv: Vec<OsString> = [program.into()].into_iter().chain(arguments).collect();
        return Err(execute(&argv));
    }
    match config.last(&format!("{option}-arg")) {
        Some(line) => Err(execute(&[shell(config).into(), "-c".into(), line.into()])),
        None => Ok(()),
    }
}

/// Another program expects the signals as a shell would hand them over.
fn execute(argv: &[OsString]) -> String {
    signal::reset(&[signal::SIGPIPE]);
    let env: Vec<_> = std::env::vars_os().collect();
    let Some(program) = argv.first() else { return String::new() };
    let error = process::exec(program, argv, &env);
    signal::ignore(signal::SIGPIPE);
    format!(
        "execvp(): {} [core/uwsgi.c line {}] (\"{}\")",
        plain(&error),
        line!(),
        program.to_string_lossy()
    )
}
