//! The arena as its owner sees it: made before the first fork, handed over on re-execution.
//!
//! It owns the descriptor and the shared mapping. The master creates it; children inherit the
//! mapping by fork and need nothing of this file.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};

use crate::header::{DIRECTORY_OFFSET, Header, LAYOUT_VERSION, Layout, MAGIC};
use crate::histogram::Latency;
use crate::map::{Access, Mapping};
use crate::reader::open_view;
use crate::requests;
use crate::rows::{Carry, KILLS, SNMP_VALUES};
use crate::series;
use crate::shape::Shape;
use crate::view::View;

/// Name of the memfd, as `/proc/PID/fd` shows it.
pub(crate) const MEMFD_NAME: &str = "uwsgi-metrics";

/// A writable arena and its descriptor.
#[derive(Debug)]
pub struct Arena {
    view: View,
    fd: OwnedFd,
}

impl Arena {
    /// Makes an arena in anonymous memory, sealed against shrinking.
    ///
    /// The descriptor is close-on-exec; clear that before a re-execution that keeps the arena.
    ///
    /// # Errors
    /// Those of memfd_create, ftruncate and mmap.
    pub fn create(shape: &Shape) -> io::Result<Arena> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create(MEMFD_NAME, flags)?;
        let arena = Arena::build(fd, shape)?;
        rustix::fs::fcntl_add_seals(&arena.fd, SealFlags::SHRINK | SealFlags::GROW)?;
        Ok(arena)
    }

    /// Makes an arena in the file `path` (mode 0640), replacing what is there in one step, so that
    /// a reader of the old file keeps a whole old arena.
    ///
    /// # Errors
    /// Those of open, ftruncate, mmap and rename.
    pub fn create_at(path: &Path, shape: &Shape) -> io::Result<Arena> {
        let fresh = fresh_name(path);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&fresh, flags, Mode::from_raw_mode(0o640))?;
        let made =
            Arena::build(fd, shape).and_then(|arena| std::fs::rename(&fresh, path).map(|()| arena));
        if made.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        made
    }

    /// Takes over the arena of the process image before this one.
    ///
    /// With the same layout version and shape the memory itself is kept and its generation raised.
    /// With another shape, or where series of the past fill the pool, a new arena is made, and every row that exists in both carries its values
    /// over, so counters continue. Workers and cores beyond the smaller shape leave their counts to
    /// the first one, so sums never fall; other rows beyond it are lost. With another layout
    /// version, or a descriptor that is no arena, the answer is an error, and the caller creates.
    ///
    /// # Errors
    /// `InvalidData` with the reason, and those of [`Arena::create`].
    pub fn adopt(fd: OwnedFd, shape: &Shape) -> io::Result<Arena> {
        Arena::adopt_into(fd, shape, None)
    }

    /// Like [`Arena::adopt`]; a new arena, where one is needed, is made at `path`.
    ///
    /// # Errors
    /// As [`Arena::adopt`], and those of [`Arena::create_at`].
    pub fn adopt_into(fd: OwnedFd, shape: &Shape, path: Option<&Path>) -> io::Result<Arena> {
        let view = open_view(fd.as_fd(), Access::Shared)?;
        if view.shape() == shape && !series::is_crowded(&view) {
            (0..=shape.workers).for_each(|process| view.forget_process(process));
            view.header().generation.add(1);
            view.header().master_pid.set(u64::from(std::process::id()));
            return Ok(Arena { view, fd });
        }
        let arena = match path {
            Some(path) => Arena::create_at(path, shape)?,
            None => Arena::create(shape)?,
        };
        carry_over(&arena, &view);
        Ok(arena)
    }

    /// The descriptor, to be handed over a re-execution.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn build(fd: OwnedFd, shape: &Shape) -> io::Result<Arena> {
        let layout = Layout::of(shape);
        rustix::fs::ftruncate(&fd, layout.total as u64)?;
        let map = Mapping::new(fd.as_fd(), layout.total, Access::Shared)?;
        let view = View { map, layout };
        write_head(&view);
        Ok(Arena { view, fd })
    }
}

