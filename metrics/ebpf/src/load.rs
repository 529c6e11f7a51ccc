//! Loading: the object, its maps, each program for itself, and what is said when one cannot be.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aya::maps::Map;
use aya::programs::Program as Loaded;
use aya::{Btf, Ebpf, EbpfLoader, Endianness};
use uwsgi_sys::{bpf, process};

use crate::calls;
use crate::fault::Fault;
use crate::live::Live;
use crate::maps::{Maps, NAMES, Sizes};
use crate::offer::{Offer, TYPES};
use crate::probe::{PROBES, Probe, Program, spared};
use crate::status::{self, Status, has};

/// The programs, as clang made them from `program/probes.bpf.c` (`make ebpf`).
pub const OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/program/probes.bpf.o"));

/// Inode of the pid namespace that a machine starts with (`PROC_PID_INIT_INO`).
const FIRST_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Tells how deep the pid namespace of its caller is.
const LEVEL: Program = Program { name: "process_level", tracepoint: "", gives: "" };

/// Loads the chosen probes. It never fails as a whole: without any, the states say why. It may raise
/// this process's limit of locked memory.
pub fn load(chosen: &[&Probe], sizes: Sizes) -> (Option<Live>, Vec<Status>) {
    load_from(OBJECT, Path::new(TYPES), chosen, sizes)
}

/// The same from another object, for the kernel types of another file.
pub fn load_from(
    object: &[u8],
    types: &Path,
    chosen: &[&Probe],
    sizes: Sizes,
) -> (Option<Live>, Vec<Status>) {
    if chosen.is_empty() {
        return (None, PROBES.iter().map(Status::off).collect());
    }
    let mut loading = Loading { offer: Offer::look(), programs: Vec::new(), links: Vec::new() };
    match loading.all(object, types, chosen, sizes) {
        Ok((maps, status)) => {
            let Loading { programs, links, .. } = loading;
            (Some(Live::new(maps, sizes, programs, links, status.clone())), status)
        }
        Err(fault) => (None, status::all(chosen, &fault)),
    }
}

/// What is loaded so far.
struct Loading {
    offer: Offer,
    programs: Vec<(String, OwnedFd)>,
    links: Vec<(String, OwnedFd)>,
}

impl Loading {
    fn all(
        &mut self,
        object: &[u8],
        types: &Path,
        chosen: &[&Probe],
        sizes: Sizes,
    ) -> Result<(Maps, Vec<Status>), Fault> {
        self.knock()?;
        let types = Btf::parse_file(types, Endianness::default())
            .map_err(|e| Fault::of_types(&e, &self.offer))?;
        let (mut ebpf, maps) = self.prepare(object, &types, sizes, chosen)?;
        let maps =
            Maps::map(maps, sizes).map_err(|e| Fault::failed(format!("mmap() of a map: {e}")))?;
        calls::fill(&maps);
        let mut one = |probe: &Probe| {
            if !chosen.iter().any(|other| other.name == probe.name) {
                return Status::off(probe);
            }
            let (count, mut faults) = (self.links.len(), Vec::new());
            for program in probe.programs {
                // Two probes may need the same one.
                if !has(&self.programs, program.name)
                    && !self.spares(program)
                    && let Err(fault) = self.attach(&mut ebpf, &types, program)
                {
                    faults.push((program, fault));
                }
            }
            faults.retain(|(program, _)| !self.spares(program));
            Status::of(probe, (self.links.len() - count) as u32, &faults)
        };
        Ok((maps, PROBES.iter().map(&mut one).collect()))
    }

    /// One that does the same is attached.
    fn spares(&self, program: &Program) -> bool {
        spared(program.name, &|name| has(&self.links, name))
    }

    /// Whether this process may make what is shared with programs, found out by making one.
    fn knock(&self) -> Result<(), Fault> {
        let Err(first) = bpf::try_map() else { return Ok(()) };
        // Kernels that count maps as locked memory refuse them with the errors of missing rights.
        if process::limit(process::Resource::Memlock, u64::MAX).is_ok() && bpf::try_map().is_ok() {
            return Ok(());
        }
        let fault = Fault::of_call("BPF_MAP_CREATE", &first, &self.offer);
        match bpf::Errno::of(&first) {
            bpf::Errno::Other => Err(Fault {
                state: status::State::Unsupported,
                reason: format!("this kernel has no arrays that can be mapped ({first})"),
                ..fault
            }),
            _ => Err(fault),
        }
    }

