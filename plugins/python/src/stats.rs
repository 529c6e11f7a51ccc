//! `uwsgi.workers()`: the server's numbers as dicts.
//!
//! It owns the keys and their order. It refuses to reuse objects between calls, so that callers
//! may keep them.

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{AppStat, WorkerStat};

use crate::obj::Obj;
use crate::raise::Res;
use crate::state::{interp, world};

/// A tuple with one dict for each configured worker.
pub(crate) fn workers(server: ServerRef) -> Res<Obj> {
    let stats = (1..=server.info().processes).filter_map(|id| server.worker(id));
    Obj::tuple(stats.map(|w| worker(server, &w)))
}

fn worker(server: ServerRef, w: &WorkerStat) -> Res<Obj> {
    let dict = Obj::dict()?;
    let status = w.status.get(..w.status_len as usize).unwrap_or_default();
    dict.put(c"id", &Obj::uint(w.id.into())?)?;
    dict.put(c"pid", &Obj::int(w.pid.into())?)?;
    dict.put(c"requests", &Obj::uint(w.requests)?)?;
    dict.put(c"delta_requests", &Obj::uint(w.delta_requests)?)?;
    dict.put(c"signals", &Obj::uint(w.signals)?)?;
    dict.put(c"exceptions", &Obj::uint(w.exceptions)?)?;
    dict.put(c"status", &Obj::bytes(status)?)?;
    dict.put(c"rss", &Obj::uint(w.rss)?)?;
    dict.put(c"vsz", &Obj::uint(w.vsz)?)?;
    dict.put(c"running_time", &Obj::uint(w.running_time)?)?;
    dict.put(c"last_spawn", &Obj::uint(w.last_spawn)?)?;
    dict.put(c"respawn_count", &Obj::uint(w.respawn_count.saturating_sub(1))?)?;
    dict.put(c"tx", &Obj::uint(w.tx)?)?;
    dict.put(c"avg_rt", &Obj::uint(w.avg_rt)?)?;
    let apps = (0..w.apps).filter_map(|n| server.app(w.id, n));
    dict.put(c"apps", &Obj::tuple(apps.map(|a| app(&a)))?)?;
    Ok(dict)
}

/// Where an app's interpreter and callable are in this process; 0 for an app it has not loaded.
fn addresses(id: u32) -> (u64, u64) {
    let found = world().and_then(|w| w.apps.iter().find(|a| a.id == id));
    let Some(found) = found else { return (0, 0) };
    let interpreter = interp(found.interp).map_or(0, |i| i.state as u64);
    (interpreter, found.callable.ptr() as u64)
}

fn app(a: &AppStat) -> Res<Obj> {
    let dict = Obj::dict()?;
    let mountpoint = a.mountpoint.get(..a.mountpoint_len as usize).unwrap_or_default();
    let chdir = a.chdir.get(..a.chdir_len as usize).unwrap_or_default();
    dict.put(c"id", &Obj::uint(a.id.into())?)?;
    dict.put(c"modifier1", &Obj::uint(a.modifier1.into())?)?;
    dict.put(c"mountpoint", &Obj::bytes(mountpoint)?)?;
    dict.put(c"startup_time", &Obj::uint(a.startup_time)?)?;
    let (interpreter, callable) = addresses(a.id);
    dict.put(c"interpreter", &Obj::uint(interpreter)?)?;
    dict.put(c"callable", &Obj::uint(callable)?)?;
    dict.put(c"requests", &Obj::uint(a.requests)?)?;
    dict.put(c"exceptions", &Obj::uint(a.exceptions)?)?;
    dict.put(c"chdir", &Obj::bytes(chdir)?)?;
    Ok(dict)
}
