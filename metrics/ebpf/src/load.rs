//! Loading: the object, its maps, each program for itself, and what is said when one cannot be.

use std::os::fd::{AsFd, OwnedFd};

use aya::maps::Map;
use aya::programs::{Program as Loaded, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};
use uwsgi_sys::{bpf, process};

use crate::calls;
use crate::live::Live;
use crate::maps::{Maps, NAMES, Sizes};
use crate::probe::{PROBES, Probe, Program, spared};
use crate::status::{self, State, Status, has};

/// The programs, as clang made them from `program/probes.bpf.c` (`make ebpf`).
pub const OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/program/probes.bpf.o"));

/// Inode of the pid namespace that a machine starts with (`PROC_PID_INIT_INO`).
const FIRST_NAMESPACE: u32 = 0xEFFF_FFFC;

/// Tells how deep the pid namespace of its caller is.
const LEVEL: Program = Program { name: "process_level", tracepoint: "", gives: "" };

/// Loads the chosen probes. It never fails as a whole: without any, the states say why.
pub fn load(chosen: &[&Probe], sizes: Sizes) -> (Option<Live>, Vec<Status>) {
    let none = |state, reason: String| (None, status::all(chosen, state, &reason));
    if chosen.is_empty() {
        return none(State::Off, String::new());
    }
    let btf = match Btf::from_sys_fs() {
        Ok(btf) => btf,
        Err(e) => return none(State::Unsupported, format!("no BTF of this kernel: {e}")),
    };
    let (mut ebpf, maps) = match prepare(&btf, sizes, chosen) {
        Ok(prepared) => prepared,
        Err(reason) => return none(State::Failed, reason),
    };
    let (mut programs, mut links, mut status) = (Vec::new(), Vec::new(), Vec::new());
    for probe in PROBES {
        let mut own = Status { name: probe.name.into(), ..Status::default() };
        if chosen.iter().any(|other| other.name == probe.name) {
            let mut failed = Vec::new();
            for program in probe.programs {
                if programs.iter().any(|(name, _)| name == program.name) {
                    continue; // two probes need it
                }
                if spared(program.name, &|name| has(&links, name)) {
                    continue;
                }
                match attach(&mut ebpf, &btf, program) {
                    Ok((fd, link)) => {
                        own.programs += u32::from(link.is_some());
                        programs.push((program.name.to_owned(), fd));
                        links.extend(link.map(|link| (program.name.to_owned(), link)));
                    }
                    Err(reason) => failed.push((program.name, reason)),
                }
            }
            failed.retain(|(name, _)| !spared(name, &|name| has(&links, name)));
            if let Some((name, reason)) = failed.last() {
                own.reason = format!("{name}: {reason}");
            }
            own.state = State::judge(own.reason.is_empty(), own.programs);
        }
        status.push(own);
    }
    match Maps::map(maps, sizes) {
        Ok(maps) => {
            calls::fill(&maps);
            (Some(Live::new(maps, sizes, programs, links, status.clone())), status)
        }
        Err(e) => none(State::Failed, format!("mmap() of a map: {e}")),
    }
}

/// The object with its maps made, and their descriptors in the order of [`NAMES`].
fn prepare(btf: &Btf, sizes: Sizes, chosen: &[&Probe]) -> Result<(Ebpf, Vec<OwnedFd>), String> {
    let mut loader = EbpfLoader::new();
    loader.btf(Some(btf));
    for (name, rows) in sizes.rows() {
        loader.map_max_entries(name, rows as u32);
    }
    loader.override_global("cores", &sizes.cores, true);
    let (level, inode) = namespace(btf)?;
    loader.override_global("pid_level", &level, true);
    loader.override_global("pid_ns", &inode, true);
    let faults = u32::from(chosen.iter().any(|probe| probe.name == crate::memory::PROBE.name));
    loader.override_global("faults", &faults, true);
    let tick_ns = uwsgi_sys::machine::tick_ns();
    loader.override_global("tick_ns", &tick_ns, true);
    let ebpf = loader.load(OBJECT).map_err(|e| e.to_string())?;
    let mut fds = Vec::new();
    for name in NAMES {
        // Programs name maps by the numbers of these descriptors until they are loaded.
        let map = ebpf.map(name).ok_or_else(|| format!("no map {name}"))?;
        let Map::Array(data) = map else { return Err(format!("map {name} is no array")) };
        let fd = data.fd().as_fd().try_clone_to_owned().map_err(|e| e.to_string())?;
        fds.push(fd);
    }
    Ok((ebpf, fds))
}

/// Depth and inode of this process's pid namespace; a depth of 0 spares programs the search.
///
/// Nothing tells a process in a namespace how deep that is, so a program is asked.
fn namespace(btf: &Btf) -> Result<(u32, u32), String> {
    let Some(inode) = process::pid_namespace().filter(|inode| *inode != FIRST_NAMESPACE) else {
        return Ok((0, 0));
    };
    let level = || {
        let mut ebpf = EbpfLoader::new().btf(Some(btf)).load(OBJECT).map_err(|e| e.to_string())?;
        let (fd, _) = attach(&mut ebpf, btf, &LEVEL)?;
        bpf::run(fd.as_fd(), &[0]).map_err(|e| e.to_string())
    };
    // Without it, others would be taken for processes of this server.
    let level = level().map_err(|e| format!("the depth of the pid namespace is not known: {e}"))?;
    Ok((level, inode))
}

/// Loads one program and attaches it, where it is to be attached.
fn attach(
    ebpf: &mut Ebpf,
    btf: &Btf,
    program: &Program,
) -> Result<(OwnedFd, Option<OwnedFd>), String> {
    let loaded = ebpf.program_mut(program.name).ok_or("not in the object")?;
    let fd = match loaded {
        Loaded::BtfTracePoint(loaded) => {
            loaded.load(program.tracepoint, btf).map_err(|e| plain(&e))?;
            loaded.fd().map(|fd| fd.as_fd().try_clone_to_owned())
        }
        Loaded::RawTracePoint(loaded) => {
            loaded.load().map_err(|e| plain(&e))?;
            loaded.fd().map(|fd| fd.as_fd().try_clone_to_owned())
        }
        _ => return Err("of an unknown kind".into()),
    };
    let fd = fd.map_err(|e| plain(&e))?.map_err(|e| e.to_string())?;
    if program.tracepoint.is_empty() {
        return Ok((fd, None));
    }
    let link = bpf::attach_tracing(fd.as_fd()).map_err(|e| format!("cannot be attached: {e}"))?;
    Ok((fd, Some(link)))
}

/// An error in a few words: the verifier's log has its last line only.
fn plain(error: &ProgramError) -> String {
    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            let log = verifier_log.to_string();
            let line = log.lines().rev().find(|l| !l.is_empty() && !l.starts_with("processed"));
            match line {
                Some(line) => format!("refused by the verifier: {line} ({io_error})"),
                None => io_error.to_string(),
            }
        }
        other => other.to_string(),
    }
}