impl Deref for Arena {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

/// Fills header, directory and schema table; the magic comes last.
fn write_head(view: &View) {
    let header = view.header();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    header.layout_version.set(LAYOUT_VERSION);
    header.header_size.set(size_of::<Header>() as u64);
    header.total_size.set(view.layout.total as u64);
    header.created_ns.set(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    header.generation.add(1);
    header.master_pid.set(u64::from(std::process::id()));
    header.boot_id.set(boot_id().trim_ascii());
    for (cell, count) in header.shape.iter().zip(view.layout.shape.to_words()) {
        cell.set(count);
    }
    header.sections.set(view.layout.sections());
    header.directory_offset.set(DIRECTORY_OFFSET as u64);
    for (offset, id, place) in view.layout.directory() {
        let row = view.section_row(offset);
        row.id.set(id);
        row.element_size.set(place.element as u64);
        row.count.set(place.count as u64);
        row.offset.set(place.offset as u64);
    }
    crate::schema::write_rows(view);
    header.magic.as_atomic().store(MAGIC, crate::sync::Ordering::Release);
}

/// Copies every row that both arenas have.
fn carry_over(to: &View, from: &View) {
    let (new, old) = (*to.shape(), *from.shape());
    to.globals().carry(from.globals());
    to.history().carry(&from.history());
    for worker in 0..=new.workers.min(old.workers) {
        to.worker(worker).carry(from.worker(worker));
        for core in 0..new.cores.min(old.cores) {
            to.core(worker, core).carry(from.core(worker, core));
        }
        for app in 0..new.apps.min(old.apps) {
            to.app(worker, app).carry(from.app(worker, app));
        }
        for what in Latency::ALL {
            to.histogram(worker, what).carry(from.histogram(worker, what));
        }
        for socket in 0..new.sockets.min(old.sockets) {
            to.traffic(worker, socket).carry(from.traffic(worker, socket));
        }
        to.link_traffic(worker).carry(from.link_traffic(worker));
    }
    (1..=old.workers).for_each(|worker| fold_lost(to, from, worker));
    for index in 0..new.sockets.min(old.sockets) {
        to.socket(index).carry(from.socket(index));
    }
    for index in 0..new.gateways.min(old.gateways) {
        to.gateway(index).carry(from.gateway(index));
    }
    for id in 1..=new.mules.min(old.mules) {
        to.mule(id).carry(from.mule(id));
    }
    to.system().carry(from.system());
    to.snmp().carry(from.snmp());
    for number in 1..=SNMP_VALUES {
        to.snmp_value(number).carry(from.snmp_value(number));
    }
    carry_alarms(to, from);
    carry_probes(to, from);
    crate::metric_pool::carry_over(to, from);
    series::carry_over(to, from);
    requests::carry_over(to, from);
    crate::log_lines::carry_over(to, from);
    (0..=new.workers).for_each(|process| to.forget_process(process));
    to.header().generation.set(from.generation() + 1);
    to.header().created_ns.set(from.created_ns());
}

/// Leaves what a worker, or cores of it, counted to somebody who is still there.
fn fold_lost(to: &View, from: &View, worker: u32) {
    let (new, old) = (to.shape(), from.shape());
    let lost = worker > new.workers;
    let heir = if lost { 1 } else { worker };
    for core in if lost { 0 } else { new.cores.min(old.cores) }..old.cores {
        to.core(heir, 0).fold(from.core(worker, core));
    }
    if !lost {
        return;
    }
    // How often it was spawned ends with it.
    let (row, gone) = (to.worker(heir), from.worker(worker));
    let counts = [
        (&row.harakiri_count, &gone.harakiri_count),
        (&row.signals, &gone.signals),
        (&row.failed_requests, &gone.failed_requests),
        (&row.killed_count, &gone.killed_count),
        (&row.accepted, &gone.accepted),
        (&row.log_lines, &gone.log_lines),
        (&row.log_bytes, &gone.log_bytes),
        (&row.log_dropped, &gone.log_dropped),
        (&row.log_truncated, &gone.log_truncated),
    ];
    counts.into_iter().for_each(|(to, from)| to.add(from.get()));
    for app in 0..new.apps.min(old.apps) {
        let (row, gone) = (to.app(heir, app), from.app(worker, app));
        if row.mountpoint.get() == gone.mountpoint.get() {
            row.fold(gone);
        } else if row.requests.get() == 0 {
            row.carry(gone);
        }
    }
    for what in Latency::ALL {
        to.histogram(heir, what).fold(from.histogram(worker, what));
    }
    for socket in 0..new.sockets.min(old.sockets) {
        to.traffic(heir, socket).fold(from.traffic(worker, socket));
    }
    to.link_traffic(heir).fold(from.link_traffic(worker));
}

/// What probes counted, where both arenas have room for it; sockets by position, those of another
/// name begin anew.
fn carry_probes(to: &View, from: &View) {
    if to.shape().probes.min(from.shape().probes) == 0 {
        return;
    }
    for worker in 1..=to.shape().workers.min(from.shape().workers) {
        to.kernel_worker(worker).carry(from.kernel_worker(worker));
    }
    for worker in to.shape().workers + 1..=from.shape().workers {
        to.kernel_worker(1).fold(from.kernel_worker(worker));
    }
    for index in 0..to.shape().listeners.min(from.shape().listeners) {
        to.kernel_socket(index).carry(from.kernel_socket(index));
        to.accept_waits(index).carry(from.accept_waits(index));
    }
    for index in 0..KILLS {
        to.kill(index).carry(from.kill(index));
    }
}

/// Alarms, thresholds, pushers and daemons by position; who registers one of another name clears the row.
fn carry_alarms(to: &View, from: &View) {
    for index in 0..to.shape().alarms.min(from.shape().alarms) {
        to.alarm(index).carry(from.alarm(index));
    }
    for index in 0..to.shape().thresholds.min(from.shape().thresholds) {
        to.threshold(index).carry(from.threshold(index));
    }
    for index in 0..to.shape().pushers.min(from.shape().pushers) {
        to.pusher(index).carry(from.pusher(index));
    }
    for index in 0..to.shape().daemons.min(from.shape().daemons) {
        to.daemon(index).carry(from.daemon(index));
    }
    for index in 0..to.shape().loggers.min(from.shape().loggers) {
        to.logger(index).carry(from.logger(index));
    }
}

/// A name beside `path` that no other process uses.
fn fresh_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

/// The kernel's boot identity; empty where /proc is not mounted.
fn boot_id() -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open("/proc/sys/kernel/random/boot_id") {
        let _ = io::Read::read_to_end(&mut file, &mut bytes);
    }
    bytes
}
