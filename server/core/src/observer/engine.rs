//! The engine of SNMPv3 for this life of the observer: its id, and how often it has started.
//!
//! Managers refuse an engine whose count of starts falls. It is kept in the file of
//! `snmp-engine-file`, together with the id; without a file the count is the time in seconds, which
//! grows by itself.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use uwsgi_snmp::Pdu;
use uwsgi_snmp::usm::{Engine, engine_id};

use crate::instance::Instance;
use crate::snmp::Snmp;
use crate::sockets::plain;
use crate::{clock, log};

/// 2026-01-01: seconds since then fit the count of starts until 2094.
const EPOCH: u64 = 1_767_225_600;

/// The engine of this process and when it started.
#[derive(Debug)]
pub(super) struct Life {
    /// The engine; clones of it are the same engine.
    pub(super) engine: Engine,
    /// Its time counts from here.
    pub(super) start: Instant,
}

/// There is one for the agent and for notifications.
static LIFE: OnceLock<Option<Life>> = OnceLock::new();

/// The engine, started by whoever asks first; nothing without users.
pub(super) fn life(instance: &Instance) -> Option<&'static Life> {
    let begin = || {
        let engine = start(instance, instance.settings.snmp.as_ref()?)?;
        let id: String = engine.id().iter().map(|octet| format!("{octet:02x}")).collect();
        log!("SNMPv3 engine 0x{id} started, boots {}", engine.boots());
        Some(Life { engine, start: Instant::now() })
    };
    LIFE.get_or_init(begin).as_ref()
}

/// Seals a notification from a user.
///
/// # Errors
/// There is no such user, or no engine.
pub(super) fn trap(user: &str, number: i32, pdu: Pdu) -> Result<Vec<u8>, String> {
    let life = LIFE.get().and_then(Option::as_ref).ok_or("there is no SNMPv3 engine")?;
    life.engine.trap(user, number, pdu, life.start.elapsed().as_secs())
}

fn start(instance: &Instance, snmp: &Snmp) -> Option<Engine> {
    if snmp.users.is_empty() {
        return None;
    }
    let stated = State { id: id_of(instance, snmp), boots: boots_of_now() };
    let state = match &snmp.engine_file {
        Some(path) => next(Path::new(path), &stated).unwrap_or_else(|e| {
            log!(
                "snmp-engine-file {path}: {}; managers may have to discover the agent anew",
                plain(&e)
            );
            stated
        }),
        None => stated,
    };
    // Salts need not be secret, only never the same.
    let counter = RandomState::new().build_hasher().finish();
    Some(Engine::new(state.id, state.boots, snmp.users.clone(), counter))
}

/// What is remembered from life to life.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    id: Vec<u8>,
    boots: i32,
}

/// An instance is known by its host and where it answers.
fn id_of(instance: &Instance, snmp: &Snmp) -> Vec<u8> {
    let places = [&snmp.addresses[..], &instance.settings.udp[..]].concat();
    engine_id(&format!("{}\n{}", instance.hostname, places.join("\n")))
}

fn boots_of_now() -> i32 {
    i32::try_from(clock::epoch_s().saturating_sub(EPOCH)).unwrap_or(i32::MAX - 1)
}

/// The state of this life: one more start than the file says. It is in the file before any
/// message tells it.
fn next(path: &Path, stated: &State) -> io::Result<State> {
    let old = match fs::read_to_string(path) {
        Ok(text) => parse(&text).ok_or(io::ErrorKind::InvalidData)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => State { boots: 0, ..stated.clone() },
        Err(e) => return Err(e),
    };
    let new = State { boots: old.boots.saturating_add(1), ..old };
    write(path, &new)?;
    Ok(new)
}

/// Replaces the file in one step that survives a loss of power.
fn write(path: &Path, state: &State) -> io::Result<()> {
    let fresh = PathBuf::from(format!("{}.{}.new", path.display(), std::process::id()));
    let hex: String = state.id.iter().map(|octet| format!("{octet:02x}")).collect();
    let text = format!("engineBoots {}\nengineID {hex}\n", state.boots);
    let put = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    put().inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })
}

fn parse(text: &str) -> Option<State> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim())
    };
    let boots = value("engineBoots")?.parse().ok().filter(|boots| *boots >= 0)?;
    let hex = value("engineID")?;
    let octet = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let id = (0..hex.len()).step_by(2).map(octet).collect::<Option<Vec<u8>>>()?;
    (5..=32).contains(&id.len()).then_some(State { id, boots })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_life_has_started_once_more_under_the_same_id() {
        let folder = std::env::temp_dir().join(format!("uwsgi-engine-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("engine");
        let first = next(&path, &State { id: engine_id("one"), boots: 99 }).unwrap();
        assert_eq!(first, State { id: engine_id("one"), boots: 1 });
        let second = next(&path, &State { id: engine_id("two"), boots: 99 }).unwrap();
        assert_eq!(second, State { id: engine_id("one"), boots: 2 });
        fs::write(&path, "engineBoots 2147483647\nengineID 8000895405\n").unwrap();
        assert_eq!(next(&path, &second).unwrap().boots, i32::MAX, "worn out, for good");
        for broken in [
            "",
            "engineBoots -1\nengineID 8000895405\n",
            "engineBoots 1\nengineID zz\n",
            "engineBoots 1\n",
        ] {
            fs::write(&path, broken).unwrap();
            assert!(next(&path, &second).is_err(), "{broken:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), broken, "what is not understood stays");
        }
        fs::remove_file(&path).unwrap();
        assert!(fs::read_dir(&folder).unwrap().next().is_none(), "no file of the way is left");
        fs::remove_dir(&folder).unwrap();
    }
}