    /// Depth and inode of this process's pid namespace; a depth of 0 spares programs the search.
    ///
    /// Nothing tells a process in a namespace how deep that is, so a program is asked.
    fn namespace(&self, object: &[u8], types: &Btf) -> Result<(u32, u32), Fault> {
        let Some(inode) = process::pid_namespace().filter(|inode| *inode != FIRST_NAMESPACE) else {
            return Ok((0, 0));
        };
        let level = || {
            let ebpf = EbpfLoader::new().btf(Some(types)).load(object);
            let mut ebpf = ebpf.map_err(|e| Fault::of_error("the object", &e, &self.offer))?;
            let program = self.program(&mut ebpf, types, &LEVEL)?;
            let level = bpf::run(program.as_fd(), &[0]);
            level.map_err(|e| Fault::of_call("BPF_PROG_TEST_RUN", &e, &self.offer))
        };
        // Without it, others would be taken for processes of this server.
        let level = level().map_err(|fault| {
            let reason = format!("the depth of the pid namespace is not known: {}", fault.reason);
            Fault { reason, ..fault }
        })?;
        Ok((level, inode))
    }

    /// The object with its maps made, and their descriptors in the order of [`NAMES`].
    fn prepare(
        &self,
        object: &[u8],
        types: &Btf,
        sizes: Sizes,
        chosen: &[&Probe],
    ) -> Result<(Ebpf, Vec<OwnedFd>), Fault> {
        let mut loader = EbpfLoader::new();
        loader.btf(Some(types));
        for (name, rows) in sizes.rows() {
            loader.map_max_entries(name, rows as u32);
        }
        loader.override_global("cores", &sizes.cores, true);
        let (level, inode) = self.namespace(object, types)?;
        loader.override_global("pid_level", &level, true);
        loader.override_global("pid_ns", &inode, true);
        let faults = u32::from(chosen.iter().any(|probe| probe.name == crate::memory::PROBE.name));
        loader.override_global("faults", &faults, true);
        let tick_ns = uwsgi_sys::machine::tick_ns();
        loader.override_global("tick_ns", &tick_ns, true);
        let ebpf =
            loader.load(object).map_err(|e| Fault::of_error("the object", &e, &self.offer))?;
        let mut fds = Vec::new();
        for name in NAMES {
            // Programs name maps by the numbers of these descriptors until they are loaded.
            let map = ebpf.map(name).ok_or_else(|| Fault::failed(format!("no map {name}")))?;
            let Map::Array(data) = map else {
                return Err(Fault::failed(format!("map {name} is no array")));
            };
            let fd = data.fd().as_fd().try_clone_to_owned();
            fds.push(fd.map_err(|e| Fault::failed(e.to_string()))?);
        }
        Ok((ebpf, fds))
    }

    /// Loads one program.
    fn program(&self, ebpf: &mut Ebpf, types: &Btf, program: &Program) -> Result<OwnedFd, Fault> {
        let refused = |e| Fault::of_program(&e, program.tracepoint, &self.offer);
        let loaded = ebpf.program_mut(program.name);
        let fd = match loaded.ok_or_else(|| Fault::failed("not in the object"))? {
            Loaded::BtfTracePoint(loaded) => {
                loaded.load(program.tracepoint, types).map_err(refused)?;
                loaded.fd().map(|fd| fd.as_fd().try_clone_to_owned())
            }
            Loaded::RawTracePoint(loaded) => {
                loaded.load().map_err(refused)?;
                loaded.fd().map(|fd| fd.as_fd().try_clone_to_owned())
            }
            _ => return Err(Fault::failed("of an unknown kind")),
        };
        fd.map_err(refused)?.map_err(|e| Fault::failed(e.to_string()))
    }

    /// Loads one program and attaches it, where it is to be attached.
    fn attach(&mut self, ebpf: &mut Ebpf, types: &Btf, program: &Program) -> Result<(), Fault> {
        let fd = self.program(ebpf, types, program)?;
        if !program.tracepoint.is_empty() {
            let link = bpf::attach_tracing(fd.as_fd());
            let link = link.map_err(|e| Fault::of_call("attaching it", &e, &self.offer))?;
            self.links.push((program.name.to_owned(), link));
        }
        self.programs.push((program.name.to_owned(), fd));
        Ok(())
    }
}
