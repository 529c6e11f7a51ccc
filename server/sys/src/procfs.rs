//! What `/proc` tells of a process, parsed without allocation where it is sampled often.

use std::io::Read;

/// Memory and CPU of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Address space, bytes.
    pub vsz: u64,
    /// Resident set, bytes.
    pub rss: u64,
    /// CPU time, user and system, microseconds.
    pub cpu_us: u64,
    /// Threads.
    pub threads: u64,
}

/// Reads `/proc/PID/stat`; `None` when the process is gone or `/proc` is not mounted.
pub fn usage(pid: i32) -> Option<Usage> {
    let mut text = [0u8; 1024];
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let n = file.read(&mut text).ok()?;
    parse_stat(std::str::from_utf8(&text[..n]).ok()?, page_size(), ticks_per_second())
}

/// Number of descriptors a process has open; 0 when that cannot be read.
pub fn open_files(pid: i32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64)
}

/// Size of a memory page in bytes.
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// Field numbers are those of proc(5), counted after the command name, which may hold anything.
fn parse_stat(text: &str, page: u64, ticks: u64) -> Option<Usage> {
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let mut field = |skip: usize| fields.nth(skip).and_then(|f| f.parse::<u64>().ok());
    let user = field(11)?; // 14: utime
    let system = field(0)?; // 15: stime
    let threads = field(4)?; // 20: num_threads
    let vsz = field(2)?; // 23: vsize
    let rss = field(0)?; // 24: rss in pages
    Some(Usage { vsz, rss: rss * page, cpu_us: (user + system) * 1_000_000 / ticks, threads })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let text = "7 (a ) b) S 1 7 7 0 -1 4194560 90 0 0 0 3 4 0 0 20 0 2 0 99 4096000 25 184";
        let usage = parse_stat(text, 4096, 100).unwrap();
        assert_eq!(
            usage,
            Usage { vsz: 4_096_000, rss: 25 * 4096, cpu_us: 70_000, threads: 2 },
            "wrong fields would show other numbers as memory"
        );
    }

    #[test]
    fn our_own_usage_is_readable_and_not_zero() {
        let usage = usage(crate::process::pid()).unwrap();
        assert!(usage.rss > 0 && usage.vsz >= usage.rss && usage.threads >= 1);
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_usage() {
        assert_eq!(usage(i32::MAX), None);
    }
}
