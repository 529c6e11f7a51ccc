//! Numbers of workers and apps in the shape that plugins read.

use uwsgi_abi::{AppStat, WorkerStat};

use crate::instance::Instance;

/// A worker's numbers; 0 asks for the totals.
pub(crate) fn worker(instance: &Instance, id: u32) -> Option<WorkerStat> {
    let settings = &instance.settings;
    if id > settings.processes {
        return None;
    }
    if id == 0 {
        let each = (1..=settings.processes).filter_map(|w| worker(instance, w));
        return Some(each.fold(WorkerStat::default(), |mut sum, w| {
            sum.requests += w.requests;
            sum.exceptions += w.exceptions;
            sum.tx += w.tx;
            sum.running_time += w.running_time;
            sum
        }));
    }
    let row = instance.arena.worker(id);
    let mut out = WorkerStat {
        id: row.id.get() as u32,
        pid: row.pid.get() as i32,
        signals: row.signals.get(),
        rss: row.rss.get(),
        vsz: row.vsz.get(),
        last_spawn: row.last_spawn.get(),
        respawn_count: row.respawn_count.get(),
        avg_rt: row.avg_rt_us.get(),
        apps: instance.apps(id),
        ..WorkerStat::default()
    };
    let mut busy = false;
    for core in 0..settings.threads {
        let core = instance.arena.core(id, core);
        out.requests += core.requests.get();
        out.exceptions += core.exceptions.get();
        out.running_time += core.running_time_us.get();
        out.tx += core.tx.get();
        busy |= core.in_request.get() > 0;
    }
    out.delta_requests = instance.delta_requests(id);
    let status = if row.cheaped.get() > 0 {
        "cheap".to_owned()
    } else if row.suspended.get() > 0 && !busy {
        "pause".to_owned()
    } else if row.sig.get() > 0 {
        format!("sig{}", row.signum.get())
    } else if busy {
        "busy".to_owned()
    } else {
        "idle".to_owned()
    };
    out.status[..status.len()].copy_from_slice(status.as_bytes());
    out.status_len = status.len() as u32;
    Some(out)
}

/// An app's numbers.
pub(crate) fn app(instance: &Instance, worker: u32, app: u32) -> Option<AppStat> {
    let settings = &instance.settings;
    if worker == 0 || worker > settings.processes || app >= settings.max_apps {
        return None;
    }
    let row = instance.arena.app(worker, app);
    if row.used.get() == 0 {
        return None;
    }
    let mut out = AppStat {
        id: row.id.get() as u32,
        modifier1: row.modifier1.get() as u32,
        startup_time: row.startup_time.get(),
        requests: row.requests.get(),
        exceptions: row.exceptions.get(),
        mountpoint_len: 0,
        chdir_len: 0,
        mountpoint: [0; 256],
        chdir: [0; 256],
    };
    out.mountpoint_len = copy(&row.mountpoint.get(), &mut out.mountpoint);
    out.chdir_len = copy(&row.chdir.get(), &mut out.chdir);
    Some(out)
}

fn copy(from: &[u8], to: &mut [u8; 256]) -> u32 {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n as u32
}
