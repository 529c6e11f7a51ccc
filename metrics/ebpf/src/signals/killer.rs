//! Who sent the signal that ended a process: a decision about the rows of the ring, and its words.
//! Pure.

use std::fmt;

use uwsgi_metrics::EndCells;

use crate::process::Process;

const SIGILL: u64 = 4;
const SIGBUS: u64 = 7;
const SIGFPE: u64 = 8;
const SIGKILL: u64 = 9;
const SIGSEGV: u64 = 11;
const SIGSYS: u64 = 31;

/// HUP, INT, QUIT, TERM: a worker ends its requests and goes.
const ASKING: [u64; 4] = [1, 2, 3, 15];

/// A fault within this time before a process ended itself is why it did, nanoseconds.
const CAUSE_NS: u64 = 30_000_000_000;

/// Who it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The kernel, for a fault or for a limit; why, when that is known.
    Kernel(String),
    /// The kernel, because memory ran out.
    OutOfMemory,
    /// The process that ended.
    Itself,
    /// Another process of this server.
    Own(Process, u64),
    /// Any other one; a pid of 0 stands for a process outside of our pid namespace.
    Other {
        /// Its pid as we see it.
        pid: u64,
        /// Its user.
        uid: u64,
        /// Its command.
        command: Vec<u8>,
    },
}

/// A sender, and the fault that came before when a process ended itself because of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killer {
    /// Who sent the signal.
    pub sender: Sender,
    /// An earlier signal of the kernel's, and why it came.
    pub after: Option<(u64, String)>,
}

/// The killer, from the signals that one process got, oldest first.
pub(super) fn judge(sent: &[EndCells], signal: i32) -> Option<Killer> {
    let signal = u64::try_from(signal).ok()?;
    let one = |sender| Some(Killer { sender, after: None });
    let victim = signal == SIGKILL && sent.iter().any(|row| row.oom > 0);
    let Some(row) = sent.iter().rev().find(|row| row.signal == signal && row.oom == 0) else {
        return victim.then_some(Killer { sender: Sender::OutOfMemory, after: None });
    };
    let sender = sender(row);
    // Who was killed already may be chosen as well, because it frees memory anyhow.
    if victim && matches!(sender, Sender::Kernel(_)) {
        return one(Sender::OutOfMemory);
    }
    if sender != Sender::Itself {
        return one(sender);
    }
    // Handlers of faults report, and then send the signal again, or another one.
    let is_cause =
        |before: &&EndCells| is_fault(before) && row.at_ns.saturating_sub(before.at_ns) < CAUSE_NS;
    match sent.iter().rev().filter(|before| before.number < row.number).find(is_cause) {
        Some(fault) if fault.signal == signal => one(Sender::Kernel(why(fault))),
        fault => Some(Killer { sender, after: fault.map(|fault| (fault.signal, why(fault))) }),
    }
}

/// The last signal that asks a process to end, unless the master sent it.
pub(super) fn asked(sent: &[EndCells]) -> Option<(u64, Sender)> {
    let row = sent.iter().rev().find(|row| ASKING.contains(&row.signal))?;
    let sender = sender(row);
    let foreign = !matches!(sender, Sender::Own(Process::Master, _) | Sender::Itself);
    foreign.then_some((row.signal, sender))
}

fn sender(row: &EndCells) -> Sender {
    if row.kernel > 0 {
        return Sender::Kernel(why(row));
    }
    if row.sender == row.pid {
        return Sender::Itself;
    }
    if let Some(process) = Process::of_number(row.own as u32) {
        return Sender::Own(process, row.sender);
    }
    let bytes = row.command.iter().flat_map(|word| word.to_le_bytes());
    let command = bytes.take_while(|byte| *byte != 0).collect();
    Sender::Other { pid: row.sender, uid: row.uid, command }
}

fn is_fault(row: &EndCells) -> bool {
    let fault = matches!(row.signal, SIGILL | SIGBUS | SIGFPE | SIGSEGV | SIGSYS);
    fault && row.kernel > 0 && row.code > 0
}

/// What the kernel sent a signal for, empty when it does not say.
fn why(row: &EndCells) -> String {
    let address = row.address;
    match (row.signal, row.code) {
        (_, 0) => String::new(),
        // The processor does not name the address of such an access.
        (SIGSEGV, 0x80) => "general protection fault".into(),
        (SIGSEGV, _) => format!("page fault at {address:#x}"),
        (SIGBUS, _) => format!("bus error at {address:#x}"),
        (SIGFPE, _) => format!("arithmetic error at {address:#x}"),
        (SIGILL, _) => format!("illegal instruction at {address:#x}"),
        (SIGSYS, 1) => "system call refused by seccomp".into(),
        _ => String::new(),
    }
}

