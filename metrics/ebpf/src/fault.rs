//! Why something was not loaded: the state that follows, the reason, and what would help.

use std::error::Error;
use std::io;

use aya::BtfError;
use aya::programs::ProgramError;
use uwsgi_sys::bpf::Errno;

use crate::offer::{Offer, TYPES};
use crate::status::State;

/// What gives a process the right to load programs.
const GRANT: &str = "start it as root, or with AmbientCapabilities=CAP_BPF CAP_PERFMON \
     (systemd), --cap-add=BPF --cap-add=PERFMON (containers)";

/// How aya marks an instruction that needs a field or type which this kernel lacks.
const UNRELOCATED: &str = "195896080";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

impl Fault {
    /// It should have worked.
    pub(crate) fn failed(reason: impl Into<String>) -> Fault {
        Fault { state: State::Failed, reason: reason.into(), remedy: String::new() }
    }

    fn unsupported(reason: impl Into<String>, remedy: &str) -> Fault {
        Fault { state: State::Unsupported, reason: reason.into(), remedy: remedy.into() }
    }

    /// The kernel's types cannot be read.
    pub(crate) fn of_types(error: &dyn Error, offer: &Offer) -> Fault {
        if !offer.sys {
            return Fault::unsupported(
                "no types of this kernel: /sys is not mounted",
                "mount sysfs",
            );
        }
        let reason = format!("no types of this kernel in {TYPES}: {}", chain(error));
        let remedy = "a kernel with CONFIG_DEBUG_INFO_BTF, and nothing mounted over that file";
        Fault::unsupported(reason, remedy)
    }

    /// A call of bpf(2) that did `what` was refused.
    pub(crate) fn of_call(what: &str, error: &io::Error, offer: &Offer) -> Fault {
        match Errno::of(error) {
            Errno::NotPermitted => not_permitted(what, offer),
            Errno::NoCall if offer.seccomp => {
                filtered("a seccomp filter says that there is no bpf()")
            }
            Errno::NoCall => {
                Fault::unsupported("this kernel has no bpf()", "a kernel with CONFIG_BPF_SYSCALL")
            }
            Errno::NoMemory => {
                let reason = format!("{what}: {error}");
                let remedy = match offer.memlock {
                    Some(_) => "LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1 (containers)",
                    None => "memory",
                };
                Fault { remedy: remedy.into(), ..Fault::failed(reason) }
            }
            Errno::Other => Fault::failed(format!("{what}: {error}")),
        }
    }

    /// A program for this tracepoint could not be loaded.
    pub(crate) fn of_program(error: &ProgramError, tracepoint: &str, offer: &Offer) -> Fault {
        if let ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }) = error {
            return Fault::unsupported(format!("this kernel has no tracepoint {tracepoint}"), "");
        }
        let ProgramError::LoadError { io_error, verifier_log } = error else {
            return Fault::of_error("BPF_PROG_LOAD", error, offer);
        };
        let log = verifier_log.to_string();
        match (last_line(&log), Errno::of(io_error)) {
            (_, Errno::NoCall | Errno::NoMemory) => {
                Fault::of_call("BPF_PROG_LOAD", io_error, offer)
            }
            (Some(_), _) if log.contains(UNRELOCATED) => {
                Fault::unsupported("it reads a field that this kernel lacks", "")
            }
            (Some(line), _) => {
                let reason = format!("refused by the verifier: {line} ({io_error})");
                match &offer.lockdown {
                    Some(mode) if mode == "confidentiality" => locked_down(&reason),
                    _ => Fault::failed(reason),
                }
            }
            (None, _) => Fault::of_call("BPF_PROG_LOAD", io_error, offer),
        }
    }

    /// An error of the loader that may have one of the kernel behind it.
    pub(crate) fn of_error(what: &str, error: &(dyn Error + 'static), offer: &Offer) -> Fault {
        let mut next = Some(error);
        while let Some(one) = next {
            if let Some(error) = one.downcast_ref::<io::Error>()
                && error.raw_os_error().is_some()
            {
                return Fault::of_call(what, error, offer);
            }
            next = one.source();
        }
        Fault::failed(format!("{what}: {}", chain(error)))
    }
}

