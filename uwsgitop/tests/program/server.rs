//! A stats server of the tests' own: answers each connection with the next of its documents.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

/// A document with one worker that has served `requests`.
pub(crate) fn document(requests: u64) -> Vec<u8> {
    format!(
        "{{\n\t\"version\":\"2.0.31\",\n\t\"listen_queue\":0,\n\t\"pid\":99,\n\t\"workers\":[\n\
         \t\t{{\"id\":1,\"pid\":100,\"requests\":{requests},\"status\":\"idle\",\"tx\":2048,\n\
         \t\t\"cores\":[{{\"id\":0,\"requests\":{requests},\"in_request\":0}}]}}\n\t]\n}}"
    )
    .into_bytes()
}

/// Serves `answer(n)` to the n-th connection, until the test ends. With `asked`, a request is
/// read first, as a server in stats-http mode does.
pub(crate) fn serve<S: Read + Write + Send + 'static>(
    mut accept: impl FnMut() -> std::io::Result<S> + Send + 'static,
    asked: bool,
    answer: impl Fn(u64) -> Vec<u8> + Send + 'static,
) {
    thread::spawn(move || {
        for n in 0.. {
            let Ok(mut stream) = accept() else { return };
            if asked {
                let _ = stream.read(&mut [0; 4096]);
            }
            // A client that left early is the client's business.
            let _ = stream.write_all(&answer(n));
        }
    });
}

/// A listener whose abstract name exists nowhere else: the descriptor and process make it.
pub(crate) fn abstract_listener(closed: bool) -> (UnixListener, String) {
    use std::os::linux::net::SocketAddrExt;
    let probe = std::fs::File::open("/dev/null").unwrap();
    let name = format!("uwsgitop-test-{}-{}-{closed}", std::process::id(), probe.as_raw_fd());
    let bytes = if closed { format!("{name}\0") } else { name.clone() };
    let address = std::os::unix::net::SocketAddr::from_abstract_name(bytes).unwrap();
    (UnixListener::bind_addr(&address).unwrap(), name)
}

/// The binary under test, with a known zone and locale.
pub(crate) fn uwsgitop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uwsgitop"));
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    command
}

/// A port of the loopback served by `answer`.
pub(crate) fn tcp(asked: bool, answer: impl Fn(u64) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    serve(move || listener.accept().map(|(stream, _)| stream), asked, answer);
    address
}

/// A port that refuses connections for as long as the descriptor lives: bound, not listening.
pub(crate) fn refusing() -> (OwnedFd, String) {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&fd, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = SocketAddr::try_from(getsockname(&fd).unwrap()).unwrap();
    (fd, address.to_string())
}
