//! Probes at work: their maps and the descriptors that keep programs attached.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use uwsgi_metrics::{Carry, View};

use crate::maps::{Maps, Sizes};
use crate::probe::{PROBES, Probe};
use crate::status::{self, Status};

/// See the module. Made before the first fork, shared by all processes.
#[derive(Debug)]
pub struct Live {
    pub(crate) maps: Maps,
    pub(crate) sizes: Sizes,
    /// Programs by name; a program stays as long as its descriptor.
    programs: Vec<(String, OwnedFd)>,
    /// What attaches them.
    links: Vec<(String, OwnedFd)>,
    status: Vec<Status>,
    /// Where maps are pinned.
    pub(crate) pins: Option<OwnedFd>,
}

impl Live {
    pub(crate) fn new(
        maps: Maps,
        sizes: Sizes,
        programs: Vec<(String, OwnedFd)>,
        links: Vec<(String, OwnedFd)>,
        status: Vec<Status>,
    ) -> Live {
        Live { maps, sizes, programs, links, status, pins: None }
    }

    /// The same with what the loading process says of the probes.
    pub(crate) fn with_status(self, status: Vec<Status>) -> Live {
        Live { status, ..self }
    }

    /// True when a program of this name is loaded; also in processes that have not its descriptor.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        self.programs.iter().any(|(own, _)| own == name)
    }

    /// The program of this name, when it is loaded; for the master and the observer.
    pub(crate) fn program(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.programs.iter().find(|(own, _)| own == name).map(|(_, fd)| fd.as_fd())
    }

    /// What the maps were made for.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// What became of the probes.
    pub fn status(&self) -> &[Status] {
        &self.status
    }

    /// True when a probe of this name has programs attached.
    pub fn has(&self, name: &str) -> bool {
        self.status.iter().any(|status| status.name == name && status.programs > 0)
    }

    /// Counts go on from what the arena has: the maps of this start are new.
    pub fn seed(&self, arena: &View) {
        for worker in 1..=self.sizes.workers {
            if let Some(row) = self.maps.workers.get(worker as usize) {
                row.carry(arena.kernel_worker(worker));
            }
        }
        for index in 0..arena.shape().listeners {
            let there = arena.kernel_socket(index);
            let row = self.maps.sockets.get(index as usize);
            if let Some(row) = row.filter(|row| row.name.is(&there.name.get())) {
                row.carry(there);
                crate::network::carried(row);
            }
        }
    }

    /// Copies what programs have counted into the arena.
    pub fn fold(&self, arena: &View) {
        for worker in 1..=self.sizes.workers {
            if let Some(row) = self.maps.workers.get(worker as usize) {
                arena.kernel_worker(worker).carry(row);
            }
            for core in 0..self.sizes.cores {
                self.tell_waits(worker, core, arena.waits(worker, core));
            }
        }
        for index in 0..arena.shape().listeners {
            if let Some(row) = self.maps.sockets.get(index as usize) {
                arena.kernel_socket(index).carry(row);
            }
        }
    }

    /// Writes down how often programs ran and for how long. To be asked only where the kernel
    /// counts that: it costs a system call for each program.
    pub fn tell_runs(&self, arena: &View) {
        let rows = (0..uwsgi_metrics::PROBES).map(|index| arena.probe(index));
        for (row, probe) in rows.flat_map(|row| Some((row, named(&row.name.get())?))) {
            let programs = probe.programs.iter().filter_map(|program| self.program(program.name));
            let runs = programs.filter_map(|program| uwsgi_sys::bpf::program_runs(program).ok());
            let (count, ns) = runs.fold((0, 0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
            row.runs.set(count);
            row.run_ns.set(ns);
        }
    }

    /// Descriptors for the next image, by name: `map:`, `program:` and `link:` with theirs, and
    /// `pins`. Workers, mules and routers work without: what an application starts in the
    /// background would keep programs attached.
    pub fn kept(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        let maps = self.maps.fds().map(|(name, fd)| (format!("map:{name}"), fd));
        let programs =
            self.programs.iter().map(|(name, fd)| (format!("program:{name}"), fd.as_fd()));
        let links = self.links.iter().map(|(name, fd)| (format!("link:{name}"), fd.as_fd()));
        let pins = self.pins().map(|fd| ("pins".to_owned(), fd));
        maps.chain(programs).chain(links).chain(pins)
    }

    /// Takes over what the image before this one has loaded, when it is all of what is wanted and
    /// fits.
    ///
    /// # Errors
    /// Those of mmap; `NotFound` when a map is missing.
    pub fn adopt(
        take: &dyn Fn(&str) -> Option<OwnedFd>,
        sizes: Sizes,
        chosen: &[&Probe],
    ) -> io::Result<Live> {
        let maps = crate::maps::NAMES.iter().map(|name| take(&format!("map:{name}")));
        let maps: Option<Vec<_>> = maps.collect();
        let maps = Maps::map(maps.ok_or(io::ErrorKind::NotFound)?, sizes)?;
        let names = || PROBES.iter().flat_map(|probe| probe.programs);
        let all = |kind: &str| -> Vec<(String, OwnedFd)> {
            let one = |name: &str| Some((name.to_owned(), take(&format!("{kind}{name}"))?));
            names().filter_map(|program| one(program.name)).collect()
        };
        let (programs, links) = (all("program:"), all("link:"));
        let status = status::of(chosen, &programs, &links);
        Ok(Live { pins: take("pins"), ..Live::new(maps, sizes, programs, links, status) })
    }
}

fn named(name: &[u8]) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.name.as_bytes() == name)
}

/// The clock of the programs.
pub(crate) fn now_ns() -> u64 {
    uwsgi_sys::machine::monotonic_ns()
}