fn not_permitted(what: &str, offer: &Offer) -> Fault {
    if !offer.lacks.is_empty() {
        let alone = match offer.unprivileged {
            Some(0) | None => String::new(),
            Some(n) => format!(" (kernel.unprivileged_bpf_disabled is {n})"),
        };
        let is = if offer.lacks.len() > 1 { "are" } else { "is" };
        let lacks = offer.lacks.join(" and ");
        return Fault::unsupported(
            format!("bpf() is not permitted: {lacks} {is} missing{alone}"),
            GRANT,
        );
    }
    if offer.user_namespace {
        return Fault::unsupported(
            "bpf() is not permitted in a user namespace, whatever capabilities it gives",
            "start it in the user namespace of the machine",
        );
    }
    if offer.seccomp {
        return filtered("a seccomp filter does not permit bpf()");
    }
    match (&offer.lockdown, offer.memlock) {
        (Some(_), _) => locked_down(&format!("{what} is not permitted")),
        (None, Some(bytes)) => Fault::unsupported(
            format!("{what} is not permitted; only {bytes} bytes may be locked in memory"),
            "LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1 (containers)",
        ),
        (None, None) => Fault::unsupported(
            format!("{what} is not permitted, though the capabilities are there"),
            "look whether a security module (SELinux, AppArmor) refuses it",
        ),
    }
}

fn filtered(reason: &str) -> Fault {
    let remedy = "--cap-add=BPF --cap-add=PERFMON, or --security-opt seccomp=FILE with a profile \
                  that has bpf (containers), SystemCallFilter=bpf (systemd)";
    Fault::unsupported(reason, remedy)
}

fn locked_down(reason: &str) -> Fault {
    let reason = format!("{reason}; the kernel is locked down");
    Fault::unsupported(reason, "lockdown=integrity or none on the kernel's command line")
}

/// The last line of the verifier's log that says something.
fn last_line(log: &str) -> Option<&str> {
    const NOISE: [&str; 3] = ["processed ", "stack depth ", "verification time "];
    let says = |line: &&str| !line.is_empty() && !NOISE.iter().any(|word| line.starts_with(word));
    log.lines().rev().map(str::trim).find(says)
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some say their cause themselves.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: i32, offer: &Offer) -> Fault {
        Fault::of_call("BPF_MAP_CREATE", &io::Error::from_raw_os_error(number), offer)
    }

    #[test]
    fn a_refusal_names_its_cause_and_a_remedy() {
        let none = Offer::default();
        let caps = Offer {
            lacks: vec!["CAP_BPF", "CAP_PERFMON"],
            unprivileged: Some(2),
            ..Offer::default()
        };
        let user = Offer { user_namespace: true, seccomp: true, ..Offer::default() };
        let filter = Offer { seccomp: true, ..Offer::default() };
        let locked = Offer { lockdown: Some("integrity".into()), ..Offer::default() };
        let limit = Offer { memlock: Some(65_536), ..Offer::default() };
        for (number, offer, state, reason, remedy) in [
            (
                1,
                &caps,
                State::Unsupported,
                "CAP_BPF and CAP_PERFMON are missing (kernel.unprivileged_bpf_disabled is 2)",
                "AmbientCapabilities",
            ),
            (1, &user, State::Unsupported, "user namespace", "of the machine"),
            (1, &filter, State::Unsupported, "seccomp", "SystemCallFilter"),
            (1, &locked, State::Unsupported, "locked down", "lockdown="),
            (1, &limit, State::Unsupported, "65536 bytes", "LimitMEMLOCK"),
            (1, &none, State::Unsupported, "though the capabilities", "SELinux"),
            (38, &filter, State::Unsupported, "seccomp", "seccomp=FILE"),
            (38, &none, State::Unsupported, "no bpf()", "CONFIG_BPF_SYSCALL"),
            (12, &limit, State::Failed, "BPF_MAP_CREATE: Cannot allocate", "LimitMEMLOCK"),
            (12, &none, State::Failed, "BPF_MAP_CREATE: Cannot allocate", "memory"),
            (22, &caps, State::Failed, "BPF_MAP_CREATE: Invalid argument", ""),
        ] {
            let fault = refused(number, offer);
            assert_eq!(fault.state, state, "{fault:?}");
            assert!(fault.reason.contains(reason), "{reason}: {fault:?}");
            assert!(fault.remedy.contains(remedy), "{remedy}: {fault:?}");
        }
    }

    #[test]
    fn without_types_the_reason_says_where_they_would_be() {
        let gone = io::Error::from_raw_os_error(2);
        let there = Offer { sys: true, ..Offer::default() };
        assert!(Fault::of_types(&gone, &there).reason.contains(TYPES));
        assert!(Fault::of_types(&gone, &Offer::default()).reason.contains("/sys is not mounted"));
    }

    #[test]
    fn the_verifier_is_quoted_with_what_it_said_last() {
        let log = "0: R1=ctx()\nR0 invalid mem access 'scalar'\nverification time 9 usec\nstack depth 0\nprocessed 4 insns (limit 1000000)\n\n";
        assert_eq!(last_line(log), Some("R0 invalid mem access 'scalar'"));
        assert_eq!(last_line("processed 4 insns\n"), None);
    }
}