impl Sender {
    /// The word for it in metrics: a command, or one of the words for what is no command.
    pub fn by(&self) -> Vec<u8> {
        match self {
            Sender::Kernel(_) => b"kernel".to_vec(),
            Sender::OutOfMemory => b"oom-killer".to_vec(),
            Sender::Itself => b"itself".to_vec(),
            Sender::Own(Process::Master, _) => b"master".to_vec(),
            Sender::Own(Process::Observer, _) => b"observer".to_vec(),
            Sender::Own(Process::Worker(_), _) => b"worker".to_vec(),
            Sender::Own(Process::Mule(_), _) => b"mule".to_vec(),
            Sender::Own(Process::Gateway(_), _) => b"gateway".to_vec(),
            Sender::Other { command, .. } => command.clone(),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sender::Kernel(why) if why.is_empty() => write!(f, "the kernel"),
            Sender::Kernel(why) => write!(f, "the kernel ({why})"),
            Sender::OutOfMemory => write!(f, "the kernel: out of memory (oom-killer)"),
            Sender::Itself => write!(f, "itself"),
            Sender::Own(Process::Master, _) => write!(f, "the master"),
            Sender::Own(Process::Observer, pid) => write!(f, "the observer (pid: {pid})"),
            Sender::Own(Process::Worker(id), pid) => write!(f, "worker {id} (pid: {pid})"),
            Sender::Own(Process::Mule(id), pid) => write!(f, "mule {id} (pid: {pid})"),
            Sender::Own(Process::Gateway(n), pid) => {
                write!(f, "gateway {} (pid: {pid})", n + 1)
            }
            Sender::Other { pid, uid, command } => {
                match pid {
                    0 => write!(f, "a process outside of this pid namespace")?,
                    pid => write!(f, "pid {pid}")?,
                }
                write!(f, " \"{}\" (uid {uid})", command.escape_ascii())
            }
        }
    }
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sent by {}", self.sender)?;
        match &self.after {
            None => Ok(()),
            Some((signal, why)) if why.is_empty() => write!(f, " after signal {signal}"),
            Some((signal, why)) => write!(f, " after signal {signal} ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, signal: u64) -> EndCells {
        EndCells { number, signal, pid: 77, at_ns: number * 1_000, ..EndCells::default() }
    }

    fn from(number: u64, signal: u64, sender: u64) -> EndCells {
        let command = [u64::from_le_bytes(*b"ba\"sh\n\0x"), 0];
        EndCells { sender, uid: 5, command, ..row(number, signal) }
    }

    fn fault(number: u64, signal: u64) -> EndCells {
        EndCells { kernel: 1, code: 1, address: 16, sender: 77, ..row(number, signal) }
    }

    fn told(sent: &[EndCells], signal: i32) -> String {
        judge(sent, signal).map_or("nothing".into(), |killer| killer.to_string())
    }

    #[test]
    fn the_signal_that_ended_it_has_a_sender() {
        let master = EndCells { own: Process::Master.number().into(), ..from(1, 9, 70) };
        let worker = EndCells { own: 2, ..from(1, 9, 78) };
        let limit = EndCells { kernel: 1, ..row(1, 9) };
        let protection = EndCells { code: 0x80, ..fault(1, 11) };
        let other = "sent by pid 42 \"ba\\\"sh\\n\" (uid 5)";
        let outside = "sent by a process outside of this pid namespace \"ba\\\"sh\\n\" (uid 5)";
        let table = [
            (vec![], 9, "nothing"),
            (vec![from(1, 15, 42)], 9, "nothing"),
            (vec![from(1, 15, 41), from(2, 9, 42)], 9, other),
            (vec![from(1, 15, 41), from(2, 15, 42)], 15, other),
            (vec![from(1, 9, 0)], 9, outside),
            (vec![from(1, 6, 77)], 6, "sent by itself"),
            (vec![master], 9, "sent by the master"),
            (vec![worker], 9, "sent by worker 2 (pid: 78)"),
            (vec![limit], 9, "sent by the kernel"),
            (vec![fault(1, 11)], 11, "sent by the kernel (page fault at 0x10)"),
            (vec![protection], 11, "sent by the kernel (general protection fault)"),
            (vec![fault(1, 31)], 31, "sent by the kernel (system call refused by seccomp)"),
        ];
        for (sent, signal, want) in table {
            assert_eq!(told(&sent, signal), want);
        }
    }

    #[test]
    fn out_of_memory_is_told_whoever_asked_for_it() {
        let victim = EndCells { oom: 1, kernel: 1, ..from(2, 9, 50) };
        let sent = [EndCells { kernel: 1, ..from(1, 9, 50) }, victim];
        let killer = judge(&sent, 9).unwrap();
        assert_eq!(killer.sender.by(), b"oom-killer");
        assert_eq!(killer.to_string(), "sent by the kernel: out of memory (oom-killer)");
        assert_eq!(judge(&sent[1..], 9).unwrap(), killer, "its signal was overwritten");
        let before = [from(1, 9, 42), sent[1].clone()];
        assert_eq!(judge(&before, 9).unwrap().sender.by(), b"ba\"sh\n");
    }

    #[test]
    fn who_asked_to_end_is_told_unless_it_was_the_master() {
        let master = EndCells { own: Process::Master.number().into(), ..from(3, 15, 70) };
        assert_eq!(asked(&[from(1, 15, 42), from(2, 10, 43)]).map(|(signal, _)| signal), Some(15));
        assert_eq!(asked(&[from(1, 15, 42), master]), None);
        assert_eq!(asked(&[from(2, 10, 43)]), None);
    }

    #[test]
    fn a_fault_stays_the_cause_when_its_handler_sends_the_signal_again() {
        let again = [fault(1, 11), from(2, 11, 77)];
        assert_eq!(told(&again, 11), "sent by the kernel (page fault at 0x10)");
        let aborts = [fault(1, 11), from(2, 6, 77)];
        assert_eq!(told(&aborts, 6), "sent by itself after signal 11 (page fault at 0x10)");
        let later = EndCells { at_ns: CAUSE_NS + 2_000, ..from(2, 6, 77) };
        assert_eq!(told(&[fault(1, 11), later], 6), "sent by itself");
    }
}
