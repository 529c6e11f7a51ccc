//! What `/proc` tells of a process, parsed without allocation where it is sampled often.
//!
//! A process that has ended and is not yet reaped still tells what it used; what it held is gone.

use std::fmt::Display;
use std::io::Read;

/// Memory held, and processor time and faults used since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Address space, bytes.
    pub vsz: u64,
    /// Resident set, bytes.
    pub rss: u64,
    /// Processor time in user mode, microseconds.
    pub user_us: u64,
    /// Processor time in the kernel, microseconds.
    pub system_us: u64,
    /// Page faults that needed no input.
    pub minor_faults: u64,
    /// Page faults that waited for input.
    pub major_faults: u64,
    /// Threads.
    pub threads: u64,
}

/// What only the status file of a process, or of a thread, tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Swapped memory, bytes.
    pub swap: u64,
    /// Times it gave the processor away.
    pub voluntary: u64,
    /// Times the processor was taken from it.
    pub involuntary: u64,
}

/// Memory by who else uses it. Costs a walk over all mappings of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Memory nobody else maps, bytes.
    pub uss: u64,
    /// Memory, each page divided by those who map it, bytes.
    pub pss: u64,
}

/// Whether a process lives, since when, and what it calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// It has ended and nobody has buried it yet.
    pub zombie: bool,
    /// How long it lives, seconds.
    pub age_s: u64,
    /// Its name and its arguments, the latter with blanks between them.
    pub words: String,
}

/// Reads who a process is; `None` when it is gone or `/proc` is not mounted.
pub fn life(pid: i32) -> Option<Life> {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let up_s = u64::try_from(boot.tv_sec).ok()?;
    let stat = format_args!("/proc/{pid}/stat").to_string();
    let mut life = with_text(stat, |t| parse_life(t, up_s, ticks_per_second()))?;
    // Kernel threads, zombies and those of others have none.
    let arguments = with_text(format!("/proc/{pid}/cmdline"), |t| Some(t.replace('\0', " ")));
    life.words = format!("{} {}", life.words, arguments.unwrap_or_default());
    Some(life)
}

/// Whether a process lives and is of that process group.
pub fn lives_in_group(pid: i32, group: i32) -> bool {
    let parse = |text: &str| {
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
        let (state, own) = (fields.next()?, fields.nth(1)?.parse::<i32>().ok()?);
        Some(own == group && !matches!(state, "Z" | "X"))
    };
    with_text(format_args!("/proc/{pid}/stat"), parse).unwrap_or(false)
}

/// Reads `/proc/PID/stat`; `None` when the process is gone or `/proc` is not mounted.
pub fn usage(pid: i32) -> Option<Usage> {
    with_text(format_args!("/proc/{pid}/stat"), |t| parse_stat(t, page_size(), ticks_per_second()))
}

/// Reads the status of a process: of one thread its own, of more the sum of those that live, except
/// that memory is counted once.
pub fn status(pid: i32, threads: u64) -> Option<Status> {
    if threads <= 1 {
        return with_text(format_args!("/proc/{pid}/status"), parse_status);
    }
    let mut sum = Status::default();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let path = entry.path();
        // A thread may end while we look.
        let one = with_text(path.join("status").display(), parse_status).unwrap_or_default();
        sum.swap = sum.swap.max(one.swap);
        sum.voluntary += one.voluntary;
        sum.involuntary += one.involuntary;
    }
    Some(sum)
}

/// Reads `/proc/PID/smaps_rollup`.
pub fn shares(pid: i32) -> Option<Shares> {
    with_text(format_args!("/proc/{pid}/smaps_rollup"), parse_shares)
}

/// What a thread of a process waits for in the kernel: its system call with the arguments, and the
/// function it sleeps in, each as far as this process may know it. Of one that is not a thread of
/// that process, it is what the first one waits for.
pub fn waits(pid: i32, thread: i32) -> (Option<String>, Option<String>) {
    let read = |name: &str| {
        let of = |thread: i32| {
            with_text(format_args!("/proc/{pid}/task/{thread}/{name}"), |text| {
                Some(text.trim_end().to_owned())
            })
        };
        of(thread).or_else(|| of(pid))
    };
    (read("syscall"), read("wchan"))
}

