//! The subagent: a session with the master agent of this machine, again and again.
//!
//! It owns the connection and the pauses between attempts; what is said is the session's
//! (`uwsgi_snmp::agentx`). A master that is slow, gone or mad costs this task its time and nobody
//! else theirs.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use uwsgi_snmp::VarBind;
use uwsgi_snmp::agentx::{HEADER, Packet, Session, Step, length};

use super::datagrams::Numbers;
use crate::agentx::Master;
use crate::instance::Instance;
use crate::sockets::plain;
use crate::{clock, log};

/// Time for a connection, and for a master to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for a session to be open and registered.
const BEGINNING: Duration = Duration::from_secs(15);

/// A master is asked so often whether it is there.
const PING: Duration = Duration::from_secs(30);

/// The first pause after a failure; doubled by each one more.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Notifications that wait to be handed over.
const WAITING: usize = 64;

/// The way of notifications to the session; there is one in a process.
static OUT: OnceLock<mpsc::Sender<Vec<VarBind>>> = OnceLock::new();

/// Hands a notification to the master agent.
///
/// # Errors
/// There is none at the moment, or too many wait.
pub(super) fn notify(binds: Vec<VarBind>) -> Result<(), String> {
    let out = OUT.get().filter(|_| REGISTERED.load(Ordering::Relaxed));
    let out = out.ok_or("no AgentX master is there to take it")?;
    out.try_send(binds).map_err(|_| "the AgentX master takes nothing".to_owned())
}

/// Whether the session stands.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Keeps a session as long as the observer lives.
pub(super) async fn run(instance: &'static Instance) {
    let Some(master) = &instance.settings.agentx else { return std::future::pending().await };
    let mut numbers = Numbers::new(instance);
    let (sender, mut notices) = mpsc::channel(WAITING);
    let _ = OUT.set(sender);
    let (mut pause, mut told) = (FIRST_PAUSE, String::new());
    loop {
        let why = match connect(master).await {
            Ok(stream) => dialogue(instance, master, stream, &mut numbers, &mut notices).await,
            Err(why) => why,
        };
        if REGISTERED.swap(false, Ordering::Relaxed) {
            (pause, told) = (FIRST_PAUSE, String::new());
        }
        // A master that stays away is told once.
        if why != told {
            log!("[snmp-agentx] {master}: {why}, trying again");
            told = why;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

async fn connect(master: &Master) -> Result<Box<dyn Stream>, String> {
    let work = async {
        Ok(match master {
            Master::Unix(path) => Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>,
            Master::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Answers are small, and somebody waits for each of them.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    };
    match timeout(PATIENCE, work).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => Err(plain(&e)),
        Err(_) => Err("no connection in time".to_owned()),
    }
}

/// One session; returns why it is over.
async fn dialogue(
    instance: &Instance,
    master: &Master,
    mut stream: Box<dyn Stream>,
    numbers: &mut Numbers,
    notices: &mut mpsc::Receiver<Vec<VarBind>>,
) -> String {
    let mut session = Session::new();
    let version = instance.arena.globals().version.get();
    let hello = session.open(&format!("uWSGI {}", String::from_utf8_lossy(&version)));
    if let Err(why) = send(&mut stream, &hello).await {
        return why;
    }
    let begun = tokio::time::Instant::now();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.tick().await;
    let mut bytes = Vec::new();
    loop {
        let late = async {
            match REGISTERED.load(Ordering::Relaxed) {
                true => std::future::pending().await,
                false => tokio::time::sleep_until(begun + BEGINNING).await,
            }
        };
        let read = tokio::select! {
            read = receive(&mut stream, &mut bytes) => read,
            () = late => return "it does not answer".to_owned(),
            Some(binds) = notices.recv() => {
                let Some(notice) = session.notify(binds) else { continue };
                match send(&mut stream, &notice).await {
                    Ok(()) => continue,
                    Err(why) => return why,
                }
            }
            _ = pings.tick() => {
                if session.unanswered() > 0 {
                    return "it does not answer".to_owned();
                }
                let ping = session.ping();
                match send(&mut stream, &ping).await {
                    Ok(()) => continue,
                    Err(why) => return why,
                }
            }
        };
        let packet = match read {
            Ok(packet) => packet,
            Err(why) => return why,
        };
        match session.receive(&packet, numbers, uptime(instance)) {
            Step::Send(answer) => {
                if let Err(why) = send(&mut stream, &answer).await {
                    return why;
                }
            }
            Step::Registered => {
                REGISTERED.store(true, Ordering::Relaxed);
                log!("[snmp-agentx] registered with {master}");
            }
            Step::Nothing => {}
            Step::Over(why) => return why,
        }
    }
}

async fn send(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<(), String> {
    match timeout(PATIENCE, stream.write_all(bytes)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(plain(&e)),
        Err(_) => Err("it takes no bytes".to_owned()),
    }
}

/// The next packet. What has been read of it stays in `bytes` when this is given up.
async fn receive(stream: &mut Box<dyn Stream>, bytes: &mut Vec<u8>) -> Result<Packet, String> {
    loop {
        if let Some(total) = length(bytes).map_err(|e| format!("it sent no packet: {e}"))?
            && bytes.len() >= total
        {
            let rest = bytes.split_off(total);
            let packet = Packet::decode(bytes).map_err(|e| format!("it sent no packet: {e}"));
            *bytes = rest;
            return packet;
        }
        bytes.reserve(HEADER.max(4096));
        match stream.read_buf(bytes).await {
            Ok(0) => return Err("it closed the connection".to_owned()),
            Ok(_) => {}
            Err(e) => return Err(plain(&e)),
        }
    }
}

/// Hundredths of a second since the start.
fn uptime(instance: &Instance) -> u32 {
    let since = clock::epoch_us().saturating_sub(instance.arena.globals().started_at_us.get());
    (since / 10_000) as u32
}
