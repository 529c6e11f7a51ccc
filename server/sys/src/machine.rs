//! What the kernel says of the whole machine: load, memory, and how long tasks waited for either.
//!
//! The parsers are pure over text. What a kernel does not tell is `None`, never 0.

use std::path::Path;

/// One line of a pressure file: how long tasks stalled for want of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    /// Share of the time over the last 10, 60 and 300 seconds, in hundredths of a percent.
    pub avg: [u64; 3],
    /// Time since boot, or since the group was made, microseconds.
    pub total_us: u64,
}

/// A pressure file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// At least one task stalled.
    pub some: Option<Stall>,
    /// All tasks stalled at the same time.
    pub full: Option<Stall>,
}

/// Load average over 1, 5 and 15 minutes, in hundredths.
pub fn load() -> Option<[u64; 3]> {
    parse_load(&std::fs::read_to_string("/proc/loadavg").ok()?)
}

/// Memory that can be had without swapping, bytes.
pub fn mem_available() -> Option<u64> {
    parse_mem_available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// The clock that never goes back, nanoseconds; it stands still while the machine sleeps.
pub fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Processor time of the calling thread, nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64
}

/// Length of the kernel's own tick, nanoseconds: the clock that is read without looking is as coarse.
pub fn tick_ns() -> u32 {
    rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse).tv_nsec as u32
}

/// Reads a pressure file. A kernel that was told not to measure answers with an error.
pub fn pressure(path: &Path) -> Option<Pressure> {
    parse_pressure(&std::fs::read_to_string(path).ok()?)
}

/// Clients that found no room in the accept queue of any socket of this network namespace.
pub fn lost_clients() -> Option<u64> {
    parse_lost_clients(&std::fs::read_to_string("/proc/self/net/netstat").ok()?)
}

/// Pairs of lines: names, then numbers.
fn parse_lost_clients(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
    pairs.find(|(name, _)| *name == "ListenDrops")?.1.parse().ok()
}

fn parse_load(text: &str) -> Option<[u64; 3]> {
    let mut words = text.split_ascii_whitespace().map(hundredths);
    Some([words.next()??, words.next()??, words.next()??])
}

fn parse_mem_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Parses the two lines of a pressure file; `None` when neither is there.
pub fn parse_pressure(text: &str) -> Option<Pressure> {
    let line = |kind| text.lines().find_map(|line| line.strip_prefix(kind)).and_then(parse_stall);
    let pressure = Pressure { some: line("some "), full: line("full ") };
    (pressure != Pressure::default()).then_some(pressure)
}

fn parse_stall(line: &str) -> Option<Stall> {
    let value = |key: &str| {
        let mut words = line.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    };
    let avg = |key| value(key).and_then(hundredths);
    let avg = [avg("avg10")?, avg("avg60")?, avg("avg300")?];
    Some(Stall { avg, total_us: value("total")?.parse().ok()? })
}

/// A decimal number with two digits behind the point, as the kernel writes them.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.')?;
    let part = part.get(..2)?.parse::<u8>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_clients_are_found_by_name() {
        let text = "TcpExt: A ListenOverflows ListenDrops B\nTcpExt: 1 2 3 4\nIpExt: C\nIpExt: 5\n";
        assert_eq!(parse_lost_clients(text), Some(3));
        for broken in
            ["", "TcpExt: A\nTcpExt: 1", "TcpExt: ListenDrops", "TcpExt: ListenDrops\nTcpExt: x"]
        {
            assert_eq!(parse_lost_clients(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_kernel_s_own_lines_are_understood() {
        assert_eq!(parse_load("1.14 11.08 0.39 2/106 22233\n"), Some([114, 1108, 39]));
        let text = "MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   23959040 kB\n";
        assert_eq!(parse_mem_available(text), Some(23_959_040 * 1024));
        let text = "some avg10=2.91 avg60=2.50 avg300=5.79 total=11152228239\n\
                    full avg10=0.00 avg60=0.00 avg300=100.00 total=0\n";
        let want = Pressure {
            some: Some(Stall { avg: [291, 250, 579], total_us: 11_152_228_239 }),
            full: Some(Stall { avg: [0, 0, 10_000], total_us: 0 }),
        };
        assert_eq!(parse_pressure(text), Some(want));
    }

    #[test]
    fn what_is_missing_is_absent_and_not_zero() {
        // Before 5.13 the pressure of processors had no second line.
        let old = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n").unwrap();
        assert!(old.some.is_some() && old.full.is_none());
        for broken in ["", "some", "some avg10=1", "some avg10=0 avg60=0.00 avg300=0.00 total=1"] {
            assert_eq!(parse_pressure(broken), None, "{broken:?}");
        }
        for broken in
            ["", "1.0", "1.00 2.00", "a.00 1.00 1.00", "99999999999999999999.00 1.00 1.00"]
        {
            assert_eq!(parse_load(broken), None, "{broken:?}");
        }
        assert_eq!(parse_mem_available("MemAvailable: kB\n"), None);
        assert_eq!(pressure(Path::new("/proc/no-such-file")), None);
    }

    #[test]
    fn this_machine_answers() {
        assert!(load().is_some());
        assert!(mem_available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