/// Whether a process has a handler for `signal`; false when that cannot be read.
pub fn catches(pid: i32, signal: i32) -> bool {
    with_text(format_args!("/proc/{pid}/status"), |text| parse_caught(text, signal))
        .unwrap_or(false)
}

/// Number of descriptors a process has open; 0 when that cannot be read.
pub fn open_files(pid: i32) -> u64 {
    let dir = format!("/proc/{pid}/fd");
    // Since 6.2 the size of the directory is the answer, without a walk over the descriptors.
    match std::fs::metadata(&dir).map_or(0, |meta| meta.len()) {
        0 => std::fs::read_dir(dir).map_or(0, |entries| entries.count() as u64),
        open => open,
    }
}

/// Size of a memory page in bytes.
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// The beginning of a small file; every file here fits.
fn with_text<R>(path: impl Display, parse: impl FnOnce(&str) -> Option<R>) -> Option<R> {
    let mut bytes = [0u8; 4096];
    let mut file = std::fs::File::open(path.to_string()).ok()?;
    let n = file.read(&mut bytes).ok()?;
    // The command name may be anything.
    parse(&String::from_utf8_lossy(&bytes[..n]))
}

/// Field numbers are those of proc(5), counted after the command name, which may hold anything.
fn parse_stat(text: &str, page: u64, ticks: u64) -> Option<Usage> {
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let mut field = |skip: usize| fields.nth(skip).and_then(|f| f.parse::<u64>().ok());
    let micros = |t: u64| u64::try_from(u128::from(t) * 1_000_000 / u128::from(ticks)).ok();
    Some(Usage {
        minor_faults: field(7)?,           // 10: minflt
        major_faults: field(1)?,           // 12: majflt
        user_us: micros(field(1)?)?,       // 14: utime
        system_us: micros(field(0)?)?,     // 15: stime
        threads: field(4)?,                // 20: num_threads
        vsz: field(2)?,                    // 23: vsize
        rss: field(0)?.checked_mul(page)?, // 24: rss in pages
    })
}

/// The same text, with its name.
fn parse_life(text: &str, up_s: u64, ticks: u64) -> Option<Life> {
    let (name, rest) = text.rsplit_once(") ")?;
    let (_, name) = name.split_once('(')?;
    let state = rest.chars().next()?;
    let began: u64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?; // 22: starttime
    Some(Life {
        zombie: matches!(state, 'Z' | 'X'),
        age_s: up_s.saturating_sub(began / ticks.max(1)),
        words: name.to_owned(),
    })
}

/// The number behind `name:` at the start of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    lines.next()?.split_ascii_whitespace().next()?.parse().ok()
}

fn parse_caught(text: &str, signal: i32) -> Option<bool> {
    let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    let bit = u32::try_from(signal).ok()?.checked_sub(1)?;
    Some(mask.checked_shr(bit)? & 1 == 1)
}

/// A process without memory of its own (a kernel thread, one that has ended) has no swap either.
fn parse_status(text: &str) -> Option<Status> {
    Some(Status {
        swap: number(text, "VmSwap").unwrap_or(0).saturating_mul(1024),
        voluntary: number(text, "voluntary_ctxt_switches")?,
        involuntary: number(text, "nonvoluntary_ctxt_switches")?,
    })
}

fn parse_shares(text: &str) -> Option<Shares> {
    let bytes = |name| Some(number(text, name)?.saturating_mul(1024));
    let uss = bytes("Private_Clean")?.saturating_add(bytes("Private_Dirty")?);
    Some(Shares { uss, pss: bytes("Pss")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let text = "7 (a ) b) S 1 7 7 0 -1 4194560 90 8 6 5 3 4 0 0 20 0 2 0 99 4096000 25 184";
        let want = Usage {
            vsz: 4_096_000,
            rss: 25 * 4096,
            user_us: 30_000,
            system_us: 40_000,
            minor_faults: 90,
            major_faults: 6,
            threads: 2,
        };
        let got = parse_stat(text, 4096, 100).unwrap();
        assert_eq!(got, want, "wrong fields would show other numbers as memory");
    }

    #[test]
    fn a_life_has_a_name_an_age_and_an_end() {
        let text = "7 (a ) b) Z 1 7 7 0 -1 4194560 90 8 6 5 3 4 0 0 20 0 2 0 4200 4096000 25 184";
        let want = Life { zombie: true, age_s: 8, words: "a ) b".into() };
        assert_eq!(parse_life(text, 50, 100), Some(want));
        assert_eq!(parse_life(text, 1, 100).unwrap().age_s, 0, "never before the boot");
        let own = life(std::process::id().cast_signed()).unwrap();
        assert!(!own.zombie && own.words.contains("uwsgi_sys"), "{own:?}");
        assert_eq!(life(i32::MAX), None);
    }

    #[test]
    fn status_and_shares_are_read_by_name() {
        let text = "Name:\tx\nVmSwap:\t    12 kB\nThreads:\t1\nvoluntary_ctxt_switches:\t5\n\
                    nonvoluntary_ctxt_switches:\t7\n";
        let want = Status { swap: 12 * 1024, voluntary: 5, involuntary: 7 };
        assert_eq!(parse_status(text), Some(want));
        let text = "0-1 ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss: 6 kB\nPss_Dirty: 1 kB\n\
                    Private_Clean: 2 kB\nPrivate_Dirty: 3 kB\n";
        assert_eq!(parse_shares(text), Some(Shares { uss: 5 * 1024, pss: 6 * 1024 }));
        assert_eq!(parse_shares("Rss: 9 kB\n"), None, "half a file is no answer");
        assert_eq!(parse_status("VmSwap: 1 kB\n"), None);
    }

    #[test]
    fn handlers_of_signals_are_bits_from_one() {
        let text = "Name:\tx\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000a02\n";
        let caught: Vec<_> = (0..70).filter(|s| parse_caught(text, *s) == Some(true)).collect();
        assert_eq!(caught, [2, 10, 12]);
        assert_eq!(parse_caught("Name:\tx\n", 2), None);
    }

    #[test]
    fn our_own_numbers_are_readable_and_not_zero() {
        let pid = crate::process::pid();
        let usage = usage(pid).unwrap();
        assert!(usage.rss > 0 && usage.vsz >= usage.rss && usage.threads >= 1);
        assert!(usage.minor_faults > 0);
        let shares = shares(pid).unwrap();
        assert!(shares.uss > 0 && shares.pss >= shares.uss, "{shares:?}");
        assert!(status(pid, usage.threads).is_some());
    }

    #[test]
    fn switches_are_those_of_all_threads() {
        let pid = crate::process::pid();
        let gate = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            // This thread sleeps and wakes far more often than the first one could have.
            scope.spawn(|| {
                (0..50).for_each(|_| std::thread::sleep(std::time::Duration::from_micros(50)));
                gate.wait();
                gate.wait();
            });
            gate.wait();
            assert!(status(pid, 2).unwrap().voluntary >= 50);
            gate.wait();
        });
    }

    #[test]
    fn descriptors_are_counted() {
        let held: Vec<_> = (0..20).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let pid = crate::process::pid();
        let listed = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
        // Other tests open and close some at the same time.
        assert!(open_files(pid).abs_diff(listed) < 10, "{} and {listed}", open_files(pid));
        assert!(open_files(pid) >= held.len() as u64);
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_usage() {
        assert_eq!(usage(i32::MAX), None);
        assert_eq!(status(i32::MAX, 1), None);
        assert_eq!(shares(i32::MAX), None);
    }
}
